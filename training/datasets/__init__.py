"""Questions with their answers, from the files that VQA data sets come in."""

from __future__ import annotations

from ..errors import DatasetError
from .dataset import Dataset, Record
from .opening import open_dataset

__all__ = ["Dataset", "DatasetError", "Record", "open_dataset"]
