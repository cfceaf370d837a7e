"""Dense, EinsumDense and Embedding."""

from __future__ import annotations

from .activations import activate
from .graph import ONNX_TYPES
from .registry import Call, converts
from .value import Value

# Set on an Embedding with mask_zero by who knows that the number 0 stands behind all words, never among them.
PADS_AT_THE_END = "asksight_pads_at_the_end"


@converts("Dense")
def dense(call: Call) -> Value:
    """[..., in] -> [..., units].

    Gemm for rank 2, MatMul + Add otherwise; the kernel goes in as it lies, [in, units].
    """
    layer, source = call.operation, call.inputs[0]
    x = call.cast(source.name(), source.dtype, "float32")
    kernel = call.weight(layer.kernel, "kernel")
    bias = [call.weight(layer.bias, "bias")] if layer.use_bias else []
    if source.rank == 2:
        y = call.node("Gemm", [x, kernel, *bias])
    else:
        y = call.node("MatMul", [x, kernel])
        if bias:
            y = call.node("Add", [y, *bias])
    return call.value(activate(call, y, layer.activation, "keras", len(call.outputs[0][0])))


@converts("EinsumDense")
def einsum_dense(call: Call) -> Value:
    layer = call.operation
    y = call.node(
        "Einsum", [call.inputs[0].name(), call.weight(layer.kernel, "kernel")], equation=layer.equation
    )
    if layer.bias is not None:
        y = call.node("Add", [y, call.weight(layer.bias, "bias")])
    return call.value(activate(call, y, layer.activation, "keras", len(call.outputs[0][0])))


@converts("Embedding")
def embedding(call: Call) -> Value:
    """Rows [N,T] -> vectors [N,T,D]."""
    layer, rows = call.operation, call.inputs[0]
    if layer.mask_zero and not getattr(layer, PADS_AT_THE_END, False):
        raise call.unsupported(
            "mask_zero=True; hand the lengths to a LengthMask layer and its mask to the RNN"
        )
    numbers = call.cast(rows.name(), rows.dtype, "int32")
    value = call.value(call.node("Gather", [call.weight(layer.embeddings, "embeddings"), numbers]))
    if layer.mask_zero:
        there = call.node("Not", [call.node("Equal", [numbers, call.constant(0, "int32")])])
        counted = call.node("Cast", [there], to=ONNX_TYPES["int32"])
        lengths = call.node("ReduceSum", [counted, call.constant([1], "int64")], keepdims=0)
        told = Value(call.graph, (rows.shape[0],), "int32", call.where, {"keras": lengths})
        value.mask = Value(call.graph, rows.shape, "bool", call.where, {"keras": there}, lengths=told)
    return value
