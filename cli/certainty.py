"""What calibration decided, in words, at the end of a training and of an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LITTLE = 0.05  # of the questions; who answers fewer is of no use to anybody


def certainty_lines(record: Mapping[str, Any]) -> list[str]:
    """What a model's calibration record means for those who ask it, and what to do where it answers next to nothing."""
    if "answered" not in record:
        return []
    answered, questions = record["answered"], record["questions"]
    if answered["coverage"]:
        lines = [
            f"Of {questions} validation questions it answers {answered['coverage']:.1%}, of these "
            f"{answered['risk']:.1%} wrongly; of the others it says that it is not sure."
        ]
    else:
        lines = [f"Of {questions} validation questions it answers none; of all it says that it is not sure."]
    if answered["coverage"] < _LITTLE:
        lines.append(
            f"It is not right often enough for at most {record['max_risk']:.1%} wrong answers. "
            "Train on more data; or allow more wrong answers: the same asksight train command with a larger --max-risk "
            "calibrates again and trains nothing anew."
        )
    return lines
