"""The steps of many asks side by side: what goes wrong with one is its own result and nobody else's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from .errors import AskError, Cancelled, DeadlineExceeded, InternalError, Overloaded
from .observer import Observer, Reason, Stage

log = logging.getLogger(__name__)

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

DROPPED: dict[type[AskError], Reason] = {
    DeadlineExceeded: Reason.EXPIRED,
    Cancelled: Reason.CANCELLED,
    Overloaded: Reason.SHED,
}


class Steps:
    """Runs steps and tells the observer where asks were dropped. Thread-safe."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def first(self, stage: Stage, step: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | AskError:
        """Run one ask's step; its failure is returned."""
        try:
            return step(*args, **kwargs)
        except AskError as error:
            reason = DROPPED.get(type(error))
            if reason is not None:
                self._observer.ask_dropped(stage, reason)
            return error
        except Exception:
            log.exception("An ask failed unexpectedly in %s", step.__name__)
            return InternalError()

    def then(
        self,
        so_far: S | AskError,
        stage: Stage,
        step: Callable[Concatenate[S, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | AskError:
        """Go on with an ask, unless it has failed already."""
        return so_far if isinstance(so_far, AskError) else self.first(stage, step, so_far, *args, **kwargs)
