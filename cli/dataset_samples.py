"""Photos and questions of a data set, as an engine takes them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asksight.engine import Bundle
    from asksight.engine.bundle.samples import Samples
    from asksight.training.datasets.bad_entries import BadEntries

PHOTOS = 128  # of 224 px, 20 MB; questions go round them


def samples_of(
    bundle: Bundle, data: Path, split: str | None, *, photos: int = PHOTOS, problems: BadEntries | None = None
) -> Samples:
    """The first photos of a split (None: the validation split), with at least 512 questions about them in all.

    Where photos have fewer questions, theirs are asked again. Raises DatasetError, which names what is bad; of
    `problems` that skip it is left out, and others take its place.
    """
    import numpy as np

    from asksight.engine.bundle.samples import ENOUGH, Samples
    from asksight.ext.opening import open_words
    from asksight.training.datasets import open_dataset
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.datasets.photo_reader import photo_reader
    from asksight.training.datasets.splits import measuring_split
    from asksight.training.errors import DatasetError

    split = measuring_split(data, split, answered=False)
    problems = BadEntries() if problems is None else problems
    read, dataset = photo_reader(bundle), open_dataset(data, split, problems if problems.skip else None)
    asked: dict[Path, list[str]] = {}
    seen: list[dict[str, Any]] = []
    bad: set[Path] = set()
    for record in dataset:
        photo = dataset.photo(record.image_id)
        if photo not in asked and photo not in bad and len(asked) < photos:
            try:
                seen.append(read(photo))
            except DatasetError as error:
                problems.meet("bad photo", str(error))
                bad.add(photo)
            else:
                asked[photo] = []
        if photo in asked:
            asked[photo].append(record.question)
    problems.check()
    if not asked:
        raise DatasetError(f"The split {split} of {data} has no questions; name another with --split.")
    turns = math.ceil(ENOUGH / len(asked))
    questions = [of_photo[turn % len(of_photo)] for turn in range(turns) for of_photo in asked.values()]
    rows, lengths = open_words(bundle.word_table).rows(questions)
    return Samples(
        photos=np.stack([one["image"] for one in seen]),
        rows=rows,
        lengths=lengths,
        source=f"{data}, split {split}",
        grids=np.stack([one["grid"] for one in seen]) if bundle.takes_grid else None,
    )


def distinct(samples: Samples) -> int:
    """How many different questions about the photos are among the samples; one about two photos counts twice."""
    about = samples.photo_of(0, len(samples.rows)).tolist()
    return len({(photo, row.tobytes()) for photo, row in zip(about, samples.rows, strict=True)})
