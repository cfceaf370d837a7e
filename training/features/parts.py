"""A store that several processes or machines fill, each a part of it, and that is joined byte by byte as one writes it.

    STORE/parts/2-of-3/            a feature store of its own, with a part of each split's photos
    STORE/parts/2-of-3/part.json   which part, and of what: the photos of all parts, and how many are encoded at a time

Photos are divided where batches end, since what an encoder gives for a photo may depend, in its last digits, on the
photos beside it. Parts that were made apart are copied into one folder `parts`; joining checks that they fit together.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FeatureError
from .filled import FilledStore
from .photo_lists import PhotoList
from .store import FeatureStore, StoreWriter, begin, differences, filling, read_about, splits_of, write_whole

PARTS, NOTE = "parts", "part.json"
_ROWS = 1024  # copied at a time
_OF_A_PART = (NOTE, "lock", "store.json")  # what is not copied as it is


@dataclass(frozen=True, kw_only=True)
class Part:
    """Part `number` of `of`, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Part | None:
        """Of I/N; None where it is not that."""
        told = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", text, re.ASCII)
        part = None if told is None else cls(number=int(told[1]), of=int(told[2]))
        return part if part is not None and part.number <= part.of else None

    def __str__(self) -> str:
        return f"part {self.number} of {self.of}"

    def folder(self, out: Path) -> Path:
        """Where it is, in the store that it is a part of."""
        return out / PARTS / f"{self.number}-of-{self.of}"

    def cut(self, photos: PhotoList, *, batch: int) -> PhotoList:
        """Its photos: whole batches, but for the last of all; none where there are fewer batches than parts."""
        batches = -(-len(photos.image_ids) // batch)
        chosen = slice(*(batch * (batches * done // self.of) for done in (self.number - 1, self.number)))
        paths = None if photos.paths is None else photos.paths[chosen]
        return replace(photos, image_ids=photos.image_ids[chosen], paths=paths)


def begin_part(out: Path, part: Part, photos: Sequence[PhotoList], *, batch: int) -> Path:
    """Make the folder of a part, or take up the one that is there; `photos` are those of all parts.

    Raises FeatureError where it was begun with other photos or another batch.
    """
    folder, told = part.folder(out), _note(part, photos, batch)
    if (folder / NOTE).exists() and (there := _read_note(folder)) != told:
        what = "photos" if there.get("photos") != told["photos"] else "--batch"
        raise FeatureError(
            f"{folder} was begun with other {what}. Give the same command again, or delete it."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / NOTE, (json.dumps(told, indent=2) + "\n").encode())
    return folder


def join_parts(
    out: Path,
    *,
    begun: Callable[[int, int], None] = lambda total, missing: None,
    progress: Callable[[int], None] = lambda done: None,
) -> FilledStore:
    """Make the store `out` of all its parts, which are then deleted; stopped, the same call goes on.

    Raises FeatureError where a part is missing or unfinished, or was made otherwise than the others.
    """
    done = out / f"{PARTS}.joined"
    if not done.exists():
        parts = _found(out)
        stores = _checked(out, parts)
        with filling(out):
            _join(out, parts, stores, begun, progress)
        (out / PARTS).rename(done)  # from here on nothing is read of them
    shutil.rmtree(done)
    about = read_about(out)
    photos = {split: len(FeatureStore(out, split)) for split in splits_of(out)}
    return FilledStore(photos=photos, new=sum(photos.values()), feature_shape=about.feature_shape)


def _join(
    out: Path,
    parts: list[Part],
    stores: dict[str, list[FeatureStore]],
    begun: Callable[[int, int], None],
    progress: Callable[[int], None],
) -> None:
    first = parts[0].folder(out)
    about = read_about(first)
    begin(out, about)
    for file in sorted(first.iterdir()):
        if file.is_file() and file.name not in _OF_A_PART:
            unfinished = out / f"{file.name}.part"
            shutil.copyfile(file, unfinished)
            unfinished.replace(out / file.name)
    writers = {
        split: StoreWriter(out / split, np.concatenate([one.image_ids for one in found]), about)
        for split, found in stores.items()
    }
    begun(
        sum(len(writer.image_ids) for writer in writers.values()),
        sum(len(writer.missing) for writer in writers.values()),
    )
    for split, writer in writers.items():
        start = 0
        for store in stores[split]:
            missing = writer.missing
            here = missing[(missing >= start) & (missing < start + len(store))]
            has = store.has(writer.image_ids[here])
            for at in range(0, len(here), _ROWS):
                rows = here[at : at + _ROWS][has[at : at + _ROWS]]
                writer.write(rows, store.read(rows - start))
                progress(len(here[at : at + _ROWS]))
            writer.leave_out(here[~has])
            start += len(store)
        writer.close()


def _found(out: Path) -> list[Part]:
    """All parts, in order. Raises FeatureError where some are missing."""
    names = sorted(one.name for one in (out / PARTS).iterdir()) if (out / PARTS).is_dir() else []
    found = [part for name in names if (part := Part.parse(name.replace("-of-", "/"))) is not None]
    if not found:
        raise FeatureError(
            f"{out} has no parts to join. Make them with asksight features --shard 1/N to N/N and the same --out."
        )
    if len(counts := sorted({part.of for part in found})) > 1:
        raise FeatureError(
            f"{out / PARTS} holds parts of {' and of '.join(map(str, counts))}. Delete those that are not wanted."
        )
    there = {part.number for part in found}
    if missing := [number for number in range(1, counts[0] + 1) if number not in there]:
        named = ", ".join(map(str, missing[:8])) + (", ..." if len(missing) > 8 else "")
        raise FeatureError(
            f"{out / PARTS} lacks part {named} of {counts[0]}. Make it with asksight features --shard "
            f"{missing[0]}/{counts[0]}, or copy it there from the machine that made it."
        )
    return sorted(found, key=lambda part: part.number)


def _checked(out: Path, parts: list[Part]) -> dict[str, list[FeatureStore]]:
    """By split, the stores of all parts. Raises FeatureError where one is not whole, or not of the others' kind."""
    first = parts[0].folder(out)
    note, about = _read_note(first), read_about(first)
    for part in parts:
        folder = part.folder(out)
        told = _read_note(folder)
        if (told.get("number"), told.get("of")) != (part.number, part.of):
            raise FeatureError(f"{folder} holds another part than its name says; name it as it was.")
        for what in ("photos", "batch"):
            if told.get(what) != note.get(what):
                raise FeatureError(
                    f"{folder} was made with other {'photos' if what == 'photos' else '--batch'} than {first}. Make "
                    "it again, with the same command as the others."
                )
        if differs := differences(about, read_about(folder)):
            raise FeatureError(
                f"{folder} was made otherwise than {first} ({differs}). Make it again, as the others."
            )
    return {
        split: [FeatureStore(part.folder(out), split) for part in parts] for split in sorted(note["photos"])
    }


def _note(part: Part, photos: Sequence[PhotoList], batch: int) -> dict[str, Any]:
    return {
        **asdict(part),
        "batch": batch,
        "photos": {
            one.split: hashlib.sha256(np.asarray(one.image_ids, "<i8").tobytes()).hexdigest()
            for one in photos
        },
    }


def _read_note(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        if not isinstance(told["photos"], dict):
            raise TypeError("photos")
        return told
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FeatureError(
            f"{folder / NOTE} is damaged ({error}); delete {folder} and make it again."
        ) from error
