"""How long an ask takes on an idle machine with a pause before each ask, as when a single person asks.

    python benchmarks/pauses.py [--model BUNDLE] [--pause 0.02] [--asks 300]

The assistant runs in this process, without gRPC. Threads that slept take longer to wake, which asks in close succession
do not show. "Follow-up" asks are about a photo whose features are cached.
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
            # Bytes after a JPEG's end are not decoded, but change its image_id, so that the photo is new.
            "new photo": [
                Ask(question=QUESTION, photo=PHOTO + number.to_bytes(4, "big"))
                for number in range(given.asks)
            ],
        }
        for kind, asks in kinds.items():
            took_ms = []
            for ask in asks:
                time.sleep(given.pause)  # the time after this pause is measured
                started_s = time.perf_counter()
                local.ask(ask)
                took_ms.append(1000 * (time.perf_counter() - started_s))
            p50, p90, p99 = np.percentile(took_ms, (50, 90, 99))
            print(f"{kind}, {given.pause:g} s between: p50 {p50:.2f} ms, p90 {p90:.2f} ms, p99 {p99:.2f} ms")


if __name__ == "__main__":
    main()
