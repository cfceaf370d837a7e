"""Ray for as long as something needs it: a cluster that runs already, or one of this machine alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import ClusterError

_STORE_BYTES = 200 << 20  # of Ray's objects; nothing large passes through it here
_LATE = "timed out during startup"  # what Ray says, by an error without a kind of its own


@contextmanager
def ray_cluster(workers: int) -> Iterator[None]:
    """Connect to the cluster of RAY_ADDRESS, or start one here with room for so many workers, and stop it at the end.

    Raises ClusterError where there is none at that address or it starts too slowly; ModuleNotFoundError without Ray.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers of each cluster
    import ray

    address = os.environ.get("RAY_ADDRESS")
    told: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    told["runtime_env"] = {"env_vars": {"TF_CPP_MIN_LOG_LEVEL": "3"}}
    if not address:
        told |= {"num_cpus": max(workers, os.cpu_count() or 1), "object_store_memory": _STORE_BYTES}
        told["include_dashboard"] = False
    try:
        ray.init(address=address or "local", **told)
    except ConnectionError as error:
        raise ClusterError(
            f"There is no Ray cluster at RAY_ADDRESS={address} ({str(error).splitlines()[0]}). Start one with ray "
            "start --head, or unset RAY_ADDRESS to have one started on this machine."
        ) from error
    except Exception as error:
        if _LATE not in str(error):
            raise
        raise ClusterError(
            "Ray did not start on this machine within the 30 s that it gives itself; too much else runs here. Try "
            "again when less does, or name a cluster by RAY_ADDRESS."
        ) from error
    try:
        if (there := ray.cluster_resources().get("CPU", 0)) < workers:
            raise ClusterError(
                f"The Ray cluster has {there:g} processors, and each of {workers} workers takes one. Give fewer "
                "--workers, or add machines."
            )
        yield
    finally:
        ray.shutdown()
