"""Downloads over a real connection to a local server that drops it, refuses, or sends something else."""

from __future__ import annotations

import hashlib
import io
import json
import random
import socket
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from file_server import FileServer, file_server
from vqa_files import write_vizwiz, write_vqa

from asksight.training.datasets import open_dataset
from asksight.training.downloads import DATA_SETS, Archive, DownloadError, Got, get
from asksight.training.downloads.fetch import Fetching, fetch
from asksight.training.downloads.unpack import unpack

BODY = random.Random(5).randbytes(300_000)
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "*")
    with file_server(files={"data.zip": BODY}) as serving:
        yield serving


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


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_files_lose_their_folders(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        {
            "Annotations/train.json": b"[]",
            "__MACOSX/._train.json": b"",
            "x/.hidden.json": b"",
            "readme.txt": b"",
        },
    )
    assert unpack(path, tmp_path / "out", suffixes=(".json",)) == 1
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["train.json"]


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "..\\evil.json", "C:\\evil.json"]
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {"good.json": b"{}", name: b"{}"})
    with pytest.raises(DownloadError, match="leads out of its folder"):
        unpack(path, tmp_path / "out", suffixes=(".json",))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("evil*"))


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DownloadError, match="leads out of its folder"):
        unpack(tmp_path / "a.zip", tmp_path / "out", suffixes=(".json",))


def test_archives_that_are_not_as_expected(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"twice, also as 'b/x\.json'"):
        unpack(zipped(tmp_path / "a.zip", {"a/x.json": b"", "b/x.json": b""}), tmp_path, suffixes=(".json",))
    with pytest.raises(DownloadError, match=r"holds no \.jpg files"):
        unpack(zipped(tmp_path / "b.zip", {"x.json": b""}), tmp_path, suffixes=(".jpg",))
    (tmp_path / "c.zip").write_bytes(b"<html>Not found</html>")
    with pytest.raises(DownloadError, match=r"cannot be unpacked .*Delete it"):
        unpack(tmp_path / "c.zip", tmp_path, suffixes=(".json",))
    damaged = bytearray(zipped(tmp_path / "d.zip", {"x.json": bytes(1000)}).read_bytes())
    damaged[40] ^= 255
    (tmp_path / "d.zip").write_bytes(damaged)
    with pytest.raises(DownloadError, match=r"cannot be unpacked .*Delete it"):
        unpack(tmp_path / "d.zip", tmp_path, suffixes=(".json",))
    assert not (tmp_path / "x.json").exists()


def test_unpacking_again_writes_what_is_missing(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.json": b"{}", "b.json": b"[1]"})
    (tmp_path / "a.json").write_bytes(b"[]")  # as long as it should be, so it is taken for whole
    (tmp_path / "b.json.part").write_bytes(b"[")
    assert unpack(path, tmp_path, suffixes=(".json",)) == 2
    assert ((tmp_path / "a.json").read_bytes(), (tmp_path / "b.json").read_bytes()) == (b"[]", b"[1]")


def test_there_must_be_room_to_unpack(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.json": bytes(50_000_000)})
    with pytest.raises(DownloadError, match=r"needs 0\.05 GB in .*, and 0\.01 GB are free"):
        unpack(path, tmp_path / "out", suffixes=(".json",), room=lambda _: 10_000_000)


@dataclass
class Published:
    """A mirror, and the catalogue with the checksums of what is there."""

    server: FileServer
    known: dict[str, tuple[Archive, ...]]

    def get(self, name: str, out: Path, **how: Any) -> Got:
        return get(name, out, mirror=self.server.address, known=self.known, **how)


@pytest.fixture
def published(server: FileServer, tmp_path: Path) -> Published:
    """VizWiz and VQA v2 in small."""
    server.files.clear()
    raw = tmp_path / "raw"
    for split in ("train", "val"):
        write_vizwiz(raw, split=split)
        server.files[f"{split}.zip"] = _zip(sorted((raw / split).iterdir()), split)
    server.files["Annotations.zip"] = _zip(sorted(raw.glob("*.json")), "Annotations")
    for name, split in (("Train", "train2014"), ("Val", "val2014")):
        questions, annotations = write_vqa(raw / "vqa", split=split)
        server.files[f"v2_Questions_{name}_mscoco.zip"] = _zip([questions], "")
        server.files[f"v2_Annotations_{name}_mscoco.zip"] = _zip([annotations], "")
        server.files[f"{split}.zip"] = _zip(sorted((raw / "vqa" / split).iterdir()), split)
    known = {
        name: tuple(
            replace(one, checksum=one.checksum and _digest(one.checksum, server.files[one.name]))
            for one in DATA_SETS[name]
        )
        for name in ("vqa-v2", "vizwiz")
    }
    return Published(server, known)


def _zip(files: list[Path], folder: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for file in files:
            archive.write(file, f"{folder}/{file.name}" if folder else file.name)
    return held.getvalue()


def _digest(published: str, content: bytes) -> str:
    kind = published.partition(":")[0]
    return f"{kind}:{hashlib.new(kind, content).hexdigest()}"


@pytest.mark.parametrize(
    ("name", "splits"), [("vqa-v2", ("train2014", "val2014")), ("vizwiz", ("train", "val"))]
)
def test_what_was_got_can_be_opened(
    published: Published, tmp_path: Path, name: str, splits: tuple[str, ...]
) -> None:
    """Through a server that cuts every connection after 2000 bytes."""
    published.server.drop_after = 2000
    got = published.get(name, tmp_path / "out", how=Waits().how)
    for split in splits:
        assert all(path.is_file() for path in open_dataset(tmp_path / "out", split).image_paths)
    assert not (tmp_path / "out/archives").exists()
    asked = len(published.server.asked)
    again = published.get(name, tmp_path / "out")
    assert (len(published.server.asked), again.files, again.before) == (asked, got.files, list(got.files))


def test_photos_may_be_left_out_and_archives_kept(published: Published, tmp_path: Path) -> None:
    published.get("vqa-v2", tmp_path, photos=False, keep=True)
    assert len(open_dataset(tmp_path, "val2014")) == 5
    assert len(list((tmp_path / "archives").iterdir())) == 4
    assert not (tmp_path / "train2014").exists()


def test_archives_fetched_elsewhere_are_taken(published: Published, tmp_path: Path) -> None:
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives/Annotations.zip").write_bytes(published.server.files.pop("Annotations.zip"))
    published.get("vizwiz", tmp_path, photos=False)
    assert published.server.asked == []
    assert len(open_dataset(tmp_path, "val")) == 3


def test_a_disk_too_small_is_said_before_the_first_byte(published: Published, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"needs about .* GB of room, and 0\.0 GB are free.*--no-photos"):
        published.get("vqa-v2", tmp_path, room=lambda _: 1000)
    assert {method for method, _, _ in published.server.asked} == {"HEAD"}


def test_a_server_without_head_is_no_hindrance(published: Published, tmp_path: Path) -> None:
    published.server.head = False
    published.get("vizwiz", tmp_path, photos=False)


def test_names_that_are_not_known(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="'coco' is not known; vqa-v2, vqa-v1, vizwiz are"):
        get("coco", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="is a file"):
        get("vizwiz", tmp_path / "file")


def test_the_catalogue_is_well_formed() -> None:
    for archives in DATA_SETS.values():
        names = [one.name for one in archives]
        assert len(set(names)) == len(names)
        for one in archives:
            kind, _, digest = (one.checksum or "md5:" + "0" * 32).partition(":")
            assert len(digest) == hashlib.new(kind).digest_size * 2
            assert one.name.endswith(".zip")
