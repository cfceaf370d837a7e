"""`asksight serve --ray` on a cluster of this machine, by both of Ray's proxies, by the shipped client and a raw stub.

    pytest -m ray tests/server/ray_serve

Each way takes half a minute. What a plain server says is what these must say.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import Any

import grpc
import pytest
import yaml
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from peers.processes import Tree, free_port, read_stat
from photo_files import photo
from served import PHOTOS, ROOT, served
from tensor_rig import asked, infer, output
from token_lines import line
from waiting import until

from asksight.client import Client, Reply, connect
from asksight.client.errors import UnauthenticatedError
from asksight.client.results import Timings
from asksight.engine.bundle import BUILT_IN
from asksight.server.ray_serve.haproxy_mode import SWITCH
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

pytestmark = pytest.mark.ray

PROGRAMS = Path(sys.executable).parent
WITHIN_S = 30.0
ALLOWED = (("authorization", "Bearer good"),)
QUESTIONS = ("What is this?", "Is there a red circle?", "How many stars are there?", "What colour is it?")
MODES = {"python": {}, "haproxy": {SWITCH: "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}}


@dataclass(frozen=True)
class Cluster:
    """A command that serves on a Ray of its own."""

    tree: Tree
    address: str
    bundle: Path = BUILT_IN["scenes"]

    def log(self) -> str:
        return self.tree.log.read_text("utf-8", "replace")


def raw(channel: grpc.Channel, method: str, message: bytes = b"", **options: Any) -> bytes:
    """Call a method by its name, with bytes."""
    call: Any = channel.unary_unary(method)
    answer: bytes = call(message, **{"timeout": WITHIN_S, **options})
    return answer


def started(command: list[str], mode: str, log: Path, port: int) -> Cluster:
    environment = {**os.environ, **MODES[mode], "RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0"}
    cluster = Cluster(Tree(command, environment, log), f"127.0.0.1:{port}")

    def answers() -> bool:
        assert cluster.tree.alive, cluster.log()
        with grpc.insecure_channel(cluster.address) as channel:
            try:
                raw(channel, "/grpc.health.v1.Health/Check", timeout=5)
            except grpc.RpcError:
                return False
        return True

    try:
        until(answers)
    except BaseException:
        cluster.tree.end()
        raise
    return cluster


@pytest.fixture(scope="module", params=MODES)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "tokens").write_text(line("app", "good"))
    copytree(BUILT_IN["scenes"], folder / "scenes")
    port = free_port()
    options = ["--host", "0.0.0.0", "--insecure", "--port", str(port), "--replicas", "2", "--workers", "1"]
    options += ["--metrics", str(free_port()), "--tokens", str(folder / "tokens"), "--drain-grace", "1"]
    options += ["--model", str(folder / "scenes"), "--no-watch"]
    command = [str(PROGRAMS / "asksight"), "serve", "--ray", *options]
    serving = started(command, request.param, folder / "log", port)
    try:
        yield replace(serving, bundle=folder / "scenes")
    finally:
        serving.tree.end()


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Client]:
    with connect(cluster.address, token="good", timeout=WITHIN_S) as made:
        yield made


@pytest.fixture(scope="module")
def stub(cluster: Cluster) -> Iterator[Any]:
    with grpc.insecure_channel(cluster.address) as channel:
        yield vqa_pb2_grpc.VqaServiceStub(channel)


def conversation(client: Client) -> list[object]:
    """Replies without what is another each time."""
    said: list[object] = []
    timings = Timings(decode_us=0, encode_us=0, tokenize_us=0, answer_us=0, total_us=0, features_cached=False)
    for file in sorted(PHOTOS.glob("*.jpg"))[:3]:
        after: Reply | None = None
        for question in QUESTIONS:
            after = client.ask(file, question, after=after, locale="de")
            said.append(replace(after, timings=timings))
    many = client.ask_many([(file, QUESTIONS[0]) for file in sorted(PHOTOS.glob("*.jpg"))[:3]])
    said += [replace(one, timings=timings) if isinstance(one, Reply) else str(one) for one in many]
    return [*said, client.model()]


def test_it_answers_as_a_plain_server_does(client: Client) -> None:
    with served("scenes") as address, connect(address, timeout=WITHIN_S) as plain:
        assert conversation(client) == conversation(plain)


def refused(stub: Any, request: vqa_pb2.AskRequest, *more: tuple[str, str]) -> Any:
    with pytest.raises(grpc.RpcError) as refusal:
        stub.Ask(request, timeout=WITHIN_S, metadata=(*ALLOWED, *more))
    return refusal.value


def details(error: Any) -> list[Any]:
    status: Any = dict(error.trailing_metadata())["grpc-status-details-bin"]
    return list(status_pb2.Status.FromString(status).details)


def test_a_photo_that_is_not_there_is_told_with_its_details(stub: Any) -> None:
    request = vqa_pb2.AskRequest(image_id="a" * 64, question="what?")
    by_ray = refused(stub, request, ("x-request-id", "mine"))
    assert dict(by_ray.trailing_metadata())["x-request-id"] == "mine"
    with served("scenes") as address, grpc.insecure_channel(address) as channel:
        plain = refused(vqa_pb2_grpc.VqaServiceStub(channel), request)
    assert (by_ray.code(), by_ray.details(), details(by_ray)) == (
        plain.code(),
        plain.details(),
        details(plain),
    )


def test_an_overload_says_when_to_come_back_and_the_client_does(client: Client, stub: Any) -> None:
    large = photo(width=3000, height=2000)
    asks = [vqa_pb2.AskRequest(image_data=large + bytes([tail]), question="what?") for tail in range(64)]
    calls = [stub.Ask.future(ask, timeout=WITHIN_S, metadata=ALLOWED) for ask in asks]
    errors: list[Any] = [call.exception() for call in calls if call.exception() is not None]
    assert errors
    assert {error.code() for error in errors} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    for error in errors:
        assert error_details_pb2.RetryInfo.DESCRIPTOR.full_name in str(details(error)[0].type_url)
        assert "grpc-retry-pushback-ms" in dict(error.trailing_metadata())
    assert client.ask(large, "what?").answers


def test_the_deadline_in_metadata_is_the_replicas_deadline(stub: Any) -> None:
    request = vqa_pb2.AskRequest(image_data=photo(seed=3), question="what?")
    error = refused(stub, request, ("asksight-timeout-ms", "0"))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "x-request-id" in dict(error.trailing_metadata())  # so that it was the replica that said it


def test_tensors_get_the_answers_of_asks(cluster: Cluster, client: Client) -> None:
    image = (PHOTOS / "star.jpg").read_bytes()
    with grpc.insecure_channel(cluster.address) as channel:
        raw(channel, "/inference.GRPCInferenceService/ServerReady")  # which needs no token
        request = asked(model="scenes", image=[image] * 4, question=list(QUESTIONS))
        response = infer(channel, request, metadata=ALLOWED)
    assert output(response, "spoken")[1] == [client.ask(image, one).spoken.encode() for one in QUESTIONS]


def test_a_malformed_message_is_the_callers_fault(cluster: Cluster) -> None:
    with grpc.insecure_channel(cluster.address) as channel, pytest.raises(grpc.RpcError) as refusal:
        raw(channel, "/asksight.v1.VqaService/Ask", b"\xff\xff", metadata=ALLOWED)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_nothing_is_told_to_who_has_no_token_but_health(cluster: Cluster) -> None:
    with connect(cluster.address, timeout=WITHIN_S) as stranger, pytest.raises(UnauthenticatedError):
        stranger.model()
    with grpc.insecure_channel(cluster.address) as channel:
        answer = raw(channel, "/grpc.health.v1.Health/Check")
        assert health_pb2.HealthCheckResponse.FromString(answer).status == 1
        with pytest.raises(grpc.RpcError) as refusal:
            raw(channel, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_follow_ups_find_their_photo_at_one_of_two_replicas(client: Client) -> None:
    for number in range(12):
        known = photo(seed=100 + number)
        assert not client.ask(known, "what is this?").timings.features_cached
        assert all(client.ask(known, question).timings.features_cached for question in QUESTIONS)


def test_each_replica_has_its_metrics(cluster: Cluster) -> None:
    pages: list[str] = []
    until(lambda: len(pages[:] or metrics_at(cluster, pages)) == 2)
    looked = 0.0
    for page in pages:
        with urllib.request.urlopen(page, timeout=WITHIN_S) as answer:
            text = answer.read().decode()
        found = re.findall(r'^asksight_cache_lookups_total\{result="hit"\} (\S+)', text, re.MULTILINE)
        looked += sum(map(float, found))
    assert looked > 0


def metrics_at(cluster: Cluster, pages: list[str]) -> list[str]:
    pages[:] = sorted(set(re.findall(r"Metrics are at (\S+/metrics)\.", cluster.log())))
    return pages


def replicas(cluster: Cluster) -> list[int]:
    mine = {pid: Path(f"/proc/{pid}/cmdline") for pid in cluster.tree._stats()}
    return [pid for pid, file in mine.items() if file.exists() and b"ray::ServeReplica" in file.read_bytes()]


def test_on_sighup_the_same_replicas_serve_the_new_bundle(cluster: Cluster, client: Client) -> None:
    before = replicas(cluster)
    manifest = cluster.bundle / "bundle.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text("utf-8")), "version": "next"}), "utf-8")
    cluster.tree.process.send_signal(signal.SIGHUP)
    until(lambda: "Replicas with scenes next: 2" in cluster.log())
    assert {client.model().version for _ in range(8)} == {"next"}
    assert replicas(cluster) == before


def test_replicas_that_die_while_they_compute_are_asked_again(cluster: Cluster, client: Client) -> None:
    many = [(photo(width=1000, height=1000) + bytes([tail]), "what?") for tail in range(200)]
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.extend(client.ask_many(many, timeout=2 * WITHIN_S)))
    asking.start()
    pids = replicas(cluster)
    assert len(pids) == 2
    until(lambda: any(busy(pid) for pid in pids))
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    asking.join()
    assert sum(isinstance(one, Reply) for one in answers) == len(many)


def busy(pid: int) -> bool:
    """Whether it has computed since it was first asked so."""
    stat = read_stat(pid)
    return stat is not None and stat.cpu_s > IDLE.setdefault(pid, stat.cpu_s) + 0.2


IDLE: dict[int, float] = {}


def test_it_ends_on_a_signal_and_leaves_nothing_behind(cluster: Cluster) -> None:
    """The last of each way, which ends its cluster."""
    pids = set(cluster.tree._stats()) - {cluster.tree.process.pid}
    assert pids
    cluster.tree.process.terminate()
    assert cluster.tree.process.wait(60) == 0, cluster.log()
    until(lambda: not any(read_stat(pid) for pid in pids))


def test_the_rayservice_of_deploy_runs_as_it_is_written(tmp_path: Path) -> None:
    """Its Serve configuration, with the built-in bundle in the place of a volume's, by Ray's own command."""
    ray_service = list(yaml.safe_load_all((ROOT / "deploy" / "rayservice.yaml").read_text("utf-8")))[1]
    configuration = yaml.safe_load(ray_service["spec"]["serveConfigV2"])
    port = free_port()
    configuration["grpc_options"]["port"] = port
    configuration["http_options"].update(host="127.0.0.1", port=free_port())
    configuration["applications"][0]["args"].update(model=["scenes"], port=port, metrics=free_port())
    file = tmp_path / "serve.yaml"
    file.write_text(yaml.safe_dump(configuration), "utf-8")
    cluster = started([str(PROGRAMS / "serve"), "run", str(file)], "python", tmp_path / "log", port)
    try:
        with connect(cluster.address, timeout=WITHIN_S) as client:
            assert client.ask(PHOTOS / "star.jpg", "What is this?").answer == "star"
    finally:
        cluster.tree.end()
