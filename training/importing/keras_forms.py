"""Layers as the configurations of Keras 1 and 2 name them, built by Keras 3 from the few arguments that matter here.

Nothing in a file is looked up or run: a class that is not listed is refused by its name, an argument that is neither
listed nor known to mean nothing in serving, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from ..errors import ImportSpecError
from ..exporting.onnx_layers.activations import hard_sigmoid_of_keras_2

CONV = (
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "groups",
    "activation",
    "use_bias",
)
DEPTH = (
    "kernel_size",
    "strides",
    "padding",
    "depth_multiplier",
    "data_format",
    "dilation_rate",
    "activation",
    "use_bias",
)
POOL = ("pool_size", "strides", "padding", "data_format")
RNN = (
    "units",
    "activation",
    "recurrent_activation",
    "use_bias",
    "return_sequences",
    "go_backwards",
    "stateful",
)
KEPT: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "Average": (),
    "AveragePooling1D": POOL,
    "AveragePooling2D": POOL,
    "BatchNormalization": ("axis", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv1D": CONV,
    "Conv2D": CONV,
    "Cropping2D": ("cropping", "data_format"),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv2D": DEPTH,
    "Dot": ("axes", "normalize"),
    "ELU": ("alpha",),
    "Embedding": ("input_dim", "output_dim", "mask_zero"),
    "Flatten": ("data_format",),
    "GRU": (*RNN, "reset_after"),
    "GlobalAveragePooling1D": ("data_format", "keepdims"),
    "GlobalAveragePooling2D": ("data_format", "keepdims"),
    "GlobalMaxPooling1D": ("data_format", "keepdims"),
    "GlobalMaxPooling2D": ("data_format", "keepdims"),
    "LSTM": RNN,
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
    "LeakyReLU": ("negative_slope",),
    "MaxPooling1D": POOL,
    "MaxPooling2D": POOL,
    "Maximum": (),
    "Minimum": (),
    "Multiply": (),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "RepeatVector": ("n",),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "SeparableConv2D": ("filters", *DEPTH),
    "SimpleRNN": tuple(key for key in RNN if key != "recurrent_activation"),
    "Softmax": ("axis",),
    "Subtract": (),
    "UpSampling2D": ("size", "data_format", "interpolation"),
    "ZeroPadding2D": ("padding", "data_format"),
}
NOTHING = (  # at inference
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity"),
    *("SpatialDropout1D", "SpatialDropout2D"),
)
CLASSES = {  # Keras 1's names
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
}
ARGUMENTS = {  # Keras 1's and 2's names
    "alpha": "negative_slope",
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "filter_length": "kernel_size",
    "inner_activation": "recurrent_activation",
    "nb_filter": "filters",
    "output_dim": "units",
    "pool_length": "pool_size",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
VALUES = {"tf": "channels_last", "th": "channels_first", "default": None}  # of dim_ordering
# Arguments that change nothing once a model is trained, or that are read elsewhere.
UNUSED = (
    *(
        "name",
        "trainable",
        "dtype",
        "input_dtype",
        "batch_input_shape",
        "batch_shape",
        "input_shape",
        "sparse",
        "ragged",
    ),
    *(
        "input_length",
        "input_dim",
        "consume_less",
        "implementation",
        "unroll",
        "time_major",
        "unit_forget_bias",
    ),
    *(
        "forget_bias_init",
        "momentum",
        "fused",
        "autocast",
        "gamma_init",
        "beta_init",
        "init",
        "inner_init",
        "weights",
    ),
    *(
        "dropout",
        "recurrent_dropout",
        "dropout_W",
        "dropout_U",
        "dropout",
        "supports_masking",
        "seed",
        "noise_shape",
    ),
    *(
        "build_config",
        "zero_output_for_mask",
        "return_state",
        "renorm",
        "synchronized",
        "virtual_batch_size",
        "mode",
    ),
    *("rms_scaling", "lora_rank", "quantization_config", "arguments", "sparsity"),
)
ENDINGS = ("_initializer", "_regularizer", "_constraint")
MUST_BE_OFF = (
    "stateful",
    "return_state",
    "time_major",
    "renorm",
    "zero_output_for_mask",
    "virtual_batch_size",
    "mode",
)


def layer_of(class_name: str, config: Mapping[str, Any]) -> keras.Layer:
    """The Keras 3 layer. Raises ImportSpecError, naming layer and class, where it has no form here."""
    name = str(config.get("name", class_name))
    class_name = CLASSES.get(class_name, class_name)
    if class_name == "Lambda":
        raise ImportSpecError(
            f"{name} (Lambda) holds Python code, which is never run. Replace it by layers that say what it does, "
            "and save the model again."
        )
    if class_name in NOTHING:
        return keras.layers.Identity(name=name)
    if class_name in ("Bidirectional", "TimeDistributed"):
        return _wrapped(class_name, name, config)
    if class_name not in KEPT:
        raise ImportSpecError(
            f"{name} ({class_name}) is no layer that can be imported. Those that can: "
            f"{', '.join(sorted((*KEPT, *NOTHING, 'Bidirectional', 'TimeDistributed')))}."
        )
    given = _arguments(class_name, name, config)
    try:
        layer: keras.Layer = getattr(keras.layers, class_name)(name=name, **given)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ImportSpecError(f"{name} ({class_name}) cannot be built: {reason}") from error
    return layer


def _arguments(class_name: str, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    kept, given = KEPT[class_name], {}
    config = dict(config)
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col", None)]
    for key, value in config.items():
        renamed = key if key in kept else ARGUMENTS.get(key, key)
        if key in MUST_BE_OFF and value:
            raise ImportSpecError(f"{name} ({class_name}) has {key} = {value!r}, which cannot be served.")
        if renamed in kept:
            given[renamed] = VALUES.get(value, value) if key == "dim_ordering" else value
        elif (
            key not in UNUSED
            and not key.endswith((*ENDINGS, "_regularizer", "_constraint"))
            and value is not None
        ):
            raise ImportSpecError(
                f"{name} ({class_name}) has the argument {key} = {value!r}, which is not known; known are: "
                f"{', '.join(kept)}."
            )
    for key in ("activation", "recurrent_activation"):
        if key in given:
            given[key] = _activation(name, class_name, given[key])
    if isinstance(given.get("axis"), list) and len(given["axis"]) == 1:
        given["axis"] = given["axis"][0]
    if class_name == "GRU":
        given.setdefault("reset_after", False)  # Keras before 2.2 knew no other
    if class_name in ("LSTM", "GRU"):
        given.setdefault("recurrent_activation", hard_sigmoid_of_keras_2)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def _activation(name: str, class_name: str, given: Any) -> Any:
    """Keras 3's function of a name, but for hard_sigmoid, which Keras 1 and 2 have with another slope."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise ImportSpecError(
            f"{name} ({class_name}) has an activation of its own, which cannot be imported."
        )
    if given == "hard_sigmoid":
        return hard_sigmoid_of_keras_2
    try:
        return keras.activations.get({"swish": "silu"}.get(given, given))
    except ValueError as error:
        raise ImportSpecError(
            f"{name} ({class_name}) has the activation {given!r}, which is not known."
        ) from error


def _wrapped(class_name: str, name: str, config: Mapping[str, Any]) -> keras.Layer:
    inner = config.get("layer")
    if not isinstance(inner, dict) or not isinstance(inner.get("config"), dict):
        raise ImportSpecError(f"{name} ({class_name}) holds no layer.")
    inner_class = str(inner.get("class_name"))
    if class_name == "TimeDistributed":
        if inner_class != "Dense":
            raise ImportSpecError(
                f"{name} (TimeDistributed) holds {inner_class}; only Dense can be imported there."
            )
        return layer_of("Dense", {**inner["config"], "name": name})  # which treats each step alike by itself
    if inner_class not in ("LSTM", "GRU", "SimpleRNN"):
        raise ImportSpecError(
            f"{name} (Bidirectional) holds {inner_class}; LSTM, GRU and SimpleRNN can be imported."
        )
    if config.get("backward_layer") is not None:
        raise ImportSpecError(
            f"{name} (Bidirectional) has a backward_layer of its own, which cannot be imported."
        )
    return keras.layers.Bidirectional(
        layer_of(inner_class, inner["config"]), merge_mode=config.get("merge_mode", "concat"), name=name
    )
