"""What of this machine a built engine depends on: it runs, and runs as measured, only where all of it is the same."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
# Instruction sets that decide which kernels an engine takes, and so its precision and speed.
FEATURES = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
)


def cpu(cpu_info: Path = CPU_INFO) -> dict[str, str]:
    """The processor's name and instruction sets, as far as the system says."""
    try:
        lines = cpu_info.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return {"cpu": platform.processor() or platform.machine(), "features": ""}
    told: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        told.setdefault(key.strip().lower(), value.strip())
    name = told.get("model name") or platform.machine()
    flags = set((told.get("flags") or told.get("features") or "").split())
    return {"cpu": name, "features": " ".join(one for one in FEATURES if one in flags)}


def package(name: str) -> str:
    """The version of an installed package, "none" where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # imported late: 10 ms, and only plans ask

    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def fingerprint(machine: Mapping[str, str]) -> str:
    """Twelve hex digits for the name of a file."""
    text = json.dumps(dict(machine), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
