"""What engines and bundles raise; each message is one line that is ready for a person."""

from __future__ import annotations


class EngineError(Exception):
    """An engine cannot be opened, its inputs do not fit its spec, or it failed."""


class EngineLostError(EngineError):
    """What the engine stood on is gone, as a CUDA context after a sticky error: close it and open another."""


class BundleError(Exception):
    """A bundle is refused: the file, what was expected, what was found, what to do."""


def refused(where: object, *, expected: str, found: str, advice: str) -> BundleError:
    """The refusal of one file, or one value in it, in the form that all of them have."""
    text = f"{where}: expected {expected}, found {found}. {advice}"
    return BundleError(" ".join(text.split()))
