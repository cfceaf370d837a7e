"""Sequence masks: which steps of a padded sequence count.

The value of a mask from a `LengthMask` layer keeps the lengths that it was made from. A recurrent layer takes these
lengths as its `sequence_lens`, and the mask itself is not computed. Every other use gets Less(Range(T), lengths).
"""

from __future__ import annotations

from functools import partial

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
    """The lengths [N] that a mask was made from; None where it was not made from lengths."""
    return None if mask is None else mask.lengths


def pass_mask_on(call: Call, results: list[Value]) -> None:
    """Give the results the mask of the inputs, as Keras does for layers that leave masks unchanged.

    Where Keras' merging layers would combine several masks, the results get a mask that raises ExportError when a
    layer uses it; a mask that all inputs share is passed on.
    """
    masks = {call.mask, *(value.mask for value in call.inputs)}
    if masks == {None} or not call.operation.supports_masking:
        return
    mask = call.mask
    if len(masks) > 1 and not getattr(call.operation.compute_mask, "_is_default", False):
        mask = Value(call.graph, (None, None), "bool", call.where, make=partial(_refuse, call))
    for value in results:
        if value.mask is None and value not in call.inputs:
            value.mask = mask


def _refuse(call: Call) -> str:
    raise call.unsupported("several masks meet in this layer")
