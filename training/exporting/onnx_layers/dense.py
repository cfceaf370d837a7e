"""Dense, EinsumDense and Embedding."""

from __future__ import annotations

from .activations import activate
from .registry import Call, converts
from .value import Value


@converts("Dense")
def dense(call: Call) -> Value:
    """[..., in] -> [..., units].

    Gemm for rank 2, MatMul and Add otherwise. The kernel keeps its shape, [in, units].
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
    if layer.mask_zero and not call.graph.zeros_at_the_end:
        raise call.unsupported(
            "mask_zero=True; give the lengths to a LengthMask layer, and its mask to the recurrent layer"
        )
    numbers = call.cast(rows.name(), rows.dtype, "int32")
    return call.value(call.node("Gather", [call.weight(layer.embeddings, "embeddings"), numbers]))
