"""Writing a bundle: whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..graphs.graph import DamagedGraphError, GraphHeader, read_header
from ..runtimes.check import shape_text
from .calibration import Calibration
from .familiar import familiarity_of
from .files import file_inside, record_file, write_lines
from .load import Bundle, load_bundle
from .manifest import (
    ANSWERS,
    FAMILIAR,
    GRAPHS,
    NO_CARD,
    TOKENIZER,
    Card,
    Familiar,
    Manifest,
    Source,
    Spelling,
    WordPieces,
    dump_manifest,
    file_names,
)
from .samples import FILE_NAME as SAMPLES
from .samples import Samples, dump_samples, kept_samples
from .trial import try_bundle

TAKEN = ("bundle.json", *file_names(spelled=False), TOKENIZER, SAMPLES, FAMILIAR)


def write_bundle(
    path: str | Path,
    *,
    encoder: Path | bytes,
    answerer: Path | bytes,
    vectors: NDArray[Any],
    words: Sequence[str],
    answers: Sequence[str] = (),
    name: str,
    version: str,
    architecture: str,
    preprocessing: Mapping[str, Any],
    lower: bool = True,
    unknown_rows: int = 1,
    max_tokens: int = 30,
    tokenizer: str | None = None,
    unanswerable: str | None = None,
    calibration: Calibration = Calibration(),  # noqa: B008 - frozen
    training: Mapping[str, Any] | None = None,
    skills: Sequence[str] = (),
    samples: Samples | None = None,
    pieces: WordPieces | None = None,
    spelling: Spelling | None = None,
    source: Source | None = None,
    card: Card = NO_CARD,
    familiar: Familiar | None = None,
    known: bytes = b"",
) -> Bundle:
    """Write a bundle to the folder `path` and open it, which checks all of it; both graphs are run once.

    `encoder` and `answerer` are ONNX models, as files or as the bytes of one. Weights that a file has beside it, as it
    must where they are over 2 GB, are copied under their names; none are read into memory here, and one graph is run at
    a time. `vectors` is [V, D] float16 or float32 for `words`, memory-mapped if you like; `tokenizer` is the text of
    the rules that cut questions into them (asksight.ext.Rules), None spaCy 3.8's English; `pieces` cuts questions to
    pieces of `words` instead, and then `unknown_rows` means nothing. `spelling` says that the answerer spells its
    answers by pieces of `words`, which leaves `answers` empty. `samples` are kept for `asksight compile`; `skills` are
    what the model claims beyond plain sight, as in "read_text". `familiar` is what it knows, with the content of
    familiar.npz as `known`. An older bundle at `path` is replaced, anything else there is left alone. Raises
    BundleError, and then `path` is as it was.
    """
    target = Path(path).absolute()
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        root = Path(scratch) / target.name
        root.mkdir()
        try:
            if bool(answers) == (spelling is not None):
                raise BundleError("The answers are either listed or spelled: give `answers` or `spelling`.")
            encoder_header, *_ = [
                _place(root / graph, given) for graph, given in zip(GRAPHS, (encoder, answerer), strict=True)
            ]
            _check_vectors(vectors)
            np.save(root / "vectors.npy", np.ascontiguousarray(vectors), allow_pickle=False)
            write_lines(root / "words.txt", tuple(words))
            if spelling is None:
                write_lines(root / ANSWERS, tuple(answers))
            if tokenizer is not None:
                (root / TOKENIZER).write_bytes(tokenizer.encode())
            if samples is not None:
                (root / SAMPLES).write_bytes(dump_samples(samples))
            if familiar is not None:
                (root / FAMILIAR).write_bytes(known)
            height, width, image_dtype = _image(encoder_header)
            manifest = Manifest(
                name=name,
                version=version,
                architecture=architecture,
                image_height=height,
                image_width=width,
                image_dtype=image_dtype,
                preprocessing=preprocessing,
                feature_shape=_features(encoder_header),
                dimension=vectors.shape[1],
                words=len(words),
                lower=lower,
                unknown_rows=int(unknown_rows) if pieces is None else 0,
                max_tokens=int(max_tokens),
                answers=len(answers),
                unanswerable=unanswerable,
                calibration=calibration,
                training=training or {},
                skills=tuple(skills),
                files={
                    file.relative_to(root).as_posix(): record_file(file)
                    for file in sorted(root.rglob("*"))
                    if file.is_file()
                },
                pieces=pieces,
                spelling=spelling,
                source=source,
                card=card,
                familiar=familiar,
            )
            (root / "bundle.json").write_bytes(dump_manifest(manifest).encode())
            written = load_bundle(root, verify=False)  # the hashes are a moment old
            kept_samples(written)  # refuses those that do not fit the graphs
            familiarity_of(written)  # likewise
            try_bundle(written)
        except BundleError as error:
            raise BundleError(str(error).replace(f"{root}/", "")) from error
        except (OSError, ValueError) as error:
            raise BundleError(f"The bundle {target} cannot be written: {error}") from error
        _put_in_place(root, target, Path(scratch) / "replaced")
    return load_bundle(target, verify=False)


def check_target(target: Path) -> None:
    """Raises BundleError where `write_bundle` would not write."""
    if target.is_dir() and not (target / "bundle.json").exists() and any(target.iterdir()):
        raise BundleError(f"{target} holds other things than a bundle; give an empty or a new folder.")
    if target.exists() and not target.is_dir():
        raise BundleError(f"{target} is a file; give a folder for the bundle.")


def _put_in_place(new: Path, target: Path, old: Path) -> None:
    if target.is_dir():
        target.rename(old)
    try:
        new.rename(target)
    except OSError as error:
        if old.exists():
            old.rename(target)
        raise BundleError(f"The bundle {target} cannot be put in place: {error}") from error


def _check_vectors(vectors: NDArray[Any]) -> None:
    if vectors.dtype not in (np.dtype(np.float16), np.dtype(np.float32)) or vectors.ndim != 2:
        found = f"{vectors.dtype} {shape_text(vectors.shape)}"
        raise BundleError(f"vectors.npy: expected float16 or float32 [V, D], found {found}.")
    if not np.isfinite(vectors).all():
        raise BundleError("vectors.npy: the vectors hold NaN or infinity; all must be finite.")


def _place(path: Path, graph: Path | bytes) -> GraphHeader:
    """Put a graph, and what it has beside it, into the bundle's folder."""
    if isinstance(graph, bytes):
        path.write_bytes(graph)
    else:
        shutil.copyfile(graph, path)
    try:
        header = read_header(path)
    except DamagedGraphError as error:
        raise BundleError(f"{path.name}: expected an ONNX model, found {error}.") from error
    for name in sorted(header.external_files):
        if isinstance(graph, bytes):
            raise BundleError(
                f"{path.name}: expected weights inside it, found weights in {name!r}. Give the graph as a file."
            )
        beside, target = file_inside(graph.parent, name), path.parent / name
        if target.exists() or name in TAKEN:
            raise BundleError(
                f"{path.name}: expected weights in a file of its own, found {name!r}, which is another file's name. "
                "Save the graph's weights under one that no other file of a bundle has."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(beside, target)
    return header


def _image(encoder: GraphHeader) -> tuple[int, int, str]:
    for tensor in encoder.inputs:
        match tensor.shape:
            case (None, int(height), int(width), 3) if tensor.name == "image":
                return height, width, tensor.dtype.name
    raise BundleError(
        "encoder.onnx: it must take image [N, H, W, 3] with N free and H, W fixed; export it so."
    )


def _features(encoder: GraphHeader) -> tuple[int, ...]:
    for tensor in encoder.outputs:
        fixed = tuple(size for size in tensor.shape[1:] if size is not None)
        if tensor.name == "features" and 1 <= len(fixed) <= 3 and len(fixed) == len(tensor.shape) - 1:
            return fixed
    raise BundleError(
        "encoder.onnx: it must give features [N, F], [N, n, C] or [N, h, w, C] with only N free; export it so."
    )
