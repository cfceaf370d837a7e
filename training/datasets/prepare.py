"""A published data set into the prepared folder that training reads, with part of it held out by photo."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from ..errors import DatasetError
from .bad_entries import BadEntries, in_words
from .dataset import Record
from .photo_check import with_readable_photos
from .prepared import MANIFEST, file_names, read_manifest, write_manifest, write_split
from .records import read_records
from .source import Source, find_sources

PREPARING = ".preparing"  # in the folder, what is written and not whole yet


@dataclass(kw_only=True)
class Prepared:
    """What was written: counts by split, and how many bad entries of each kind were left out."""

    folder: Path
    source_format: str
    splits: dict[str, dict[str, int]] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)  # splits without answers
    skipped: dict[str, int] = field(default_factory=dict)


def prepare(
    source: str | Path,
    out: str | Path,
    *,
    photos: Path | None = None,
    without_photos: bool = False,
    holdout: float = 0.0,
    seed: int = 0,
    skip_bad: bool = False,
    progress: Callable[[str, int], None] = lambda split, written: None,
) -> Prepared:
    """Read a data set and write it as a prepared folder.

    `holdout` is the share of the photos, with all of their questions, that becomes the split "val"; the
    rest is "train". `progress` is told the split and how many questions were just written. Every photo is read once, to
    see that it can be; `without_photos` prepares the questions alone. Raises DatasetError for what is wrong with the
    data, bad entries at the end and together, and where `out` holds something else; `out` is then as it was.
    """
    folder = Path(out)
    sources = find_sources(Path(source), photos=photos)
    _check(sources, folder, holdout, Path(source))
    if without_photos:
        sources = [replace(one, photos=None) for one in sources]
    else:
        _check_photo_folders(sources)
    problems = BadEntries(skip=skip_bad)
    done = Prepared(folder=folder, source_format=sources[0].name)
    about: dict[str, Any] = {}
    with _whole_or_none(folder) as new:
        for one in sources:
            for split, records in _splits(one, problems, holdout, seed):
                done.splits[split] = write_split(new, split, records, partial(progress, split))
                if not one.answered:
                    done.unanswered.append(split)
                about[split] = done.splits[split] | {
                    "answers": one.answered,
                    "photos": None if one.photos is None else _relative(one.photos, folder),
                    "photo_pattern": one.photo_pattern,
                }
        problems.check()
        done.skipped = dict(problems.counts)
        for split, counts in done.splits.items():
            if not counts["questions"]:
                raise DatasetError(
                    f"The split {split} of {source} has no question that can be used; left out were: "
                    f"{in_words(done.skipped) or 'none'}."
                )
        manifest = {
            "source": str(source),
            "source_format": done.source_format,
            "holdout": holdout,
            "seed": seed,
            "skipped": done.skipped,
            "splits": about,
        }
        write_manifest(new, manifest)
    return done


@contextmanager
def _whole_or_none(folder: Path) -> Iterator[Path]:
    """Give where to write; what is whole replaces what was in `folder`, and what fails leaves that as it was."""
    made, new = not folder.exists(), folder / PREPARING
    shutil.rmtree(new, ignore_errors=True)  # of one that was killed
    new.mkdir(parents=True)
    try:
        yield new
        replaced = _splits_of(folder)
        (folder / MANIFEST).unlink(missing_ok=True)  # not whole from here on
        for split in replaced:
            for name in file_names(split).values():
                (folder / name).unlink(missing_ok=True)
        for path in sorted(new.iterdir(), key=lambda path: path.name == MANIFEST):
            path.rename(folder / path.name)
    finally:
        shutil.rmtree(new)
        if made and not any(folder.iterdir()):
            folder.rmdir()


def _splits_of(folder: Path) -> list[str]:
    """Which splits were prepared there; other files may be anybody's."""
    if not (folder / MANIFEST).exists():
        return []
    try:
        return list(read_manifest(folder)["splits"])
    except DatasetError:  # broken, or of another version, which says what it says
        return []


def _check(sources: list[Source], out: Path, holdout: float, where: Path) -> None:
    if not 0 <= holdout < 1:
        raise DatasetError(f"holdout is {holdout}; it is a share of the photos, from 0 to under 1.")
    splits = [source.split for source in sources]
    if holdout and len(sources) > 1:
        raise DatasetError(
            f"{where} has the splits {', '.join(splits)} already. Leave --holdout out, or name "
            "one questions file."
        )
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{out} is a file; name a folder.")
    if (
        out.is_dir()
        and any(one.name != PREPARING for one in out.iterdir())
        and not (out / MANIFEST).exists()
        and not list(out.glob("questions_*.txt"))
    ):
        raise DatasetError(f"{out} holds something else; name a new folder or an empty one.")


def _check_photo_folders(sources: list[Source]) -> None:
    """Raises DatasetError, naming a photo and where it was looked for, where a split has no folder of photos."""
    for source in sources:
        if source.photos is None:
            first = next(read_records(source, BadEntries(skip=True)), None)
            name = source.photo_pattern.format(image_id=0 if first is None else first.image_id)
            raise DatasetError(
                f"The photos of the split {source.split} were not found, such as {name}: there is no folder "
                f"{', '.join(str(place.resolve()) for place in source.looked)}. Name it with --photos, or prepare the "
                "questions alone with --no-photos."
            )


def _splits(
    source: Source, problems: BadEntries, holdout: float, seed: int
) -> Iterator[tuple[str, Iterable[Record]]]:
    checked = _checked(source, problems)
    if not holdout:
        yield source.split, checked
        return
    records = list(checked)
    problems.check()
    held = held_out(sorted({record.image_id for record in records}), holdout, seed)
    if not held or len(held) == len({record.image_id for record in records}):
        raise DatasetError(f"{source.questions} has too few photos to hold {holdout:.0%} of them out.")
    yield "train", (record for record in records if record.image_id not in held)
    yield "val", (record for record in records if record.image_id in held)


def _checked(source: Source, problems: BadEntries) -> Iterator[Record]:
    """All records but the bad ones; those about photos that cannot be read are bad, too."""
    records, folder = read_records(source, problems), source.photos
    if folder is None:
        return records
    return with_readable_photos(
        records, lambda image_id: folder / source.photo_pattern.format(image_id=image_id), problems
    )


def held_out(image_ids: list[int], share: float, seed: int) -> set[int]:
    """`share` of the photos, the same ones for the same seed."""
    return set(Random(seed).sample(image_ids, round(share * len(image_ids))))


def _relative(photos: Path, folder: Path) -> str:
    """Where the photos are: within the folder's parent relatively, so that both can be moved together."""
    photos, parent = photos.resolve(), folder.resolve().parent
    if photos.is_relative_to(parent):
        return os.path.relpath(photos, folder.resolve())
    return str(photos)
