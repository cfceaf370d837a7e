"""The workers that train together, as the environment variable TF_CONFIG names them.

    {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}

Its form is TensorFlow's: https://www.tensorflow.org/guide/distributed_training#TF_CONFIG. A `chief` may stand before
the workers; without one, worker 0 is the chief.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ClusterError

_FORM = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
_JOBS = ("chief", "worker")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """All workers, the chief first, and which of them this process is."""

    jobs: Mapping[str, tuple[str, ...]]  # as in TF_CONFIG, in the order of _JOBS
    job: str
    task: int  # within its job

    @property
    def addresses(self) -> tuple[str, ...]:
        """HOST:PORT of each worker."""
        return tuple(address for addresses in self.jobs.values() for address in addresses)

    @property
    def index(self) -> int:
        """This worker's place among `addresses`; 0 is the chief's."""
        return self.task + (len(self.jobs["chief"]) if self.job == "worker" and "chief" in self.jobs else 0)

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    def __len__(self) -> int:
        return len(self.addresses)

    def named(self, index: int) -> str:
        """A worker, for a person."""
        return f"worker {index} ({self.addresses[index]})"


def read_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """What TF_CONFIG says; None where it names no cluster, or a single worker. Raises ClusterError."""
    text = environment.get("TF_CONFIG", "")
    if not text.strip():
        return None
    try:
        told = json.loads(text)
    except ValueError as error:
        raise _wrong(f"is no JSON ({error}): {text[:80]}") from error
    if not isinstance(told, dict):
        raise _wrong(f"is no JSON object: {text[:80]}")
    if not told.get("cluster"):
        return None  # as some platforms set it for a single machine
    jobs = _jobs(told["cluster"])
    job, task = _task(told.get("task"), jobs)
    cluster = Cluster(jobs=jobs, job=job, task=task)
    if len(set(cluster.addresses)) < len(cluster):
        raise _wrong("names one address twice; each worker has one of its own")
    return cluster if len(cluster) > 1 else None


def host_and_port(address: str) -> tuple[str, int]:
    """Of HOST:PORT or [IPv6]:PORT. Raises ClusterError."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise _wrong(f'names the address "{address}"; allowed is HOST:PORT, with a port of 1 to 65535')
    return host.removeprefix("[").removesuffix("]"), int(port)


def _jobs(told: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(told, dict) or not all(_is_addresses(one) for one in told.values()):
        raise _wrong('has a "cluster" that is no object of lists of addresses')
    if strange := sorted(told.keys() - set(_JOBS)):
        raise _wrong(f'names the job "{strange[0]}"; allowed are: {", ".join(_JOBS)}')
    jobs = {job: tuple(told[job]) for job in _JOBS if told.get(job)}
    if len(jobs.get("chief", ())) > 1:
        raise _wrong(f"names {len(jobs['chief'])} chiefs; there is one at most")
    for addresses in jobs.values():
        for address in addresses:
            host_and_port(address)
    return jobs


def _task(told: Any, jobs: Mapping[str, tuple[str, ...]]) -> tuple[str, int]:
    if not isinstance(told, dict) or "type" not in told or "index" not in told:
        raise _wrong('has no "task" with "type" and "index", which say which worker this is')
    job, index = told["type"], told["index"]
    if job not in jobs:
        raise _wrong(f'says that this is a "{job}"; its cluster has: {", ".join(jobs) or "nobody"}')
    if isinstance(index, str) and index.isascii() and index.isdigit():
        index = int(index)  # as shells write it
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(jobs[job]):
        count = len(jobs[job])
        raise _wrong(f"says that this is {job} {index!r}; its {count} of these are numbered 0 to {count - 1}")
    return job, index


def _is_addresses(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(one, str) for one in told)


def _wrong(what: str) -> ClusterError:
    return ClusterError(f"TF_CONFIG {what}. Give {_FORM}, or unset it to train on this machine alone.")
