"""Makes a weights file for `asksight features --weights` from the convolutions of a VGG16 in ONNX.

    python benchmarks/vgg16_weights.py VGG16.onnx --out VGG16.h5

For use where the weights of keras.applications cannot be downloaded, but a network that was fine-tuned from them can.
Such files seldom have the two dense layers of ImageNet. Here these layers are random (He et al. 2015), so that the
features are a random projection of what the trained convolutions compute. The last layer is scaled down: otherwise
features have a norm of about 250 and saturate an answerer's tanh layers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

DENSE = ((512 * 7 * 7, 4096, 1.0), (4096, 4096, 1 / 32))  # inputs, units, scale relative to He's
FIRST = 0.42947057  # the first weight of ImageNet's VGG16 in Keras, by which the file is recognised


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    kernels = convolutions(given.graph)
    with h5py.File(given.out, "w") as file:
        for number, (kernel, bias) in enumerate(kernels):
            write(file, f"conv2d_{number}", kernel, bias)
        random = np.random.default_rng(given.seed)
        for number, (rows, units, smaller) in enumerate(DENSE):
            scale = np.float32(smaller * (2 / rows) ** 0.5)
            dense = random.standard_normal((rows, units), np.float32) * scale
            write(file, f"fc_{number}", dense, np.zeros(units, np.float32))
    imagenet = np.isclose(kernels[0][0][0, 0, 0, 0], FIRST)
    print(
        f"{given.out}: 13 convolutions, {'ImageNet' if imagenet else 'not ImageNet'}'s first; dense layers by lot"
    )


def convolutions(graph: Path) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Kernels [h, w, in, out] and biases [out], in the order of the graph."""
    model = onnx.load(graph).graph
    held = {one.name: one for one in model.initializer}
    found = []
    for node in model.node:
        if node.op_type == "Conv":
            kernel, bias = (numpy_helper.to_array(held[name]) for name in node.input[1:3])
            found.append((np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)), bias))
    if len(found) != 13:
        raise SystemExit(f"{graph} has {len(found)} convolutions with biases; VGG16 has 13.")
    return found


def write(file: h5py.File, name: str, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    group = file.create_group(name)
    group["kernel"], group["bias"] = kernel, bias


if __name__ == "__main__":
    main()
