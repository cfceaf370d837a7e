"""How long the conversion of VGG16 (up to fc7, random weights) to ONNX takes, and how much memory.

    python benchmarks/export_vgg16.py [--json]

The memory is the peak of the whole process: TensorFlow, the Keras model, and the conversion.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from asksight.engine.memory import return_freed_memory


def peak_gb() -> float:
    """The peak resident memory of this process, in GB (10^9 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure() -> dict[str, float]:
    """Build the model, convert it, and compare the features of both for a photo of noise."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return_freed_memory()
    import numpy as np

    from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
    from asksight.training.exporting.keras_onnx import save_onnx
    from asksight.training.features.encoders import EncoderChoice, build_encoder

    started = time.perf_counter()
    encoder = build_encoder(EncoderChoice(name="vgg16", weights="random"))
    built, built_gb = time.perf_counter(), peak_gb()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        save_onnx(encoder, path, output_names=["features"], uint8_inputs=["image"])
        saved, saved_gb = time.perf_counter(), peak_gb()
        photo = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
        wanted = np.asarray(encoder(photo.astype(np.float32), training=False))
        del encoder
        engine = OnnxRuntimeEngine(path, max_batch=1)
        difference = float(np.abs(engine.infer({"image": photo})["features"] - wanted).max())
        engine.close()
        return {
            "build_s": built - started,
            "export_s": saved - built,
            "compare_s": time.perf_counter() - saved,
            "built_peak_gb": built_gb,
            "export_peak_gb": saved_gb,
            "compared_peak_gb": peak_gb(),
            "onnx_mb": path.stat().st_size / 1e6,
            "largest_difference": difference,
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:20} {value:.3g}")


if __name__ == "__main__":
    main()
