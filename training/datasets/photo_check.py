"""Which photos of a data set cannot be read, found out before anything is learned from them or measured on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from asksight.engine.cores import available_cores

from ..errors import DatasetError
from .bad_entries import BadEntries
from .dataset import Dataset, Record
from .photo_reader import square_reader

_SIDE = 32  # px: JPEGs are decoded the quicker, and all of their data is read all the same
_AT_A_TIME = 256  # questions


def with_readable_photos(
    records: Iterable[Record], where: Callable[[int], Path], problems: BadEntries
) -> Iterator[Record]:
    """Those about photos that the server would take; each other photo is met once. `where` says where a photo is."""
    read = square_reader(_SIDE)

    def fault(image_id: int) -> str:
        try:
            read(where(image_id))
        except DatasetError as error:
            return str(error)
        return ""

    faults: dict[int, str] = {}
    rest = iter(records)
    with ThreadPoolExecutor(available_cores()) as pool:
        while some := list(islice(rest, _AT_A_TIME)):
            new = [image_id for image_id in dict.fromkeys(r.image_id for r in some) if image_id not in faults]
            for image_id, said in zip(new, pool.map(fault, new), strict=True):
                faults[image_id] = said
                if said:
                    problems.meet("bad photo", said)
            yield from (record for record in some if not faults[record.image_id])


def readable(dataset: Dataset, problems: BadEntries) -> Dataset:
    """The questions of `dataset` about photos that can be read. Raises DatasetError where it knows no photos."""
    good = {record.question_id for record in with_readable_photos(dataset, dataset.photo, problems)}
    return dataset.only([row for row, number in enumerate(dataset.question_ids) if number in good])
