"""The asyncio client behind the blocking one's face, so that one test drives both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from asksight.client import AskSightError, AsyncConversation, Client, Model, Photo, Reply, connect_async


class AwaitedConversation:
    """A conversation of the asyncio client, likewise."""

    def __init__(self, runner: asyncio.Runner, conversation: AsyncConversation) -> None:
        self._runner = runner
        self._conversation = conversation

    def ask(self, question: str, **options: Any) -> Reply:
        return self._runner.run(self._conversation.ask(question, **options))

    @property
    def last(self) -> Reply | None:
        return self._conversation.last

    def close(self) -> None:
        self._runner.run(self._conversation.close())

    def __enter__(self) -> AwaitedConversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AwaitedClient:
    """The asyncio client, each call run to its end, so that one test drives both."""

    def __init__(self, target: str, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = connect_async(target, **options)

    def ask(self, photo: Photo, question: str, **options: Any) -> Reply:
        return self._runner.run(self._client.ask(photo, question, **options))

    def ask_many(self, asks: Iterable[tuple[Photo, str]], **options: Any) -> list[Reply | AskSightError]:
        return self._runner.run(self._client.ask_many(asks, **options))

    def conversation(self, photo: Photo, **options: Any) -> AwaitedConversation:
        return AwaitedConversation(self._runner, self._client.conversation(photo, **options))

    def model(self, **options: Any) -> Model:
        return self._runner.run(self._client.model(**options))

    def close(self) -> None:
        self._runner.run(self._client.close())

    def end(self) -> None:
        self.close()
        self._runner.close()


def end(client: Client | AwaitedClient) -> None:
    """Close it, and its loop, where it has one."""
    client.end() if isinstance(client, AwaitedClient) else client.close()
