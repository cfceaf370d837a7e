"""What a question wants to be read, and the part of the text that is it: pure.

Questions are English, as those of skills.toml; what is written may be in any language of the recogniser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from .found import Line

Rows = Sequence[Sequence[Line]]


class Wanted(StrEnum):
    """What is to be read."""

    ALL = "all"
    LARGEST = "largest"  # the largest line
    PRICE = "price"
    EXPIRY = "expiry"  # a date by which something should be used
    DATE = "date"
    NUMBER = "number"


class Request(NamedTuple):
    """What a question asks for."""

    what: Wanted
    word: str = ""  # that it stands beside: a number's, as in "room", or what has the price, as in "milk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of the text, and the lines that it stands in."""

    text: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """What may be meant, likeliest first."""

    parts: tuple[Part, ...]
    plain: bool  # whether the first is meant, and not another one
    only: bool = False  # plain because there is no other: nothing beside it says what it is


# The first that matches counts.
QUESTIONS = (
    (
        Wanted.EXPIRY,
        r"\b(?:expiry|expiration|use[- ]by|best[- ]before|best[- ]by|sell[- ]by)\b"
        r"|\bwhen (?:does|do|did|will|should)\b.{0,40}\b(?:expire|go off|go bad)\b",
    ),
    (
        Wanted.PRICE,
        r"\bprices?\b|\bhow much (?:does|do|did|would|will)\b.{1,40}\bcosts?\b"
        r"|\bhow much (?:is|are|was) (?:it|this|that|they|these|those|the \w+)\s*[?.!]*$"
        r"|\bwhat(?:'s| is| was) the (?:total|sum|amount)\b|\bwhat (?:does|do|did) .{1,40}\bcosts?\b",
    ),
    (
        Wanted.DATE,
        r"\b(?:what|which)(?:'s| is| are| was)? (?:the )?dates?\b(?!.{0,40}\btaken\b)"
        r"|\b(?:read|tell me) the date\b",
    ),
    (
        Wanted.NUMBER,
        r"\b(?P<word>phone|telephone|room|house|door|bus|tram|train|line|platform|gate|seat|flight|track|model|serial|order"
        r"|tracking|account|licen[cs]e|plate|registration|page|floor|apartment|flat) numbers?\b"
        r"|\b(?:what|which) numbers? (?:is|are|stands?) (?:on|in|written|printed|shown)\b"
        r"|\b(?:read|tell me) the numbers?\b",
    ),
    (
        Wanted.LARGEST,
        r"\b(?:largest|biggest|big|large) (?:line|text|words?|letters|print|writing)\b|\bhead(?:line|ing)s?\b"
        r"|\b(?:title|name) of (?:this|the) (?:book|magazine|article|song|newspaper|film|movie|shop|store)\b",
    ),
)
# What has the price, where it is named: not "this", nor what stands for all of it.
PRICED = re.compile(
    r"\b(?:how much (?:does|do|did|would|will|is|are|was)|what (?:does|do|did)|prices? (?:of|for)) "
    r"(?!(?:the )?(?:it|this|that|these|those|they|all|everything|whole|things?|items?|products?|total|sum|amount|bill)"
    r"\b)"
    r"(?:(?:the|an?|one) )?(?P<thing>\w[\w' -]{0,38}?)(?: costs?)?[ ?.!]*$"
)
# Of all that is written, what cannot be told from the rest here.
PART_OF_ALL = re.compile(
    r"\b(?:first|second|third|fourth|fifth|last|next|top|bottom|upper|lower|middle) (?:lines?|rows?|words?|sentences?"
    r"|paragraphs?|letters?)\b|\b(?:written|printed) in (?:red|green|blue|yellow|orange|black|white|bold|small)\b"
)
A_PART = "part"
THE_TOTAL = "total"
TOTAL = re.compile(
    r"\b(?:total|(?<!dim )sum|summe|gesamt|amount due|to pay|zu zahlen|importe)\b(?! items)", re.I
)
PART_OF_IT = re.compile(r"sub-? ?total|zwischen|\bsav(?:ed|ings?)\b", re.I)
# What is taken off a price or comes on top of it.
NO_PRICE = re.compile(r"\bsav(?:e|ed|ings?)\b|\boff\b|discount|rabatt|\bdeposit|pfand", re.I)
USE_BY = re.compile(
    r"\b(?:use[ -]?by|best[ -]?before|best[ -]?by|sell[ -]?by|expir\w*|exp\b|bbe?\b|mindestens haltbar|mhd|cad\b"
    r"|caduca)",
    re.I,
)
MADE = re.compile(
    r"\b(?:packe?d|packaged|produced|production|prod|mfg|mfd|manufactur\w*|made|hergestellt|abgepackt)\b",
    re.I,
)
LOT = re.compile(r"\b(?:lot|batch|charge)\b", re.I)
_IN_GROUPS = r"\d{1,3}(?:[ '’]\d{3})+[.,]\d{2}"  # as in 1 234,50
_UNIT = r"(?:%|(?:[kmµ]?g|[mcd]?l|[mck]?m|oz|lbs?|fl|kcal|kj|am|pm|uhr|vol)\b)"
PRICE = re.compile(
    rf"(?:€|\$|£|¥|₹|\bEUR|\bUSD|\bGBP|\bCHF|\bRs\.?) ?(?:{_IN_GROUPS}|\d+(?:[.,]\d{{3}})*(?:[.,]\d{{1,2}})?)(?!\d)"
    rf"|(?<![\d.,/:-])(?:{_IN_GROUPS}|\d+(?:[.,]\d{{3}})*[.,]\d{{2}})(?![\d.,/:%-])(?! ?{_UNIT})"
    r" ?(?:€|EUR\b|USD\b|GBP\b|CHF\b)?"
    r"|(?<![\d.,/:-])\d+ ?(?:€|EUR\b|USD\b|GBP\b|CHF\b)",
    re.I,
)
_MONTH = (  # the whole word, lest "Marmalade 50" be a date
    r"(?<![a-z])(?:jan(?:uary?)?|feb(?:ruary?)?|mar(?:ch|zo)?|apr(?:il)?|may|jun(?:e|io?)?|jul(?:y|io?)?|aug(?:ust)?"
    r"|sep(?:t|tember|tiembre)?|oct(?:ober|ubre)?|nov(?:ember|iembre)?|dec(?:ember)?)(?![a-z])\.?"
)
DATE = re.compile(
    r"\d{4}[-./]\d{1,2}[-./]\d{1,2}(?!\d)"
    r"|(?<!\d)(?<!\d[-./])\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})(?!\d|[-./]\d)"
    r"|(?<!\d)(?<!\d[-./ ])\d{1,2}[-./ ]\d{1,2}[-./ ](?:\d{4}|\d{2})(?!\d|[-./ ]\d)"  # no part of 06 12 34 56 78
    rf"|(?<!\d)\d{{1,2}}[ .-]?{_MONTH}[ .,-]*(?:\d{{4}}|\d{{2}})(?!\d)|{_MONTH} ?\d{{1,2}},? ?\d{{4}}(?!\d)"
    rf"|{_MONTH}[ .-]*(?:\d{{4}}|\d{{2}})(?!\d)|(?<![\d./-])(?:0?[1-9]|1[0-2])/(?:\d{{4}}|\d{{2}})(?![\d/])",
    re.I,
)
NUMBER = re.compile(r"(?<!\w)[+(]?\d[\d ()/.-]*\d\w?(?!\w)|(?<!\w)\w?\d+\w?(?!\w)")
PHONE = ("phone", "telephone")
PHONE_DIGITS = 6  # at least
ADJACENT = 1.8  # of the larger line, by which the ends of two adjacent ones differ at most
CLEARLY_LARGER = 1.3  # than any other, is what is meant where several are there


@lru_cache(maxsize=1024)
def asked_to_read(question: str, *, to_read: bool) -> Request | None:
    """What the question wants to be read, None where it wants nothing read; `to_read`: it asks for reading at least."""
    text = " ".join(question.lower().replace("’", "'").split())
    for what, pattern in QUESTIONS:
        if match := re.search(pattern, text):
            return Request(what, _word(what, match, text))
    return Request(Wanted.ALL, A_PART if PART_OF_ALL.search(text) else "") if to_read else None


def _word(what: Wanted, match: re.Match[str], text: str) -> str:
    if what is Wanted.PRICE:
        thing = PRICED.search(text)
        return thing["thing"] if thing else THE_TOTAL if TOTAL.search(text) else ""
    return match["word"] or "" if what is Wanted.NUMBER else ""


def cut(request: Request, rows: Rows) -> Cut:
    """The part of the text that is wanted; no parts where there is none."""
    if request.what is Wanted.NUMBER:
        return _number(rows, request.word)
    if request.what is Wanted.PRICE:
        return _price(rows, request.word)
    found = _CUTS[request.what](rows)
    return found if request.word != A_PART else replace(found, plain=found.plain and len(rows) == 1)


def _all(rows: Rows) -> Cut:
    if not rows:
        return Cut(parts=(), plain=False)
    lines = tuple(line for row in rows for line in row)
    return Cut(parts=(Part(text=", ".join(_text(row) for row in rows), lines=lines),), plain=True)


def _largest(rows: Rows) -> Cut:
    ranked = sorted(rows, key=lambda row: -max(line.height_px for line in row))
    parts = tuple(Part(text=_text(row), lines=tuple(row)) for row in ranked[:2])
    return Cut(parts=parts, plain=_stands_out(parts))


def _price(rows: Rows, thing: str) -> Cut:
    """The only price; else that beside the thing where one is named, or the total, or the one in larger print."""
    prices = [part for row in rows for part in _matches(PRICE, row)]
    if thing not in ("", THE_TOTAL) and len(_different(prices)) > 1:
        beside = [part for row in rows if _beside(thing, row) for part in _matches(PRICE, row)]
        others = [part for part in prices if part not in beside]
        return Cut(parts=tuple(_different(beside) + _different(others)), plain=len(_different(beside)) == 1)
    rows_of_totals = [row for row in reversed(rows) if _is_total(_text(row))]
    totals = _different([part for row in rows_of_totals for part in _matches(PRICE, row)])
    if totals:
        return Cut(parts=tuple(totals), plain=len(totals) == 1)
    found = _single(prices)
    no_total = rows_of_totals or thing == THE_TOTAL  # it is not there, or without its price
    taken_off = found.parts and any(NO_PRICE.search(_text(r)) for r in rows if found.parts[0].lines[0] in r)
    return Cut(parts=found.parts, plain=found.plain and not taken_off and not no_total, only=True)


def _beside(word: str, row: Sequence[Line]) -> bool:
    return bool(re.search(rf"\b{re.escape(word)}", _text(row).lower()))


def _is_total(text: str) -> bool:
    return bool(TOTAL.search(text)) and not PART_OF_IT.search(text)


def _expiry(rows: Rows) -> Cut:
    for place, row in enumerate(rows):
        if USE_BY.search(_text(row)):
            for near in rows[place : place + 2]:  # beside the words, or below them
                if dates := _different(_matches(DATE, near)):
                    # As in "Best before: see lid", "Packed 12.03.2027".
                    made = bool(MADE.search(_text(near))) or (
                        near is not row and bool(LOT.search(_text(near)))
                    )
                    return Cut(parts=tuple(dates), plain=len(dates) == 1 and not made)
    found = _date(rows)
    return Cut(parts=found.parts, plain=False)  # a date, but nobody says that it is this one


def _date(rows: Rows) -> Cut:
    dates = [part for row in rows for part in _matches(DATE, row)]
    return Cut(parts=tuple(_different(dates)), plain=len(_different(dates)) == 1, only=True)


def _number(rows: Rows, word: str) -> Cut:
    """A number that is no price and no date; beside the word where that is written, as in "Room 12"."""
    beside = [row for row in rows if word and _beside(word, row)]
    if len(beside) == 1 and (below := _below(rows, rows.index(beside[0]), word)):
        return Cut(parts=(below,), plain=True)
    numbers = [part for row in beside for part in _numbers(row)]
    numbers = numbers or [part for row in rows for part in _numbers(row)]
    if word in PHONE:
        numbers = [part for part in numbers if sum(map(str.isdigit, part.text)) >= PHONE_DIGITS]
    found = _single(numbers)
    # Its number may be below: "GATE", "22", "Gate closes 9 min before". And "Est. 1998" is no room's, "214" may be.
    headed = any(not _numbers(row) for row in beside)
    another = bool(word and not beside and word not in PHONE) and any(
        part.text != part.lines[0].text.strip() for part in numbers
    )
    return Cut(parts=found.parts, plain=found.plain and not headed and not another, only=not beside)


def _below(rows: Rows, place: int, word: str) -> Part | None:
    """The number right below a row that is the word alone, as in "GATE", "B22"; None where another may be meant."""
    near = [rows[at] if 0 <= at < len(rows) else () for at in (place - 1, place, place + 1, place + 2)]
    alone = [numbers[0] if len(numbers := _numbers(row)) == 1 and _text(row).strip() == numbers[0].text else None
             for row in near]  # fmt: skip
    above, _, below, further = alone
    head = near[1]
    if len(head) != 1 or not re.fullmatch(rf"{re.escape(word)}\W*", _text(head).strip().lower()):
        return None
    if below is None or above is not None or further is not None:  # a column of them is a table's
        return None
    upper, lower = head[0], below.lines[0]
    high = max(upper.bottom - upper.top, lower.bottom - lower.top)
    overlaps = lower.left < upper.right and upper.left < lower.right
    if (
        upper.on_side
        or lower.on_side
        or not overlaps
        or not 0 <= lower.bottom - upper.bottom <= ADJACENT * high
    ):
        return None
    return Part(text=below.text, lines=(lower, upper))


def _numbers(row: Sequence[Line]) -> list[Part]:
    others = [part.text for pattern in (DATE, PRICE) for part in _matches(pattern, row)]
    return [
        part
        for part in _matches(NUMBER, row)
        if not any(part.text in other or other in part.text for other in others)
    ]


def _single(parts: Sequence[Part]) -> Cut:
    """The only one, or the one that stands out; else all of them, and none is meant plainly."""
    ranked = sorted(_different(parts), key=lambda part: -_height(part))
    return Cut(parts=tuple(ranked), plain=len(ranked) == 1 or _stands_out(ranked))


def _different(parts: Sequence[Part]) -> list[Part]:
    return list({part.text: part for part in reversed(parts)}.values())[::-1]


def _stands_out(ranked: Sequence[Part]) -> bool:
    return len(ranked) == 1 or (len(ranked) > 1 and _height(ranked[0]) >= CLEARLY_LARGER * _height(ranked[1]))


def _height(part: Part) -> float:
    return max(line.height_px for line in part.lines)


def _matches(pattern: re.Pattern[str], row: Sequence[Line]) -> list[Part]:
    return [
        Part(text=match.group().strip(" ,.-"), lines=(line,))
        for line in row
        for match in pattern.finditer(line.text)
    ]


def _text(row: Sequence[Line]) -> str:
    return " ".join(line.text for line in row)


_CUTS: dict[Wanted, Callable[[Rows], Cut]] = {
    Wanted.ALL: _all,
    Wanted.LARGEST: _largest,
    Wanted.EXPIRY: _expiry,
    Wanted.DATE: _date,
}
