"""Changing a bundle that is there already: bundle.json, and perhaps a file that it names, in one move each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import BundleError
from .calibration import Calibration
from .familiar import familiarity_of
from .files import record_file
from .load import Bundle, load_bundle
from .manifest import FAMILIAR, Familiar, Manifest, dump_manifest
from .parse import parse_manifest


def rewrite(
    bundle: Bundle, change: Callable[[Manifest], Manifest], files: Mapping[str, bytes] | None = None
) -> Bundle:
    """Write `files`, which bundle.json then names, and a changed bundle.json; open the bundle anew.

    Raises BundleError where it cannot be written, or is no good bundle any more.
    """
    files = files or {}
    where = bundle.path / "bundle.json"
    try:
        manifest = parse_manifest(where.read_text(encoding="utf-8"), where)
        with tempfile.TemporaryDirectory(dir=bundle.path, prefix=".new-") as scratch:
            for name, data in files.items():
                (Path(scratch) / name).write_bytes(data)
            listed = {**manifest.files, **{name: record_file(Path(scratch) / name) for name in files}}
            changed = dump_manifest(change(replace(manifest, files=listed)))
            parse_manifest(changed, where)
            (Path(scratch) / where.name).write_text(changed, encoding="utf-8")
            for name in (*files, where.name):
                (Path(scratch) / name).replace(bundle.path / name)
    except OSError as error:
        raise BundleError(
            f"{bundle.path} cannot be written ({error.strerror}); copy the bundle to a folder of your own first."
        ) from error
    return load_bundle(bundle.path)


def keep_calibration(bundle: Bundle, calibration: Calibration, figures: Mapping[str, object]) -> Bundle:
    """Write what the bundle's scores mean, and the figures that say how well, as its training's `calibration`."""
    return rewrite(
        bundle,
        lambda manifest: replace(
            manifest,
            calibration=calibration,
            training={**manifest.training, "calibration": dict(figures)},
        ),
    )


def keep_familiar(bundle: Bundle, familiar: Familiar, arrays: bytes, figures: Mapping[str, object]) -> Bundle:
    """Write what the bundle knows: `arrays` as familiar.npz, and the figures as its training's `familiar`."""
    changed = rewrite(
        bundle,
        lambda manifest: replace(
            manifest, familiar=familiar, training={**manifest.training, "familiar": dict(figures)}
        ),
        {FAMILIAR: arrays},
    )
    familiarity_of(changed)  # refuses what does not fit
    return changed
