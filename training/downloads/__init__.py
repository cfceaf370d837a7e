"""Published data sets from where their authors keep them: resumed, checked and unpacked."""

from __future__ import annotations

from ..errors import DownloadError
from .catalogue import DATA_SETS, Archive
from .data_set import Downloaded, get

__all__ = ["DATA_SETS", "Archive", "DownloadError", "Downloaded", "get"]
