"""What can go wrong in training, evaluation and export, in words for a person."""

from __future__ import annotations


class TrainingError(Exception):
    """The root: its message is ready for a person."""


class ExportError(TrainingError):
    """A Keras model cannot be written as ONNX, or the ONNX does not answer as Keras does."""


class DatasetError(TrainingError):
    """A data set does not hold what it should; the message names the file and the entry."""


class DownloadError(TrainingError):
    """A data set cannot be brought from where it is published; the message says what to do next."""


class FeatureError(TrainingError):
    """Features cannot be made, or a feature store is not what is needed; the message says what to do."""


class VectorError(TrainingError):
    """Word vectors cannot be read, or do not fit the model; the message names both dimensions."""


class CheckpointError(TrainingError):
    """A published model cannot be read or is another one than was asked for; the message says what was expected."""


class ImportSpecError(TrainingError):
    """A model of somebody's own cannot be imported as its spec says; the message says what was seen and is allowed."""


class ClusterError(TrainingError):
    """Several machines cannot train together: one is not there, or reads other data; the message names it."""
