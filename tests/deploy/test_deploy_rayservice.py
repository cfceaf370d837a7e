"""The RayService of deploy/: Ray's schema takes its configuration, Kubernetes' its pods; planted faults are refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError, validate
from pydantic import ValidationError as SchemaError
from ray.serve.config import gRPCOptions
from ray.serve.schema import ServeDeploySchema
from served import ROOT

from asksight.server.ray_serve.application import NAME, ROUTE, app
from asksight.server.ray_serve.cluster import OURS, grpc_options
from asksight.server.running.settings import Settings

SERVICE, RAY = yaml.safe_load_all((ROOT / "deploy" / "rayservice.yaml").read_text("utf-8"))


def configuration() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(RAY["spec"]["serveConfigV2"])
    return read


def templates() -> list[dict[str, Any]]:
    cluster = RAY["spec"]["rayClusterConfig"]
    return [one["template"] for one in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def test_rays_schema_takes_it() -> None:
    ServeDeploySchema.model_validate(configuration())


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ((), "proxy_location", "Anywhere"),
        (("applications", 0), "import_path", "nowhere"),
        (("applications", 0), "deployments", [{"name": "AskSight", "num_replicas": "many"}]),
        (("applications", 0), "args", "replicas"),
        (("grpc_options",), "port", "many"),
    ],
)
def test_rays_schema_refuses_planted_faults(where: tuple[Any, ...], name: str, value: object) -> None:
    planted = configuration()
    place: Any = planted
    for step in where:
        place = place[step]
    place[name] = value
    with pytest.raises(SchemaError):
        ServeDeploySchema.model_validate(planted)


def test_it_is_what_the_command_tells_ray() -> None:
    told = configuration()
    port = told["grpc_options"]["port"]
    (application,) = told["applications"]
    assert gRPCOptions(**told["grpc_options"]) == gRPCOptions(**grpc_options(Settings(port=port)))
    assert (application["name"], application["route_prefix"]) == (NAME, ROUTE)
    assert application["import_path"] == f"{app.__module__}:{app.__name__}"
    app(application["args"])
    assert application["args"]["port"] == port == SERVICE["spec"]["ports"][0]["port"]
    settings = templates()[0]["spec"]["containers"][0]["env"]
    assert {one["name"]: one["value"] for one in settings}.items() <= OURS.items()


def test_kubernetes_takes_the_service_and_the_pods() -> None:
    validate(SERVICE, "1.37", strict=True)
    for template in templates():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": template["spec"]}
        validate(pod, "1.37", strict=True)
        template["spec"]["containers"][0]["imag"] = "a"
        with pytest.raises(ValidationError):
            validate(pod, "1.37", strict=True)
        del template["spec"]["containers"][0]["imag"]


def test_the_service_finds_workers_whose_replicas_fit() -> None:
    worker = templates()[1]
    (container,) = worker["spec"]["containers"]
    assert SERVICE["spec"]["selector"].items() <= worker["metadata"]["labels"].items()
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    (application,) = configuration()["applications"]
    assert ports == {"grpc": application["args"]["port"], "metrics": application["args"]["metrics"]}
    (group,) = RAY["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert group["rayStartParams"]["num-cpus"] == str(application["args"]["threads"])
    assert application["args"]["replicas"] == f"{group['minReplicas']}:{group['maxReplicas']}"
