"""A bundle's accuracy over gRPC: every question of a split is asked through a real client and server.

    python benchmarks/over_the_wire.py BUNDLE --data DIR [--split val]

Prints how many asks were sent and failed, the percentage of exact matches, and asks per second.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from asksight.client import Reply, connect
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.training.datasets import open_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    arguments = parser.parse_args()

    dataset = open_dataset(arguments.data, arguments.split)
    asks = [(dataset.photo(i), q) for i, q in zip(dataset.image_ids, dataset.questions, strict=True)]
    with (
        LocalAssistant.open(arguments.bundle) as local,
        Server(local, port=0) as server,
        connect(f"127.0.0.1:{server.port}", timeout=60) as vqa,
    ):
        started_s = time.perf_counter()
        replies = vqa.ask_many(asks)
        seconds = time.perf_counter() - started_s
    failed = sum(not isinstance(reply, Reply) for reply in replies)
    right = sum(
        isinstance(reply, Reply) and reply.answers[0].label == truth
        for reply, truth in zip(replies, dataset.answers_modal, strict=True)
    )
    share = 100 * right / len(asks)
    print(f"{len(asks)} asks over gRPC, {failed} failed, {share:.2f} % right, {len(asks) / seconds:.0f}/s")


if __name__ == "__main__":
    main()
