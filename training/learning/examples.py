"""A data set as arrays that training reads: photos once each, questions as rows, answers as numbers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.ext import WordTable

from ..datasets import Dataset, DatasetError
from ..datasets.bad_entries import BadEntries
from .runs import write_json

Read = Callable[[Path], NDArray[np.uint8]]  # a photo file → [side, side, 3]
_NOTED = 512  # photos decoded, before it is noted how far that is
UNKNOWN = "<unknown 0>"  # holds a blank, so that no token can be this word


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Question i is about photo `photo_of[i]` of `photos`; `answers[i]` is -1 where it is not among the answers."""

    photos: NDArray[np.uint8]  # [P, side, side, 3], memory-mapped
    rows: NDArray[np.int32]  # [N, T], 0 where padded
    lengths: NDArray[np.int32]  # [N]
    answers: NDArray[np.int32]  # [N]
    photo_of: NDArray[np.int32]  # [N]
    questions: tuple[str, ...]  # [N]
    families: tuple[str, ...]  # [N]
    image_ids: tuple[int, ...]  # [P]
    paths: tuple[str, ...]  # [P]
    cells: NDArray[np.uint8]  # [P, h, w, L]: what stands where; L is 0 where that is not known


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some photos and some questions about each; `photo_of` counts within the batch."""

    photos: NDArray[np.uint8]
    rows: NDArray[np.int32]
    lengths: NDArray[np.int32]
    answers: NDArray[np.int32]
    photo_of: NDArray[np.int32]
    cells: NDArray[np.uint8]


def choose_words(questions: Sequence[str], *, min_count: int = 5) -> tuple[str, ...]:
    """The tokens used at least `min_count` times, most frequent first, and the row that all others share."""
    speller = word_table((UNKNOWN,))
    counts = Counter(token for question in questions for token in speller.tokens(question))
    known = sorted((w for w, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w))
    return (*known, UNKNOWN)


def choose_answers(answers: Sequence[str], *, top: int | None = None, min_count: int = 1) -> tuple[str, ...]:
    """The commonest answers, most frequent first."""
    counts = Counter(answers)
    known = sorted((a for a, n in counts.items() if n >= min_count), key=lambda a: (-counts[a], a))
    return tuple(known[:top])


def word_table(words: Sequence[str], *, limit: int = 30) -> WordTable:
    """The same tokens and rows as in serving; the vectors are left to the model."""
    return WordTable(words, np.zeros((len(words), 1), np.float32), limit=limit, unknown_rows=1)


def load_examples(
    dataset: Dataset,
    *,
    words: Sequence[str],
    answers: Sequence[str],
    max_tokens: int,
    side: int,
    cache: Path,
    read: Read,
    version: str = "",
    problems: BadEntries | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Examples:
    """Read a data set; photos are decoded once, into the file `cache`, and mapped from there ever after.

    With another `version`, a fingerprint of the photos, they are decoded anew. `progress` is told how many are decoded,
    of how many, and not called where all were decoded before. Questions about photos that cannot be read are left out
    and met by `problems`; without these, DatasetError is raised, naming the first of them.
    """
    places = {image_id: p for p, image_id in enumerate(dict.fromkeys(dataset.image_ids))}
    paths = [str(dataset.photo(image_id)) for image_id in places]
    photos, faults = _decoded(
        {"side": side, "version": version, "paths": paths}, cache=cache, read=read, progress=progress
    )
    own = BadEntries()
    for fault in faults.values():
        (problems or own).meet("bad photo", fault)
    own.check()
    if faults:
        asked = enumerate(dataset.image_ids)
        dataset = dataset.only([row for row, image_id in asked if str(places[image_id]) not in faults])
    rows, lengths = word_table(words, limit=max_tokens).rows(dataset.questions)
    number = {answer: i for i, answer in enumerate(answers)}
    return Examples(
        photos=photos,
        rows=np.maximum(rows, 0),
        lengths=lengths,
        answers=np.array([number.get(a, -1) for a in dataset.answers_modal], np.int32),
        photo_of=np.array([places[image_id] for image_id in dataset.image_ids], np.int32),
        questions=tuple(dataset.questions),
        families=tuple(dataset.question_types),
        image_ids=tuple(places),
        paths=tuple(paths),
        cells=np.zeros((len(places), 0, 0, 0), np.uint8),
    )


def _decoded(
    key: dict[str, Any], *, cache: Path, read: Read, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.uint8], dict[str, str]]:
    """All photos of `key` as one memory-mapped array; made under another name first, so that no half cache is taken.

    With it, by their places in decimals, what is wrong with those that cannot be read, which are black. Stopped, it
    goes on after the last that were noted down.
    """
    listed, unfinished = cache.with_suffix(".json"), cache.with_suffix(".part.npy")
    noted = unfinished.with_suffix(".json")
    paths, side = key["paths"], key["side"]
    there = _json_of(listed)
    if cache.exists() and {name: there.get(name) for name in key} == key:
        return np.load(cache, mmap_mode="r"), there["faults"]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    begun = _json_of(noted)
    goes_on = unfinished.exists() and begun.get("key") == digest
    first: int = begun["done"] if goes_on else 0
    faults: dict[str, str] = begun["faults"] if goes_on else {}
    shape = (len(paths), side, side, 3)
    photos = np.lib.format.open_memmap(unfinished, "r+" if first else "w+", np.uint8, shape)

    def place(i: int) -> None:
        try:
            photos[i] = read(Path(paths[i]))
        except DatasetError as error:
            faults[str(i)] = str(error)

    with ThreadPoolExecutor() as pool:
        for start in range(first, len(paths), _NOTED):
            end = min(start + _NOTED, len(paths))
            for done, _ in enumerate(pool.map(place, range(start, end)), start=start + 1):
                progress(done, len(paths))
            photos.flush()
            write_json(noted, {"key": digest, "done": end, "faults": faults})
    cache.unlink(missing_ok=True)  # before it is said that it is of these photos
    write_json(listed, key | {"faults": faults})
    unfinished.rename(cache)
    noted.unlink(missing_ok=True)
    return np.load(cache, mmap_mode="r"), faults


def _json_of(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else {}


class Batches:
    """Endless training batches, the same for the same seed; an epoch shows every photo once."""

    def __init__(
        self,
        examples: Examples,
        *,
        photos: int,
        questions: int,
        unknown_row: int,
        word_dropout: float,
        seed: int,
    ) -> None:
        self.examples = examples
        self.photos, self.questions, self.seed = photos, questions, seed
        self.unknown_row, self.word_dropout = unknown_row, word_dropout
        usable = np.flatnonzero(examples.answers >= 0)
        usable = usable[np.argsort(examples.photo_of[usable], kind="stable")]
        asked, starts = np.unique(examples.photo_of[usable], return_index=True)
        self.asked = asked  # photos with at least one usable question
        self.of_photo = np.split(usable, starts[1:])

    @property
    def steps_per_epoch(self) -> int:
        return max(1, len(self.asked) // self.photos)

    def from_step(self, step: int) -> Iterator[Batch]:
        """Batches number `step` and on, so that a resumed run sees what the stopped one would have seen."""
        while True:
            epoch, within = divmod(step, self.steps_per_epoch)
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self.asked))
            for at in range(within, self.steps_per_epoch):
                yield self._batch(order[at * self.photos : (at + 1) * self.photos], [self.seed, epoch, at])
                step += 1

    def _batch(self, chosen: NDArray[np.intp], seed: list[int]) -> Batch:
        random = np.random.default_rng([*seed, 1])
        examples = self.examples
        picked = [random.permutation(self.of_photo[p])[: self.questions] for p in chosen]
        questions = np.concatenate(picked)
        lengths = examples.lengths[questions]
        rows = examples.rows[questions, : max(1, int(lengths.max()))]
        dropped = random.random(rows.shape) < self.word_dropout  # so that the unknown row is learned too
        places = np.sort(self.asked[chosen])  # in file order, which the memory map likes
        back = np.searchsorted(places, self.asked[chosen])
        return Batch(
            photos=examples.photos[places],
            rows=np.where(dropped, self.unknown_row, rows).astype(np.int32),
            lengths=lengths,
            answers=examples.answers[questions],
            photo_of=np.repeat(back, [len(p) for p in picked]).astype(np.int32),
            cells=examples.cells[places],
        )


def in_photo_order(examples: Examples, *, photos: int) -> Iterator[tuple[NDArray[np.intp], Batch]]:
    """Every question once, `photos` photos a batch, for measuring; with each batch the questions' numbers."""
    order: NDArray[Any] = np.argsort(examples.photo_of, kind="stable")
    bounds = np.searchsorted(examples.photo_of[order], np.arange(0, len(examples.photos) + photos, photos))
    for start, end, first in zip(
        bounds[:-1], bounds[1:], range(0, len(examples.photos), photos), strict=False
    ):
        chosen = order[start:end]
        if len(chosen):
            yield (
                chosen,
                Batch(
                    photos=examples.photos[first : first + photos],
                    rows=examples.rows[chosen],
                    lengths=examples.lengths[chosen],
                    answers=examples.answers[chosen],
                    photo_of=examples.photo_of[chosen] - np.int32(first),
                    cells=examples.cells[first : first + photos],
                ),
            )
