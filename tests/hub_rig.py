"""A small model on the stand-in for the Hugging Face hub, and what was told while it was fetched."""

from __future__ import annotations

import socket

from asksight.training.downloads.fetch import Fetching
from asksight.training.downloads.hub import Hub, HubName
from asksight.training.downloads.published import Brought, Telling, bring

WEIGHTS = b"weights " * 40_000
FILES = {
    "config.json": b'{"model_type": "blip"}\n',
    "preprocessor_config.json": b"{}\n",
    "vocab.txt": b"[PAD]\n",
    "tokenizer_config.json": b'{"do_lower_case": true}\n',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
    "tf_model.h5": b"another",
    "README.md": b"# A model\n",
}
WANTED = [
    "config.json",
    "preprocessor_config.json",
    "vocab.txt",
    "tokenizer_config.json",
    "model.safetensors",
]
NAME = HubName("maker/model")


class Told:
    """What was said and how many bytes came; nobody waits."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.begun: list[tuple[str, int | None]] = []
        self.bytes = 0
        self.telling = Telling(
            say=self.lines.append,
            begin=lambda doing, total: self.begun.append((doing, total)),
            how=Fetching(progress=self.count, sleep=lambda seconds: None),
        )

    def count(self, arrived: int) -> None:
        self.bytes += arrived


def brought(hub: Hub, name: HubName = NAME, **expected: str) -> Brought:
    return bring(name, hub, Told().telling, **expected)


def nobody() -> str:
    """An address where nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
