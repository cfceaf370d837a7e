"""An assistant in a loop thread of its own, for callers in other threads: they open its models, ask it and close it."""

from __future__ import annotations

import atexit
import ctypes
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakMethod, WeakSet

from asksight.engine import Bundle, BundleError, Engine, EngineError, load_bundle
from asksight.engine.plans.pick import Chosen
from asksight.engine.text_models import find_text_models
from asksight.v1 import vqa_pb2

from .asks import Ask, ModelInfo
from .core.assistant import Assistant, in_time
from .core.model import Model, OpenEngine, bundle_engines
from .errors import AskError, ServerError, Unavailable
from .limits import Limits
from .loop_thread import LoopThread
from .observer import Observer
from .reading.reader import Reader, opening
from .second_cache.redis_values import RedisValues

OPENING_ERRORS = (BundleError, EngineError)  # of opening a bundle, for callers that do not know the engines

T = TypeVar("T")

CLOSED = "The model is closed. Open it again."


class LocalAssistant:
    """Its methods block, and may be called from any thread."""

    def __init__(
        self, *, limits: Limits | None = None, calls: int = 256, observer: Observer | None = None
    ) -> None:
        """It serves no model before one is added."""
        self.thread = LoopThread()
        self.assistant = Assistant(self.thread.loop, limits=limits, calls=calls, observer=observer)
        self.second: RedisValues | None = None  # where servers share photos' features
        self._closing = Lock()
        self._process = os.getpid()
        self._sources: dict[str, Callable[[], Model]] = {}
        # Python ends a thread that comes back from C++ while the interpreter is taken down, and C++ aborts.
        self._at_exit = partial(_end, WeakMethod(self.close))
        atexit.register(self._at_exit)
        _OPENED.add(self)

    @classmethod
    def open(
        cls,
        bundle: str | Path = "scenes",
        *,
        engine: str = "auto",
        limits: Limits | None = None,
        threads: int | None = None,
        reader: bool = False,
        observer: Observer | None = None,
    ) -> LocalAssistant:
        """Load and verify one bundle, open its engines and warm them. Raises BundleError and EngineError.

        `bundle` is a folder, or "scenes" for the built-in one; `threads` is how many each engine computes with;
        `reader` reads text too.
        """
        self = cls(limits=limits, observer=observer)
        try:
            name = self.add(bundle, engine=engine, threads=threads)
            if reader:
                self.add_reader(engine=engine, threads=threads, root=self.path(name))
        except BaseException:
            self.close()
            raise
        return self

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        *,
        encoder: Engine,
        answerer: Engine,
        limits: Limits | None = None,
        observer: Observer | None = None,
    ) -> LocalAssistant:
        """Take over two warm engines, to be closed with it. Raises BundleError on unknown preprocessing."""
        self = cls(limits=limits, observer=observer)
        try:
            self.add_engines(bundle, lambda: Chosen(engine=encoder), lambda: Chosen(engine=answerer))
        except BaseException:
            self.close()
            raise
        return self

    def add_reader(
        self, *, engine: str = "auto", threads: int | None = None, root: Path | None = None
    ) -> None:
        """Read text too, whichever model is asked. Raises EngineError where that is not installed.

        `root` is the folder of a bundle that was compiled with --reader: plans of the reader's graphs lie in it.
        """
        models = find_text_models()
        reader = Reader(
            models,
            open_engine=opening(models, engine, threads, root),
            loop=self.thread.loop,
            decoders=self.assistant.decoders,
            limits=self.limits,
            observer=self.assistant.observer,
            on_health=self.assistant.health_changed,
        )
        self.thread.run(_called(setattr, self.assistant, "reader", reader))

    def share_features(self, second: RedisValues) -> None:
        """Look for features there, and keep them there; before a model is added. It is closed with this."""
        self.second = second
        self.thread.run(second.start())

    def add(
        self, where: str | Path, *, name: str = "", engine: str = "auto", threads: int | None = None
    ) -> str:
        """Serve one more bundle; return its name, the bundle's own where none is given.

        Raises what `open` raises, and ServerError where a model of that name is served already.
        """

        def opened() -> Model:
            bundle = load_bundle(where)
            return self._model(bundle, *bundle_engines(bundle, engine, limits=self.limits, threads=threads))

        return self._add(opened, name)

    def add_engines(
        self, bundle: Bundle, open_encoder: OpenEngine, open_answerer: OpenEngine, *, name: str = ""
    ) -> str:
        """The same, with engines that are opened as the caller says."""
        return self._add(lambda: self._model(bundle, open_encoder, open_answerer), name)

    def _add(self, opened: Callable[[], Model], name: str) -> str:
        model = opened()
        name = name or model.bundle.name
        if name in self._sources:
            self.thread.run(model.close())
            raise ServerError(f"Two models are called {name!r}; name one of them otherwise, as NAME=BUNDLE.")
        self._sources[name] = opened
        self.thread.run(_called(self.assistant.models.add, name, model))
        return name

    def _model(self, bundle: Bundle, open_encoder: OpenEngine, open_answerer: OpenEngine) -> Model:
        return Model(
            bundle,
            open_encoder=open_encoder,
            open_answerer=open_answerer,
            loop=self.thread.loop,
            decoders=self.assistant.decoders,
            limits=self.limits,
            observer=self.assistant.observer,
            on_health=self.assistant.health_changed,
            second=self.second,
        )

    def reopen(self, name: str = "", *, timeout_s: float | None = None) -> None:
        """Read the bundle again and put it in the place of the one at work; no ask notices.

        The new one is verified and warm before it takes over; then the old one finishes what it has, and its memory
        is given back. Raises BundleError and EngineError, and then the old one goes on. One call at a time.
        """
        name = name or next(iter(self._sources))
        new = self._sources[name]()
        self.thread.run(self.assistant.models.replace(name, new, timeout_s=timeout_s))
        self.thread.run(_called(self.assistant.health_changed))

    def ask(self, ask: Ask) -> vqa_pb2.AskResponse:
        """Answer one ask, until its deadline. Raises AskError."""
        return self._wait(lambda: self.assistant.ask(ask), ask.deadline_s)

    def ask_many(self, asks: Sequence[Ask]) -> list[vqa_pb2.AskResponse | AskError]:
        """Answer asks that go through the engines together; one that fails is an AskError in its place.

        All of them wait until the earliest of their deadlines.
        """
        return self._wait(lambda: self.assistant.ask_each(asks), _earliest(asks))

    def start(self, ask: Ask) -> Future[vqa_pb2.AskResponse]:
        """Begin to answer one ask; to cancel what is returned is to leave. Raises Unavailable after `close`."""
        return self._start(lambda: self.assistant.ask(ask), ask.deadline_s)

    def start_many(self, asks: Sequence[Ask]) -> Future[list[vqa_pb2.AskResponse | AskError]]:
        """Begin to answer many, as `ask_many` does."""
        return self._start(lambda: self.assistant.ask_each(asks), _earliest(asks))

    def model(self, name: str = "") -> ModelInfo:
        """Say what is being served. Raises ModelNotFound."""
        return self.assistant.model_info(name)

    def path(self, name: str = "") -> Path:
        """The folder of a model's bundle. Raises ModelNotFound."""
        return self.assistant.models[name].bundle.path

    @property
    def limits(self) -> Limits:
        """The bounds of each ask."""
        return self.assistant.limits

    @property
    def healthy(self) -> bool:
        """Whether all models are, and it is not closed."""
        return not self.thread.closed and self.assistant.healthy

    def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Finish what was accepted, or fail it with Unavailable, and give the engines' memory back.

        An engine that is still computing after `timeout_s` is left to itself. A second call does nothing.
        """
        if os.getpid() != self._process:  # a forked child, in which none of the threads is
            return
        with self._closing:  # who comes second waits
            if self.thread.closed:
                return
            atexit.unregister(self._at_exit)
            self.thread.run(self.assistant.close(drain=drain, timeout_s=timeout_s))
            if self.second is not None:
                self.thread.run(self.second.close())
            self.thread.close()

    def __enter__(self) -> LocalAssistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, work: Callable[[], Coroutine[Any, Any, T]], deadline_s: float | None) -> Future[T]:
        asking = work()
        try:
            return self.thread.start(in_time(asking, deadline_s))
        except RuntimeError:
            asking.close()
            raise Unavailable(CLOSED) from None

    def _wait(self, work: Callable[[], Coroutine[Any, Any, T]], deadline_s: float | None) -> T:
        future = self._start(work, deadline_s)
        try:
            return future.result()
        except CancelledError:  # by the loop, which has ended
            raise Unavailable(CLOSED) from None
        except BaseException:
            future.cancel()  # Ctrl-C, say: nobody waits any more; nothing to a future that is done
            raise


def _earliest(asks: Sequence[Ask]) -> float | None:
    return min((ask.deadline_s for ask in asks if ask.deadline_s is not None), default=None)


async def _called(do: Callable[..., T], *arguments: Any) -> T:
    return do(*arguments)


def _end(close: WeakMethod[Callable[..., None]]) -> None:
    """At the end of a process that did not close it: what is inside an engine has a second to come out."""
    still_there = close()
    if still_there is not None:
        still_there(drain=False, timeout_s=1.0)


_OPENED: WeakSet[LocalAssistant] = WeakSet()


def _in_forked_child() -> None:
    """Let the child come to its end: engines that are taken down wait for their threads, of which it has none."""
    if not _OPENED:
        return
    for one in _OPENED:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))  # kept for ever
    own = ctypes.CDLL(None)
    if hasattr(own, "on_exit"):  # glibc's: after Python's own end, and before that of the engines' libraries
        own.on_exit(own._exit, None)  # which is given the status


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_in_forked_child)
