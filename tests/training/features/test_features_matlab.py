"""Published features: MATLAB files of both versions give what SciPy and h5py read, a few photos at a time."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from vqa_files import write_vqa

from asksight.cli.main import main
from asksight.training.errors import FeatureError
from asksight.training.features import published
from asksight.training.features.matlab import open_features, read_id_map
from asksight.training.features.photo_lists import PhotoList
from asksight.training.features.store import FeatureStore

FEATS = np.random.default_rng(3).normal(size=(40, 30)).astype(np.float32)  # [F, N]
FORMS = ("5", "5 compressed", "7.3")


def write_mat(path: Path, form: str, feats: np.ndarray = FEATS) -> Path:
    if form == "7.3":
        with h5py.File(path, "w", userblock_size=512) as file:
            file["feats"] = feats.T  # MATLAB counts columns first, HDF5 rows
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    else:
        beside = {"other": np.arange(5.0), "text": "abc", "feats": feats}
        scipy.io.savemat(path, beside, do_compression=form != "5")
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_columns_come_in_order(tmp_path: Path, form: str, dtype: type) -> None:
    feats = (FEATS * 50).astype(dtype) if dtype is not np.uint8 else np.abs(FEATS * 50).astype(dtype)
    matrix = open_features(write_mat(tmp_path / "f.mat", form, feats), chunk=7)
    chunks = list(matrix.chunks)
    assert (matrix.size, matrix.count) == (40, 30)
    assert [len(chunk) for chunk in chunks] == [7, 7, 7, 7, 2]
    np.testing.assert_array_equal(np.concatenate(chunks), feats.T.astype(np.float32))


@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, form: str) -> None:
    feats = np.repeat(FEATS[:, :1], 60_000, axis=1)  # 9.6 MB
    path = write_mat(tmp_path / "f.mat", form, feats)
    tracemalloc.start()
    count = sum(len(chunk) for chunk in open_features(path, chunk=64).chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 4_000_000


def test_files_that_are_something_else_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.mat").write_text("feats")
    with pytest.raises(FeatureError, match="no MATLAB file"):
        open_features(tmp_path / "text.mat")
    scipy.io.savemat(tmp_path / "other.mat", {"x": np.ones((2, 2)), "feats": "text"})
    with pytest.raises(FeatureError, match="no real matrix 'feats'; it has: x"):
        open_features(tmp_path / "other.mat")
    with h5py.File(tmp_path / "seven.mat", "w") as file:
        file["x"] = np.ones(2)
    with pytest.raises(FeatureError, match="no variable 'feats'; it has x"):
        open_features(tmp_path / "seven.mat")
    whole = write_mat(tmp_path / "whole.mat", "5").read_bytes()
    (tmp_path / "cut.mat").write_bytes(whole[:-400])
    with pytest.raises(FeatureError, match="ends in column 27 of 30"):
        list(open_features(tmp_path / "cut.mat", chunk=7).chunks)


def test_the_id_map_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "map.txt"
    path.write_text("9 1\n25 0\n\n")
    ids, columns = read_id_map(path)
    assert (ids.tolist(), columns.tolist()) == ([9, 25], [1, 0])
    path.write_text("9 1\n25 zero\n")
    with pytest.raises(FeatureError, match="line 2 is '25 zero'"):
        read_id_map(path)
    path.write_text("9 1\n9 0\n")
    with pytest.raises(FeatureError, match="image id 9 comes twice"):
        read_id_map(path)


@pytest.mark.parametrize("form", FORMS)
def test_a_store_is_filled_and_gone_on_with(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos of two splits, in another order than the file has them, and two ids of one column."""
    mat = write_mat(tmp_path / "vgg_feats.mat", form)
    (tmp_path / "map.txt").write_text("".join(f"{i * 10} {29 - i}\n" for i in range(30)) + "999 4\n")
    wanted = [
        PhotoList(split="train", image_ids=np.array([10, 999, 250, 0]), paths=None),
        PhotoList(split="val", image_ids=np.array([30]), paths=None),
    ]
    monkeypatch.setattr(published, "_CHUNK", 8)
    stopped = []

    def stop(done: int) -> None:
        stopped.append(done)
        raise KeyboardInterrupt

    arguments = (tmp_path / "store", mat, tmp_path / "map.txt", wanted)
    with pytest.raises(KeyboardInterrupt):
        published.store_published(*arguments, dtype="float32", progress=stop)
    made = published.store_published(*arguments, dtype="float32", progress=stopped.append)
    assert made.new == 5 - stopped[0]
    assert made.photos == {"train": 4, "val": 1}
    store = FeatureStore(tmp_path / "store", "train")
    np.testing.assert_array_equal(store.read(store.rows([0, 999, 10])), FEATS.T[[29, 4, 28]])
    with pytest.raises(FeatureError, match="does not name image id 5, of the split train"):
        published.store_published(
            *arguments[:3], [PhotoList(split="train", image_ids=np.array([5]), paths=None)], dtype="float32"
        )


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A VQA folder without photos; and no data set at all: then every photo of the map."""
    write_vqa(tmp_path / "vqa", photos=False)
    mat = write_mat(tmp_path / "vgg_feats.mat", "5")
    (tmp_path / "map.txt").write_text("9 0\n25 1\n30 2\n31 29\n")
    source: list[str | Path] = ["--mat", mat, "--id-map", tmp_path / "map.txt", "--json"]
    assert asksight("features", "--out", tmp_path / "a", "--data", tmp_path / "vqa", *source) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["photos"], told["new"], told["feature_shape"]) == ({"train2014": 3}, 3, [40])
    assert asksight("features", "--out", tmp_path / "b", *source) == 0
    assert json.loads(capsys.readouterr().out)["photos"] == {"photos": 4}
    (tmp_path / "map.txt").write_text("9 0\n25 1\n30 30\n")
    assert asksight("features", "--out", tmp_path / "c", *source) == 1
    assert "names columns 0 to 30" in capsys.readouterr().err
    assert asksight("features", "--out", tmp_path / "c", "--mat", mat) == 2


def asksight(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    code = caught.value.code
    return code if isinstance(code, int) else 0
