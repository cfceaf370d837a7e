"""The chart of deploy/: what helm makes of it is valid to Kubernetes; wrong values and planted faults are not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError, validate
from served import ROOT

import asksight
from asksight.server.running.setting_sources import read_settings
from asksight.server.running.settings import SPECS

CHART = ROOT / "deploy" / "chart"
HELM = ROOT / "build" / "helm" / "helm"
OF_OTHERS = ("ServiceMonitor", "ScaledObject")  # whose schemas are not Kubernetes'
ALL = (
    "envoy.enabled=true",
    "autoscaling.by=hpa",
    "bundle.artefact=registry.example/bundles/scenes:0.2.0",
    "bundle.path=scenes",
    "gpu.count=1",
    "tokens.secret=tokens",
    "settings.cache_mb=512",
    "serviceMonitor.enabled=true",
)
SECURE = ("tls.secret=tls", "autoscaling.by=keda", "bundle.volume.hostPath.path=/b", "bundle.path=.")
SHARED = (
    "featuresCache.url=rediss://redis.caches:6380/1",
    "featuresCache.user=servers",
    "featuresCache.secret=redis",
    "featuresCache.authority=authority",
    "tracing.endpoint=http://collector.monitoring:4317",
    "networkPolicy.redis[0].ipBlock.cidr=10.0.0.0/24",
    "networkPolicy.egress[0].ports[0].port=443",
)


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert HELM.exists(), "helm is not there: make build/helm/helm"
    return subprocess.run([str(HELM), *map(str, arguments)], capture_output=True, text=True)


def made(*values: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What the chart makes with such values, by kind and name."""
    ran = helm("template", "asksight", CHART, *(f"--set={value}" for value in values))
    assert ran.returncode == 0, ran.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(ran.stdout) if one}


def check(resource: dict[str, Any]) -> None:
    if resource["kind"] not in OF_OTHERS:
        validate(resource, "1.37", strict=True)


@pytest.fixture(scope="module")
def with_all() -> dict[tuple[str, str], dict[str, Any]]:
    return made(*ALL)


def pod(resources: dict[tuple[str, str], dict[str, Any]], name: str = "asksight") -> dict[str, Any]:
    spec: dict[str, Any] = resources["Deployment", name]["spec"]["template"]["spec"]
    return spec


def test_the_chart_has_the_projects_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == asksight.__version__


def test_helm_finds_nothing() -> None:
    ran = helm("lint", "--strict", CHART)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("values", [(), ALL, SECURE, SHARED])
def test_what_it_makes_is_valid(values: tuple[str, ...]) -> None:
    for resource in made(*values).values():
        check(resource)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "template", "spec", "containers", 0, "readinessProbe", "grpc", "port"), "fifty"),
        (("spec", "template", "spec", "terminationGracePeriodSecond"), 45),
        (("spec", "template", "spec", "containers", 0, "securityContext", "readOnlyRootFileSystem"), True),
        (("spec", "strategy", "rollingUpdate", "maxSurge"), {}),
        (("spec", "template", "metadata", "label"), {}),
    ],
)
def test_a_planted_fault_is_found(
    path: tuple[str | int, ...], value: Any, with_all: dict[tuple[str, str], dict[str, Any]]
) -> None:
    deployment = yaml.safe_load(yaml.safe_dump(with_all["Deployment", "asksight"]))
    check(deployment)
    within = deployment
    for step in path[:-1]:
        within = within[step]
    within[path[-1]] = value
    with pytest.raises(ValidationError):
        check(deployment)


def test_a_planted_fault_of_what_is_let_out_is_found() -> None:
    policy = made(*SHARED)["NetworkPolicy", "asksight"]
    check(policy)
    policy["spec"]["egress"][0]["from"] = policy["spec"]["egress"][0].pop("to")
    with pytest.raises(ValidationError):
        check(policy)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("featuresCache.url=redis://:secret@redis:6379", "featuresCache"),
        ("featuresCache.url=http://redis:6379", "featuresCache"),
        ("featuresCache.url=redis://redis,featuresCache.user=me", "featuresCache.secret"),
        ("featuresCache.url=redis://redis,featuresCache.authority=ca", "rediss://"),
        ("featuresCache.secret=redis", "nothing without featuresCache.url"),
        ("resources.limits.memory=abc", "memory"),
        ("envoy.resources.requests.cpu=1Gib", "cpu"),
        ("podDisruptionBudget.maxUnavailable=abc", "maxUnavailable"),
        ("podDisruptionBudget.maxUnavailable=101%", "maxUnavailable"),
        ("serviceMonitor.interval=often", "interval"),
        ("tracing.endpoint=http://collector", "tracing"),  # its port is let out, and nobody knows which
        ("settings.features_cache=redis://redis", "featuresCache.url"),
        ("settings.tracing=true", "tracing.endpoint"),
        ("replicas=0", "replicas"),
        ("autoscaling.by=cpu", "autoscaling"),
        ("replica=3", "replica"),
        ("bundle.artefact=r/b:1", "bundle.path"),
        ("bundle.path=../etc", "bundle"),
        ("settings.cache-mb=1", "cache-mb"),
        ("settings.processes=4", "give processes"),
        ("settings.drain_grace=4", "give drainGraceS"),
        ("settings.port=80", "settings.port does nothing"),
        ("autoscaling.by=hpa,autoscaling.min=9", "autoscaling.min is more"),
    ],
)
def test_a_wrong_value_is_refused_by_name(value: str, said: str) -> None:
    ran = helm("template", "asksight", CHART, f"--set={value}")
    assert ran.returncode != 0
    assert said in ran.stderr


def test_quantities_and_shares_are_taken_as_kubernetes_writes_them() -> None:
    values = (
        "resources.limits.memory=1.5Gi",
        "resources.requests.cpu=2500m",
        "resources.limits.cpu=4",
        "resources.limits.ephemeral-storage=1e9",
        "podDisruptionBudget.maxUnavailable=50%",
        "serviceMonitor.interval=1m30s",
    )
    (server,) = pod(made(*values))["containers"]
    assert server["resources"]["limits"]["memory"] == "1.5Gi"


def test_envoy_without_tls_does_not_go_before_servers_with_it() -> None:
    ran = helm("template", "asksight", CHART, "--set=tls.secret=tls,envoy.enabled=true")
    assert "leave out envoy.enabled or tls.secret" in ran.stderr


def test_a_pod_is_not_killed_before_it_has_drained() -> None:
    resources = made("drainGraceS=7", "finishWithinS=60")
    assert pod(resources)["terminationGracePeriodSeconds"] > 7 + 60
    assert {"--drain-grace=7", "--finish-within=60"} <= set(pod(resources)["containers"][0]["args"])


def test_the_flags_and_settings_are_the_servers_own(with_all: dict[tuple[str, str], dict[str, Any]]) -> None:
    for resources in (with_all, made(*SECURE)):
        container = pod(resources)["containers"][0]
        flags = [one.removeprefix("--").partition("=")[0] for one in container["args"][1:]]
        assert set(flags) <= {name.replace("_", "-") for name in SPECS}
    assert pod(with_all)["containers"][0]["env"] == [{"name": "ASKSIGHT_CACHE_MB", "value": "512"}]


def test_whole_numbers_of_a_file_of_values_are_written_as_such(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("settings: { cache_mb: 2000000, longest_wait_s: 0.5, watch: false }\n")
    ran = helm("template", "asksight", CHART, "--values", file)
    (server,) = (one for one in yaml.safe_load_all(ran.stdout) if one and one["kind"] == "Deployment")
    environment = {
        one["name"]: one["value"] for one in server["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    settings, _ = read_settings({}, environment, None)
    assert (settings.cache_mb, settings.longest_wait_s, settings.watch) == (2_000_000, 0.5, False)


def test_the_password_of_the_redis_comes_from_its_secret() -> None:
    spec = pod(made(*SHARED))
    env = {one["name"]: one for one in spec["containers"][0]["env"]}
    names = list(env)
    assert names.index("REDIS_PASSWORD") < names.index("ASKSIGHT_FEATURES_CACHE")  # else it is not put in
    assert env["REDIS_PASSWORD"]["valueFrom"] == {"secretKeyRef": {"name": "redis", "key": "password"}}
    url = env["ASKSIGHT_FEATURES_CACHE"]["value"].replace("$(REDIS_PASSWORD)", "secret")
    assert url == "rediss://servers:secret@redis.caches:6380/1?ssl_ca_certs=/secrets/redis/ca.crt"
    assert not any("redis" in one for one in spec["containers"][0]["args"])
    environment = {name: str(one.get("value", "")) for name, one in env.items()}
    settings, _ = read_settings({}, environment | {"ASKSIGHT_FEATURES_CACHE": url}, None)
    assert (settings.features_cache, settings.tracing) == (url, True)
    assert {"name": "redis", "configMap": {"name": "authority"}} in spec["volumes"]


def test_a_redis_without_a_password_is_asked_without_one() -> None:
    (variable,) = pod(made("featuresCache.url=redis://redis"))["containers"][0]["env"]
    assert variable == {"name": "ASKSIGHT_FEATURES_CACHE", "value": "redis://redis"}


def egress(*values: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = made(*values)["NetworkPolicy", "asksight"]["spec"]["egress"]
    return rules


def test_nothing_is_let_out_where_a_server_calls_nobody() -> None:
    assert egress() == egress(*ALL) == []


def test_what_is_let_out_is_what_was_named_and_its_name_servers() -> None:
    names, redis, collector, other = egress(*SHARED)
    assert {(one["protocol"], one["port"]) for one in names["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert [sorted(peer) for peer in names["to"]] == [["namespaceSelector", "podSelector"]]
    assert redis == {
        "ports": [{"protocol": "TCP", "port": 6380}],
        "to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}],
    }
    assert collector == {"ports": [{"protocol": "TCP", "port": 4317}]}
    assert other == {"ports": [{"port": 443}]}


def test_a_redis_without_a_port_is_let_out_at_the_usual_one() -> None:
    _, redis = egress("featuresCache.url=redis://[fd00::6]/0")
    assert redis["ports"] == [{"protocol": "TCP", "port": 6379}]


@pytest.mark.parametrize("name", ["asksight", "asksight-envoy"])
def test_nothing_runs_as_root_or_writes_its_root(
    name: str, with_all: dict[tuple[str, str], dict[str, Any]]
) -> None:
    assert pod(with_all, name)["securityContext"]["runAsNonRoot"] is True
    for container in pod(with_all, name)["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_servers_are_scaled_by_what_waits(with_all: dict[tuple[str, str], dict[str, Any]]) -> None:
    metric = with_all["HorizontalPodAutoscaler", "asksight"]["spec"]["metrics"][0]["pods"]["metric"]
    assert metric == {"name": "asksight_queue_rows"}
    trigger = made(*SECURE)["ScaledObject", "asksight"]["spec"]["triggers"][0]
    assert "asksight_queue_rows{" in trigger["metadata"]["query"]
    assert "replicas" not in with_all["Deployment", "asksight"]["spec"]


def test_the_probes_of_a_server_with_tls_need_none() -> None:
    container = pod(made(*SECURE))["containers"][0]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert "--insecure" not in container["args"]


def test_its_envoy_is_that_of_deploy(with_all: dict[tuple[str, str], dict[str, Any]]) -> None:
    """But for the servers: one name for all of them in place of three."""
    told = yaml.safe_load(with_all["ConfigMap", "asksight-envoy"]["data"]["envoy.yaml"])
    ours = yaml.safe_load((ROOT / "deploy" / "envoy.yaml").read_text("utf-8"))
    cluster, own = told["static_resources"]["clusters"][0], ours["static_resources"]["clusters"][0]
    assert cluster.pop("dns_refresh_rate") == "2s"
    endpoints, own_endpoints = (one["load_assignment"]["endpoints"][0] for one in (cluster, own))
    assert len(endpoints["lb_endpoints"]) == 1
    assert endpoints["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["address"] == "asksight"
    endpoints.clear()
    own_endpoints.clear()
    assert told == ours
