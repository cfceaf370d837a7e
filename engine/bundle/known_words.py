"""How much of a question is about what training never asked: the weight of its words that no known question has.

A word weighs its inverse document frequency, log((1 + N) / (1 + n)) for n of N questions that have it (Spärck Jones,
A statistical interpretation of term specificity, 1972); one that none has weighs most. English words of grammar and
of courtesy say nothing of a topic: where no question has them, they count for nothing. Words are compared as they are
written, in lower case; a plural counts as its singular.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 20_000  # that are kept of a data set, the commonest

# Closed classes, so the list is complete enough. Not in it are "who", "when", "where" and "why", which ask for topics,
# and words that turn an answer round or say of how many it holds, such as "not", "only", "all", "than" and "same".
_FUNCTION = """
    a about after again also am an and another any anything are aren as at be because been before being but by can
    could couldn d did didn do does doesn doing don even ever everything excuse for from further had hadn has hasn have
    haven having he hello help her here hers hey hi him his how however i if in into is isn it its itself just kindly ll
    m may maybe me might mine much must my myself need now of off ok okay on one ones our ours out over own perhaps
    please quite re really s shall she should shouldn so some something sorry still such t thank thanks that the their
    theirs them then there these they this those through to too tell us ve very want was wasn we were weren what
    whatever which while will with within won would wouldn yes you your yours
"""
FUNCTION_WORDS = frozenset(WORD.findall(_FUNCTION))
# "What is this?" is a question of grammar alone, and a good one; "thank you", "of of" and "is it" are none.
ASKING, POINTING = {"what", "which"}, {"here", "it", "that", "there", "these", "they", "this", "those"}
AGAIN_AND_AGAIN = 3  # times one word


def words_of(question: str) -> list[str]:
    """Its runs of letters and digits, in lower case."""
    return WORD.findall(question.lower())


def count_words(questions: Iterable[str]) -> Counter[str]:
    """In how many of the questions each word is."""
    return Counter(word for question in questions for word in set(words_of(question)))


class KnownWords:
    """The words of `questions` questions, and in how many of these each is. Read-only, thread-safe."""

    def __init__(self, counts: Mapping[str, int], questions: int) -> None:
        self._unknown = math.log(1 + questions)
        self._weights = {word: math.log((1 + questions) / (1 + count)) for word, count in counts.items()}

    def __len__(self) -> int:
        return len(self._weights)

    def outside(self, question: str) -> float:
        """The share of the question's weight that lies on words which no known question has, 0 to 1.

        It is 1 where all that is known of the question is grammar, unless it asks what something is, and where it is
        one word again and again.
        """
        inside = outside = 0.0
        known = False
        words = words_of(question)
        different = set(words)
        if len(different) == 1 and len(words) >= AGAIN_AND_AGAIN:
            return 1.0
        for word in different:
            grammar = word in FUNCTION_WORDS
            weight = self._weights.get(word)
            if weight is None and not grammar:
                weight = self._singular(word)
            if weight is not None:
                inside += weight
                known |= not grammar
            elif not grammar:
                outside += self._unknown
        if not outside:
            return 0.0 if known or not words or (different & ASKING and different & POINTING) else 1.0
        return outside / (inside + outside) if known else 1.0

    def _singular(self, word: str) -> float | None:
        """The weight of the word without, or with, the s of a plural."""
        return self._weights.get(word[:-1] if word.endswith("s") else word + "s")
