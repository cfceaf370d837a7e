"""The docs do what they say: their Python and their curl run as they stand, their names exist, and the site builds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import ROOT, shell_environment

from asksight.server.http.gateway import Gateway
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2

DOCS = ROOT / "docs"
NOT_RUN = ("asksight ",)  # tests of the command line try those
BESIDE = {"open-inference.md": ROOT / "build" / "tritonclient"}  # what a page uses beside what is installed


@dataclass(frozen=True)
class Addresses:
    """Where a real server listens, in the docs' words and in truth."""

    grpc: str
    http: str

    def put_into(self, text: str) -> str:
        return text.replace("localhost:50051", self.grpc).replace("localhost:8080", self.http)


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with ExitStack() as stack:
        local = stack.enter_context(LocalAssistant.open("scenes"))
        server = stack.enter_context(Server(local, port=0))
        gateway = stack.enter_context(Gateway(local, server.desk, port=0))
        yield Addresses(f"127.0.0.1:{server.port}", f"127.0.0.1:{gateway.port}")


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


PAGES = [path for path in sorted(DOCS.glob("*.md")) if path.name != "tls.md"]  # test_docs_tls.py follows it
PYTHON = [(path.name, block) for path in PAGES for block in blocks(path, "python")]
CURL = [
    (path.name, number, block)
    for path in (ROOT / "README.md", *PAGES)
    for number, block in enumerate(blocks(path, "sh"))
    if "curl " in block and "buf curl" not in block and "grpcurl" not in block
]


@pytest.mark.parametrize(("page", "code"), PYTHON)
def test_python_runs_as_it_stands(page: str, code: str, addresses: Addresses) -> None:
    beside = BESIDE.get(page)
    assert beside is None or beside.exists(), f"It is not there: make {beside}/.installed"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", addresses.put_into(code)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | ({} if beside is None else {"PYTHONPATH": str(beside)}),
        timeout=60,
    )
    assert ran.returncode == 0, f"{page}: {ran.stderr}"
    assert ran.stdout.strip()
    for said in re.findall(r"  # prints: (.*)$", code, re.MULTILINE):
        assert said in ran.stdout


def test_what_is_to_be_installed_is_named_as_it_can_be_had() -> None:
    """From a copy of the repository: no index has the project."""
    pages = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
    code = [
        path
        for room in ("cli", "client", "engine", "server", "training")
        for path in (ROOT / room).rglob("*.py")
    ]
    wrong = re.compile(r"pip install ['\"]?asksight")
    assert not [path.name for path in (*pages, *code) if wrong.search(path.read_text("utf-8"))]


def test_the_docs_and_the_verbs_allow_the_same_risk() -> None:
    from asksight.training.measuring.calibrate import MAX_RISK

    assert f"({100 * MAX_RISK:.0f} % unless" in (DOCS / "fields.md").read_text("utf-8")
    assert f"({MAX_RISK} unless" in (DOCS / "training.md").read_text("utf-8")


@pytest.mark.parametrize(("page", "number", "script"), CURL)
def test_curl_runs_as_it_stands(page: str, number: int, script: str, addresses: Addresses) -> None:
    ran = subprocess.run(
        ["bash", "-c", "set -eo pipefail\n" + addresses.put_into(script)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**shell_environment(), "no_proxy": "*"},
        timeout=60,
    )
    assert ran.returncode == 0, f"{page}: {ran.stderr}"
    replies = list(_objects(ran.stdout))
    assert len(replies) == len(re.findall(r"curl -", script))
    for reply in replies:
        for one in reply.get("results", [{"response": reply}]):
            assert one["response"].keys() & {"imageId", "architecture"}, reply  # none of them a problem


def _objects(text: str) -> Iterator[dict[str, Any]]:
    while text := text.strip():
        found, end = json.JSONDecoder().raw_decode(text)
        yield found
        text = text[end:]


@pytest.mark.parametrize("name", ["phone-answered", "desktop-answered", "high-contrast-answered"])
@pytest.mark.parametrize("colour", [(240, 215, 60), (240, 130, 25), (225, 120, 170), (130, 45, 165)])
def test_small_things_have_their_colours_in_the_pictures(name: str, colour: tuple[int, int, int]) -> None:
    """The page's samples: a yellow star, an orange cross, a pink star, purple hearts."""
    with Image.open(DOCS / "pictures" / f"page-{name}.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), np.int16)
    near = np.abs(pixels - np.array(colour, np.int16)).max(axis=-1) < 40
    assert near.sum() >= 10


def test_there_are_snippets_of_each_kind() -> None:
    assert {"README.md", "curl.md"} <= {page for page, _, _ in CURL}
    assert "python.md" in {page for page, _ in PYTHON}
    assert blocks(DOCS / "mobile.md", "kotlin")
    assert blocks(DOCS / "mobile.md", "swift")


def test_every_field_and_value_is_explained() -> None:
    explained = (DOCS / "fields.md").read_text("utf-8")
    for message in (vqa_pb2.AskRequest, vqa_pb2.AskResponse, vqa_pb2.GetModelResponse):
        for field in message.DESCRIPTOR.fields:
            assert f"`{field.name}`" in explained
    for enum in (vqa_pb2.Verdict.DESCRIPTOR, vqa_pb2.Skill.DESCRIPTOR):
        for value in enum.values[1:]:
            assert f"`{value.name}`" in explained
    coach = (DOCS / "coach.md").read_text("utf-8")
    for value in vqa_pb2.PhotoIssueKind.DESCRIPTOR.values[1:]:
        assert f"`{value.name.removeprefix('PHOTO_ISSUE_KIND_')}`" in coach


def test_kotlin_and_swift_use_names_that_the_contract_has() -> None:
    code = "".join(block for kind in ("kotlin", "swift") for block in blocks(DOCS / "mobile.md", kind))
    fields = {
        field.json_name.lower()
        for message in (vqa_pb2.AskRequest, vqa_pb2.AskResponse, vqa_pb2.PhotoIssue, vqa_pb2.Answer)
        for field in message.DESCRIPTOR.fields
    }
    used = re.findall(
        r"\$0\.(\w+) =|\breply\.(\w+)|\bit\.(\w+)|^\s*(?:this\.)?(image\w+) =", code, re.MULTILINE
    )
    names = {"".join(name).removesuffix("List").lower() for name in used}
    assert {"imagedata", "imageid", "question", "spoken", "verdict", "photoissues"} <= names <= fields
    for verdict in re.findall(r"Verdict\.(VERDICT_\w+)", code):
        assert verdict in vqa_pb2.Verdict.keys()  # noqa: SIM118 (no dict)
    service = vqa_pb2.DESCRIPTOR.services_by_name["VqaService"]
    assert f'"{service.full_name}"' in code


def test_the_site_builds_without_a_warning_and_without_anything_from_outside(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("mkdocs")), "build", "--strict", "--quiet"]
    ran = subprocess.run(
        [*command, "--site-dir", str(tmp_path / "site")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**shell_environment(), "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"},
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img)[^>]*src=\"(https?:[^\"]+)|<link[^>]*rel=\"stylesheet\"[^>]*href=\"(https?:[^\"]+)",
            page.read_text("utf-8"),
        )
        assert loaded == [], page.name
