"""No server: decode, encode and answer in a loop. The cost of the work without any communication.

Each line of standard input is a number of seconds. The script works for that long and writes the seconds of each photo.
The batch size is the fastest of BATCHES, measured at the start.
"""

from __future__ import annotations

import json
import sys
import time

from .inputs import QUESTIONS, new_photos
from .work import Vqa, arguments

BATCHES = (1, 4, 8)  # no larger ones: the engine runs large photos at most four at a time


def main() -> None:
    given = arguments()
    vqa = Vqa(given.bundle)
    photos = new_photos(time.time_ns())

    def one_batch(size: int) -> float:
        """Seconds a photo."""
        started_s = time.perf_counter()
        shown = [next(photos) for _ in range(size)]
        vqa(shown, [QUESTIONS[at % len(QUESTIONS)] for at in range(size)])
        return (time.perf_counter() - started_s) / size

    size = min(BATCHES, key=lambda one: min(one_batch(one) for _ in range(2)))
    print(json.dumps({"batch": size}), flush=True)
    for line in sys.stdin:
        end_s = time.perf_counter() + float(line)
        took_s: list[float] = []
        while time.perf_counter() < end_s:
            took_s += [one_batch(size)] * size
        print(json.dumps({"took_s": took_s}), flush=True)


if __name__ == "__main__":
    main()
