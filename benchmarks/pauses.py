"""What an ask takes on a machine that is otherwise idle, with a pause before each, as one person asks.

    python benchmarks/pauses.py [--model BUNDLE] [--pause 0.02] [--asks 300]

In this process, without a wire. Threads that have slept are slow to come back, which asks in close succession do not
show. "Follow-up" asks about a photo that is known.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from asksight.server.asks import Ask
from asksight.server.local import LocalAssistant

PHOTO = next((Path(__file__).parent.parent / "cli" / "demo_photos").glob("*.jpg")).read_bytes()
QUESTION = "What colour is the circle?"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds before each ask")
    parser.add_argument("--asks", type=int, default=300)
    given = parser.parse_args()
    with LocalAssistant.open(given.model) as local:
        image_id = local.ask(Ask(question=QUESTION, photo=PHOTO)).image_id
        kinds = {
            "follow-up": [Ask(question=QUESTION, image_id=image_id)] * given.asks,
            # Bytes behind a photo's end are read by nobody, and make it one that was not seen.
            "new photo": [
                Ask(question=QUESTION, photo=PHOTO + number.to_bytes(4, "big"))
                for number in range(given.asks)
            ],
        }
        for kind, asks in kinds.items():
            took_ms = []
            for ask in asks:
                time.sleep(given.pause)  # what is measured is what comes after it
                started_s = time.perf_counter()
                local.ask(ask)
                took_ms.append(1000 * (time.perf_counter() - started_s))
            p50, p90, p99 = np.percentile(took_ms, (50, 90, 99))
            print(f"{kind}, {given.pause:g} s between: p50 {p50:.2f} ms, p90 {p90:.2f} ms, p99 {p99:.2f} ms")


if __name__ == "__main__":
    main()
