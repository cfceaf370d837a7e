"""The response to an ask for text: what of it is wanted, whether it may be said, and a sentence to be spoken."""

from __future__ import annotations

import time

from asksight.engine.bundle.calibration import Verdict
from asksight.v1 import vqa_pb2

from ..asks import Ask
from ..observer import Observer, Stage
from ..reply.spoken import PhotoIssue, language
from ..reply.wire_names import PHOTO_ISSUE_KINDS, VERDICTS
from .asked import Request, cut
from .certainty import confidence, legible, of_all, verdict_of
from .coach import text_flaws, touched
from .found import Line
from .order import rows
from .reader import Read

MODEL = "PP-OCR v6-small"


def tell_text(
    ask: Ask, request: Request, read: Read, *, came_s: float, observer: Observer
) -> vqa_pb2.AskResponse:
    """Write the response to an ask that came at that time (perf_counter)."""
    words = language(ask.locale)
    found = read.text
    lines = legible(found.lines)
    ordered = rows(lines, found.form)
    part = cut(request, ordered)
    issues = [
        *(PhotoIssue(one.kind, one.severity, words.advice(one.advice)) for one in text_flaws(lines)),
        *(PhotoIssue(one.kind, one.severity, words.hint(one.kind)) for one in found.flaws),
    ]
    issues.sort(key=lambda one: -one.severity)
    certainties = [of_all(one.lines) for one in part.parts]
    if part.parts:
        whole = not any(touched(line) for line in part.parts[0].lines)
        verdict = verdict_of(certainties[0], plain=part.plain and whole)
        spoken = words.read(verdict, [one.text for one in part.parts], issues)
    else:
        verdict = Verdict.UNANSWERABLE
        spoken = words.nothing_to_read(request.what, issues, some=bool(lines))
    response = vqa_pb2.AskResponse(
        verdict=VERDICTS[verdict], spoken=spoken, image_id=read.image_id, model=MODEL
    )
    for one, certainty in zip(part.parts[: ask.top_k or None], certainties, strict=False):
        response.answers.add(label=one.text, probability=certainty)
    for row in ordered:
        for line in row:
            response.text_lines.append(_line(line))
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
