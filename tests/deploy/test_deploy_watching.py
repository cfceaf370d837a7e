"""The dashboard and the alerts of deploy/ in a real Prometheus that scrapes a real server: queries find figures."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from peers.processes import free_port
from served import PHOTOS, ROOT
from serving_process import serving
from waiting import until

from asksight.client import connect
from asksight.server.running.metrics import Metrics

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
TOKEN = "a token of the test"
# What begins with the first failure; until then the queries rightly find nothing.
OF_FAILURES = (
    'grpc_code=~"INTERNAL|',
    "asksight_asks_dropped_total",
    "asksight_rows_dropped_total",
    "asksight_engine_failures_total",
    "asksight_model_reloads_total",
)


def panels() -> dict[str, list[str]]:
    read = json.loads(DASHBOARD.read_text("utf-8"))
    return {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in read["panels"]}


def alerts() -> dict[str, str]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


# A panel's queries as Grafana sends them, an alert's without what it is compared with.
QUERIES = {
    f"{title} {number}": query.replace("$instance", ".*").replace("$__rate_interval", "1m")
    for title, queries in panels().items()
    for number, query in enumerate(queries)
} | {name: re.sub(r"\s*(==|>) [\d.]+\s*$", "", query) for name, query in alerts().items()}


class Prometheus:
    """A Prometheus that runs, to be queried."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1/query?"

    def ask(self, query: str) -> list[dict[str, Any]]:
        address = self._address + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(address, timeout=10) as response:
            found: list[dict[str, Any]] = json.load(response)["data"]["result"]
            return found

    def found(self, query: str) -> bool:
        with suppress(OSError):
            return bool(self.ask(query))
        return False


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """With two scrapes of a server that was asked between them."""
    folder, metrics, port = tmp_path_factory.mktemp("watching"), free_port(), free_port()
    tokens = folder / "tokens"
    tokens.write_text(f"tester {hashlib.sha256(TOKEN.encode()).hexdigest()}\n", "utf-8")
    settings = (DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
    settings = settings.replace("asksight:9090", f"127.0.0.1:{metrics}").replace(": 15s", ": 100ms")
    (folder / "prometheus.yml").write_text(settings, "utf-8")
    shutil.copy(RULES, folder)
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with ExitStack() as stack:
        _, address, _ = stack.enter_context(serving("--tokens", tokens, "--metrics", str(metrics)))
        log = stack.enter_context((folder / "prometheus.log").open("wb"))
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        running = Prometheus(port)
        client = stack.enter_context(connect(address, token=TOKEN))
        photo, number = (PHOTOS / "star.jpg").read_bytes(), count()

        def ask_and_look() -> bool:
            new = photo + str(next(number)).encode()
            for question in ("What is this?", "Is the star small?"):
                client.ask(new, question)
            return running.found("rate(asksight_caller_calls_total[1m]) > 0")

        until(ask_and_look)
        yield running


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_finds_figures(name: str, prometheus: Prometheus) -> None:
    query = QUERIES[name]
    found = prometheus.ask(query)
    assert found or any(failure in query for failure in OF_FAILURES), query
    assert not [one for one in found if one["value"][1] == "NaN"], found


def test_no_alert_fires_where_nothing_is_wrong(prometheus: Prometheus) -> None:
    assert [name for name, query in alerts().items() if prometheus.found(query)] == []


def test_queries_name_metrics_that_there_are() -> None:
    """What a counter of failures is called is checked too, which no healthy server shows."""
    there_are = {"up"}
    for metric in Metrics().registry.collect():
        there_are |= {metric.name} | {
            f"{metric.name}_{end}" for end in ("total", "count", "sum", "bucket") if metric.type != "gauge"
        }
    named = {name for query in QUERIES.values() for name in re.findall(r"(\w+)\{", query)}
    assert named - there_are == set()


def test_each_alert_fires_and_says_where() -> None:
    ran = subprocess.run(
        ["promtool", "test", "rules", str(Path(__file__).with_name("alerts_fire.yml"))],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tried = yaml.safe_load(Path(__file__).with_name("alerts_fire.yml").read_text("utf-8"))["tests"]
    assert {one["alertname"] for test in tried for one in test["alert_rule_test"]} == set(alerts())
