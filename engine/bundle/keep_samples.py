"""Putting samples into a bundle that is there already."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from ..errors import BundleError
from .files import record_file
from .load import Bundle, load_bundle
from .manifest import dump_manifest
from .parse import parse_manifest
from .samples import FILE_NAME, Samples, dump_samples, misfit


def keep_samples(bundle: Bundle, samples: Samples) -> Bundle:
    """Write samples.npz and name it in bundle.json; older samples are replaced.

    Raises BundleError where the samples do not fit the bundle, or it cannot be written.
    """
    if (found := misfit(samples, bundle)) is not None:
        raise BundleError(f"These samples do not fit {bundle.path}: {found}.")
    path, manifest_path = bundle.path / FILE_NAME, bundle.path / "bundle.json"
    try:
        manifest = parse_manifest(manifest_path.read_text(encoding="utf-8"), manifest_path)
        with tempfile.TemporaryDirectory(dir=bundle.path, prefix=".samples-") as scratch:
            new, new_manifest = Path(scratch) / path.name, Path(scratch) / manifest_path.name
            new.write_bytes(dump_samples(samples))
            listed = {**manifest.files, FILE_NAME: record_file(new)}
            new_manifest.write_text(dump_manifest(replace(manifest, files=listed)), encoding="utf-8")
            new.replace(path)
            new_manifest.replace(manifest_path)
    except OSError as error:
        raise BundleError(
            f"{bundle.path} cannot be written ({error.strerror}); copy the bundle to a folder of your own first."
        ) from error
    return load_bundle(bundle.path)
