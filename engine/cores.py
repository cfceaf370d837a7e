"""How many cores this process may use: the fewer of its CPU affinity and its container's quota."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP_QUOTA = Path(
    "/sys/fs/cgroup/cpu.max"
)  # cgroup v2: "<quota> <period>" in microseconds, or "max <period>"


def available_cores(quota_file: Path = CGROUP_QUOTA) -> int:
    """At least 1. A quota counts upwards: 1.5 cores are 2 threads, which the kernel then throttles."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):  # no container, or "max": no quota to keep
        pass
    return max(1, cores)
