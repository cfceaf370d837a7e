"""The command around the verbs: what it lists, and how failures end."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
from collections.abc import Callable

import pytest
from served import shell_environment

from asksight.cli.main import VERBS, expected, main
from asksight.client import DeadlineError
from asksight.engine import BundleError
from asksight.server.errors import ServerError

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_help_lists_every_verb(run: Run) -> None:
    shown = run("--help").stdout
    for name, verb in VERBS.items():
        assert name in shown
        assert verb.help in shown


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_what_the_list_says(name: str, here: Run) -> None:
    module = importlib.import_module(VERBS[name].module)
    shown = here(name, "--help").stdout
    assert VERBS[name].help in shown
    if not hasattr(module, "app"):
        assert (getattr(module, name).__doc__ or "").splitlines()[0] == VERBS[name].help


def test_bash_completes_verbs_and_their_flags() -> None:
    script = """
        eval "$(asksight --show-completion)"
        for line in "asksight tok" "asksight serve --print"; do
            COMP_WORDS=($line) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _asksight_completion asksight
            echo "${COMPREPLY[@]}"
        done
    """
    ran = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=shell_environment(), check=True
    )
    assert ran.stdout.split() == ["tokens", "--print-config"]


def test_no_verb_at_all_shows_the_help(run: Run) -> None:
    assert "demo" in run(code=2).stdout


def test_the_version_is_the_installed_one(run: Run) -> None:
    assert run("--version").stdout == f"asksight {importlib.metadata.version('asksight')}\n"


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("ask",), ("ask", "photo.jpg"), ("ask", "a", "b", "--top-k", "many"), ("--nonsense",)],
)
def test_wrong_usage_exits_with_two(here: Run, arguments: tuple[str, ...]) -> None:
    ran = here(*arguments, code=2)
    assert ran.stdout == ""
    assert "Usage" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_our_errors_are_one_line() -> None:
    assert expected(DeadlineError("No answer came.")) == "No answer came."
    assert expected(BundleError("two\nlines")) == "two lines"
    assert expected(ServerError("Port in use.")) == "Port in use."
    assert expected(PermissionError(13, "Permission denied", "/root/x")) == "/root/x: Permission denied"
    assert expected(OSError(28, "No space left on device")) == "No space left on device"


def test_a_missing_extra_says_what_to_install() -> None:
    said = expected(NotInstalledError("tensorflow.keras"))
    assert said is not None
    assert "pip install -e '.[train]'" in said


class NotInstalledError(ModuleNotFoundError):
    """As import raises it, for a package of the train extra."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No module named {name!r}", name=name)


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert expected(ZeroDivisionError("division by zero")) is None
    assert expected(ModuleNotFoundError("No module named 'asksight.x'", name="asksight.x")) is None

    def broken(arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("asksight.cli.main.build_app", broken)
    with pytest.raises(ZeroDivisionError):
        main(["ask"])
