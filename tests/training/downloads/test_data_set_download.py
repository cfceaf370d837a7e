"""A published data set, got with one command: fetched, unpacked, opened."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from file_server import FileServer
from vqa_files import photo_paths, write_vizwiz, write_vqa

from asksight.training.datasets import open_dataset
from asksight.training.downloads import DATA_SETS, Archive, Downloaded, DownloadError, get
from asksight.training.downloads.fetch import Fetching


@dataclass
class Published:
    """A mirror, and the catalogue with the checksums of what is there."""

    server: FileServer
    known: dict[str, tuple[Archive, ...]]

    def get(self, name: str, out: Path, **how: Any) -> Downloaded:
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
    got = published.get(name, tmp_path / "out", how=Fetching(sleep=lambda _: None))
    for split in splits:
        assert all(path.is_file() for path in photo_paths(open_dataset(tmp_path / "out", split)))
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
