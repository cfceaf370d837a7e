"""Archives are unpacked into one folder, and nothing leads out of it."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from asksight.training.downloads import DownloadError
from asksight.training.downloads.unpack import unpack


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
