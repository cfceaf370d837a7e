"""Putting samples into a bundle that is there already."""

from __future__ import annotations

from ..errors import BundleError
from .load import Bundle
from .rewrite import rewrite
from .samples import FILE_NAME, Samples, dump_samples, misfit


def keep_samples(bundle: Bundle, samples: Samples) -> Bundle:
    """Write samples.npz and name it in bundle.json; older samples are replaced.

    Raises BundleError where the samples do not fit the bundle, or it cannot be written.
    """
    if (found := misfit(samples, bundle)) is not None:
        raise BundleError(f"These samples do not fit {bundle.path}: {found}.")
    return rewrite(bundle, lambda manifest: manifest, {FILE_NAME: dump_samples(samples)})
