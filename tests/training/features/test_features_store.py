"""The feature store: what is in it is whole, whenever the process that filled it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from asksight.training.datasets.bad_entries import BadEntries
from asksight.training.errors import DatasetError, FeatureError
from asksight.training.features.extract import extract
from asksight.training.features.store import FeatureStore, StoreAbout, StoreWriter, begin, filling

IDS = np.array([7, 3, 900_000_000_000, 12], np.int64)


def about(**other: object) -> StoreAbout:
    encoder = {"name": "made-up", "weights_sha256": "1", "weights": "here"}
    told: dict[str, object] = {
        "encoder": encoder,
        "preprocessing": {"resize": "stretch"},
        "feature_shape": (3,),
    }
    return StoreAbout(**told | other)  # type: ignore[arg-type]


def begun(path: Path, what: StoreAbout | None = None) -> StoreWriter:
    what = what or about()
    begin(path, what)
    return StoreWriter(path / "train", IDS, what)


def full(path: Path, what: StoreAbout | None = None) -> np.ndarray:
    writer = begun(path, what)
    shape = (len(IDS), *writer.about.feature_shape)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float16)
    writer.write(np.arange(len(IDS)), values)
    writer.close()
    return values.astype(np.float32)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 5)])
def test_rows_are_found_by_image_id(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = full(tmp_path, about(feature_shape=shape))
    store = FeatureStore(tmp_path, "train")
    rows = store.rows([12, 7, 12])
    assert rows.tolist() == [3, 0, 3]
    np.testing.assert_array_equal(store.read(rows), values[[3, 0, 3]])
    assert store.read(rows).dtype == np.float32
    assert len(store) == 4
    np.testing.assert_array_equal(np.load(tmp_path / "train/features.npy", mmap_mode="r"), values)
    with pytest.raises(FeatureError, match="2 photos that are asked about, such as image id 8"):
        store.rows([7, 8, 9, 8])


def test_an_unfinished_store_says_so_and_is_gone_on_with(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    writer.write(np.array([2, 0]), np.ones((2, 3)))
    writer.close()
    with pytest.raises(FeatureError, match="holds 2 of 4 photos: it was stopped"):
        FeatureStore(tmp_path, "train")
    again = begun(tmp_path)
    assert again.missing.tolist() == [1, 3]
    again.write(again.missing, np.zeros((2, 3)))
    assert FeatureStore(tmp_path, "train").read(np.arange(4)).sum() == 6


def test_a_store_made_otherwise_is_refused(tmp_path: Path) -> None:
    full(tmp_path)
    begin(tmp_path, about(encoder={"name": "made-up", "weights_sha256": "1", "weights": "moved"}))
    other = about(encoder={"name": "made-up", "weights_sha256": "2", "weights": "here"}, dtype="float32")
    with pytest.raises(FeatureError, match="weights_sha256: 1, not 2; dtype: float16, not float32"):
        begin(tmp_path, other)
    with pytest.raises(FeatureError, match="begun with other photos"):
        StoreWriter(tmp_path / "train", IDS[:2], about())
    with pytest.raises(FeatureError, match="no features of the split val; it has: train"):
        FeatureStore(tmp_path, "val")
    with pytest.raises(FeatureError, match="is no feature store"):
        FeatureStore(tmp_path / "train", "train")


def test_features_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    with pytest.raises(FeatureError, match=r"image id 3 are not finite as float16. Give --dtype float32"):
        writer.write(np.array([0, 1]), np.array([[1, 2, 3], [1e6, 0, 0]]))
    with pytest.raises(FeatureError, match=r"image id 7 are not finite as float16\.$"):
        writer.write(np.array([0, 1]), np.array([[np.nan, 2, 3], [1, 0, 0]]))
    with pytest.raises(FeatureError, match="gives"):
        writer.write(np.array([0]), np.zeros((1, 4)))
    assert len(writer.missing) == 4


@pytest.mark.parametrize("name", ["features.npy", "done.npy"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str) -> None:
    full(tmp_path)
    path = tmp_path / "train" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FeatureError, match=rf"{name} is damaged"):
        FeatureStore(tmp_path, "train")


def test_two_processes_do_not_fill_one_store(tmp_path: Path) -> None:
    with filling(tmp_path), pytest.raises(FeatureError, match="Another process"), filling(tmp_path):
        pass


def test_a_photo_that_cannot_be_read_costs_only_what_comes_after(tmp_path: Path) -> None:
    done: list[int] = []

    def read(path: Path) -> np.ndarray:
        if path.name == "2":
            raise OSError("broken")
        return np.full((4, 4, 3), int(path.name), np.uint8)

    def encode(photos: np.ndarray) -> np.ndarray:
        return photos[:, 0, 0].astype(np.float32)

    paths = [Path(str(row)) for row in range(4)]
    with pytest.raises(OSError, match="broken"):
        extract(begun(tmp_path), paths, read=read, encode=encode, batch=2, progress=done.append)
    assert done == [2]
    paths[2] = Path("20")
    extract(begun(tmp_path), paths, read=read, encode=encode, batch=2, progress=done.append)
    assert done == [2, 2]
    assert FeatureStore(tmp_path, "train").read(np.arange(4))[:, 0].tolist() == [0, 1, 20, 3]


@pytest.mark.parametrize("skip", [False, True])
def test_a_photo_that_no_server_would_take_costs_nothing_else(tmp_path: Path, skip: bool) -> None:
    """All others are done; it is left for the next call, or left out for good."""

    def read(path: Path) -> np.ndarray:
        if path.name in ("1", "2"):
            raise DatasetError(f"{path} is broken.")
        return np.full((4, 4, 3), int(path.name), np.uint8)

    problems = BadEntries(skip=skip)
    extract(
        begun(tmp_path),
        [Path(str(row)) for row in range(4)],
        read=read,
        encode=lambda photos: photos[:, 0, 0].astype(np.float32),
        batch=1,
        problems=problems,
    )
    assert (problems.counts, problems.first[0]) == ({"bad photo": 2}, "1 is broken.")
    if not skip:
        with pytest.raises(FeatureError, match="holds 2 of 4 photos"):
            FeatureStore(tmp_path, "train")
        return
    store = FeatureStore(tmp_path, "train")
    ids = store.image_ids
    assert store.has(ids).tolist() == [True, False, False, True]
    assert store.read(store.rows(ids[[0, 3]]))[:, 0].tolist() == [0, 3]
    with pytest.raises(FeatureError, match=r"no features of 2 photos .* leave questions about them out"):
        store.rows(ids)


FILL = """
import sys, numpy as np
from pathlib import Path
from asksight.training.features.extract import extract
from asksight.training.features.store import StoreAbout, StoreWriter, begin, filling
out, count = Path(sys.argv[1]), 400
about = StoreAbout(encoder={"name": "x"}, preprocessing={}, feature_shape=(5000,))
with filling(out):
    begin(out, about)
    writer = StoreWriter(out / "train", np.arange(count) * 3, about)
    print("begun", flush=True)
    extract(
        writer,
        [Path(str(i)) for i in range(count)],
        read=lambda path: np.full((4, 4, 3), int(path.name) % 251, np.uint8),
        encode=lambda photos: np.repeat(photos[:, 0, 0, :1].astype(np.float32), 5000, axis=1),
        batch=3,
        progress=lambda done: print(done, flush=True),
    )
"""


def test_kill_9_at_any_moment_leaves_only_whole_rows(tmp_path: Path) -> None:
    """Killed after random numbers of batches, also before the first; then gone on with to the end."""
    random = np.random.default_rng(5)
    script = tmp_path / "fill.py"
    script.write_text(textwrap.dedent(FILL))
    store, before = tmp_path / "store", 0
    for kill_after in (0, 1, *random.integers(2, 25, 4).tolist()):
        with subprocess.Popen([sys.executable, script, store], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(kill_after + 1):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            said = kill_after + process.stdout.read().count(b"\n")
        done = np.load(store / "train/done.npy")
        kept = np.load(store / "train/features.npy")
        assert done.sum() >= before + 3 * max(0, said - 1)  # all that was reported, and perhaps a batch more
        wanted = (np.arange(400) % 251)[done == 1]
        assert (kept[done == 1] == wanted[:, None]).all()
        before = int(done.sum())
    assert 0 < before < 400
    subprocess.run([sys.executable, script, store], check=True, stdout=subprocess.PIPE)
    rows = FeatureStore(store, "train").rows(np.arange(400) * 3)
    assert (FeatureStore(store, "train").read(rows) == (np.arange(400) % 251)[:, None]).all()
