"""Settings: which source wins, what is refused, and that every flag of the command is one."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from asksight.cli.main import main
from asksight.cli.serve import serve
from asksight.server.errors import ServerError
from asksight.server.running.settings import ABOUT, KINDS, as_toml, read_settings


def test_flags_win_over_the_environment_over_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "asksight.toml"
    file.write_text('port = 1\nqueue = 1\nworkers = 1\nmodel = ["a=b"]\nwatch = false\n')
    environment = {"ASKSIGHT_PORT": "2", "ASKSIGHT_QUEUE": "2", "ASKSIGHT_INSECURE": "true", "HOME": "x"}
    settings, sources = read_settings({"port": 3, "queue": None}, environment, file)
    assert (settings.port, settings.queue, settings.workers, settings.cache_mb) == (3, 2, 1, 256)
    assert settings.model == ("a=b",)
    assert settings.insecure
    assert not settings.watch
    assert sources["port"] == "--port"
    assert sources["queue"] == "ASKSIGHT_QUEUE"
    assert sources["workers"] == str(file)
    assert sources["cache_mb"] == "default"


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    settings, sources = read_settings(
        {"model": ["a=b", 'c"d'], "http": 0, "tracing": True, "drain_grace": 1.5}, {}, None
    )
    file = tmp_path / "again.toml"
    file.write_text(as_toml(settings, sources))
    assert read_settings({}, {}, file)[0] == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", "no setting 'prot'"),
        ('port = "many"', "no int for port"),
        ("port = true", "no int for port"),
        ("model = 3", "for model"),
        ("log = 'xml'", "choose text or json"),
        ("workers = 0", "at least 1"),
        ("drain_grace = -1.0", "at least 0"),
        ("tls_key = 'a'", "belong together"),
        ("tls_client_authority = 'a'", "needs tls_certificate"),
        ("model = []", "no model"),
        ("host = '0.0.0.0'", "--insecure"),
        ("processes = 2\nhttp = 1", "processes = 1"),
        ("port = ", "cannot be used"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ServerError, match=words) as refused:
        read_settings({}, {}, file)
    assert "\n" not in str(refused.value)


def test_every_setting_is_a_flag_with_a_text() -> None:
    assert set(inspect.signature(serve).parameters) - {"config", "check"} == set(KINDS)
    assert all(about.help.endswith(".") for about in ABOUT.values())


def test_flags_reach_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Of every kind, given through the command line as a person does."""
    arguments = ["--queue-mb", "7", "--hang-after-s", "1.5", "--metrics-host", "::1", "--no-log-calls"]
    with pytest.raises(SystemExit) as ended:
        main(["serve", *arguments, "--model", "a=b", "--model", "c=d", "--threads", "2", "--check"])
    assert not ended.value.code
    lines = capsys.readouterr().out.splitlines()
    given = {line.split(" #")[0].rstrip() for line in lines if line.split(" # ")[1].startswith("--")}
    assert given == {
        "queue_mb = 7",
        "hang_after_s = 1.5",
        'metrics_host = "::1"',
        "log_calls = false",
        'model = ["a=b", "c=d"]',
        "threads = 2",
    }
