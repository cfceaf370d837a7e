"""Sequence masks: which steps of a padded sequence count.

A mask that comes from a `LengthMask` layer carries the lengths it was made from. A recurrent layer
takes those as its `sequence_lens` and the mask itself is never computed; any other use gets
Less(Range(T), lengths).
"""

from __future__ import annotations

from .registry import Call, converts
from .value import Value


@converts("LengthMask")
def length_mask(call: Call) -> Value:
    """lengths [N], sequence [N,T,...] -> mask [N,T] bool"""
    lengths, sequence = call.args
    shape, dtype = call.outputs[0]

    def make() -> str:
        zero, one = call.constant(0, "int64"), call.constant(1, "int64")
        sizes = call.node("Shape", [sequence.name()])
        steps = call.node("Range", [zero, call.node("Gather", [sizes, one]), one])
        limit = call.node(
            "Unsqueeze", [call.cast(lengths.name(), lengths.dtype, "int64"), call.constant([1], "int64")]
        )
        return call.node("Less", [steps, limit])

    return Value(call.graph, shape, dtype, call.where, make=make, lengths=lengths)


def lengths_of(mask: Value | None) -> Value | None:
    """The lengths [N] that a mask stands for, if it stands for any."""
    return None if mask is None else mask.lengths
