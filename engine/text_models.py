"""The three graphs that read text, PP-OCR's, as the extra `ocr` installs them: where they lie, and engines of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from .base import Engine
from .errors import EngineError
from .graphs.graph import metadata

PACKAGE = "rapidocr"
INSTALL = "In a copy of AskSight's repository, run: pip install -e '.[ocr]'"


class TextStage(StrEnum):
    """What each graph does."""

    FINDER = "finder"  # a picture → a map of where text is
    TURNER = "turner"  # a line → whether it stands on its head
    LINE_READER = "line_reader"  # a line → its characters


FILES = {
    TextStage.FINDER: "PP-OCRv6_det_small.onnx",
    TextStage.TURNER: "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    TextStage.LINE_READER: "PP-OCRv6_rec_small.onnx",
}
# What the reader's certainty was measured with; with other weights it would be no measure.
SHA256 = {
    TextStage.FINDER: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    TextStage.TURNER: "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    TextStage.LINE_READER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}


@dataclass(frozen=True, kw_only=True)
class TextModels:
    """The graphs of one installation, checked."""

    folder: Path
    characters: tuple[str, ...]  # of the line reader: characters[i] is class i + 1; class 0 is no character

    def path(self, stage: TextStage) -> Path:
        return self.folder / FILES[stage]


def find_text_models() -> TextModels:
    """Look for the package without importing it, which would take 0.6 s. Raises EngineError: what to install."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(f"The reader's models are not installed (no package {PACKAGE}). {INSTALL}")
    folder = Path(spec.submodule_search_locations[0]) / "models"
    for stage, name in FILES.items():
        path = folder / name
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise EngineError(f"{path} cannot be read ({error.strerror}). {INSTALL}") from error
        if found != SHA256[stage]:
            raise EngineError(f"{path} is not the graph that the reader was measured with. {INSTALL}")
    said = metadata(folder / FILES[TextStage.LINE_READER])
    return TextModels(folder=folder, characters=(*said["character"].splitlines(), " "))


def open_text_engine(
    models: TextModels, stage: TextStage, kind: str, *, max_batch: int, threads: int | None
) -> Engine:
    """Open one graph by "openvino", perhaps with a precision, or else by onnxruntime. Raises EngineError."""
    engine, _, precision = kind.partition(":")
    path = models.path(stage)
    if engine == "openvino":
        from .runtimes.openvino_engine import OpenVinoEngine

        # It reads ONNX as it is. Its int8 would want samples of the graphs' training; the turner is too light to gain.
        narrow = narrowest() if stage is not TextStage.TURNER else "float32"
        wanted = precision if precision in ("float32", "bf16") else narrow
        return OpenVinoEngine(path, precision=wanted, max_batch=max_batch, threads=threads)
    from .runtimes.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(path, max_batch=max_batch, threads=threads, alone=False)


def narrowest() -> str:
    """The precision that OpenVINO runs the graphs in here. Raises EngineError where it is missing."""
    from .runtimes.openvino_engine import has_bf16, import_openvino

    import_openvino()
    return "bf16" if has_bf16() else "float32"
