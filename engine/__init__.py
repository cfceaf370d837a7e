"""Arrays in, arrays out: engines and the bundle on disk."""

from .base import Arrays, Engine, EngineSpec, TensorSpec
from .bundle import Bundle, Calibration, load_bundle, write_bundle
from .errors import BundleError, EngineError, EngineLostError
from .runtimes.fake import FakeEngine

__all__ = [
    "Arrays",
    "Bundle",
    "BundleError",
    "Calibration",
    "Engine",
    "EngineError",
    "EngineLostError",
    "EngineSpec",
    "FakeEngine",
    "TensorSpec",
    "load_bundle",
    "write_bundle",
]
