"""The sizes that a plan takes, which TensorRT wants to know before it builds one: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..base import TensorSpec

TYPICAL_BATCH, TYPICAL_TOKENS = 8, 8  # what kernels are chosen for


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The sizes of one input that a plan takes, and the one it is made for."""

    name: str
    least: tuple[int, ...]
    typical: tuple[int, ...]
    most: tuple[int, ...]


def profiles(inputs: Sequence[TensorSpec], *, max_batch: int, max_tokens: int) -> list[Profile]:
    """One for each input: N from 1 to `max_batch`, other free axes from 1 to `max_tokens`. Pure."""
    made = []
    for tensor in inputs:
        rest = tensor.shape[1:]
        batch, tokens = min(TYPICAL_BATCH, max_batch), min(TYPICAL_TOKENS, max_tokens)
        made.append(
            Profile(
                name=tensor.name,
                least=(1, *(size or 1 for size in rest)),
                typical=(batch, *(size or tokens for size in rest)),
                most=(max_batch, *(size or max_tokens for size in rest)),
            )
        )
    return made
