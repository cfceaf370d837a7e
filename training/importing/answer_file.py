"""A model's answers: a text file of an answer a line, in the order of its scores."""

from __future__ import annotations

from ..errors import ImportSpecError
from .spec import AnswersSpec


def read_answers(spec: AnswersSpec) -> tuple[str, ...]:
    """The answers. Raises ImportSpecError where one is empty or there twice, or the one that says so is missing."""
    try:
        text = spec.file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImportSpecError(f"{spec.file} cannot be read as UTF-8: {error}.") from error
    answers = [line.strip() for line in text.removesuffix("\n").split("\n")]
    if twice := next((one for place, one in enumerate(answers) if not one or one in answers[:place]), None):
        raise ImportSpecError(f"{spec.file} has {twice!r} twice; each answer may be there once.")
    if "" in answers:
        raise ImportSpecError(f"{spec.file} has an empty line; it must have an answer on each.")
    if spec.unanswerable is not None and spec.unanswerable not in answers:
        raise ImportSpecError(
            f"answers.unanswerable is {spec.unanswerable!r}, which {spec.file} does not list."
        )
    return tuple(answers)
