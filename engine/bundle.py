"""The bundle: one answerable model in a folder, the same on every machine (docs/bundle.md)."""

from .bundle_load import BUILT_IN, Bundle, load_bundle
from .bundle_write import write_bundle
from .errors import BundleError
from .manifest import Calibration, FileRecord

__all__ = ["BUILT_IN", "Bundle", "BundleError", "Calibration", "FileRecord", "load_bundle", "write_bundle"]
