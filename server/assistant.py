"""The assistant: a photo and a question in, a reply out; the one way through, whatever face is in front of it.

It lets asks in up to a bound, and hands them to the bundle that is at work (answering.py). Another bundle may take
its place at any time: asks under way are finished by the one that they began with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Condition
from types import TracebackType

from asksight.engine import Bundle, BundleError, Engine, EngineError
from asksight.engine.pick import Chosen

from .answering import Answering
from .asks import Ask, ModelInfo, Reply
from .errors import AskError, Overloaded
from .gate import Gate
from .limits import Limits
from .observer import Observer, Reason, Stage
from .once import Once
from .patience import Cancellation, GivenUp, Patience
from .turns import TURN

OPENING_ERRORS = (BundleError, EngineError)  # of open(), for callers that do not know the engines


class Assistant:
    """Answers asks about photos with one bundle. Thread-safe; an ask blocks the thread that asks."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        encoder: Engine,
        answerer: Engine,
        limits: Limits | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Take over two warm engines, to be closed with the assistant. Raises BundleError on unknown preprocessing."""
        self._prepare(limits, observer)
        self._answering = Answering(
            bundle,
            open_encoder=lambda: Chosen(engine=encoder),
            open_answerer=lambda: Chosen(engine=answerer),
            limits=self.limits,
            observer=self._observer,
            on_health=self._health_changed,
        )

    def _prepare(self, limits: Limits | None, observer: Observer | None) -> None:
        self.limits = limits or Limits()
        self._observer = observer or Observer()
        self._health_listeners: list[Callable[[], object]] = []
        self._gate = Gate(self.limits.queue_capacity, self.limits.queue_bytes)
        self._opening: Callable[[], Answering] | None = None
        self._left = Condition()
        self._inside: dict[Answering, int] = {}  # calls that are with each

    @classmethod
    def open(
        cls,
        bundle: str | Path = "scenes",
        *,
        engine: str = "auto",
        limits: Limits | None = None,
        threads: int | None = None,
        warm_every_size: bool = False,
        observer: Observer | None = None,
    ) -> Assistant:
        """Load and verify a bundle, open its engines and warm them. Raises BundleError and EngineError.

        `bundle` is a folder, or "scenes" for the built-in one; `threads` is how many each engine computes with.
        Warm are the smallest and the largest batch, or every size, which takes longer and which a server wants.
        """
        self = cls.__new__(cls)
        self._prepare(limits, observer)

        def open_answering() -> Answering:
            return Answering.open(
                bundle,
                engine=engine,
                limits=self.limits,
                threads=threads,
                warm_every_size=warm_every_size,
                observer=self._observer,
                on_health=self._health_changed,
            )

        self._opening = open_answering
        self._answering = open_answering()
        return self

    def reopen(self, *, timeout_s: float | None = None) -> None:
        """Read the bundle again and put it in the place of the one at work; no ask notices.

        The new one is verified and warm before it takes over; then the old one finishes what it has, and its memory
        is given back. Raises BundleError and EngineError, and then the old one goes on. One call at a time.
        """
        if self._opening is None:
            raise BundleError("This assistant was given its engines; it has no bundle to read again.")
        self.replace(self._opening(), timeout_s=timeout_s)

    def replace(self, new: Answering, *, timeout_s: float | None = None) -> None:
        """Put `new` in the place of what is at work, and close that as soon as its asks are answered."""
        with self._left:
            old, self._answering = self._answering, new
            self._left.wait_for(lambda: old not in self._inside, timeout_s)
        old.close(timeout_s=timeout_s)
        self._health_changed()

    def ask(
        self,
        ask: Ask,
        *,
        deadline: float | None = None,
        cancelled: Cancellation | Callable[[], bool] | None = None,
        expected: Callable[[], object] | None = None,
        given_up: GivenUp | None = None,
    ) -> Reply:
        """Answer one ask; `deadline` is a time of the monotonic clock, in seconds. Raises AskError.

        `expected` is what `expect` gave for its photo, if it was asked. With `given_up` the calling thread runs the
        engines itself while they are idle, which is quicker; if one hangs, so does the thread, and another calls
        `given_up` with the error. So does who throws `cancelled` meanwhile, with Cancelled.
        """
        (result,) = self.ask_many(
            [ask], deadline=deadline, cancelled=cancelled, expected=expected, given_up=given_up
        )
        if isinstance(result, AskError):
            raise result
        return result

    def ask_many(
        self,
        asks: Sequence[Ask],
        *,
        deadline: float | None = None,
        cancelled: Cancellation | Callable[[], bool] | None = None,
        expected: Callable[[], object] | None = None,
        given_up: GivenUp | None = None,
    ) -> list[Reply | AskError]:
        """Answer asks that go through the engines together; one that fails is an AskError in its place.

        With `given_up`, of a single ask, see there.
        """
        sizes = [len(ask.photo or b"") for ask in asks]
        admitted = self._gate.admit(sizes)
        answering, leave = self._enter(sizes[:admitted])

        def lost(error: AskError) -> None:
            assert given_up is not None
            leave()
            given_up(error)

        try:
            with TURN.taken():
                patience = Patience(deadline, cancelled, turn=TURN, given_up=given_up and lost)
                answered = answering.ask_many(asks[:admitted], patience, expected)
        finally:
            leave()
        for _ in asks[admitted:]:
            self._observer.ask_dropped(Stage.PHOTO, Reason.SHED)
        refused = [Overloaded(retry_after_s=self.retry_after_s()) for _ in asks[admitted:]]
        return [*answered, *refused]

    def _enter(self, sizes: Sequence[int]) -> tuple[Answering, Once]:
        """The bundle at work, kept open until what is returned with it is called; then the gate is left too."""
        with self._left:
            answering = self._answering
            self._inside[answering] = self._inside.get(answering, 0) + 1

        def leave() -> None:
            self._gate.leave(sizes)
            with self._left:
                self._inside[answering] -= 1
                if self._inside[answering] == 0:
                    del self._inside[answering]
                    self._left.notify_all()

        return answering, Once(leave)

    def model(self) -> ModelInfo:
        """Say what is being served."""
        return self._answering.model()

    @property
    def healthy(self) -> bool:
        """Whether both engines work: not while one hangs or fails again and again; not once closed."""
        return self._answering.healthy

    @property
    def stuck(self) -> bool:
        """Whether only a new process helps: an engine hung too often, or was lost and cannot be opened anew."""
        return self._answering.stuck

    @property
    def path(self) -> Path:
        """The folder of the bundle at work."""
        return self._answering.bundle.path

    def on_health_change(self, listener: Callable[[], object]) -> None:
        """Call `listener` when `healthy` may have changed, from any thread: it must be quick."""
        self._health_listeners.append(listener)

    @property
    def inside(self) -> int:
        """How many asks are under way."""
        return self._gate.inside

    def expect(self, deadline: float | None) -> Once:
        """Expect a new photo until what is returned is called; or raise Overloaded where it would be late."""
        return self._answering.expect(Patience(deadline))

    @property
    def waiting_photos(self) -> int:
        """How many photos wait for the encoder."""
        return self._answering.waiting_photos

    def retry_after_s(self) -> float:
        """When a caller who was refused should come back, by the measured drain rates."""
        return self._answering.retry_after_s()

    def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Finish what was accepted, or fail it with Unavailable, and give the engines' memory back.

        An engine that is still computing after `timeout_s` is left to itself.
        """
        self._answering.close(drain=drain, timeout_s=timeout_s)

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _health_changed(self) -> None:
        for listener in self._health_listeners:
            listener()
