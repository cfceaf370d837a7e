"""Which questions are asked on: not empty, not endless, no control characters; any script, emoji and direction."""

from __future__ import annotations

import unicodedata

from ..errors import InvalidAsk

PASTED_WHITESPACE = "\t\n\r"  # ordinary in pasted text, though Unicode calls it control
# Cc: control. Cs: half a surrogate pair, which is no character and has no UTF-8. Cf, such as the joiners in emoji and
# the marks of right-to-left text, is ordinary.
REFUSED_CATEGORIES = ("Cc", "Cs")
INVISIBLE_CATEGORIES = ("Cf", "Zs", "Zl", "Zp")


def check_question(question: str, *, max_chars: int, field: str = "question") -> None:
    """Raise InvalidAsk, which names the field, where the question cannot be asked."""
    what = "The question" if field == "question" else field
    if len(question) > max_chars:
        raise InvalidAsk(
            f"{what} has {len(question)} characters; at most {max_chars} are read. Ask it shorter.",
            field=field,
        )
    if question.isascii() and question.isprintable() and not question.isspace() and question:
        return  # as nearly all are
    for at, char in enumerate(question):
        if unicodedata.category(char) in REFUSED_CATEGORIES and char not in PASTED_WHITESPACE:
            raise InvalidAsk(
                f"{what} holds U+{ord(char):04X} as its character {at + 1}; control characters and half "
                "surrogates are not read. Remove it.",
                field=field,
            )
    if all(
        char in PASTED_WHITESPACE or unicodedata.category(char) in INVISIBLE_CATEGORIES for char in question
    ):
        raise InvalidAsk(f"{what} is empty; write what you want to know about the photo.", field=field)


def check_previous_answer(answer: str, *, max_chars: int) -> None:
    """Raise InvalidAsk where it is longer than any answer."""
    if len(answer) > max_chars:
        raise InvalidAsk(
            f"previous_answer has {len(answer)} characters; at most {max_chars} are read. Send the answer's label.",
            field="previous_answer",
        )
