"""Ray Serve's second way in: an HAProxy on each machine before gRPC servers in the replicas themselves."""

from __future__ import annotations

import os

SWITCH = "RAY_SERVE_ENABLE_HA_PROXY"  # Ray's own; the cluster and who deploys have it alike
# Ray's routers have no say there, but its HAProxy may be told how to choose.
BALANCING = {"RAY_SERVE_HAPROXY_BALANCE_ALGORITHM": "hash req.hdr(asksight-image-id)"}


def behind_haproxy() -> bool:
    """Whether this process is of a cluster in that mode, by its environment."""
    return os.environ.get(SWITCH) == "1"
