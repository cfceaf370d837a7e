"""All conversations that are open: how many, whose, and the bytes of the photos that are kept for them.

One that waits for its next question has a place here, and none among the calls that are under way. Lives in the event
loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from ..access.calls import Call, Desk
from ..core.assistant import Assistant
from ..errors import AskError, Overloaded, Stopping
from .conversation import METHOD, Conversation
from .receiving import Context, Receiving
from .requests import deadline_of, read_start
from .status import abort

__all__ = ["METHOD", "Conversations"]

RETRY_S = 1.0  # nobody knows when others end theirs


class Conversations:
    """Answers calls of Converse."""

    def __init__(self, assistant: Assistant, desk: Desk, receiving: Receiving) -> None:
        self._assistant = assistant
        self._desk = desk
        self._receiving = receiving
        self._of: Counter[str] = Counter()
        self._open: dict[Conversation, None] = {}  # the oldest first

    def handler(self) -> Any:
        """What a gRPC server is to be given. Not a message is received before it is asked for."""
        return grpc.stream_stream_rpc_method_handler(self._converse)

    def end_all(self, error: AskError) -> None:
        """End each with `error` once what was asked in it is answered."""
        for one in list(self._open):
            one.finish(error)

    async def _converse(self, _: Any, context: Context) -> AsyncIterator[bytes]:
        call = self._desk.call(METHOD, context.invocation_metadata() or (), context, deadline_of(context))
        context.set_trailing_metadata(call.trailing())
        conversation = None
        try:
            caller = call.identify()
        except AskError as error:
            await abort(context, error, call.trailing())
            return
        try:
            with self._place(caller.key):
                conversation = await self._begun(context, call)
                with self._opened(conversation):
                    async for answer in conversation.answers():
                        yield answer
        except AskError as error:
            call.refused(error)
            await abort(context, error, call.trailing())
        except grpc.aio.BaseError:  # gRPC's own, of a call that has ended meanwhile
            raise
        except Exception as error:  # noqa: BLE001  of which gRPC would tell the caller
            await abort(context, call.failed(error), call.trailing())
        if conversation is not None and conversation.ending is not None:  # as it should: no failed call
            await abort(context, conversation.ending, call.trailing())

    async def _begun(self, context: Context, call: Call) -> Conversation:
        message = await self._receiving.message(context, call.caller_key, call)
        start = read_start(message, call.deadline_s, caller=call.caller_key)
        return Conversation(start, context, call, self._assistant, self._desk, self._receiving)

    @contextmanager
    def _place(self, caller: str) -> Iterator[None]:
        """Count one more for as long as it is open. Raises Overloaded."""
        most = self._assistant.limits.conversations
        if self._of.total() >= most:
            raise Overloaded(retry_after_s=RETRY_S, what=f"{most} conversations are open already")
        if self._of[caller] >= max(1, most // 2):
            raise Overloaded(
                retry_after_s=RETRY_S, what=f"{most // 2} of your conversations are open already"
            )
        self._of[caller] += 1
        try:
            yield
        finally:
            self._of[caller] -= 1
            self._of += Counter()  # forgets who has none

    @contextmanager
    def _opened(self, conversation: Conversation) -> Iterator[None]:
        """Have it among those that are open, and the photos of the oldest forgotten where all are too many bytes."""
        self._open[conversation] = None
        held_bytes = sum(one.photo_bytes for one in self._open)
        for one in self._open:
            if held_bytes <= self._assistant.limits.conversation_bytes:
                break
            held_bytes -= one.photo_bytes
            one.forget_photo()
        if self._assistant.admission.stopping:
            conversation.finish(Stopping())
        try:
            yield
        finally:
            del self._open[conversation]
            conversation.leave()
