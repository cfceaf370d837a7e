"""How fast AskSight is compared with alternatives: each gets the same photos and questions, in one run.

    make bench-peers [PEERS="--quick --only constant --json"]

Each peer is configured as its documentation recommends (see serve_*.py). All peers run at once and are asked in turns,
so that all are measured under the same conditions. Idle peers use almost no processor time, except LitServe, which
polls and is therefore paused. The table has the median over the turns, and for processor time also the range, since it
is the steadiest figure on a shared machine. The client uses processor time of the same machine; the last column says
how much per ask. Before anything is measured, all peers must give the same answers.

constant   a constant answer, a photo of 60 kB in each message: the cost of the peer alone
new        VGG16 and the tutorial's LSTM, random weights, a new photo of 60 kB with each question
ten        the same, ten questions a photo
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .lineup import (
    AIO,
    ASKSIGHT,
    BUILT,
    COMPILED,
    GRPCIO,
    LITSERVE,
    LOOP,
    RAY,
    ROOT,
    TRITON,
    TUTORIAL,
    WHOLE,
    WIRE,
    NotHereError,
    Peer,
    Setting,
    Started,
)
from .turns import Ask, Length, Turn, by_turns, hold_together, new, ten, ten_by_hand

# The share of best answers in which a compiled plan may differ: with random weights many are close to the second.
AGREES = 0.98


@dataclass(frozen=True, kw_only=True)
class PeerFigures:
    """One peer's turns at one kind of work, or the reason why there are none."""

    work: str
    peer: str
    turns: tuple[Turn, ...] = ()
    why: str = ""


LENGTHS = {
    "constant": Length(turns=9, seconds=3, callers=32),
    "new": Length(turns=5, seconds=12, callers=16),
    "ten": Length(turns=5, seconds=12, callers=16),
}
QUICK = {
    "constant": Length(turns=3, seconds=1, callers=32),
    "new": Length(turns=2, seconds=5, callers=8),
    "ten": Length(turns=2, seconds=5, callers=8),
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the table, before it is measured."""

    peer: Peer
    ask: Ask
    name: str = ""


def constant(peer: Peer) -> Entry:
    work = peer.work if peer is WIRE else "constant"
    return Entry(peer=replace(peer, work=work), ask=new)


WORKS: dict[str, Sequence[Entry]] = {
    "constant": [constant(peer) for peer in (WHOLE, WIRE, AIO, GRPCIO, TRITON, LITSERVE, RAY, TUTORIAL)],
    "new": [
        Entry(peer=peer, ask=new)
        for peer in (LOOP, ASKSIGHT, COMPILED, AIO, GRPCIO, TRITON, LITSERVE, RAY, TUTORIAL)
    ],
    "ten": [
        Entry(peer=ASKSIGHT, ask=ten),
        Entry(peer=COMPILED, ask=ten),
        Entry(peer=TRITON, ask=ten),
        Entry(peer=TRITON, ask=ten_by_hand, name="Triton, features kept by its caller"),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a rough measurement, in some minutes")
    parser.add_argument("--only", nargs="+", choices=tuple(WORKS), default=tuple(WORKS), metavar="WORK")
    parser.add_argument(
        "--peers", nargs="+", metavar="TEXT", help="only those whose names contain one of these"
    )
    parser.add_argument("--turns", type=int)
    parser.add_argument("--seconds", type=float, help="of each turn")
    parser.add_argument("--bundle", type=Path, help="measure this one instead of VGG16 with the LSTM")
    parser.add_argument("--json", action="store_true", help="one JSON object a row, with every turn")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # exits normally, so that all peers are ended
    show = as_json if given.json else as_text
    if not given.json:
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    for works in [("constant",), ("new", "ten")]:
        wanted = [work for work in works if work in given.only]
        if not wanted:
            continue
        setting = Setting() if works == ("constant",) else vqa_setting(given.bundle)
        lengths = {work: shortened(work, given) for work in wanted}
        for row in measure(wanted, setting, lengths, given.peers):
            show(row)


def shortened(work: str, given: argparse.Namespace) -> Length:
    usual = (QUICK if given.quick else LENGTHS)[work]
    return Length(
        turns=given.turns or usual.turns, seconds=given.seconds or usual.seconds, callers=usual.callers
    )


def vqa_setting(bundle: Path | None) -> Setting:
    """The bundle, its Keras models and its compiled plans; they are made at the first run."""
    if bundle is not None:
        return Setting(bundle=bundle, keras=bundle.with_name(bundle.name + ".keras"))
    bundle, keras = BUILT / "vgg16-lstm", BUILT / "vgg16-lstm.keras"
    if not (bundle / "bundle.json").exists():
        print("Making VGG16 and the LSTM with random weights, a minute ...", file=sys.stderr)
        script = ROOT / "benchmarks" / "random_bundle.py"
        run([str(script), "--arch", "lstm", "--out", str(bundle), "--keras", str(keras)])
    if not (bundle / "engines").exists():
        precision = "bf16" if has_bf16() else "int8"
        print(f"Compiling it for this machine, {precision}, some minutes ...", file=sys.stderr)
        main_of = "from asksight.cli.main import main; main()"
        compiling = ["compile", str(bundle), "--precision", precision, "--min-agreement", str(AGREES)]
        run(["-P", "-c", main_of, *compiling])
    return Setting(bundle=bundle, keras=keras)


def run(arguments: Sequence[str]) -> None:
    ran = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)} failed: {ran.stderr.strip()}")


def has_bf16() -> bool:
    flags = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def measure(
    works: Sequence[str], setting: Setting, lengths: dict[str, Length], names: Sequence[str] | None
) -> Iterable[PeerFigures]:
    """Start all peers that these kinds of work need, compare their answers, and measure them in turns."""
    entries = [
        (work, entry)
        for work in works
        for entry in WORKS[work]
        if names is None or any(name in entry.peer.name for name in names)
    ]
    with ExitStack() as stack:
        started: dict[Peer, Started] = {}
        missing: dict[Peer, str] = {}
        for peer in dict.fromkeys(entry.peer for _, entry in entries):
            try:
                started[peer] = Started(peer, setting)
            except NotHereError as error:
                missing[peer] = str(error)
            else:
                stack.callback(started[peer].end)
        hold_together(started.values())
        for one in started.values():
            if one.peer.spins:
                one.tree.pause()
        for work in works:
            here = [entry for of, entry in entries if of == work and entry.peer in started]
            turns = by_turns([(started[one.peer], one.ask) for one in here], lengths[work])
            found = dict(zip(map(id, here), turns, strict=True))
            for of, entry in entries:
                if of == work:
                    yield PeerFigures(
                        work=work,
                        peer=entry.name or entry.peer.name,
                        turns=tuple(found.get(id(entry), ())),
                        why=missing.get(entry.peer, ""),
                    )


def as_json(row: PeerFigures) -> None:
    print(json.dumps(asdict(row)), flush=True)


def as_text(row: PeerFigures) -> None:
    start = f"{row.work:<9}{row.peer:<37}"
    if not row.turns:
        print(start + row.why, flush=True)
        return
    middle = {
        name: statistics.median(getattr(turn, name) for turn in row.turns) for name in asdict(row.turns[0])
    }
    cpu_ms = [turn.server_cpu_ms for turn in row.turns]
    print(
        f"{start}{middle['asks_per_s']:9.1f} asks/s  p50 {middle['p50_ms']:8.1f} ms  "
        f"CPU an ask {middle['server_cpu_ms']:8.3f} ms ({min(cpu_ms):.3f} to {max(cpu_ms):.3f})  "
        f"asker's {middle['caller_cpu_ms']:.3f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
