"""Whole models: names, types, sharing, nesting, what is refused, and how much memory VGG16 takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from keras import layers, ops
from onnx_parity import assert_same, kinds, randomise, run_keras, run_onnx

from asksight.training.errors import ExportError
from asksight.training.exporting.keras_onnx import Call, Value, converts, save_onnx, to_onnx
from asksight.training.models import attention
from asksight.training.models.layers import GridCoordinates

RANDOM = np.random.default_rng(4)


def small_cnn(side: int = 16) -> Any:
    image = keras.Input((side, side, 3), name="image")
    x = layers.Rescaling(1 / 255)(image)
    for channels in (8, 16):
        x = layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    model = keras.Model(image, layers.Conv2D(5, 1, name="grid")(x), name="encoder")
    randomise(model)
    return model


def photos(count: int = 3, side: int = 16) -> np.ndarray[Any, Any]:
    return RANDOM.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_cnn_of_a_photo_in_bytes() -> None:
    model, given = small_cnn(), photos()
    proto = to_onnx(model, output_names=["features"], uint8_inputs=["image"])
    onnx.checker.check_model(proto, full_check=True)
    assert proto.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [output.name for output in proto.graph.output] == ["features"]
    wanted = run_keras(model, {"image": given.astype(np.float32)})[0]
    np.testing.assert_allclose(run_onnx(proto, {"image": given})[0], wanted, atol=1e-5)


def test_what_engines_are_told() -> None:
    proto = to_onnx(small_cnn(), axis_names={"image": {0: "B"}})
    assert [(domain.domain, domain.version) for domain in proto.opset_import] == [("", 17)]
    assert proto.ir_version <= 9
    sizes = proto.graph.input[0].type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["B", 16, 16, 3]
    sizes = proto.graph.output[0].type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["N", 4, 4, 5]
    assert kinds(proto).count("Transpose") == 2


@pytest.mark.parametrize("side", [32, 64])
def test_our_own_model(side: int) -> None:
    config = attention.AttentionConfig(side=side)
    encoder = attention.encoder(config)
    randomise(encoder)
    assert_same(encoder, {"image": photos(2, side).astype(np.float32)}, tolerance=1e-4)
    shape = encoder.output_shape[1:]
    answerer = attention.answerer(config, feature_shape=shape, answers=9)
    randomise(answerer)
    given = {
        "question": RANDOM.normal(size=(4, 6, config.word_dimension)).astype(np.float32),
        "lengths": np.array([0, 1, 3, 6], np.int32),
        "features": RANDOM.normal(size=(4, *shape)).astype(np.float32),
    }
    assert_same(answerer, given, tolerance=1e-4)


def test_grid_coordinates() -> None:
    x = keras.Input((3, 5, 2), name="x")
    model = keras.Model(x, [GridCoordinates()(x), GridCoordinates()(layers.Conv2D(2, 1)(x))])
    assert_same(model, {"x": RANDOM.normal(size=(2, 3, 5, 2)).astype(np.float32)})


def test_nested_and_sequential_models_share_their_weights() -> None:
    """One body used on two inputs: two sets of nodes, one of weights."""
    body = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(6)], name="body"
    )
    outer_in = keras.Input((8, 8, 3), name="inner")
    inner = keras.Model(outer_in, body(outer_in) * 2.0, name="twice")
    a, b = keras.Input((8, 8, 3), name="a"), keras.Input((8, 8, 3), name="b")
    model = keras.Model([a, b], layers.Subtract()([inner(a), inner(b)]))
    randomise(model)
    proto = assert_same(model, {n: RANDOM.normal(size=(2, 8, 8, 3)).astype(np.float32) for n in "ab"})
    assert kinds(proto).count("Conv") == 2
    large = [tensor for tensor in proto.graph.initializer if len(tensor.dims) > 1]
    assert len(large) == 2  # the kernels of Conv2D and Dense


def test_nested_models_called_by_the_names_of_their_inputs() -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    inner = keras.Model([b, a], layers.Subtract()([a, layers.Dense(3)(b)]))
    x = keras.Input((3,), name="x")
    y = layers.Dense(3)(x)
    model = keras.Model(x, [inner({"a": x, "b": y}), inner([x, y])])
    randomise(model)
    assert_same(model, {"x": RANDOM.normal(size=(2, 3)).astype(np.float32)})


def test_outputs_that_are_inputs_or_each_other() -> None:
    x = keras.Input((4,), name="x")
    y = layers.Dense(3, name="y")(x)
    model = keras.Model(x, [layers.Dropout(0.1, name="same")(x), y, y])
    proto = assert_same(model, {"x": RANDOM.normal(size=(2, 4)).astype(np.float32)})
    assert [output.name for output in proto.graph.output] == ["x_1", "y", "y_1"] or len(
        proto.graph.output
    ) == 3


def test_a_layer_of_ones_own_brings_its_conversion() -> None:
    class Twice(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    @converts("Twice")
    def twice(call: Call) -> Value:
        return call.value(call.node("Mul", [call.inputs[0].name(), call.constant(2.0)]))

    x = keras.Input((4,), name="x")
    assert_same(keras.Model(x, Twice()(x)), {"x": np.ones((2, 4), np.float32)})


def test_unknown_layers_and_operations_are_named() -> None:
    class Mystery(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    x = keras.Input((4,), name="x")
    inner = keras.Model(x, Mystery(name="riddle")(x), name="inside")
    y = keras.Input((4,), name="y")
    with pytest.raises(ExportError, match=r"inside/riddle \(Mystery\) cannot be exported.*@converts"):
        to_onnx(keras.Model(y, inner(y)))
    with pytest.raises(ExportError, match=r"\(Cumsum\) cannot be exported.*@converts_operation"):
        to_onnx(keras.Model(x, ops.cumsum(x, axis=1)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: layers.Dense(3, activation=lambda x: x, name="odd"), r"odd \(Dense\).*activation"),
        (lambda: layers.ReLU(threshold=0.5, name="step"), r"step \(ReLU\).*threshold"),
        (lambda: layers.BatchNormalization(axis=1, name="rows"), r"rows \(BatchNormalization\).*axis 1"),
    ],
)
def test_unsupported_options_are_named(layer: Any, message: str) -> None:
    x = keras.Input((5, 4), name="x")
    with pytest.raises(ExportError, match=message):
        to_onnx(keras.Model(x, layer()(x)))


def test_models_without_a_graph_are_refused() -> None:
    class Subclassed(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(ExportError, match="no functional graph"):
        to_onnx(Subclassed())
    with pytest.raises(ExportError, match="no functional graph"):
        to_onnx(keras.Sequential([layers.Dense(3)]))


def test_wrong_names_are_refused() -> None:
    with pytest.raises(ExportError, match="photo"):
        to_onnx(small_cnn(), uint8_inputs=["photo"])
    with pytest.raises(ExportError, match="2 names"):
        to_onnx(small_cnn(), output_names=["a", "b"])


def test_saved_file_is_the_model(tmp_path: Any) -> None:
    """The file is written weight by weight; what ONNX reads from it is the model in memory."""
    model = small_cnn()
    save_onnx(model, tmp_path / "model.onnx", output_names=["features"])
    assert onnx.load(tmp_path / "model.onnx") == to_onnx(model, output_names=["features"])
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)


def memory_bytes(kind: str) -> int:
    """What /proc says that this process takes (VmRSS), or took at most since that was last forgotten (VmHWM)."""
    found = re.search(rf"{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def test_weights_are_written_one_by_one_and_never_copied_together(tmp_path: Path) -> None:
    """Four large ones as VGG16 has them, by layers in its order; of VGG16 itself, the test below."""
    image = keras.Input((16, 16, 64), name="image")
    x = layers.MaxPooling2D()(layers.Conv2D(64, 3, padding="same")(image))
    x = layers.Flatten()(x)
    for _ in range(4):
        x = layers.Dense(4096)(x)
    model = keras.Model(image, x)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the most that the process has taken
    before, largest = memory_bytes("VmRSS"), 4 * 4096 * 4096
    save_onnx(model, tmp_path / "model.onnx", output_names=["features"])
    assert (tmp_path / "model.onnx").stat().st_size > 4 * largest
    assert memory_bytes("VmHWM") - before < 2 * largest
    written = kinds(onnx.load(tmp_path / "model.onnx"))
    assert written == ["Transpose", "Conv", "MaxPool", "Transpose", "Flatten", *["Gemm"] * 4]


VGG16 = """
import json, pathlib, re, time
import keras, onnx
from asksight.training.exporting.keras_onnx import save_onnx
model = keras.applications.VGG16(weights=None)
features = keras.Model(model.input, model.get_layer("fc2").output)
began = time.monotonic()
save_onnx(features, "vgg16.onnx", output_names=["features"])
print(json.dumps({
    "seconds": time.monotonic() - began,
    "bytes": 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]),
}))
"""


@pytest.mark.slow
def test_vgg16_stays_small(tmp_path: Path) -> None:
    """138 million weights: under 3 GB at the worst, TensorFlow and the model itself included.

    Not by ru_maxrss, which a process begins with its parent's.
    """
    done = subprocess.run(
        [sys.executable, "-c", VGG16], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["bytes"] < 3e9
    written = kinds(onnx.load(tmp_path / "vgg16.onnx"))
    assert (written.count("Conv"), written.count("Gemm")) == (13, 2)
    assert written.count("Transpose") == 2  # the photo in, and the map before it is flattened
