"""One bundle at work: its engines with their queues, its photos, its words and its judgement.

Each of the two engines has a thread and a queue of its own (batcher.py); asking threads decode photos and wait. The
assistant in front of it may replace the whole of it by that of another bundle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from asksight.engine import Bundle, BundleError, Engine, load_bundle
from asksight.engine.pick import Chosen, open_stage
from asksight.engine.warm import warm_up, warm_within

from .asks import Ask, EngineFallback, ModelInfo, Reply, Timings
from .batcher import Batcher
from .errors import AskError, Overloaded
from .limits import Limits
from .observer import Observer, Reason, Stage
from .once import Once
from .patience import Patience
from .photo_flaws import Flaw
from .photo_input import PhotoInput
from .questions import check_question
from .sight import Look, Pictures, Sight
from .stages import AnswererStage, EncoderStage, Question, Scored
from .steps import Steps
from .telling import Teller
from .watchdog import Watchdog
from .words import word_table

OpenEngine = Callable[[], Chosen]  # a warm one
T = TypeVar("T")
MOST_FAILED_REOPENINGS = (
    5  # of a lost engine, a second apart; CUDA says that some errors end only with the process
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An ask whose question waits for the answerer, or is in it."""

    ask: Ask
    look: Look
    flaws: tuple[Flaw, ...]
    scored: Future[Scored]


class Answering:
    """Answers asks with one bundle. Thread-safe; an ask blocks the thread that asks."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        open_encoder: OpenEngine,
        open_answerer: OpenEngine,
        limits: Limits,
        observer: Observer,
        on_health: Callable[[], object],
    ) -> None:
        """Open both engines, which are closed with it. Raises EngineError, and BundleError on unknown preprocessing."""
        self.bundle = bundle
        self._limits = limits
        self._observer = observer
        self._steps = Steps(observer)
        self._tell = Teller(bundle)
        photo_input = _photo_input(bundle)
        table = word_table(bundle)
        self._engines: dict[str, Engine] = {}
        self._fallbacks: dict[str, tuple[EngineFallback, ...]] = {}

        def taken(stage: str, chosen: Chosen) -> Engine:
            self._engines[stage] = chosen.engine
            self._fallbacks[stage] = tuple(
                EngineFallback(stage=stage, cause=reason.cause, text=reason.text) for reason in chosen.reasons
            )
            return chosen.engine

        def encode() -> EncoderStage:
            return EncoderStage(taken("encoder", open_encoder()))

        def answer() -> AnswererStage:
            return AnswererStage(taken("answerer", open_answerer()), table)

        def instead_of(stage: str, reopen: Callable[[], T]) -> T:
            lost = self._engines[stage]
            stage_run = reopen()
            if self._engines[stage] is not lost:
                lost.close()
            return stage_run

        try:
            encoder_stage, answerer_stage = encode(), answer()
        except BaseException:
            for engine in self._engines.values():
                engine.close()
            raise
        self._encoder: Pictures = Batcher(
            "encoder",
            encoder_stage,
            limits=limits.batches(_most_rows(self._engines["encoder"], limits.encoder_batch)),
            reopen=lambda: instead_of("encoder", encode),
            probe=lambda: warm_up(self._engines["encoder"], [1]),
            on_health=on_health,
            observer=observer,
        )
        self._answerer: Batcher[Question, Scored] = Batcher(
            "answerer",
            answerer_stage,
            limits=limits.batches(_most_rows(self._engines["answerer"], limits.answerer_batch)),
            reopen=lambda: instead_of("answerer", answer),
            probe=lambda: warm_up(self._engines["answerer"], [1]),
            on_health=on_health,
            observer=observer,
        )
        self._watchdogs = (
            Watchdog(self._encoder, encode, hang_after_s=limits.hang_after_s),
            Watchdog(self._answerer, answer, hang_after_s=limits.hang_after_s),
        )
        self._sight = Sight(self._encoder, photo_input, limits, observer)

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        engine: str,
        limits: Limits,
        threads: int | None,
        warm_every_size: bool,
        observer: Observer,
        on_health: Callable[[], object],
    ) -> Answering:
        """Load and verify a bundle, open its engines and warm them. Raises BundleError and EngineError."""
        bundle = load_bundle(where)

        def opening(stage: str, max_batch: int) -> OpenEngine:
            def open_warm() -> Chosen:
                chosen = open_stage(bundle, stage, engine, max_batch=max_batch, threads=threads)
                try:
                    warm_within(chosen.engine, max_batch)
                except BaseException:
                    chosen.engine.close()
                    raise
                return chosen

            return open_warm

        return cls(
            bundle,
            open_encoder=opening("encoder", limits.encoder_batch),
            open_answerer=opening("answerer", limits.answerer_batch),
            limits=limits,
            observer=observer,
            on_health=on_health,
        )

    def ask_many(
        self, asks: Sequence[Ask], patience: Patience, expected: Callable[[], object] | None
    ) -> list[Reply | AskError]:
        """Answer asks that go through the engines together; one that fails is an AskError in its place.

        `expected` is what `expect` gave for their photos, if it was asked.
        """
        started_s = time.perf_counter()
        steps = self._steps
        looks = [steps.first(Stage.PHOTO, self._look, ask, patience, bool(expected)) for ask in asks]
        if expected is not None:
            expected()
        asked = [
            steps.then(look, Stage.ENCODER, self._question, ask, patience)
            for ask, look in zip(asks, looks, strict=True)
        ]
        return [steps.then(one, Stage.ANSWERER, self._reply, patience, started_s) for one in asked]

    def _look(self, ask: Ask, patience: Patience, expected: bool) -> Look:
        """Check the ask and have its photo's features on their way."""
        patience.check()
        check_question(ask.question, max_chars=self._limits.max_question_chars)
        return self._sight.look(ask, patience, expected=expected)

    def _question(self, look: Look, ask: Ask, patience: Patience) -> _Asked:
        """Wait for the photo's features and queue the question for the answerer."""
        encoded = self._sight.features(look, patience)
        patience.check()
        asked = Question(ask.question, encoded.features)
        scored = self._answerer.submit(asked, patience, lead=patience.leads)
        return _Asked(ask, look, encoded.flaws, scored)

    def _reply(self, asked: _Asked, patience: Patience, started_s: float) -> Reply:
        """Wait for the scores and judge them."""
        waiting_s = time.perf_counter()
        scored = patience.wait_for(asked.scored, self._answerer)
        done_s = time.perf_counter()
        told = self._tell(scored.logits, asked.ask, asked.flaws)
        look = asked.look
        self._observer.stage_time(Stage.PHOTO, look.decode_us / 1e6)
        self._observer.stage_time(Stage.ENCODER, look.encode_us / 1e6)
        self._observer.stage_time(Stage.ANSWERER, done_s - waiting_s)
        return Reply(
            answers=told.answers,
            verdict=told.verdict,
            spoken=told.spoken,
            image_id=look.image_id,
            photo_issues=told.photo_issues,
            timings=Timings(
                decode_us=look.decode_us,
                encode_us=look.encode_us,
                tokenize_us=scored.tokenize_us,
                answer_us=max(0, _us(done_s - waiting_s) - scored.tokenize_us),
                total_us=_us(done_s - started_s),
                features_cached=not look.own_run,
            ),
            model=f"{self.bundle.name} {self.bundle.version}",
            question_cut=scored.cut,
            missing_skill=told.missing_skill,
        )

    def model(self) -> ModelInfo:
        """Say what is being served."""
        bundle, engines = self.bundle, (self._engines["encoder"], self._engines["answerer"])
        return ModelInfo(
            name=bundle.name,
            version=bundle.version,
            architecture=bundle.architecture,
            answers=bundle.answers,
            max_question_tokens=bundle.max_tokens,
            limits=self._limits,
            # Once where both stages have the same; else the encoder's first, as in "int8+bf16".
            engine="+".join(dict.fromkeys(one.name for one in engines)),
            precision="+".join(dict.fromkeys(one.precision for one in engines)),
            fallbacks=(*self._fallbacks["encoder"], *self._fallbacks["answerer"]),
        )

    @property
    def healthy(self) -> bool:
        """Whether both engines work: not while one hangs, nor after several failed batches until one succeeds."""
        return self._encoder.healthy and self._answerer.healthy

    @property
    def stuck(self) -> bool:
        """Whether only a new process helps: an engine hung too often, or was lost and cannot be opened anew."""
        failed = max(self._encoder.failed_reopenings, self._answerer.failed_reopenings)
        return failed >= MOST_FAILED_REOPENINGS or any(watchdog.stuck for watchdog in self._watchdogs)

    def expect(self, patience: Patience) -> Once:
        """Expect a new photo until what is returned is called, or raise Overloaded where it would be late."""
        try:
            return self._encoder.expect(patience)
        except Overloaded:
            self._observer.ask_dropped(Stage.PHOTO, Reason.SHED)
            raise

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
            self._engines["encoder"].close()
        if self._answerer.close(drain=drain, timeout_s=timeout_s):
            self._engines["answerer"].close()
        for watchdog in self._watchdogs:
            watchdog.stop()


def _most_rows(engine: Engine, limit: int) -> int:
    """A batch that the engine would cut into slices waits for all of them: a slice at a time is answered sooner."""
    return min(limit, engine.spec.max_batch, engine.spec.slice_rows or limit)


def _photo_input(bundle: Bundle) -> PhotoInput:
    try:
        return PhotoInput.of(
            bundle.image_height, bundle.image_width, bundle.image_dtype, bundle.preprocessing
        )
    except ValueError as error:
        raise BundleError(f"{bundle.path / 'bundle.json'}: {error}. Export the bundle again.") from error


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
