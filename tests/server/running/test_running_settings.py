"""Settings: which source wins, what is refused, and that every flag of the command is one."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from asksight.cli.serve import serve
from asksight.server.errors import ServerError
from asksight.server.running.settings import KINDS, as_toml, read_settings


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
        ("drain_grace = -1.0", "not be negative"),
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


def test_every_flag_is_a_setting() -> None:
    assert set(inspect.signature(serve).parameters) - {"config", "check"} <= set(KINDS)
