"""The models that are served, by name: which asks use which model, and how a bundle replaces another.

Lives in the event loop: no locks. An ask goes on with the model that it began with.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from ..errors import ModelNotFound, Unavailable
from .model import Model


class Models:
    """Models by the names they are served under; the first is the default."""

    def __init__(self) -> None:
        self._served: dict[str, Model] = {}
        self._users: dict[Model, int] = {}  # asks that are with each
        self._unused: dict[Model, asyncio.Event] = {}  # of those that were replaced
        self._replaced: set[Model] = set()  # and are not closed yet
        self._closed = False

    @property
    def names(self) -> list[str]:
        """The default first."""
        return list(self._served)

    def __getitem__(self, name: str) -> Model:
        """The model at work under a name, or the default for "". Raises ModelNotFound."""
        model = self._served.get(name or next(iter(self._served), ""))
        if model is None:
            raise ModelNotFound(name, known=self.names)
        return model

    def add(self, name: str, model: Model) -> None:
        """Serve one more."""
        self._served[name] = model

    def in_use(self, name: str) -> InUse:
        """Use a model inside the block: it is not closed before the block ends. Raises ModelNotFound."""
        return InUse(self[name], self._users, self._unused)

    async def replace(self, name: str, new: Model, *, timeout_s: float | None = None) -> None:
        """Serve `new` instead of the present model, and close that one as soon as its asks are answered."""
        if self._closed:
            await new.close()
            raise Unavailable
        old = self._served[name]
        self._served[name] = new
        self._replaced.add(old)
        if old in self._users:
            unused = self._unused[old] = asyncio.Event()
            try:
                async with asyncio.timeout(timeout_s):
                    await unused.wait()
            except TimeoutError:
                pass  # its asks are failed: nobody waits for so long
            finally:
                del self._unused[old]
        await old.close(timeout_s=timeout_s)
        self._replaced.discard(old)

    @property
    def healthy(self) -> bool:
        """Whether all models are healthy."""
        return all(model.healthy for model in self._served.values())

    @property
    def stuck(self) -> bool:
        """Whether one of them can only be helped by a new process."""
        return any(model.stuck for model in self._served.values())

    def retry_after_s(self) -> float:
        """When a caller who was refused should come back, by the measured drain rates."""
        return max((model.retry_after_s() for model in self._served.values()), default=1.0)

    async def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Close all models, those too that were just replaced."""
        self._closed = True
        for model in (*self._served.values(), *self._replaced):
            await model.close(drain=drain, timeout_s=timeout_s)


class InUse:
    """One ask with one model."""

    __slots__ = ("_model", "_unused", "_users")

    def __init__(self, model: Model, users: dict[Model, int], unused: dict[Model, asyncio.Event]) -> None:
        self._model = model
        self._users = users
        self._unused = unused

    def __enter__(self) -> Model:
        self._users[self._model] = self._users.get(self._model, 0) + 1
        return self._model

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = self._users[self._model] - 1
        if left:
            self._users[self._model] = left
            return
        del self._users[self._model]
        if self._model in self._unused:
            self._unused[self._model].set()
