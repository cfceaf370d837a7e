"""Layers that rearrange or repeat values, and layers that do nothing at inference."""

from __future__ import annotations

from .registry import Call, converts
from .value import Layout, Value


@converts(
    "AlphaDropout",
    "ActivityRegularization",
    "BatchDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
)
def nothing(call: Call) -> Value:
    """The input value itself, with all its layouts."""
    return call.inputs[0]


@converts("Flatten")
def flatten(call: Call) -> Value:
    """Flatten in channels-last order, as the weights of the next layer expect."""
    return call.value(call.node("Flatten", [call.inputs[0].name()], axis=1))


@converts("Reshape")
def reshape(call: Call) -> Value:
    """The leading 0 of the shape keeps the batch size."""
    sizes = [-1 if size is None else size for size in call.operation.target_shape]
    return call.value(call.node("Reshape", [call.inputs[0].name(), call.constant([0, *sizes], "int64")]))


@converts("Permute")
def permute(call: Call) -> Value:
    return call.value(call.node("Transpose", [call.inputs[0].name()], perm=[0, *call.operation.dims]))


@converts("RepeatVector")
def repeat_vector(call: Call) -> Value:
    """[N,C] -> [N,n,C]"""
    row = call.node("Unsqueeze", [call.inputs[0].name(), call.constant([1], "int64")])
    return call.value(call.node("Tile", [row, call.constant([1, call.operation.n, 1], "int64")]))


def spatial(call: Call) -> list[int]:
    """The spatial axes of the input, channels first."""
    return list(range(2, call.inputs[0].rank))


@converts("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(call: Call) -> Value:
    if getattr(call.operation, "data_format", "channels_last") != "channels_last":
        raise call.unsupported("data_format 'channels_first'")
    pads = call.operation.padding
    pads = [pads] if isinstance(pads[0], int) else pads
    before, after = [low for low, _ in pads], [high for _, high in pads]
    amounts = call.constant([0, 0, *before, 0, 0, *after], "int64")
    return call.value(call.node("Pad", [call.inputs[0].name("channels_first"), amounts]), "channels_first")


@converts("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(call: Call) -> Value:
    if getattr(call.operation, "data_format", "channels_last") != "channels_last":
        raise call.unsupported("data_format 'channels_first'")
    crops = call.operation.cropping
    crops = [crops] if isinstance(crops[0], int) else crops
    far = 2**31 - 1
    starts = call.constant([low for low, _ in crops], "int64")
    ends = call.constant([-high if high else far for _, high in crops], "int64")
    axes = call.constant(spatial(call), "int64")
    y = call.node("Slice", [call.inputs[0].name("channels_first"), starts, ends, axes])
    return call.value(y, "channels_first")


@converts("UpSampling1D", "UpSampling2D")
def up_sampling(call: Call) -> Value:
    layer = call.operation
    mode = getattr(layer, "interpolation", "nearest")
    if (
        mode not in ("nearest", "bilinear")
        or getattr(layer, "data_format", "channels_last") != "channels_last"
    ):
        raise call.unsupported(f"interpolation {mode!r}; use nearest or bilinear, channels last")
    factors = [layer.size] if isinstance(layer.size, int) else list(layer.size)
    scales = call.constant([1.0, 1.0, *factors])
    layout: Layout = "channels_first"
    y = call.node(
        "Resize",
        [call.inputs[0].name(layout), "", scales],
        mode="nearest" if mode == "nearest" else "linear",
        coordinate_transformation_mode="asymmetric" if mode == "nearest" else "half_pixel",
        **({"nearest_mode": "floor"} if mode == "nearest" else {}),
    )
    return call.value(y, layout)
