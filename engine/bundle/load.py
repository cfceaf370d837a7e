"""Opening a bundle: everything is checked before anything is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError, refused
from ..graphs.graph import DamagedGraphError, GraphHeader, read_header
from .calibration import Calibration
from .consistency import check_counts, check_graphs
from .files import RESTORE, check_files, file_inside, read_lines
from .manifest import (
    ANSWERS,
    NO_CARD,
    SHORTEST,
    STRETCH,
    TOKENIZER,
    Card,
    Familiar,
    FileRecord,
    Manifest,
    Source,
    Spelling,
    WordPieces,
)
from .parse import parse_manifest

BUILT_IN = {"scenes": Path(__file__).parent.parent / "bundles" / "scenes"}
LARGEST_MANIFEST = 16 << 20  # bytes; ours have a few thousand


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """One answerable model on disk, checked. Immutable; the vectors stay on disk and are read as needed."""

    path: Path
    name: str
    version: str
    architecture: str  # as in "attention"
    image_height: int
    image_width: int
    image_dtype: str  # "uint8" or "float32"
    preprocessing: Mapping[str, Any]  # "resize", "resample", "color_order" and what belongs to them
    feature_shape: tuple[int, ...]  # without the batch: (F,), (n, C) or (h, w, C)
    answers: tuple[str, ...]  # none where they are spelled
    unanswerable: str | None  # the answer that says so, None if the model has none
    vectors: NDArray[Any]  # [V, D] float16 or float32, memory-mapped
    lower: bool
    unknown_rows: int  # 0 where questions are cut to pieces
    max_tokens: int
    calibration: Calibration
    training: Mapping[str, Any]
    files: Mapping[str, FileRecord]
    skills: tuple[str, ...] = ()  # what it claims beyond plain sight, as in "read_text"
    pieces: WordPieces | None = None  # how questions are cut, None: by spaCy's algorithm
    spelling: Spelling | None = None  # how answers are spelled, None: they are listed
    source: Source | None = None  # where the model was published, None: nobody says
    card: Card = NO_CARD
    familiar: Familiar | None = (
        None  # what it knows photos and questions by, familiar.py; None: it says nothing
    )

    @property
    def takes_grid(self) -> bool:
        """Whether pictures have several shapes, so that the encoder is told each one's `grid`."""
        return bool(self.preprocessing["resize"] == SHORTEST)

    @property
    def sees_whole_photos(self) -> bool:
        """Whether a grid of features lies over the whole photo, not over its middle nor over a rim around it."""
        return bool(self.preprocessing["resize"] == STRETCH)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """[V]: words[i] belongs to vectors[i]; read on first use."""
        return read_lines(self.path / "words.txt")

    @property
    def words_text(self) -> bytes:
        """words.txt as it lies: the same words, at a tenth of the memory and time. Read anew each time."""
        return (self.path / "words.txt").read_bytes()

    @property
    def word_table(self) -> dict[str, Any]:
        """What this bundle's table of words, or of their pieces, is made from, by the names of its arguments."""
        said: dict[str, Any] = {
            "words": self.words_text,
            "vectors": self.vectors,
            "limit": self.max_tokens,
            "lower": self.lower,
        }
        if self.pieces is not None:
            return said | asdict(self.pieces)
        return said | {"unknown_rows": self.unknown_rows, "rules": self.tokenizer}

    @cached_property
    def tokenizer(self) -> str | None:
        """The text of tokenizer.json, the rules that cut a question; None means spaCy 3.8's English."""
        if TOKENIZER not in self.files:
            return None
        return (self.path / TOKENIZER).read_bytes().decode()

    @property
    def encoder_path(self) -> Path:
        return self.path / "encoder.onnx"

    @property
    def answerer_path(self) -> Path:
        return self.path / "answerer.onnx"

    def graph_path(self, stage: str) -> Path:
        """The ONNX file of the "encoder" or the "answerer"."""
        return self.path / f"{stage}.onnx"

    def graph_sha256(self, stage: str) -> str:
        """What tells a graph from another: the SHA-256 of its file, or of those of all files where it has several."""
        path = self.graph_path(stage)
        records = [self.files[name].sha256 for name in (path.name, *sorted(_read_graph(path).external_files))]
        return records[0] if len(records) == 1 else hashlib.sha256(" ".join(records).encode()).hexdigest()


def load_bundle(where: str | Path, *, verify: bool = True) -> Bundle:
    """Open the built-in bundle "scenes" or the bundle in a folder.

    `verify` False skips the SHA-256 of each file, nothing else. Raises BundleError, which says which file,
    what was expected, what was found and what to do. Thread-safe.
    """
    root = BUILT_IN.get(str(where), Path(where))
    if (found := _not_a_bundle(root)) is not None:
        advice = f"Give a folder that `asksight export` made, or a built-in bundle: {', '.join(BUILT_IN)}."
        raise refused(root, expected="the folder of a bundle", found=found, advice=advice)
    manifest = _read_manifest(root)
    check_files(root, manifest.files, verify=verify)
    check_graphs(root, manifest, _read_graph(root / "encoder.onnx"), _read_graph(root / "answerer.onnx"))
    vectors = _map_vectors(root / "vectors.npy")
    answers = read_lines(root / ANSWERS) if manifest.spelling is None else ()
    if TOKENIZER in manifest.files:
        _check_json_object(root / TOKENIZER)
    check_counts(root, manifest, vectors.shape, read_lines(root / "words.txt"), answers)
    return Bundle(
        path=root,
        name=manifest.name,
        version=manifest.version,
        architecture=manifest.architecture,
        image_height=manifest.image_height,
        image_width=manifest.image_width,
        image_dtype=manifest.image_dtype,
        preprocessing=manifest.preprocessing,
        feature_shape=manifest.feature_shape,
        answers=answers,
        unanswerable=manifest.unanswerable,
        vectors=vectors,
        lower=manifest.lower,
        unknown_rows=manifest.unknown_rows,
        max_tokens=manifest.max_tokens,
        calibration=manifest.calibration,
        training=manifest.training,
        files=manifest.files,
        skills=manifest.skills,
        pieces=manifest.pieces,
        spelling=manifest.spelling,
        source=manifest.source,
        card=manifest.card,
        familiar=manifest.familiar,
    )


def _not_a_bundle(path: Path) -> str | None:
    """What is there in place of one; None for a folder with some of its files."""
    try:
        if not path.is_dir():
            return "a file" if path.exists() else "nothing"
    except OSError as error:  # no permission, or a name too long
        return str(error)
    some = any((path / name).exists() for name in ("bundle.json", "encoder.onnx"))
    return None if some else "another, such as a run or a data set"


def _read_manifest(root: Path) -> Manifest:
    path = file_inside(root, "bundle.json")
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise refused(path, expected=f"at most {LARGEST_MANIFEST} bytes", found="more", advice=RESTORE)
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise refused(path, expected="UTF-8 text", found=str(error), advice=RESTORE) from error
    return parse_manifest(text, path)


def _check_json_object(path: Path) -> None:
    """What the object says is for the tokenizer to know."""
    expected = "a JSON object of tokenizer rules"
    try:
        tree = json.loads(path.read_bytes().decode())
    except (OSError, ValueError, RecursionError) as error:
        raise refused(path, expected=expected, found=str(error), advice=RESTORE) from error
    if not isinstance(tree, dict):
        raise refused(path, expected=expected, found=f"a {type(tree).__name__}", advice=RESTORE)


def _read_graph(path: Path) -> GraphHeader:
    try:
        return read_header(path)
    except (DamagedGraphError, OSError) as error:
        raise refused(path, expected="an ONNX model", found=str(error), advice=RESTORE) from error


def _map_vectors(path: Path) -> NDArray[Any]:
    expected = "a float16 or float32 array [V, D] in C order"
    try:
        # Unlike np.load it reads .npy only, and refuses Python objects, which would be a pickle.
        vectors: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy's parser of the header raises many kinds on a hostile one
        raise refused(path, expected=expected, found=str(error), advice=RESTORE) from error
    if vectors.dtype not in (np.dtype("<f2"), np.dtype("<f4")) or not vectors.flags.c_contiguous:
        raise refused(path, expected=expected, found=f"{vectors.dtype} {vectors.shape}", advice=RESTORE)
    return vectors


__all__ = ["BUILT_IN", "Bundle", "BundleError", "load_bundle"]
