"""Makes the bundle that beside_transformers.py asks, and says what that costs: `asksight import`, `asksight compile`.

python benchmarks/published/prepare.py blip build/published
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("kind", choices=["blip", "vilt"])
    reader.add_argument("published", type=Path, help="the folder that make_random.py wrote")
    reader.add_argument("--precision", default="bf16", help="of OpenVINO: bf16, int8 or float32")
    options = reader.parse_args()
    bundle = options.published / f"{options.kind}-bundle"
    if not bundle.exists():
        asksight("import", options.kind, options.published / options.kind, "--out", bundle)
    # What random weights answer hangs by a hair: how much is lost says nothing.
    asksight("compile", bundle, "--precision", options.precision, "--min-agreement", "0")
    return 0


def asksight(*arguments: object) -> None:
    """Run it and say what it took."""
    started_s = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("asksight"), *map(str, arguments)], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took_s, processor_s = time.perf_counter() - started_s, used.ru_utime + used.ru_stime
    print(f"{arguments[0]}: {took_s:.0f} s, {processor_s:.0f} s of a processor so far, ", end="")
    print(f"{used.ru_maxrss / 1e6:.1f} GB at the peak")


if __name__ == "__main__":
    sys.exit(main())
