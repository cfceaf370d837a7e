"""What Ray is told of the deployment and its proxies, and what they make of it; no cluster is started."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from ray.exceptions import RayError
from ray.serve._private.grpc_util import gRPCGenericServer
from ray.serve.config import gRPCOptions

from asksight.server.errors import ServerError
from asksight.server.ray_serve import haproxy_mode
from asksight.server.ray_serve.application import DEPLOYMENT, NAME, ROUTER, app, application, options
from asksight.server.ray_serve.cluster import grpc_options, reload, serve_on_ray
from asksight.server.ray_serve.photo_router import PhotoRouter, photo_of
from asksight.server.ray_serve.replica import Replica
from asksight.server.running.ray_checks import replicas_of
from asksight.server.running.settings import Settings

ON_RAY: dict[str, Any] = {"ray": True, "host": "0.0.0.0", "insecure": True}


def given(made: Any) -> dict[str, Any]:
    """The settings that a replica is handed."""
    settings: dict[str, Any] = made._bound_deployment.init_args[0]
    return settings


def test_ray_is_told_how_many_replicas_and_what_each_takes() -> None:
    told = options(Settings(replicas="3", threads=2, workers=10, drain_grace=1.0, finish_within=2.0))
    assert told["num_replicas"] == 3
    assert told["ray_actor_options"] == {"num_cpus": 2, "num_gpus": 0}
    assert told["max_ongoing_requests"] > 10 + 256
    assert told["health_check_period_s"] <= 2  # for as long photos of a replica that died have no other place
    assert (told["graceful_shutdown_wait_loop_s"], told["graceful_shutdown_timeout_s"]) == (1.0, 3.0)
    scaled = options(Settings(replicas="1:4", engine="tensorrt:fp16", encoder_batch=8))
    assert "num_replicas" not in scaled
    scaling = scaled["autoscaling_config"]
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (1, 4, 8.0)
    assert scaled["ray_actor_options"] == {"num_cpus": 1, "num_gpus": 1}


def test_rays_router_goes_by_the_photo_but_not_behind_haproxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options(Settings())["request_router_config"].request_router_class == ROUTER
    assert f"{PhotoRouter.__module__}.{PhotoRouter.__qualname__}" == ROUTER
    monkeypatch.setenv(haproxy_mode.SWITCH, "1")
    assert "request_router_config" not in options(Settings())  # Ray refuses the application otherwise


def test_a_photo_is_found_in_metadata() -> None:
    assert photo_of([("a", "b"), ("asksight-image-id", "c")]) == "c"
    assert photo_of([("asksight-image-id", b"c")]) == photo_of([]) == ""


def test_files_are_named_from_the_root_since_replicas_start_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle").mkdir()
    handed = given(application(Settings(model=("a=bundle", "scenes"), tokens="tokens")))
    assert handed["model"] == (f"a={tmp_path / 'bundle'}", "scenes")
    assert handed["tokens"] == str(tmp_path / "tokens")


def test_a_serve_configuration_gives_settings_as_arguments() -> None:
    handed = given(app({"host": "0.0.0.0", "insecure": True, "replicas": "1:2", "queue": 7}))
    assert (handed["queue"], handed["threads"]) == (7, 1)
    with pytest.raises(ServerError, match="no setting 'quue'"):
        app({"quue": 7})
    with pytest.raises(ServerError, match="no int"):
        app({"queue": "many"})


@pytest.mark.parametrize(("text", "wanted"), [("1", (1, 1)), ("12", (12, 12)), ("1:4", (1, 4))])
def test_replicas_are_a_number_or_a_range(text: str, wanted: tuple[int, int]) -> None:
    assert replicas_of(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "0:2", "4:1", "1:", ":1", "1:2:3", "-1", "many", "１", "1 "])
def test_other_replicas_are_refused(text: str) -> None:
    with pytest.raises(ServerError, match="as in 1:4"):
        replicas_of(text)


def test_rays_proxies_take_the_methods_and_leave_the_messages_as_they_are() -> None:
    taken: list[str] = []

    def factory(service_method: str, streaming_type: object) -> object:
        taken.append(service_method)
        return streaming_type

    async def build() -> gRPCGenericServer:
        server = gRPCGenericServer(factory)
        for add in gRPCOptions(**grpc_options(Settings())).grpc_servicer_func_callable:
            add(None, server)
        return server

    server = asyncio.run(build())
    ours = {f"/asksight.v1.VqaService/{name}" for name in ("Ask", "AskBatch", "GetModel")}
    calls = ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")
    tensors = {f"/inference.GRPCInferenceService/{name}" for name in calls}
    assert set(taken) == ours | tensors | {"/grpc.health.v1.Health/Check"}
    assert all(hasattr(Replica, name.rpartition("/")[2]) for name in taken)  # by which Ray finds them
    handlers = [
        one
        for (generic,) in list[Any](server.generic_rpc_handlers)
        for one in generic._method_handlers.values()
    ]
    assert all(one.request_deserializer is None and not one.request_streaming for one in handlers)


def test_without_ray_it_is_said_how_to_get_it() -> None:
    with (
        patch.dict(os.environ),
        patch.dict(sys.modules, {"ray": None}),
        pytest.raises(ServerError, match=r"ray is not installed.*pip install -e '\.\[ray\]'"),
    ):
        serve_on_ray(Settings(**ON_RAY), print)


def test_reflection_which_asks_for_no_token_is_off_where_one_is_needed() -> None:
    assert grpc_options(Settings())["enable_reflection"]
    assert not grpc_options(Settings(tokens="tokens"))["enable_reflection"]


class Broadcasts:
    """Ray's handle of three replicas, of which each tells the same, or which cannot be reached at all."""

    def __init__(self, told: list[object] | Exception) -> None:
        self._told = told

    def broadcast(self, method: str) -> Broadcasts:
        assert hasattr(Replica, method)
        return self

    def results(self, **_: object) -> list[object]:
        if isinstance(self._told, Exception):
            raise self._told
        return self._told


def status(**states: int) -> Any:
    deployments = {DEPLOYMENT: SimpleNamespace(replica_states=states)}
    return SimpleNamespace(
        status=lambda: SimpleNamespace(applications={NAME: SimpleNamespace(deployments=deployments)})
    )


@pytest.mark.parametrize(
    ("told", "states", "said"),
    [
        ([["a 2", "b 1"], ["a 2", "b 1"]], {"RUNNING": 2}, ["Replicas with a 2, b 1: 2"]),
        (
            [["a 2"], RayError("gone")],
            {"RUNNING": 2},
            ["Replicas with a 2: 1", "Replicas with lost: gone: 1"],
        ),
        (
            [["a 2"]],
            {"RUNNING": 1, "STARTING": 2},
            ["Replicas with a 2: 1", "2 replicas were about to start"],
        ),
        (TimeoutError("too late"), {"RUNNING": 1}, ["Not all replicas could be told"]),
    ],
)
def test_it_is_said_what_replicas_serve_after_sighup(
    told: Any, states: dict[str, int], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        reload(status(**states), Broadcasts(told))
    assert [one[: len(start)] for one, start in zip(caplog.messages, said, strict=True)] == said
