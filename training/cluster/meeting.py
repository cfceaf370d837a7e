"""Workers meet before they train: each reaches every other, and all read the same data with the same settings.

Each listens at its own address of TF_CONFIG and says at the others' who it is and what it has read; TensorFlow takes
the port over afterwards. So a worker that is missing or differs is named, in words, before anything is learned.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..errors import ClusterError
from .tf_config import Cluster, host_and_port

WAIT_S = 300.0  # for the others to be there, unless told otherwise
_PAUSE_S = 0.2  # between two tries to reach one
_TALK_S = 5.0  # for one exchange of hellos
_LONGEST = 1 << 20  # bytes of a hello
_SHOWN = 40  # letters; what is longer is a fingerprint, which tells a person nothing


@dataclass(frozen=True, kw_only=True)
class Hello:
    """What a worker says: which one it is, what must be the same everywhere, and why it cannot begin, if so."""

    index: int
    same: Mapping[str, str]  # values by what they are of, as in "the answers of train"
    trouble: str | None = None

    def line(self) -> bytes:
        told = {"asksight": "training", "index": self.index, "same": self.same, "trouble": self.trouble}
        return json.dumps(told).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> Hello | None:
        """None for whatever else may speak at a port."""
        try:
            told: dict[str, Any] = json.loads(line)
            if told.pop("asksight") != "training":
                return None
            return cls(index=int(told["index"]), same=dict(told["same"]), trouble=told["trouble"])
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@dataclass
class _Met:
    """Who has been reached, and who has come here."""

    reached: dict[int, Hello] = field(default_factory=dict)
    came: set[int] = field(default_factory=set)
    why_not: dict[int, str] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)

    def lacks(self, count: int) -> bool:
        """Whether somebody has not been reached, or has not come."""
        return len(self.reached) < count - 1 or len(self.came) < count - 1


def meet(
    cluster: Cluster, same: Mapping[str, str], *, trouble: str | None = None, wait_s: float = WAIT_S
) -> None:
    """Wait until all workers are there, and compare with each what must be the `same`.

    `trouble` says why this one cannot begin; the others are told. Raises ClusterError where somebody is missing after
    `wait_s`, differs or has trouble.
    """
    own, met = Hello(index=cluster.index, same=same, trouble=trouble), _Met()
    with _listening(cluster) as listener:
        threads = [threading.Thread(target=_receive, args=(listener, own, cluster, met), daemon=True)]
        with ThreadPoolExecutor(len(cluster)) as pool:
            try:
                threads[0].start()
                for other in range(len(cluster)):
                    if other != cluster.index:
                        pool.submit(_reach, other, own, cluster, met)
                with met.changed:
                    met.changed.wait_for(lambda: not met.lacks(len(cluster)), timeout=wait_s)
            finally:
                met.over.set()
        threads[0].join()
    if met.lacks(len(cluster)):
        raise _missing(cluster, met, wait_s)
    if trouble is None:
        _compare(cluster, own, met)


def _listening(cluster: Cluster) -> socket.socket:
    _, port = host_and_port(cluster.addresses[cluster.index])
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        listener = socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise ClusterError(
            f"This is {cluster.named(cluster.index)} by TF_CONFIG, and its port cannot be listened at "
            f"({os.strerror(error.errno or 0)}). Stop what uses it, or give each worker a port of its own."
        ) from error
    listener.settimeout(_PAUSE_S)
    return listener


def _receive(listener: socket.socket, own: Hello, cluster: Cluster, met: _Met) -> None:
    """Answer whoever comes, one after the other."""
    while not met.over.is_set():
        try:
            caller, _ = listener.accept()
        except TimeoutError:
            continue
        with caller:
            hello, _ = _exchange(caller, own)
        if hello is not None and 0 <= hello.index < len(cluster) and hello.index != own.index:
            with met.changed:
                met.came.add(hello.index)
                met.changed.notify()


def _reach(other: int, own: Hello, cluster: Cluster, met: _Met) -> None:
    """Try until it answers."""
    while not met.over.is_set():
        try:
            with socket.create_connection(host_and_port(cluster.addresses[other]), timeout=_TALK_S) as line:
                hello, why_not = _exchange(line, own)
        except OSError as error:
            hello, why_not = None, error.strerror or "it does not answer"
        if hello is not None and hello.index != other:
            why_not, hello = f"worker {hello.index} answers there", None
        with met.changed:
            met.why_not[other] = why_not
            if hello is not None:
                met.reached[other] = hello
                met.changed.notify()
                return
        met.over.wait(_PAUSE_S)


def _exchange(line: socket.socket, own: Hello) -> tuple[Hello | None, str]:
    """Say hello and hear one; or else why not."""
    line.settimeout(_TALK_S)
    heard = b""
    try:
        line.sendall(own.line())
        while not heard.endswith(b"\n") and len(heard) < _LONGEST and (part := line.recv(1 << 16)):
            heard += part
    except OSError as error:
        return None, error.strerror or "it does not answer"
    hello = Hello.of(heard)
    return hello, "" if hello else "something else answers there"


def _missing(cluster: Cluster, met: _Met, wait_s: float) -> ClusterError:
    others = [index for index in range(len(cluster)) if index != cluster.index]
    told = [f"{cluster.named(i)}: {met.why_not.get(i, '')}" for i in others if i not in met.reached]
    told += [
        f"{cluster.named(i)}: it is there, and does not reach {cluster.addresses[cluster.index]}"
        for i in others
        if i in met.reached and i not in met.came
    ]
    return ClusterError(
        f"After {wait_s:g} s this is {cluster.named(cluster.index)} of {len(cluster)}, without {'; '.join(told)}. "
        "Give the same command on every machine, with its own index in TF_CONFIG, see that each reaches the others' "
        "addresses, or give them more time with --wait-for-workers."
    )


def _compare(cluster: Cluster, own: Hello, met: _Met) -> None:
    for index, other in sorted(met.reached.items()):
        if other.trouble is not None:
            raise ClusterError(f"{cluster.named(index).capitalize()} cannot begin: {other.trouble}")
        differs = [
            _difference(what, own.same.get(what, "nothing"), other.same.get(what, "nothing"))
            for what in sorted(own.same.keys() | other.same.keys())
            if own.same.get(what) != other.same.get(what)
        ]
        if differs:
            raise ClusterError(
                f"{cluster.named(index).capitalize()} differs from this one in {'; '.join(differs)}. All workers read "
                "the same data with the same settings and versions; copy what differs and begin again."
            )


def _difference(what: str, here: str, there: str) -> str:
    return what if max(len(here), len(there)) > _SHOWN else f"{what} ({there} there, {here} here)"
