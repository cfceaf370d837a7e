"""The README does what it says: its Python and its shell lines run as they stand, against a real server."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import typer.main
from served import ROOT, served, shell_environment

from asksight.cli.demo_asks import DEMO_PHOTOS
from asksight.cli.main import build_app
from asksight.server.errors import ServerError

README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "localhost:50051"
ASKING = ("asksight ask", "ASK=", "echo ")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell_lines() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the README says that a server is; another port only where that one is taken on this machine."""
    with ExitStack() as stack:
        try:
            stack.enter_context(served("scenes", port=50051))
        except ServerError:
            yield stack.enter_context(served("scenes"))
        else:
            yield ADDRESS


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_a_python_example_runs_as_it_stands(address: str, number: int) -> None:
    code = blocks("python")[number].replace(ADDRESS, address)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()


def test_there_are_examples_of_each_way_to_ask() -> None:
    python = "".join(blocks("python"))
    for call in ("connect(", "connect_async(", "load(", "ask_many("):
        assert call in python
    for tool in ("asksight ask", "grpcurl -plaintext", "buf curl"):
        assert any(tool in line for line in shell_lines())


def test_the_shell_lines_that_ask_run_as_they_stand(address: str) -> None:
    lines = [line.replace(ADDRESS, address) for line in shell_lines() if line.startswith(ASKING)]
    script = "set -eo pipefail\n" + "\n".join(lines)
    ran = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, env=shell_environment(), timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    replies = list(objects(ran.stdout[ran.stdout.index("{") :]))
    assert len(replies) == 3  # asksight --json, grpcurl, buf
    assert {reply["answers"][0]["label"] for reply in replies} == {"red"}


def objects(text: str) -> Iterator[dict[str, list[dict[str, str]]]]:
    """Give the JSON objects that stand one after another."""
    while text := text.strip():
        found, end = json.JSONDecoder().raw_decode(text)
        yield found
        text = text[end:]


@pytest.mark.parametrize("line", [line for line in shell_lines() if line.startswith("asksight ")])
def test_every_asksight_line_is_one_that_the_command_takes(line: str) -> None:
    """Parsed with the command's own rules, since some of them take minutes or never end."""
    arguments = shlex.split(line)[1:]
    command: Any = typer.main.get_command(build_app(arguments))
    context = command.make_context("asksight", list(arguments))
    while True:
        verb = command.get_command(context, arguments[0])
        assert verb is not None, arguments[0]
        command, arguments = verb, arguments[1:]
        if not hasattr(command, "get_command"):
            command.make_context(line, list(arguments))
            return


def test_the_demo_says_what_the_readme_shows() -> None:
    """Every line of it, but for milliseconds and the percentages, which differ by machine."""
    shown = next(block for block in blocks("text") if "shapes.jpg" in block)
    ran = subprocess.run(
        ["asksight", "demo", "--once"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=shell_environment(),
        timeout=60,
        check=True,
    )
    assert essence(shown) == essence(ran.stdout)


def essence(printed: str) -> list[str]:
    lines = printed.strip().splitlines()
    verdict_and_best = re.compile(r"^(    \w+: .*?) \d+\.\d %.*$")
    lines = [re.sub(r" --port \d+", "", line.replace(".venv/bin/asksight", "asksight")) for line in lines]
    return [re.sub(r":\d+", ":PORT", verdict_and_best.sub(r"\1", line)) for line in lines]


def test_the_picture_and_its_answers_are_those_of_the_demo() -> None:
    table = re.findall(r"^\| (.+\?) \| (?:\*\*(.+)\*\*)? *\| (\w+)", README, re.MULTILINE)
    assert [question for question, _, _ in table] == list(DEMO_PHOTOS[0].questions)
    shown = next(block for block in blocks("text") if "shapes.jpg" in block)
    for question, answer, verdict in table:
        said = shown[shown.index(question) :].splitlines()[1].strip()
        assert said.startswith(f"{verdict}: {answer}")


def test_what_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", README):
        where = "".join(target)
        assert where.startswith("https://") or (ROOT / where).exists(), where
