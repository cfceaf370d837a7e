"""What the JSON files of a published model say, each value checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from .checkpoint import read_json

LARGEST_SIZE = 1 << 20  # of a layer, a vocabulary or a picture


@dataclass(frozen=True)
class Settings:
    """One JSON object. Keys that are missing have the defaults of the model's own library."""

    path: Path
    values: Mapping[str, Any]
    inside: str = ""  # as in "text_config."

    @classmethod
    def of(cls, path: Path) -> Settings:
        return cls(path, read_json(path))

    def part(self, key: str) -> Settings:
        """An object inside this one; empty where there is none."""
        value = self.values.get(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return Settings(self.path, value, f"{self.inside}{key}.")

    def size(self, key: str, default: int, *, least: int = 1) -> int:
        """A whole number."""
        value = self.values.get(key, default)
        if type(value) is not int or not least <= value <= LARGEST_SIZE:
            raise self.wrong(key, f"a whole number from {least} to {LARGEST_SIZE}")
        return value

    def number(self, key: str, default: float) -> float:
        """A number above 0."""
        value = self.values.get(key, default)
        if type(value) not in (int, float) or not 0 < value < 1e9:
            raise self.wrong(key, "a number above 0")
        return float(value)

    def three(self, key: str, default: tuple[float, float, float]) -> tuple[float, ...]:
        """A number for each colour."""
        value = self.values.get(key, list(default))
        if not isinstance(value, list) or len(value) != 3 or not all(type(v) in (int, float) for v in value):
            raise self.wrong(key, "three numbers")
        return tuple(map(float, value))

    def square(self, key: str, default: int) -> int:
        """A size in pixels, or two that are equal."""
        value = self.values.get(key, default)
        if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
            value = value[0]
        return Settings(self.path, {key: value}, self.inside).size(key, default)

    def must_be(self, key: str, allowed: tuple[Any, ...], default: Any) -> Any:
        """One of a few values."""
        value = self.values.get(key, default)
        if value not in allowed:
            raise self.wrong(key, " or ".join(repr(one) for one in allowed))
        return value

    def wrong(self, key: str, allowed: str) -> CheckpointError:
        """What is to be raised about a key."""
        seen = repr(self.values.get(key))
        seen = seen if len(seen) <= 60 else f"{seen[:60]}..."
        return CheckpointError(f"{self.path}: {self.inside}{key} is {seen}; it must be {allowed}.")


def check_architecture(config: Settings, model_type: str, architecture: str) -> None:
    """Raises CheckpointError where config.json is of another model."""
    kind, heads = config.values.get("model_type"), config.values.get("architectures") or [architecture]
    if kind != model_type or architecture not in heads:
        seen = heads[0] if kind == model_type and isinstance(heads, list) else kind
        raise CheckpointError(
            f"{config.path} is of {seen!r}; asksight import {model_type} takes {architecture}. "
            "See docs/models.md for what can be imported."
        )


def check_heads(config: Settings, width: int, heads: int) -> None:
    """Raises CheckpointError where a layer's width cannot be shared among its heads."""
    if width % heads:
        raise config.wrong("num_attention_heads", f"a divisor of the width, {width}")
