"""Three raylets on this machine, as Ray's own tests have them, and `asksight serve --ray` on that cluster."""

from __future__ import annotations

import json
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copytree
from typing import Any

from peers.processes import Tree, free_port, read_stat

from asksight.engine.bundle import BUILT_IN

ASKSIGHT = str(Path(sys.executable).with_name("asksight"))
MARK = "SCALE_ON_RAY"  # in the environment of all that is started here, by which it is found
OBJECT_STORE_BYTES = 200 << 20
# By Ray's own, which is 15, replicas would wait for their callers, which are on this machine too.
NICENESS = {"RAY_worker_niceness": "0"}
BASE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    **NICENESS,
    "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(16 << 20),
}
# Three HAProxies on one machine share their ports, as Ray's Python proxies do by themselves.
HAPROXY = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_HAPROXY_BALANCE_ALGORITHM": "hash req.hdr(asksight-image-id)",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
    "SERVE_SOCKET_REUSE_PORT_ENABLED": "1",
}


class Machines:
    """Three raylets, and what they started, found by a mark in its environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        os.environ[MARK] = uuid.uuid4().hex
        from ray.cluster_utils import Cluster

        self._options: dict[str, Any] = {"num_cpus": 2, "object_store_memory": OBJECT_STORE_BYTES}
        self.cluster = Cluster(
            initialize_head=True, head_node_args={**self._options, "include_dashboard": False}
        )
        self._others = [self.cluster.add_node(**self._options) for _ in range(2)]
        self.address = str(self.cluster.address)

    def replicas(self) -> list[int]:
        """The replicas' process ids."""
        mark = f"{MARK}={os.environ[MARK]}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                named = (process / "cmdline").read_bytes().startswith(b"ray::ServeReplica:asksight")
                if named and mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
        return sorted(found)

    def kill_replica(self) -> None:
        os.kill(self.replicas()[0], signal.SIGKILL)

    def kill_machine(self) -> None:
        """One that has a replica, which is a child of its raylet."""
        parents = {stat.parent for pid in self.replicas() if (stat := read_stat(pid))}
        node = next(one for one in self._others if one.all_processes["raylet"][0].process.pid in parents)
        self._others.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def add_machine(self) -> None:
        self._others.append(self.cluster.add_node(**self._options))

    def end(self) -> None:
        import ray

        ray.shutdown()
        self.cluster.shutdown()


@contextmanager
def serving(machines: Machines, folder: Path, *more: str) -> Iterator[tuple[Tree, str]]:
    """`asksight serve --ray` on the cluster, and its address."""
    port = free_port()
    options = ["--host", "0.0.0.0", "--insecure", "--port", str(port), "--calls-per-caller", "0"]
    options += ["--no-log-calls", "--no-watch", "--drain-grace", "2", *more]
    environment = {**os.environ, "RAY_ADDRESS": machines.address}
    tree = Tree([ASKSIGHT, "serve", "--ray", *options], environment, folder / "serve.log")
    try:
        assert tree.process.stdout is not None
        line = tree.process.stdout.readline()
        if " at " not in line:
            raise RuntimeError(tree.log.read_text("utf-8", "replace")[-3000:])
        yield tree, f"127.0.0.1:{port}"
    finally:
        tree.process.terminate()
        tree.process.wait(90)
        tree.end()


def versioned(folder: Path, version: str) -> None:
    """The built-in bundle as one of another version, in the place of the one that is there."""
    if not folder.exists():
        copytree(BUILT_IN["scenes"], folder)
    manifest = folder / "bundle.json"
    told = json.loads(manifest.read_text("utf-8"))
    told["version"] = version
    new = folder / "bundle.json.new"
    new.write_text(json.dumps(told), "utf-8")
    new.replace(manifest)
