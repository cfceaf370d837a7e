"""One open bundle: its photos' features, its answerer, and how its scores become a response. Lives in the event loop.

Opening it reads files and compiles graphs, which takes a while: whoever makes it does that, in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asksight.engine import Bundle, BundleError, Engine
from asksight.engine.bundle.about import about
from asksight.engine.bundle.familiar import familiarity_of
from asksight.engine.plans.pick import Chosen, open_stage
from asksight.engine.runtimes.warm import warm_within
from asksight.ext import WordPieceTable, WordTable
from asksight.ext.opening import open_words
from asksight.photos.input import PhotoInput

from ..asks import Ask, EngineFallback, ModelInfo
from ..limits import Limits
from ..observer import Observer
from ..reply.telling import Teller
from ..reply.verdict import judge_of
from .batcher import Batcher
from .decoders import Decoders
from .photo_features import Photos, Pictures, Seen
from .stages import AnswererStage, EncoderStage, Question, Scored

OpenEngine = Callable[[], Chosen]  # a warm one
DEFAULT_TOP_K = 5


class Model:
    """Everything that answers with one bundle."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        open_encoder: OpenEngine,
        open_answerer: OpenEngine,
        loop: asyncio.AbstractEventLoop,
        decoders: Decoders,
        limits: Limits,
        observer: Observer,
        on_health: Callable[[], object],
    ) -> None:
        """Open both engines, which are closed with it. Raises EngineError, and BundleError on unknown preprocessing.

        May be made in any thread; the rest belongs to the loop.
        """
        self.bundle = bundle
        self.teller = Teller(bundle, observer)
        self._limits = limits
        self._fallbacks: dict[str, tuple[EngineFallback, ...]] = {}
        photo_input = _photo_input(bundle)
        words = word_table(bundle)
        judge = judge_of(bundle)
        familiarity = familiarity_of(bundle)

        def encoder() -> EncoderStage:
            return EncoderStage(self._taken("encoder", open_encoder()), familiarity)

        def answerer() -> AnswererStage:
            return AnswererStage(self._taken("answerer", open_answerer()), words, judge, familiarity)

        encoder_stage = encoder()
        try:
            answerer_stage = answerer()
        except BaseException:
            encoder_stage.close()
            raise
        self.encoder: Pictures = Batcher(
            "encoder",
            encoder_stage,
            loop=loop,
            limits=limits.batches(_at_once(encoder_stage.engine, limits.encoder_batch)),
            hang_after_s=limits.hang_after_s,
            reopen=encoder,
            on_health=on_health,
            observer=observer,
        )
        self.answerer: Batcher[Question, Scored] = Batcher(
            "answerer",
            answerer_stage,
            loop=loop,
            limits=limits.batches(_at_once(answerer_stage.engine, limits.answerer_batch)),
            hang_after_s=limits.hang_after_s,
            reopen=answerer,
            on_health=on_health,
            observer=observer,
        )
        self.photos = Photos(self.encoder, photo_input, decoders, limits, observer, familiarity)

    def _taken(self, stage: str, chosen: Chosen) -> Engine:
        self._fallbacks[stage] = tuple(
            EngineFallback(stage=stage, cause=reason.cause, text=reason.text) for reason in chosen.reasons
        )
        return chosen.engine

    def question(self, ask: Ask, seen: Seen) -> Question:
        """The row that the answerer gets."""
        encoded = seen.encoded
        look = ask.want_attention and self.bundle.sees_whole_photos
        return Question(ask.question, encoded.features, ask.top_k or DEFAULT_TOP_K, encoded.far, look)

    def info(self) -> ModelInfo:
        """Say what is being served."""
        bundle = self.bundle
        engines = [batcher.stage.engine for batcher in (self.encoder, self.answerer)]
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
            about=about(bundle),
            calibrated=bundle.calibration.calibrated,
            spells_answers=bundle.spelling is not None,
            source=bundle.source,
            card=bundle.card,
        )

    @property
    def healthy(self) -> bool:
        """Whether both engines work: not while one hangs, nor after several failed batches until one succeeds."""
        return self.encoder.healthy and self.answerer.healthy

    @property
    def stuck(self) -> bool:
        """Whether only a new process helps: an engine hung too often, or was lost and cannot be opened anew."""
        return self.encoder.stuck or self.answerer.stuck

    def retry_after_s(self) -> float:
        """When a caller who was refused should come back, by the measured drain rates."""
        return max(self.encoder.retry_after_s(), self.answerer.retry_after_s())

    async def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Finish what was accepted, or fail it with Unavailable, and give the engines' memory back.

        An engine that is still computing after `timeout_s` is left to itself.
        """
        await self.encoder.close(drain=drain, timeout_s=timeout_s)
        await self.answerer.close(drain=drain, timeout_s=timeout_s)


def bundle_engines(
    bundle: Bundle, engine: str, *, limits: Limits, threads: int | None
) -> tuple[OpenEngine, OpenEngine]:
    """How the bundle's encoder and answerer are opened, warm. They raise EngineError."""

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

    return opening("encoder", limits.encoder_batch), opening("answerer", limits.answerer_batch)


def _at_once(engine: Engine, limit: int) -> int:
    """How many rows a batch holds: no more than the engine runs at once, since further rows would need another run."""
    return min(limit, engine.spec.max_batch, engine.spec.slice_rows or limit)


def _photo_input(bundle: Bundle) -> PhotoInput:
    try:
        return PhotoInput.of(
            bundle.image_height, bundle.image_width, bundle.image_dtype, bundle.preprocessing
        )
    except ValueError as error:
        raise BundleError(f"{bundle.path / 'bundle.json'}: {error}. Export the bundle again.") from error


def word_table(bundle: Bundle) -> WordTable | WordPieceTable:
    """The bundle's words, cut by its own rules, which no ask waits for. Raises BundleError where they are none."""
    try:
        table = open_words(bundle.word_table)
        table.rows(["(new)"])  # compiles the rules' patterns, some 30 ms
    except ValueError as error:
        name = "tokenizer.json" if bundle.pieces is None else "words.txt"
        raise BundleError(f"{bundle.path / name}: {error}. Export the bundle again.") from error
    return table
