"""One page that a person looks at: how a model learned, where it is right, and how far to trust what it says."""

from __future__ import annotations

from .page import Subject, report_page

__all__ = ["Subject", "report_page"]
