"""What is said to the assistant and asks nothing: "the circle is red", "a red circle". Pure.

Models answer it all the same, most with yes or no. English, and narrow: a word that may ask, or a question mark, makes
a question of it, since people leave out much of what they ask.
"""

from __future__ import annotations

import re
from functools import lru_cache

_MARKS = ("?", "¿", "\uff1f", "\u061f")  # the last two are full-width and Arabic
_A_QUESTION = re.compile(
    r"\b(?:what|which|who|whom|whose|where|when|why|how|if|whether|or|tell|say|know|wonder(?:ing)?|guess|any|many|much)\b"
    r"|\b(?:right|correct|true|isn't it|yes)$"  # "The circle is red, right"
)
_SUBJECT = (
    r"(?:the|an?|this|that|these|those|it|he|she|they|there|my|your|his|her|its|our|their|some|all|both|no)"
)
_STATES = re.compile(
    rf"^{_SUBJECT}(?:'s| (?:\w+ ){{0,10}}?(?:is|are|was|were|isn't|aren't|wasn't|weren't|has|have|looks?)) \w"
    r"|^(?:i|we)(?:'m|'ve|'re| (?:can )?see| am| are| have) \w"
)
_NAMES = re.compile(r"^an? (?:\w+ ){0,4}\w+$")
# What somebody who names it wants to be told: "a description of the picture".
_WANTED = re.compile(
    r"\b(?:colou?r|shape|size|number|count|kind|type|name|description|list|summary|caption|question)s?\b"
)


@lru_cache(maxsize=1024)  # as of skills.py
def asks_nothing(question: str) -> bool:
    """Whether the text states or names something, and leaves nothing to be answered."""
    if any(mark in question for mark in _MARKS):
        return False
    text = " ".join(re.sub(r"[.,;:!]", " ", question.lower().replace("’", "'")).split())
    if _A_QUESTION.search(text):
        return False
    return bool(_STATES.match(text) or (_NAMES.match(text) and not _WANTED.search(text)))
