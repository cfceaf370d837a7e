"""sidecar.json, written beside a built engine: its source graph, machine and settings, and how it compared.

A plan is a folder `<stage>.<engine>.<precision>.<fingerprint>` in the bundle's `engines`, with `sidecar.json` in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..bundle.files import record_file
from ..bundle.manifest import FileRecord

SCHEMA = 1
FOLDER = "engines"
SIDECAR = "sidecar.json"
STAGES = ("encoder", "answerer")


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """One plan. Rows are photos for the encoder and questions for the answerer."""

    stage: str
    engine: str
    precision: str
    machine: Mapping[str, str]
    graph_sha256: str  # of the ONNX file it was built from
    files: Mapping[str, FileRecord]
    max_batch: int  # what it was built and measured for; not every engine is bound to it
    build_s: float
    latency_ms: float  # of a batch of one
    best_batch: int
    best_latency_ms: float
    rows_per_s: float  # at the best batch
    reference_rows_per_s: float  # of onnxruntime float32, in the same minute
    largest_error: float  # relative to the largest number of float32
    agreement: float  # share of samples with the same best answer as float32
    samples: int
    kept_float32: tuple[str, ...] = ()  # layers, by name

    @property
    def bytes(self) -> int:
        return sum(record.bytes for record in self.files.values())


class DamagedSidecarError(ValueError):
    """sidecar.json is not one of this version's."""


def dump_sidecar(sidecar: Sidecar) -> str:
    """sidecar.json's text."""
    return json.dumps({"schema": SCHEMA, **asdict(sidecar)}, indent=2) + "\n"


def parse_sidecar(text: str) -> Sidecar:
    """Raises DamagedSidecarError."""
    try:
        tree = json.loads(text)
        if tree.pop("schema") != SCHEMA:
            raise DamagedSidecarError("it was written by another version of AskSight")
        known = {field.name for field in fields(Sidecar)}
        tree["files"] = {name: FileRecord(**record) for name, record in tree["files"].items()}
        tree["machine"] = {str(key): str(value) for key, value in tree["machine"].items()}
        tree["kept_float32"] = tuple(tree["kept_float32"])
        if set(tree) != known:
            raise DamagedSidecarError("its keys are not those of this version")
        sidecar = Sidecar(**tree)
        for name in ("agreement", "rows_per_s", "reference_rows_per_s", "largest_error"):
            float(getattr(sidecar, name))
    except DamagedSidecarError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedSidecarError(f"it cannot be read ({error})") from error
    return sidecar


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan's folder, with its sidecar or why that cannot be used."""

    path: Path
    sidecar: Sidecar | None
    damage: str | None = None


def plans(bundle: Path, stage: str) -> Iterator[Plan]:
    """The plans of a stage that lie in a bundle, in order of name; nothing of their content is checked."""
    folder = bundle / FOLDER
    for path in sorted(folder.glob(f"{stage}.*")) if folder.is_dir() else ():
        if not path.is_dir():
            continue
        try:
            yield Plan(path=path, sidecar=parse_sidecar((path / SIDECAR).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, DamagedSidecarError) as error:
            yield Plan(path=path, sidecar=None, damage=f"{SIDECAR}: {error}")


def mismatch(sidecar: Sidecar, *, machine: Mapping[str, str], graph_sha256: str) -> str | None:
    """Why a plan does not fit here, None where it does. Pure."""
    if sidecar.graph_sha256 != graph_sha256:
        return "it was built from another ONNX file"
    for key in sorted({*machine, *sidecar.machine}):
        built, here = sidecar.machine.get(key, "none"), machine.get(key, "none")
        if built != here:
            return f"it was built with {key} {built!r}, and here it is {here!r}"
    return None


def damaged_file(path: Path, sidecar: Sidecar) -> str | None:
    """Which of a plan's files is missing, cut short or altered; None where all are as they were built."""
    for name, record in sidecar.files.items():
        file = path / name
        try:
            found = file.stat().st_size
            if found != record.bytes:
                return f"{name} has {found} bytes of {record.bytes}: it was cut short or altered"
            if record_file(file) != record:
                return f"{name} was altered"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return None
