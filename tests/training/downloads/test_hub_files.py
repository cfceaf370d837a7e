"""The files of a model of the hub: fetched over HTTP, checked, gone on with, and taken from the cache."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest
from hub_rig import FILES, NAME, WANTED, WEIGHTS, Told, brought, nobody
from hub_server import HubServer

from asksight.training.downloads.fetch import Fetching
from asksight.training.downloads.hub import Hub, HubName, HubUnreachableError
from asksight.training.downloads.published import Telling, bring
from asksight.training.errors import DownloadError


def test_what_is_needed_is_fetched_and_nothing_else(hub: Hub, served: HubServer) -> None:
    told = Told()
    got = bring(NAME, hub, told.telling)
    assert served.fetched() == WANTED
    assert {one.name: one.read_bytes() for one in got.folder.iterdir()} == {one: FILES[one] for one in WANTED}
    assert (got.repository, got.revision) == ("maker/model", served.models["maker/model"].commit)
    assert got.licence == "bsd-3-clause"
    assert got.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    total = sum(len(FILES[one]) for one in WANTED)
    assert told.begun == [("fetching maker/model", total)]
    assert told.bytes == total


def test_what_is_there_is_not_fetched_again(hub: Hub, served: HubServer) -> None:
    first = brought(hub)
    served.asked.clear()
    assert brought(hub) == first
    assert served.fetched() == []


def test_a_commit_that_is_there_asks_nobody(hub: Hub, served: HubServer) -> None:
    name = HubName("maker/model", served.models["maker/model"].commit)
    first = brought(hub, name)
    served.asked.clear()
    assert brought(hub, name).folder == first.folder
    assert served.asked == []


def test_a_download_that_was_cut_is_gone_on_with_by_the_next_run(hub: Hub, served: HubServer) -> None:
    served.drop_after["model.safetensors"] = 100_000

    class StoppedError(Exception):
        pass

    def stop(seconds: float) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        bring(NAME, hub, Telling(how=Fetching(sleep=stop)))
    assert not list(hub.cache.rglob("model.safetensors"))
    told = Told()
    got = bring(NAME, hub, told.telling)
    assert (got.folder / "model.safetensors").read_bytes() == WEIGHTS
    assert served.asked[-1] == ("GET", "/storage/maker/model/model.safetensors", "bytes=100000-")
    assert told.begun == [("fetching maker/model", len(WEIGHTS))]
    assert told.bytes == len(WEIGHTS)
    assert not list(hub.cache.rglob("*.part*"))


@pytest.mark.parametrize("file", ["model.safetensors", "vocab.txt"])
def test_a_file_that_arrives_changed_is_refused_and_removed(hub: Hub, served: HubServer, file: str) -> None:
    served.corrupt.add(file)
    with pytest.raises(DownloadError, match=f"{file} arrived with the (sha256|git) .*removed"):
        brought(hub)
    assert not list(hub.cache.rglob(file))
    assert not list(hub.cache.rglob("*.part*"))
    served.corrupt.clear()
    assert (brought(hub).folder / file).read_bytes() == FILES[file]


def test_a_file_that_was_damaged_in_the_cache_is_fetched_anew(hub: Hub, served: HubServer) -> None:
    path = brought(hub).folder / "model.safetensors"
    path.resolve().write_bytes(WEIGHTS[:-1] + b"?")
    served.asked.clear()
    name = HubName("maker/model", served.models["maker/model"].commit)
    assert (brought(hub, name).folder / "model.safetensors").read_bytes() == WEIGHTS
    assert served.fetched() == ["model.safetensors"]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_the_cache_stands_in_for_a_hub_that_cannot_answer(hub: Hub, served: HubServer, code: int) -> None:
    first = brought(hub)
    served.refusals["/api"] = code
    told = Told()
    got = bring(NAME, hub, told.telling)
    assert (got.folder, got.revision, got.sha256) == (first.folder, first.revision, first.sha256)
    assert len(told.lines) == 1
    assert str(code) in told.lines[0]
    assert "taken as it was fetched before" in told.lines[0]


def test_without_a_network_the_cache_does_if_all_is_there(hub: Hub, served: HubServer) -> None:
    folder = brought(hub).folder
    away = Hub(endpoint=nobody(), cache=hub.cache)
    assert brought(away).folder == folder
    (folder / "vocab.txt").unlink()
    with pytest.raises(HubUnreachableError, match=r"cannot be reached.*not all of it"):
        brought(away)


def test_a_disk_without_room_is_noticed_before_the_first_byte(hub: Hub, served: HubServer) -> None:
    with pytest.raises(DownloadError, match=r"0\.0 GB of room, and 0.0 GB are free.*HF_HUB_CACHE"):
        bring(NAME, hub, Telling(room=lambda folder: 1000))
    assert served.fetched() == []


def test_a_disk_that_fills_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(arrived: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DownloadError, match=r"cannot be written.*No space left"):
        bring(NAME, hub, Telling(how=Fetching(progress=lambda n: full(n) if n > 0 else None)))


def test_weights_in_several_files(hub: Hub, served: HubServer) -> None:
    files = served.models["maker/model"].files
    del files["model.safetensors"]
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    files |= {"model.safetensors.index.json": b"{}", parts[0]: b"one", parts[1]: b"two"}
    got = brought(hub)
    assert served.fetched()[-2:] == parts
    assert got.sha256 == ""


def test_the_cache_is_that_of_the_library(hub: Hub, served: HubServer, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download, snapshot_download

    ours = brought(hub).folder
    for file in WANTED:
        found = hf_hub_download("maker/model", file, cache_dir=hub.cache, local_files_only=True)
        assert Path(found) == ours / file
    theirs = Hub(endpoint=served.address, cache=tmp_path / "theirs")
    for file in WANTED:
        hf_hub_download("maker/model", file, cache_dir=theirs.cache, endpoint=served.address)
    served.asked.clear()
    assert (brought(theirs).folder / "model.safetensors").read_bytes() == WEIGHTS
    assert served.fetched() == []
    assert snapshot_download("maker/model", cache_dir=theirs.cache, local_files_only=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("maker/model", HubName("maker/model", "main")),
        ("maker/model@refs/pr/7", HubName("maker/model", "refs/pr/7")),
        ("maker/model-1.0_b@v1.0", HubName("maker/model-1.0_b", "v1.0")),
        ("./maker/model", None),
        ("maker", None),
        ("maker/model/more", None),
        ("maker/../model", None),
        ("maker/model@../../x", None),
        ("/maker/model", None),
    ],
)
def test_names(text: str, name: HubName | None) -> None:
    assert HubName.of(text) == name
