"""The assistant: a photo and a question in, a reply out; the one way through, whatever face is in front of it.

Each of the two engines has a thread and a queue of its own (batcher.py); asking threads decode photos and wait.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

from asksight.engine import Bundle, BundleError, Engine, EngineError, load_bundle, open_engine
from asksight.engine.warm import warm_up
from asksight.ext import WordTable

from .asks import Ask, ModelInfo, PhotoIssue, Reply, Timings
from .batcher import Batcher
from .batching import BatchLimits
from .errors import AskError, InternalError, Overloaded
from .gate import Gate
from .limits import Limits
from .patience import Cancellation, Patience
from .photo_flaws import Flaw
from .photo_input import PhotoInput
from .questions import check_question
from .sight import Look, Pictures, Sight
from .spoken import sentences, speak
from .stages import AnswererStage, EncoderStage, Question, Scored
from .verdict import Judge

log = logging.getLogger(__name__)

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

DEFAULT_TOP_K = 5
OPENING_ERRORS = (BundleError, EngineError)  # of open(), for callers that do not know the engines


@dataclass(frozen=True, slots=True)
class _Asked:
    """An ask whose question waits for the answerer, or is in it."""

    ask: Ask
    look: Look
    flaws: tuple[Flaw, ...]
    scored: Future[Scored]


class Assistant:
    """Answers asks about photos with one bundle. Thread-safe; an ask blocks the thread that asks."""

    def __init__(
        self, bundle: Bundle, *, encoder: Engine, answerer: Engine, limits: Limits | None = None
    ) -> None:
        """Take over two warm engines, to be closed with the assistant. Raises BundleError on unknown preprocessing."""
        self.limits = limits or Limits()
        self._bundle = bundle
        self._engines = (encoder, answerer)
        self._judge = Judge(bundle.answers, bundle.unanswerable, bundle.calibration)
        self._health_listeners: list[Callable[[], object]] = []
        photo_input = _photo_input(bundle)
        table = WordTable(
            bundle.words,
            bundle.vectors,
            limit=bundle.max_tokens,
            lower=bundle.lower,
            unknown_rows=bundle.unknown_rows,
        )
        self._encoder: Pictures = Batcher(
            "encoder",
            EncoderStage(encoder),
            limits=self._batch_limits(encoder),
            probe=lambda: warm_up(encoder, [1]),
            on_health=self._health_changed,
        )
        self._answerer: Batcher[Question, Scored] = Batcher(
            "answerer",
            AnswererStage(answerer, table),
            limits=self._batch_limits(answerer),
            probe=lambda: warm_up(answerer, [1]),
            on_health=self._health_changed,
        )
        self._gate = Gate(self.limits.queue_capacity)
        self._sight = Sight(self._encoder, photo_input, self.limits)

    @classmethod
    def open(
        cls,
        bundle: str | Path = "scenes",
        *,
        engine: str = "auto",
        limits: Limits | None = None,
        threads: int | None = None,
    ) -> Assistant:
        """Load and verify a bundle, open its engines and warm them. Raises BundleError and EngineError.

        `bundle` is a folder, or "scenes" for the built-in one; `threads` is how many each engine computes with.
        """
        limits = limits or Limits()
        loaded = load_bundle(bundle)
        engines: list[Engine] = []
        try:
            for path in (loaded.encoder_path, loaded.answerer_path):
                engines.append(open_engine(engine, path, max_batch=limits.max_batch, threads=threads))
                warm_up(engines[-1], (1, limits.max_batch))
            return cls(loaded, encoder=engines[0], answerer=engines[1], limits=limits)
        except BaseException:
            for opened in engines:
                opened.close()
            raise

    def ask(
        self,
        ask: Ask,
        *,
        deadline: float | None = None,
        cancelled: Cancellation | Callable[[], bool] | None = None,
    ) -> Reply:
        """Answer one ask; `deadline` is a time of the monotonic clock, in seconds. Raises AskError."""
        (result,) = self.ask_many([ask], deadline=deadline, cancelled=cancelled)
        if isinstance(result, AskError):
            raise result
        return result

    def ask_many(
        self,
        asks: Sequence[Ask],
        *,
        deadline: float | None = None,
        cancelled: Cancellation | Callable[[], bool] | None = None,
    ) -> list[Reply | AskError]:
        """Answer asks that go through the engines together; one that fails is an AskError in its place."""
        admitted = self._gate.admit(len(asks))
        try:
            answered = self._answer(asks[:admitted], Patience(deadline, cancelled))
        finally:
            self._gate.leave(admitted)
        refused = [Overloaded(retry_after_s=self.retry_after_s()) for _ in asks[admitted:]]
        return [*answered, *refused]

    def _answer(self, asks: Sequence[Ask], patience: Patience) -> list[Reply | AskError]:
        started_s = time.perf_counter()
        looks = [_attempt(self._look, ask, patience) for ask in asks]
        asked = [_then(look, self._question, ask, patience) for ask, look in zip(asks, looks, strict=True)]
        return [_then(question, self._reply, patience, started_s) for question in asked]

    def _look(self, ask: Ask, patience: Patience) -> Look:
        """Check the ask and have its photo's features on their way."""
        patience.check()
        check_question(ask.question, max_chars=self.limits.max_question_chars)
        return self._sight.look(ask, patience)

    def _question(self, look: Look, ask: Ask, patience: Patience) -> _Asked:
        """Wait for the photo's features and queue the question for the answerer."""
        encoded = self._sight.features(look, patience)
        patience.check()
        scored = self._answerer.submit(Question(ask.question, encoded.features), patience)
        return _Asked(ask, look, encoded.flaws, scored)

    def _reply(self, asked: _Asked, patience: Patience, started_s: float) -> Reply:
        """Wait for the scores and judge them."""
        waiting_s = time.perf_counter()
        scored = patience.wait_for(asked.scored)
        done_s = time.perf_counter()
        answers, verdict, likeliest = self._judge(scored.logits, asked.ask.top_k or DEFAULT_TOP_K)
        words = sentences(asked.ask.locale)
        issues = tuple(
            PhotoIssue(kind=flaw.kind, severity=flaw.severity, hint=words.hints[flaw.kind])
            for flaw in asked.flaws
        )
        return Reply(
            answers=answers,
            verdict=verdict,
            spoken=speak(words, verdict, likeliest, answers[0].probability, issues),
            image_id=asked.look.image_id,
            photo_issues=issues,
            timings=Timings(
                decode_us=asked.look.decode_us,
                encode_us=asked.look.encode_us,
                tokenize_us=scored.tokenize_us,
                answer_us=max(0, _us(done_s - waiting_s) - scored.tokenize_us),
                total_us=_us(done_s - started_s),
                features_cached=not asked.look.own_run,
            ),
            model=f"{self._bundle.name} {self._bundle.version}",
            question_cut=scored.cut,
        )

    def model(self) -> ModelInfo:
        """Say what is being served."""
        bundle, engine = self._bundle, self._engines[1]
        return ModelInfo(
            name=bundle.name,
            version=bundle.version,
            architecture=bundle.architecture,
            answers=bundle.answers,
            max_question_tokens=bundle.max_tokens,
            limits=self.limits,
            engine=engine.name,
            precision=engine.precision,
        )

    @property
    def healthy(self) -> bool:
        """Whether both engines work: not after several batches in a row failed, until one succeeds; not once closed."""
        return self._encoder.healthy and self._answerer.healthy

    def on_health_change(self, listener: Callable[[], object]) -> None:
        """Call `listener` when `healthy` may have changed, from an engine's thread: it must be quick."""
        self._health_listeners.append(listener)

    @property
    def waiting_photos(self) -> int:
        """How many photos wait for the encoder."""
        return self._encoder.waiting

    def retry_after_s(self) -> float:
        """When a caller who was refused should come back, by the measured drain rates."""
        return max(self._encoder.retry_after_s(), self._answerer.retry_after_s())

    def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Finish what was accepted, or fail it with Unavailable, and give the engines' memory back.

        An engine that is still computing after `timeout_s` is left to itself.
        """
        if self._encoder.close(drain=drain, timeout_s=timeout_s):
            self._engines[0].close()
        if self._answerer.close(drain=drain, timeout_s=timeout_s):
            self._engines[1].close()

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batch_limits(self, engine: Engine) -> BatchLimits:
        return BatchLimits(
            max_batch=min(self.limits.max_batch, engine.spec.max_batch),
            queue_capacity=self.limits.queue_capacity,
        )

    def _health_changed(self) -> None:
        for listener in self._health_listeners:
            listener()


def _photo_input(bundle: Bundle) -> PhotoInput:
    try:
        return PhotoInput.of(
            bundle.image_height, bundle.image_width, bundle.image_dtype, bundle.preprocessing
        )
    except ValueError as error:
        raise BundleError(f"{bundle.path / 'bundle.json'}: {error}. Export the bundle again.") from error


def _attempt(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | AskError:
    """Run one ask's step; what goes wrong is that ask's result and nobody else's."""
    try:
        return step(*args, **kwargs)
    except AskError as error:
        return error
    except Exception:
        log.exception("An ask failed unexpectedly in %s", step.__name__)
        return InternalError()


def _then(
    so_far: S | AskError, step: Callable[Concatenate[S, P], T], /, *args: P.args, **kwargs: P.kwargs
) -> T | AskError:
    """Go on with an ask, unless it has failed already."""
    return so_far if isinstance(so_far, AskError) else _attempt(step, so_far, *args, **kwargs)


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
