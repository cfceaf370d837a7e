"""Downloads over a real connection to a local server that drops it, refuses, or sends something else."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from file_server import BODY, DIGEST, FileServer

from asksight.training.downloads import DownloadError
from asksight.training.downloads.fetch import Fetching, fetch


class Waits:
    """Counts what `fetch` would have slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.arrived = 0
        self.how = Fetching(progress=self._arrive, sleep=self.seconds.append)

    def _arrive(self, count: int) -> None:
        self.arrived += count


def test_dropped_connections_are_taken_up_where_they_were(server: FileServer, tmp_path: Path) -> None:
    server.drop_after = 70_000
    waits = Waits()
    fetch(f"{server.address}/data.zip", tmp_path / "data.zip", checksum=DIGEST, how=waits.how)
    assert (tmp_path / "data.zip").read_bytes() == BODY
    assert [asked for _, _, asked in server.asked] == [None, *[f"bytes={70_000 * n}-" for n in range(1, 5)]]
    assert server.sent == waits.arrived == len(BODY)  # not a byte twice
    assert waits.seconds == [1.0] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["data.zip"]


def test_the_next_run_goes_on(server: FileServer, tmp_path: Path) -> None:
    """Another process finds what the first had got; a stop between the last byte and the checksum costs nothing."""
    (tmp_path / "data.zip.part").write_bytes(BODY[:1000])
    fetch(f"{server.address}/data.zip", tmp_path / "data.zip", checksum=DIGEST)
    assert server.asked == [("GET", "/data.zip", "bytes=1000-")]
    (tmp_path / "data.zip").rename(tmp_path / "data.zip.part")
    (tmp_path / "data.zip.part.json").write_text(json.dumps({"etag": '"one"', "length": len(BODY)}))
    fetch(f"{server.address}/data.zip", tmp_path / "data.zip", checksum=DIGEST)
    assert server.sent == len(BODY) - 1000
    assert (tmp_path / "data.zip").read_bytes() == BODY


def test_a_file_that_is_there_is_not_asked_for(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(b"mine")
    fetch(f"{server.address}/data.zip", tmp_path / "data.zip", checksum=DIGEST)
    assert server.asked == []


def test_a_server_without_ranges_starts_again(server: FileServer, tmp_path: Path) -> None:
    server.ranges, server.drop_after, server.drops_left = False, 70_000, 2
    waits = Waits()
    fetch(f"{server.address}/data.zip", tmp_path / "data.zip", checksum=DIGEST, how=waits.how)
    assert (tmp_path / "data.zip").read_bytes() == BODY
    assert waits.arrived == len(BODY)


def test_a_file_that_changed_meanwhile_is_not_mixed(server: FileServer, tmp_path: Path) -> None:
    server.drop_after, server.drops_left = 70_000, 1
    changed = BODY[::-1]

    def change(_: float) -> None:
        server.etag, server.files["data.zip"] = '"two"', changed

    fetch(f"{server.address}/data.zip", tmp_path / "data.zip", how=Fetching(sleep=change))
    assert (tmp_path / "data.zip").read_bytes() == changed


def test_a_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.refusals = [503, 429, 500]
    waits = Waits()
    fetch(f"{server.address}/data.zip", tmp_path / "data.zip", how=waits.how)
    assert waits.seconds == [1.0, 2.0, 4.0]


def test_a_server_that_never_goes_on_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.drop_after = 0
    (tmp_path / "data.zip.part").write_bytes(BODY[:100_000])
    with pytest.raises(DownloadError, match=r"stopped after 0\.1 MB .*run the same command again to go on"):
        fetch(f"{server.address}/data.zip", tmp_path / "data.zip", how=Waits().how)
    assert (tmp_path / "data.zip.part").read_bytes() == BODY[:100_000]


@pytest.mark.parametrize("code", [403, 404])
def test_a_refusal_is_final(server: FileServer, tmp_path: Path, code: int) -> None:
    server.refusals = [code]
    waits = Waits()
    with pytest.raises(DownloadError, match=rf"answers {code} .*has moved"):
        fetch(f"{server.address}/data.zip", tmp_path / "data.zip", how=waits.how)
    assert waits.seconds == []


def test_another_content_is_not_taken(server: FileServer, tmp_path: Path) -> None:
    server.files["data.zip"] = BODY[:-1] + b"!"
    with pytest.raises(DownloadError, match=rf"arrived with the sha256 \w+, but {DIGEST[7:]} was published"):
        fetch(f"{server.address}/data.zip", tmp_path / "data.zip", checksum=DIGEST, how=Waits().how)
    assert list(tmp_path.iterdir()) == []


def test_offline_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens there
        url = f"http://127.0.0.1:{held.getsockname()[1]}/data.zip"
        waits = Waits()
        with pytest.raises(DownloadError, match=r"cannot be reached .*Is this machine online\?.*archives"):
            fetch(url, tmp_path / "data.zip", how=waits.how)
    assert waits.seconds == []  # waiting would not help


def test_a_full_disk_is_not_the_servers_fault(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "data.zip.part").symlink_to("/dev/full")
    waits = Waits()
    with pytest.raises(DownloadError, match=r"data\.zip\.part cannot be written: .*No space left"):
        fetch(f"{server.address}/data.zip", tmp_path / "data.zip", how=waits.how)
    assert waits.seconds == []
