"""A user's own project beside an editable install: what it imports of ours is found, by type checkers too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import asksight

BIN = Path(sys.executable).parent
USERS = """\
import asksight
from asksight.client import connect
from asksight.v1 import vqa_pb2

with connect("localhost:50051") as client:
    answer: str | None = client.ask("photo.jpg", "What is this?").answer
    wrong: int = client.ask("photo.jpg", "What is this?")
asksight.load().close()
version: str = asksight.__version__
request = vqa_pb2.AskRequest(question="What is this?")
"""
WRONG_LINE = 7


def test_mypy_finds_the_types_and_the_fault(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(USERS, "utf-8")
    ran = subprocess.run(
        [BIN / "mypy", "--strict", "--output", "json", "users.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    faults = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(fault["line"], fault["code"]) for fault in faults] == [(WRONG_LINE, "assignment")], faults


def test_pyright_finds_the_types_and_the_fault(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(USERS, "utf-8")
    ran = subprocess.run(
        [BIN / "pyright", "--pythonpath", sys.executable, "--outputjson", "users.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    faults = [
        (fault["range"]["start"]["line"] + 1, fault.get("rule"))
        for fault in json.loads(ran.stdout)["generalDiagnostics"]
    ]
    assert faults == [(WRONG_LINE, "reportAssignmentType")], ran.stdout


def test_the_face_is_what_the_client_has() -> None:
    from asksight import client

    assert asksight.connect is client.connect
    assert asksight.connect_async is client.connect_async
    assert asksight.load is client.load


def test_a_shell_completes_it_before_anything_is_imported() -> None:
    code = "import asksight; print(*(name for name in asksight.__all__ if name not in dir(asksight)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "\n"


def test_others_may_add_packages(tmp_path: Path) -> None:
    added = tmp_path / "asksight" / "of_others"
    added.mkdir(parents=True)
    (added / "__init__.py").write_text("FOUND = True\n", "utf-8")
    code = "import asksight.of_others, asksight.ext; print(asksight.of_others.FOUND)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "True\n", ran.stderr
