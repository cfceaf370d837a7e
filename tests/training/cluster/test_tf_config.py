"""TF_CONFIG: who the workers are, and what is wrong with it, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asksight.training.cluster.tf_config import read_cluster
from asksight.training.errors import ClusterError

TWO = ["10.0.0.1:2222", "[fe80::1]:2222"]


def environment(workers: Any = TWO, task: Any = None, **other: Any) -> dict[str, str]:
    told = {
        "cluster": {"worker": workers} | other,
        "task": {"type": "worker", "index": 0} if task is None else task,
    }
    return {"TF_CONFIG": json.dumps(told)}


def test_it_names_the_workers_and_this_one_among_them() -> None:
    cluster = read_cluster(environment(task={"type": "worker", "index": 1}))
    assert cluster is not None
    assert cluster.addresses == tuple(TWO)
    assert (cluster.index, cluster.is_chief, len(cluster)) == (1, False, 2)
    assert cluster.named(1) == "worker 1 ([fe80::1]:2222)"
    as_text = read_cluster(environment(task={"type": "worker", "index": "1"}))
    assert as_text == cluster


def test_a_chief_comes_before_the_workers() -> None:
    for task, index in (({"type": "chief", "index": 0}, 0), ({"type": "worker", "index": 1}, 2)):
        cluster = read_cluster(environment(task=task, chief=["10.0.0.9:1"]))
        assert cluster is not None
        assert cluster.addresses == ("10.0.0.9:1", *TWO)
        assert cluster.index == index
        assert cluster.is_chief == (index == 0)


@pytest.mark.parametrize(
    "text", ["", " ", "{}", '{"environment": "cloud"}', environment(["a:1"])["TF_CONFIG"]]
)
def test_without_others_it_trains_alone(text: str) -> None:
    assert read_cluster({"TF_CONFIG": text}) is None
    assert read_cluster({}) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TF_CONFIG": '{"cluster": {'}, r"TF_CONFIG is no JSON \(Expecting .*\): {\"cluster\": {"),
        ({"TF_CONFIG": "[1]"}, r"TF_CONFIG is no JSON object: \[1\]"),
        (environment(["a:1", "a"]), 'names the address "a"; allowed is HOST:PORT, with a port of 1 to 65535'),
        (environment(["a:1", "b:65536"]), 'names the address "b:65536"'),
        (environment(["a:1", "b:x"]), 'names the address "b:x"'),
        (environment(["a:1", "a:1"]), "names one address twice"),
        (environment("a:1"), "no object of lists of addresses"),
        (
            environment(task={"type": "worker", "index": 2}),
            "this is worker 2; its 2 of these are numbered 0 to 1",
        ),
        (environment(task={"type": "worker", "index": -1}), "this is worker -1; its 2 of these"),
        (environment(task={"type": "worker", "index": True}), "this is worker True"),
        (environment(task={"type": "worker", "index": "one"}), "this is worker 'one'"),
        (environment(task={"type": "chief", "index": 0}), 'this is a "chief"; its cluster has: worker'),
        (environment(task={}), 'has no "task" with "type" and "index"'),
        (environment(ps=["c:1"]), 'names the job "ps"; allowed are: chief, worker'),
        (environment(chief=["c:1", "d:1"]), "names 2 chiefs"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(given: dict[str, str], said: str) -> None:
    with pytest.raises(ClusterError, match=said) as raised:
        read_cluster(given)
    assert str(raised.value).endswith('"index": 0}}, or unset it to train on this machine alone.')
