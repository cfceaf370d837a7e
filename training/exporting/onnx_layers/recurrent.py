"""LSTM, GRU and SimpleRNN, also inside Bidirectional, as the ONNX nodes LSTM, GRU and RNN.

At padded steps Keras repeats the last real output (or gives zeros, with zero_output_for_mask); ONNX gives zeros. A
following recurrent layer with the same lengths ignores padded steps, so it takes the ONNX output unchanged. For every
other layer the repetition is added, so that the numbers equal those of Keras. For a sequence of length 0 both give
zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .masks import lengths_of
from .registry import Call, Result, converts
from .value import Value

ACTIVATIONS = {
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "Relu",
    "softsign": "Softsign",
    "softplus": "Softplus",
    "elu": "Elu",
    "hard_sigmoid": "HardSigmoid",
    "hard_sigmoid_of_keras_2": "HardSigmoid",
}
SLOPES = {"elu": 1.0, "hard_sigmoid": 1 / 6, "hard_sigmoid_of_keras_2": 0.2}  # of those that have one
# LSTM: i,f,c,o in Keras, i,o,f,c in ONNX; GRU: z,r,h in both.
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}


@dataclass
class Sequence:
    """The output of one direction: steps [T,N,U] in order of time, zero where padded, and last states [N,U]."""

    steps: str
    states: list[str]


def gates(matrix: NDArray[Any], order: tuple[int, ...]) -> NDArray[Any]:
    """[in, gates * units] in Keras' order -> [1, gates * units, in] in ONNX' order."""
    parts = np.split(np.asarray(matrix), len(order), axis=-1)
    return np.concatenate([parts[gate].T for gate in order], axis=0)[None]


def biases(bias: NDArray[Any], order: tuple[int, ...]) -> NDArray[Any]:
    """[gates * units] or [2, gates * units] -> [1, 2 * gates * units]: input biases, then recurrent ones."""
    pair = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    halves = [np.concatenate([np.split(row, len(order))[gate] for gate in order]) for row in pair]
    return np.concatenate(halves)[None]


def run(call: Call, layer: Any, source: Value, lengths: Value | None, states: list[Value]) -> Sequence:
    """Write one direction of a recurrent layer."""
    kind = type(layer).__name__
    if kind not in GATES:
        raise call.unsupported(f"recurrent layer {kind}; {', '.join(GATES)} have conversions")
    if layer.stateful:
        raise call.unsupported("stateful=True")
    cell, order = layer.cell, GATES[kind]
    functions = [cell.activation] if kind == "SimpleRNN" else [cell.recurrent_activation, cell.activation]
    functions += [cell.activation] if kind == "LSTM" else []
    names = [function.__name__ for function in functions]
    if not set(names) <= set(ACTIVATIONS):
        raise call.unsupported(f"activations {names}; {', '.join(ACTIVATIONS)} have conversions")
    inputs = [
        steps_first(source, lengths),
        call.weight(cell.kernel, "kernel", lambda array: gates(array, order)),
        call.weight(cell.recurrent_kernel, "recurrent_kernel", lambda array: gates(array, order)),
        call.weight(cell.bias, "bias", lambda array: biases(array, order)) if cell.use_bias else "",
        "" if lengths is None else call.cast(lengths.name(), lengths.dtype, "int32"),
    ]
    one = call.constant([0], "int64")
    inputs += [call.node("Unsqueeze", [state.name(), one]) for state in states]
    while inputs[-1] == "":
        inputs.pop()
    attributes: dict[str, Any] = {
        "hidden_size": cell.units,
        "activations": [ACTIVATIONS[name] for name in names],
        "direction": "reverse" if layer.go_backwards else "forward",
    }
    if any("hard_sigmoid" in name for name in names):  # ONNX takes the slopes in the order of the activations
        attributes["activation_alpha"] = [SLOPES[name] for name in names if name in SLOPES]
        attributes["activation_beta"] = [0.5 for name in names if "hard_sigmoid" in name]
    if kind == "GRU":
        attributes["linear_before_reset"] = int(cell.reset_after)
    op = "RNN" if kind == "SimpleRNN" else kind
    steps, *last = call.graph.nodes_of(op, inputs, call.where, 3 if kind == "LSTM" else 2, **attributes)
    return Sequence(
        call.node("Squeeze", [steps, call.constant([1], "int64")]),  # [T,1,N,U] -> [T,N,U]
        [call.node("Squeeze", [state, one]) for state in last],
    )


def steps_first(source: Value, lengths: Value | None) -> str:
    """The input as [T,N,D]. Its values at padded steps do not matter where there are lengths."""
    if source.steps is not None and (source.steps[1] is lengths or source.steps[1] is None):
        return source.steps[0]
    return source.name("steps_first")


def sequence_value(call: Call, steps: str, lengths: Value | None, last: str | None) -> Value:
    """[T,N,U] as a value [N,T,U]; where `last` is given, padded steps get its values."""
    shape, dtype = call.outputs[0]

    def padded() -> str:
        if last is None or call.mask is None:
            return steps
        keep = call.node("Transpose", [call.mask.name()], perm=[1, 0])
        keep = call.node("Unsqueeze", [keep, call.constant([2], "int64")])
        return call.node("Where", [keep, steps, last])

    value = Value(call.graph, shape, dtype, call.where, birth="steps_first", make=padded)
    value.steps = (steps, lengths)
    value.mask = call.mask
    return value


def reverse_steps(call: Call, steps: str) -> str:
    """[T,N,U] with its steps in reverse order."""
    numbers = [call.constant([number], "int64") for number in (-1, -(2**31), 0, -1)]
    return call.node("Slice", [steps, *numbers])


def mask_lengths(call: Call) -> Value | None:
    lengths = lengths_of(call.mask)
    if call.mask is not None and lengths is None:
        raise call.unsupported(
            "a mask that does not come from a LengthMask layer; pass mask=LengthMask()(lengths, x)"
        )
    return lengths


def initial_states(call: Call) -> list[Value]:
    given = call.argument(1, "initial_state")
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def with_states(call: Call, output: Value, states: list[str]) -> Result:
    if not call.operation.return_state:
        return output
    return [output, *(call.value(state, index=index) for index, state in enumerate(states, start=1))]


@converts("LSTM", "GRU", "SimpleRNN", masks=True)
def recurrent(call: Call) -> Result:
    layer, lengths = call.operation, mask_lengths(call)
    out = run(call, layer, call.args[0], lengths, initial_states(call))
    if not layer.return_sequences:
        if lengths is not None and layer.zero_output_for_mask:
            raise call.unsupported(
                "zero_output_for_mask=True makes the output of all but the longest questions zero; leave it out"
            )
        return with_states(call, call.value(out.states[0]), out.states)
    if layer.go_backwards:
        # In the order of processing, so that padded steps come first; they are zero in Keras, too.
        output = sequence_value(call, reverse_steps(call, out.steps), lengths, None)
        output.steps = None
    else:
        last = None if layer.zero_output_for_mask or lengths is None else out.states[0]
        output = sequence_value(call, out.steps, lengths, last)
    return with_states(call, output, out.states)


@converts("Bidirectional", masks=True)
def bidirectional(call: Call) -> Result:
    layer, lengths = call.operation, mask_lengths(call)
    states = initial_states(call)
    half = len(states) // 2
    runs = [
        run(call, layer.forward_layer, call.args[0], lengths, states[:half]),
        run(call, layer.backward_layer, call.args[0], lengths, states[half:]),
    ]
    ends = [state for out in runs for state in out.states]
    names = [out.steps if layer.return_sequences else out.states[0] for out in runs]
    if layer.merge_mode is None:
        outputs = [
            Value(call.graph, *call.outputs[index], call.where, {"steps_first": name}, "steps_first")
            if layer.return_sequences
            else call.value(name, index=index)
            for index, name in enumerate(names)
        ]
        more = enumerate(ends, start=2) if layer.return_state else ()
        return [*outputs, *(call.value(state, index=index) for index, state in more)]
    if layer.merge_mode == "concat":
        y = call.node("Concat", names, axis=-1)
    else:
        y = call.node("Mul" if layer.merge_mode == "mul" else "Add", names)
        if layer.merge_mode == "ave":
            y = call.node("Mul", [y, call.constant(0.5)])
    if not layer.return_sequences:
        return with_states(call, call.value(y), ends)
    return with_states(call, sequence_value(call, y, lengths, None), ends)
