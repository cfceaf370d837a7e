"""The response to an ask for text: what of it is wanted, whether it may be said, and a sentence to be spoken."""

from __future__ import annotations

import time

from asksight.v1 import vqa_pb2

from ..asks import Ask
from ..core.model import DEFAULT_TOP_K
from ..observer import Observer, Stage
from ..reply.spoken import PhotoIssue, language
from ..reply.wire_names import PHOTO_ISSUE_KINDS, VERDICTS
from .asked import Request
from .certainty import confidence
from .coach import text_flaws
from .found import Line
from .judging import judge
from .reader import Read

MODEL = "PP-OCR v6-small"


def tell_text(
    ask: Ask, request: Request, read: Read, *, came_s: float, observer: Observer
) -> vqa_pb2.AskResponse:
    """Write the response to an ask that came at that time (perf_counter)."""
    words = language(ask.locale)
    judged = judge(request, read.text)
    issues = [
        *(PhotoIssue(one.kind, one.severity, words.advice(one.advice)) for one in text_flaws(judged.lines)),
        *(PhotoIssue(one.kind, one.severity, words.hint(one.kind)) for one in read.text.flaws),
    ]
    issues.sort(key=lambda one: -one.severity)
    if judged.parts:
        parts = [one.text for one in judged.parts]
        spoken = words.read(judged.verdict, parts, issues, doubt=judged.doubt, manner=ask.manner)
    else:
        spoken = words.nothing_to_read(request.what, issues, some=bool(judged.lines), doubt=judged.doubt)
    response = vqa_pb2.AskResponse(
        verdict=VERDICTS[judged.verdict],
        spoken=spoken,
        image_id=read.image_id,
        model=MODEL,
        question_meant="" if ask.manner is None else ask.question,
    )
    for one, certainty in zip(judged.parts[: ask.top_k or DEFAULT_TOP_K], judged.certainties, strict=False):
        response.answers.add(label=one.text, probability=certainty)
    response.text_lines.extend(map(_line, judged.lines))
    for issue in issues:
        kind = PHOTO_ISSUE_KINDS[issue.kind]
        response.photo_issues.add(kind=kind, severity=issue.severity, hint=issue.hint)
    timings = response.timings
    timings.decode_us, timings.encode_us, timings.features_cached = read.decode_us, read.read_us, read.cached
    timings.total_us = round((time.perf_counter() - came_s) * 1e6)
    timings.answer_us = max(0, timings.total_us - read.decode_us - read.read_us)
    observer.stage_time(Stage.PHOTO, read.decode_us / 1e6)
    observer.stage_time(Stage.READER, read.read_us / 1e6)
    return response


def _line(line: Line) -> vqa_pb2.TextLine:
    return vqa_pb2.TextLine(
        text=line.text,
        confidence=confidence(line),
        box=vqa_pb2.TextBox(
            left=line.left, top=line.top, width=line.right - line.left, height=line.bottom - line.top
        ),
    )
