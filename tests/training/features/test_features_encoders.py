"""Encoders take plain RGB pixels and give what keras.applications gives; in ONNX the same."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import applications
from onnx_parity import randomise, run_onnx

from asksight.training.errors import FeatureError
from asksight.training.exporting.keras_onnx import to_onnx
from asksight.training.features.encoders import ENCODERS, EncoderChoice, build_encoder, weights_sha256

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
OTHERS = {  # what Keras names them, their preprocessing, and the size of their features
    "resnet50v2": (applications.ResNet50V2, applications.resnet_v2, 2048),
    "mobilenetv3-large": (applications.MobileNetV3Large, applications.mobilenet_v3, 960),
    "mobilenetv3-small": (applications.MobileNetV3Small, applications.mobilenet_v3, 576),
    "efficientnetv2-b0": (applications.EfficientNetV2B0, applications.efficientnet_v2, 1280),
}


def plausible(model: keras.Model) -> None:
    """Random weights in every place, with variances that keep values finite through many layers."""
    randomise(model)
    for variable in model.weights:
        if "kernel" in variable.path:
            fan_in = float(np.prod(variable.shape[:-1]))
            variable.assign(np.random.default_rng(1).normal(0, (2 / fan_in) ** 0.5, variable.shape))


@pytest.mark.parametrize("name", OTHERS)
def test_an_encoder_is_that_of_keras_and_of_onnx(name: str) -> None:
    make, module, size = OTHERS[name]
    encoder = build_encoder(EncoderChoice(name=name, weights="random"))
    plausible(encoder)
    plain = make(include_top=False, weights=None, pooling="avg", input_shape=(224, 224, 3))
    plain.set_weights(encoder.get_weights())
    wanted = np.asarray(plain(module.preprocess_input(PIXELS.astype(np.float32)), training=False))
    features = np.asarray(encoder(PIXELS.astype(np.float32), training=False))
    assert features.shape == (2, size)
    scale = np.abs(wanted).max()
    assert scale > 1e-3
    np.testing.assert_allclose(features, wanted, atol=1e-5 * scale)
    proto = to_onnx(encoder, output_names=["features"], uint8_inputs=["image"])
    exported = run_onnx(proto, {"image": PIXELS})[0]
    np.testing.assert_allclose(exported, features, atol=1e-4 * scale)


def test_vgg16_sees_blue_green_red_and_no_mean(tmp_path: Path) -> None:
    """From a weights file of Keras, as a grid; the same as the whole of VGG16 in little."""
    plain = applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
    plain.save_weights(tmp_path / "vgg.weights.h5")
    choice = EncoderChoice(weights=str(tmp_path / "vgg.weights.h5"), grid=True)
    encoder = build_encoder(choice)
    wanted = np.asarray(plain(applications.vgg16.preprocess_input(PIXELS.astype(np.float32))))
    features = np.asarray(encoder(PIXELS.astype(np.float32)))
    assert features.shape == (2, 7, 7, 512)
    np.testing.assert_allclose(features, wanted, atol=1e-5 * np.abs(wanted).max())
    proto = to_onnx(encoder, output_names=["features"], uint8_inputs=["image"])
    np.testing.assert_allclose(run_onnx(proto, {"image": PIXELS})[0], features, atol=1e-4)
    with pytest.raises(FeatureError, match="holds kernels of shapes"):
        build_encoder(EncoderChoice(weights=choice.weights))  # a notop file, where fc7 is wanted


def test_older_weights_files_are_read_in_the_order_of_their_layers(tmp_path: Path) -> None:
    """As the published file has them: a group a layer, names such as block1_conv1_W_1:0."""
    plain = applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
    with h5py.File(tmp_path / "old.h5", "w") as file:
        for layer in plain.layers:
            group = file.create_group(layer.name)
            if layer.weights:
                group[f"{layer.name}_W_1:0"], group[f"{layer.name}_b_1:0"] = layer.get_weights()
    encoder = build_encoder(EncoderChoice(weights=str(tmp_path / "old.h5"), grid=True))
    kernels = [w for w in encoder.get_weights() if w.ndim == 4]
    for got, wanted in zip(kernels[1:], [w for w in plain.get_weights() if w.ndim == 4][1:], strict=True):
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(kernels[0][:, :, ::-1], plain.get_weights()[0])


def test_random_weights_are_the_same_for_the_same_seed() -> None:
    choices = [EncoderChoice(name="mobilenetv3-small", weights="random", seed=seed) for seed in (1, 1, 2)]
    hashes = [weights_sha256(build_encoder(choice)) for choice in choices]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("name", ENCODERS)
def test_grids_are_seven_by_seven(name: str) -> None:
    assert build_encoder(EncoderChoice(name=name, weights="random", grid=True)).output_shape[1:3] == (7, 7)


def test_what_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeatureError, match=r"no encoder 'vgg'; there are: vgg16, resnet50v2"):
        build_encoder(EncoderChoice(name="vgg"))
    with pytest.raises(FeatureError, match="are no file"):
        build_encoder(EncoderChoice(weights="missing.h5"))
    (tmp_path / "text.h5").write_text("weights")
    with pytest.raises(FeatureError, match=r"does not hold the weights of vgg16 .* with its top"):
        build_encoder(EncoderChoice(weights=str(tmp_path / "text.h5")))

    def offline(*arguments: object, **options: object) -> None:
        raise Exception("URL fetch failure")  # as Keras does

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(FeatureError, match=r"could not be had .* name it with --weights FILE"):
        build_encoder(EncoderChoice())


def test_fc7_of_the_whole_of_vgg16(tmp_path: Path) -> None:
    """Takes 3.7 GB, most of it for Keras' own model."""
    plain = applications.VGG16(weights=None)
    plain.save_weights(tmp_path / "vgg.weights.h5")
    fc2 = keras.Model(plain.input, plain.get_layer("fc2").output)
    wanted = np.asarray(fc2(applications.vgg16.preprocess_input(PIXELS.astype(np.float32))))
    encoder = build_encoder(EncoderChoice(weights=str(tmp_path / "vgg.weights.h5")))
    features = np.asarray(encoder(PIXELS.astype(np.float32)))
    assert features.shape == (2, 4096)
    np.testing.assert_allclose(features, wanted, atol=1e-5 * np.abs(wanted).max())
