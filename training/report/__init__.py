"""An HTML page about a model: its training, its accuracy, and how reliable its probabilities are."""

from __future__ import annotations

from .page import Subject, report_page

__all__ = ["Subject", "report_page"]
