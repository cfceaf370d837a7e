"""`asksight serve --ray`: our application on a cluster that runs, or on one of this machine alone, until stopped."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import grpc

from ..errors import ServerError
from ..limits import Limits
from ..running.logs import set_up_logs
from ..running.settings import Settings
from ..running.signals import Signals
from ..wire.addresses import join
from ..wire.standard import HEALTH
from .haproxy_mode import BALANCING, behind_haproxy

log = logging.getLogger(__name__)

# For a cluster that is started here; one that runs has its own. Ray's default is a third of the machine's memory.
OBJECT_STORE_BYTES = 512 << 20
OURS = {
    "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(Limits().max_message_bytes),  # Ray's default is 2 GiB
    **BALANCING,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
}
HAPROXY_GRACE = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"  # Ray's default is 30
ANSWERS_WITHIN_S, ASKS_FOR_S, ASK_AGAIN_S = 30.0, 5.0, 0.1
LATE = "timed out during startup"  # what Ray says, by an error without a kind of its own
RELOADED_WITHIN_S = 120.0  # bundles opened and warm, and the old ones done with what they had


def serve_on_ray(settings: Settings, say: Callable[[str], object]) -> None:
    """Serve until told to stop; SIGHUP has all replicas read their bundles again. Raises ServerError."""
    for name, value in {**OURS, HAPROXY_GRACE: str(settings.drain_grace)}.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        from ray import serve
    except ModuleNotFoundError as error:
        raise ServerError(
            f"{error.name} is not installed. In a copy of AskSight's repository, run: pip install -e '.[ray]'"
        ) from error
    from .application import NAME, application, for_replicas

    with ExitStack() as stack:
        own = _join(ray, settings)
        stack.callback(ray.shutdown)
        set_up_logs(settings.log, calls=settings.log_calls)
        signals = Signals(signal.SIGHUP)  # after Ray, which takes SIGTERM too
        serve.start(
            proxy_location="EveryNode",
            # HAProxy's gRPC takes its host from here; else there is nothing of ours at the HTTP port.
            http_options={"host": settings.host if behind_haproxy() else "127.0.0.1"},
            grpc_options=grpc_options(settings),
            logging_config={"enable_access_log": False},  # ours has the lines
        )
        if NAME in serve.status().applications:
            raise ServerError(
                f"An application called {NAME} runs on this cluster already. End whoever serves it, or run "
                f"`serve delete {NAME}`, and this again."
            )
        stack.callback(serve.shutdown if own else partial(serve.delete, NAME))
        handle = _run(serve, application(for_replicas(settings)))
        where = _address(ray, settings)
        _ask_for_health(where)
        say(_serving(ray, settings, own))
        while (number := signals.get()) == signal.SIGHUP:
            reload(serve, handle)
        assert number is not None
        log.info("Stopping: Ray Serve ends the replicas")
    sys.stdout.flush()


def grpc_options(settings: Settings) -> dict[str, Any]:
    """What Ray's proxies are told. Their reflection answers whoever asks, so that tokens leave it out."""
    from .servicers import FUNCTIONS

    return {
        "port": settings.port,
        "grpc_servicer_functions": FUNCTIONS,
        "enable_reflection": not settings.tokens,
    }


def _join(ray: Any, settings: Settings) -> bool:
    """Join the cluster that RAY_ADDRESS or `ray start` names, or start one here; say whether it was started.

    What replicas log comes here too, marked by Ray; as JSON it stays in Ray's own folder, where no mark is before it.
    """
    common = {"configure_logging": False, "log_to_driver": settings.log == "text"}
    try:
        if os.environ.get("RAY_ADDRESS") == "local":  # Ray's word for a new one
            raise ConnectionError
        ray.init(address="auto", **common)
    except ConnectionError:
        _start(ray, common)
        return True
    return False


def _start(ray: Any, common: dict[str, Any]) -> None:
    """Start a cluster of this machine alone. Raises ServerError where Ray is too slow for itself."""
    try:
        ray.init(
            address="local",
            include_dashboard=False,  # it lets whoever reaches it run commands
            object_store_memory=OBJECT_STORE_BYTES,
            **common,
        )
    except Exception as error:
        if LATE not in str(error):
            raise
        raise ServerError(
            "Ray did not start on this machine within the 30 s that it gives itself; too much else runs here. Try "
            "again when less does, or name a cluster by RAY_ADDRESS."
        ) from error


def reload(serve: Any, handle: Any) -> None:
    """Have all replicas read their bundles again at their places, and say what they serve then.

    Ray would replace them one after another, and photos move with each change of the ring to a cache without them.
    """
    from .application import DEPLOYMENT, NAME

    try:
        deployment = serve.status().applications[NAME].deployments[DEPLOYMENT]
        told = handle.broadcast("reload").results(timeout_s=RELOADED_WITHIN_S, return_exceptions=True)
    except Exception as error:  # noqa: BLE001  of many kinds, Ray's and gRPC's; the replicas serve on
        log.error("Not all replicas could be told to read their bundles again: %r", error)
        return
    starting = sum(deployment.replica_states.values()) - deployment.replica_states.get("RUNNING", 0)
    for served, replicas in Counter(
        f"lost: {one}" if isinstance(one, Exception) else ", ".join(one) for one in told
    ).items():
        log.info("Replicas with %s: %d", served, replicas)
    if starting:
        log.warning(
            "%d replicas were about to start or to stop and were not told; new ones read what lies there when they "
            "open it. Send SIGHUP again, where it may have been the old bundle.",
            starting,
        )


def _run(serve: Any, replicas: Any) -> Any:
    from ray.serve.exceptions import RayServeException

    from .application import NAME, ROUTE

    try:
        handle: Any = serve.run(replicas, name=NAME, route_prefix=ROUTE)
    except (RuntimeError, RayServeException) as error:
        raise ServerError(f"Ray Serve cannot run it: {error}") from error
    # It has no public name; where Ray is optimized for throughput, a handle is for coroutines alone otherwise.
    handle._init(_run_router_in_separate_loop=True)
    return handle


def _address(ray: Any, settings: Settings) -> str:
    head = str(ray.get_runtime_context().gcs_address).rpartition(":")[0]
    return join(head, settings.port)


def _ask_for_health(where: str) -> None:
    """Ask until a replica answers. Raises ServerError.

    A proxy hears of a new application a moment later; and Ray Serve keeps the options that it was first started with,
    so that ours may never have been heard of.
    """
    ends_s = time.monotonic() + ANSWERS_WITHIN_S
    with grpc.insecure_channel(where, options=[("grpc.enable_http_proxy", 0)]) as channel:
        check: Any = channel.unary_unary(f"/{HEALTH}/Check")
        while True:
            try:
                check(b"", timeout=ASKS_FOR_S, wait_for_ready=True)
            except grpc.RpcError as error:
                if time.monotonic() > ends_s:
                    raise ServerError(
                        f"Ray Serve runs, but nothing of AskSight answers at {where} ({error.details()}). It was "
                        "probably started before, with other gRPC options: run `serve shutdown` on the cluster, and "
                        "this again."
                    ) from error
                time.sleep(ASK_AGAIN_S)  # the proxy tells nobody when it has heard of it
            else:
                return


def _serving(ray: Any, settings: Settings, own: bool) -> str:
    machines = sum(bool(node["Alive"]) for node in ray.nodes())
    cluster = "Ray on this machine" if own else f"Ray on {machines} machines" if machines > 1 else "Ray"
    served = ", ".join(settings.model)
    return (
        f"Serving {served} at {join(settings.host, settings.port)} by {cluster}, replicas: {settings.replicas}; "
        "Ctrl-C stops."
    )
