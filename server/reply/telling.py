"""The response to one ask: the answers, whether they may be said, and a sentence in the ask's language."""

from __future__ import annotations

import math
import time
from typing import Any

from numpy.typing import NDArray

from asksight.engine import Bundle
from asksight.engine.bundle.calibration import Verdict
from asksight.v1 import vqa_pb2

from ..asks import Ask
from ..core.photo_features import Seen
from ..core.stages import Scored
from ..observer import Observer, Stage
from .follow_ups import leaves_open
from .skills import missing_skill
from .spoken import PhotoIssue, language
from .statements import asks_nothing
from .wire_names import PHOTO_ISSUE_KINDS, SKILLS, UNFAMILIAR, VERDICTS


class Teller:
    """Writes what one bundle says."""

    def __init__(self, bundle: Bundle, observer: Observer) -> None:
        self._model = f"{bundle.name} {bundle.version}"
        self._skills = frozenset(bundle.skills)
        self._calibrated = bundle.calibration.calibrated
        self._observer = observer

    def tell(
        self, ask: Ask, seen: Seen, scored: Scored, *, came_s: float, seen_s: float
    ) -> vqa_pb2.AskResponse:
        """Write the response to an ask that came, and whose photo was seen, at those times (perf_counter)."""
        words = language(ask.locale)
        issues = [PhotoIssue(one.kind, one.severity, words.hint(one.kind)) for one in seen.encoded.flaws]
        missing = missing_skill(ask.question, self._skills)
        answers, verdict, likeliest, probability = scored.judgement
        if missing is not None:  # whatever it would answer: nobody is to rely on it
            answers, verdict, spoken = [], Verdict.UNANSWERABLE, words.cannot(missing)
        elif (
            scored.cut or not scored.known or asks_nothing(ask.question)
        ):  # the answer is to another question
            verdict = Verdict.UNSURE if verdict is Verdict.ANSWERED else verdict
            spoken = words.misread(cut=scored.cut)
        elif scored.unfamiliar:  # calibration says nothing about asks like this one
            verdict = Verdict.UNSURE if verdict is Verdict.ANSWERED else verdict
            spoken = words.unlike(scored.unfamiliar[0], issues)
        elif verdict is Verdict.ANSWERED and leaves_open(ask.question):  # about whichever thing it looked at
            verdict = Verdict.UNSURE
            spoken = words.which_thing(
                words.speak(verdict, likeliest[:1], probability, issues, calibrated=self._calibrated)
            )
        else:
            spoken = words.speak(
                verdict, likeliest, probability, issues, calibrated=self._calibrated, manner=ask.manner
            )
        response = vqa_pb2.AskResponse(
            verdict=VERDICTS[verdict],
            spoken=spoken,
            image_id=seen.image_id,
            model=self._model,
            question_cut=scored.cut,
            missing_skill=SKILLS[missing],
            unfamiliar=[UNFAMILIAR[what] for what in scored.unfamiliar],
            question_meant="" if ask.manner is None else ask.question,
        )
        # Parts that are added in place take a third of the time of parts that are made first.
        for label, value in answers:
            response.answers.add(label=label, probability=value)
        for issue in issues:
            kind = PHOTO_ISSUE_KINDS[issue.kind]
            response.photo_issues.add(kind=kind, severity=issue.severity, hint=issue.hint)
        if scored.attention is not None:
            _look(response.attention, scored.attention)
        self._time(response.timings, seen, scored, came_s, seen_s)
        return response

    def _time(
        self, timings: vqa_pb2.Timings, seen: Seen, scored: Scored, came_s: float, seen_s: float
    ) -> None:
        now_s = time.perf_counter()
        answer_s = now_s - seen_s
        timings.decode_us = seen.decode_us
        timings.encode_us = seen.encode_us
        timings.tokenize_us = scored.tokenize_us
        timings.answer_us = max(0, round(answer_s * 1e6) - scored.tokenize_us)
        timings.total_us = round((now_s - came_s) * 1e6)
        timings.features_cached = seen.cached
        self._observer.stage_time(Stage.PHOTO, seen.decode_us / 1e6)
        self._observer.stage_time(Stage.ENCODER, seen.encode_us / 1e6)
        self._observer.stage_time(Stage.ANSWERER, answer_s)


def _look(attention: vqa_pb2.Attention, seen: NDArray[Any]) -> None:
    """Say where the model looked, unless that is nowhere or no number: how strongly [h, w], as shares."""
    total = float(seen.sum())
    if math.isfinite(total) and total > 0:
        attention.rows, attention.columns = seen.shape
        attention.weights.extend((seen / total).ravel().tolist())
