"""The settings' page has the settings as they are, and what is printed can be served with."""

from __future__ import annotations

from pathlib import Path

import pytest
import write_settings

from asksight.cli.main import main


def test_the_page_is_as_the_settings_are() -> None:
    page = write_settings.PAGE.read_text(encoding="utf-8")
    assert page == write_settings.written(page), "python docs/write_settings.py writes it anew."


def test_the_tables_say_all_of_a_setting() -> None:
    tables = write_settings.tables()
    assert (
        "| `--port` | `ASKSIGHT_PORT` | `port = 50051` "
        "| The gRPC port; 0 picks a free one. (at least 0, at most 65535) |" in tables
    )
    assert '| `--model` | `ASKSIGHT_MODEL` | `model = ["scenes"]` |' in tables
    assert "| `--watch`, `--no-watch` | `ASKSIGHT_WATCH` | `watch = true` |" in tables


def test_the_printed_configuration_can_be_given_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = str(tmp_path / "a\tb\\c\x7f")  # it need not be there, and may be called anything
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--print-config", "--model", none, "--queue", "200"])
    assert ended.value.code in (0, None)
    file = tmp_path / "asksight.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["serve", "--print-config", "--config", str(file)])
    again = capsys.readouterr().out
    assert [line.split("#")[0] for line in again.splitlines() if not line.startswith("#")] == [
        line.split("#")[0]
        for line in file.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert f"# {file}" in again
