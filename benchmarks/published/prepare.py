"""Makes the bundle that beside_transformers.py asks, and says what each step costs.

python benchmarks/published/prepare.py blip build/published

What random weights answer hangs by a hair, so that a few samples are enough: how much is lost says nothing.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from asksight.engine import load_bundle
from asksight.engine.bundle.samples import made_up_samples
from asksight.engine.plans.compile import STAGES, Reference, compile_stage
from asksight.engine.plans.progress import Progress
from asksight.training.importing.blip import import_blip
from asksight.training.importing.vilt import import_vilt

MAX_BATCH = 8


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("kind", choices=["blip", "vilt"])
    reader.add_argument("published", type=Path, help="the folder that make_random.py wrote")
    reader.add_argument("--precision", default="bf16", help="of OpenVINO: bf16, int8 or float32")
    options = reader.parse_args()
    folder = options.published / f"{options.kind}-bundle"
    if not folder.exists():
        with costing("import"):
            (import_blip if options.kind == "blip" else import_vilt)(options.published / options.kind, folder)
    bundle = load_bundle(folder, verify=False)
    samples = made_up_samples(bundle, photos=2, questions=8)
    with costing("float32"):
        reference = Reference(bundle, samples, max_batch=MAX_BATCH, threads=None)
    with closing(reference):
        for stage in STAGES:
            with costing(stage):
                made = compile_stage(
                    reference, stage, "openvino", options.precision, min_agreement=0, progress=Progress()
                )
                print(made.sidecar)
    return 0


@contextmanager
def costing(what: str) -> Iterator[None]:
    """Say what it took, and the peak of memory until then."""
    started_s, before_s = time.perf_counter(), time.process_time()
    yield
    took_s, used_s = time.perf_counter() - started_s, time.process_time() - before_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {took_s:.0f} s, {used_s:.0f} s of the processor, {peak:.1f} GB at the peak", flush=True)


if __name__ == "__main__":
    sys.exit(main())
