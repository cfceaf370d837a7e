"""A store made in parts: joined, it is to the last byte what one process writes; what does not fit is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from asksight.cli.main import main
from asksight.training.errors import FeatureError
from asksight.training.features.parts import Part, join_parts
from asksight.training.features.photo_lists import PhotoList
from asksight.training.features.store import FeatureStore
from asksight.training.scenes.make_scenes import make_split

PHOTOS, BATCH = {"train": 21, "val": 5}, "4"


def features(*arguments: str | Path) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        main(["features", *map(str, arguments)])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "scenes"
    for split, pictures in PHOTOS.items():
        make_split(folder, split, pictures=pictures, seed=1, processes=1)
    bad = sorted((folder / "train").glob("*.*"))[6]
    bad.write_bytes(b"no photo")
    return folder


def made(data: Path, out: Path, *more: str) -> int:
    """The exit code where the built-in bundle's photo half is the encoder."""
    return features(
        "--data", data, "--out", out, "--encoder", "scenes", "--batch", BATCH, "--skip-bad", *more
    )


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "store"
    assert made(data, out) == 0
    return out


@pytest.fixture(scope="module")
def two(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parts that are not joined yet, to be copied."""
    out = tmp_path_factory.mktemp("two") / "store"
    for shard in ("2/2", "1/2"):
        assert made(data, out, "--shard", shard) == 0
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()
    }


@pytest.mark.parametrize("count", [3, 22])  # of 21 photos
def test_joined_parts_are_what_one_process_writes(
    data: Path, whole: Path, tmp_path: Path, count: int
) -> None:
    """Also where there are more parts than photos, and a photo that cannot be read is left out."""
    out = tmp_path / "store"
    for number in range(count, 0, -1):
        assert made(data, out, "--shard", f"{number}/{count}") == 0
    with pytest.raises(
        FeatureError, match=r"holds parts only\. Join them with asksight features --join --out"
    ):
        FeatureStore(out, "train")
    assert features("--join", "--out", out) == 0
    assert files(out) == files(whole)
    store = FeatureStore(out, "train")
    assert (len(store), int(store.has(store.image_ids).sum())) == (21, 20)


def test_it_goes_on_where_it_was_stopped(whole: Path, two: Path, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(done: int) -> None:
        raise StoppedError

    out = tmp_path / "store"
    shutil.copytree(two, out)
    with pytest.raises(StoppedError):
        join_parts(out, progress=stop)
    assert (out / "parts").exists()
    left: list[int] = []
    joined = join_parts(out, begun=lambda total, missing: left.append(missing))
    assert 0 < left[0] < 26
    assert joined.photos == PHOTOS
    assert files(out) == files(whole)


def test_a_part_that_is_missing_unfinished_or_another_is_named(data: Path, two: Path, tmp_path: Path) -> None:
    def refused(said: str) -> None:
        with pytest.raises(FeatureError, match=said):
            join_parts(out)
        assert not (out / "store.json").exists()
        shutil.rmtree(out)
        shutil.copytree(two, out)

    out = tmp_path / "store"
    with pytest.raises(
        FeatureError, match=r"has no parts to join\. Make them with asksight features --shard"
    ):
        join_parts(out)
    shutil.copytree(two, out)
    parts = out / "parts"
    shutil.rmtree(parts / "2-of-2")
    refused("lacks part 2 of 2. Make it with asksight features --shard 2/2, or copy it")
    shutil.copytree(parts / "2-of-2", parts / "1-of-3")
    refused("holds parts of 2 and of 3")
    shutil.rmtree(parts / "2-of-2")
    shutil.copytree(parts / "1-of-2", parts / "2-of-2")
    refused("2-of-2 holds another part than its name says")
    done = parts / "2-of-2" / "train" / "done.npy"
    done.write_bytes(done.read_bytes()[:-1] + b"\0")
    refused("2-of-2/train holds .* photos: it was stopped. The same asksight features command goes on")
    about = parts / "2-of-2" / "store.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"dtype": "float32"}))
    refused(r"2-of-2 was made otherwise than .*1-of-2 \(dtype: float32, not float16\)")
    note = parts / "2-of-2" / "part.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"batch": 8}))
    refused("2-of-2 was made with other --batch than")
    note.write_text("{")
    refused("part.json is damaged")
    assert made(data, out, "--shard", "2/2", "--split", "train") == 1
    assert features("--join", "--out", out) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--photos", "p", "--shard", "0/3"], 'is "0/3"; allowed is I/N, as in 1/3, with I from 1 to N.'),
        (["--photos", "p", "--shard", "4/3"], 'is "4/3"'),
        (["--photos", "p", "--shard", "1"], 'is "1"'),
        (["--photos", "p", "--shard", "1/3", "--ray"], "does all parts; leave --shard out"),
        (["--photos", "p", "--workers", "3"], "does nothing without --ray"),
        (["--join", "--photos", "p"], "does nothing with --join"),
        (["--join", "--encoder", "scenes"], "does nothing with --join"),
        (["--mat", "m", "--id-map", "i", "--shard", "1/3"], "does nothing with --mat"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert features("--out", tmp_path / "store", *arguments) == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("count", "batch", "of"), [(26, 4, 3), (1, 8, 5), (0, 8, 2), (64, 8, 8), (65, 1, 7)])
def test_parts_are_whole_batches_and_together_all_photos(count: int, batch: int, of: int) -> None:
    photos = PhotoList(
        split="train", image_ids=np.arange(count), paths=[Path(str(one)) for one in range(count)]
    )
    cut = [Part(number=number, of=of).cut(photos, batch=batch) for number in range(1, of + 1)]
    assert np.concatenate([one.image_ids for one in cut]).tolist() == list(range(count))
    assert [path for one in cut for path in one.paths or []] == photos.paths
    assert all(len(one.image_ids) == 0 or one.image_ids[0] % batch == 0 for one in cut)
    sizes = [-(-len(one.image_ids) // batch) for one in cut]
    assert max(sizes) - min(sizes) <= 1
