"""What a name on the hub stands for, and what the hub refuses, each in one clear line."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest
from hub_rig import WEIGHTS, brought, nobody
from hub_server import HubServer

from asksight.training.downloads.hub import Hub, HubName, HubUnreachableError
from asksight.training.errors import DownloadError


def test_a_hub_that_says_nothing_is_given_up(hub: Hub, served: HubServer) -> None:
    served.silent = threading.Event()
    began = time.monotonic()
    with pytest.raises(HubUnreachableError, match="cannot be reached"):
        brought(Hub(endpoint=served.address, cache=hub.cache, timeout_s=0.2))
    assert time.monotonic() - began < 30  # the library alone would try for longer than that


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (401, "Is HF_TOKEN right"),
        (403, "may its account read the model"),
        (404, "no model maker/model that this machine may see"),
        (429, r"asked too often from here \(429\). Try again in 7 s"),
        (503, r"has trouble \(503\)"),
        (418, "answers 418"),
    ],
)
def test_what_the_hub_refuses_is_one_clear_line(hub: Hub, served: HubServer, code: int, said: str) -> None:
    served.refusals["/api/models"] = code
    with pytest.raises(DownloadError, match=said) as refused:
        brought(hub)
    assert "\n" not in str(refused.value)
    assert served.fetched() == []


def test_a_model_that_nobody_knows(hub: Hub) -> None:
    with pytest.raises(DownloadError, match=r"no model maker/other that this machine may see \(401\)"):
        brought(hub, HubName("maker/other"))
    with pytest.raises(DownloadError, match=r"no revision 'v9'; .*/maker/model/commits/main"):
        brought(hub, HubName("maker/model", "v9"))


def test_a_gated_model_needs_an_account_that_has_accepted(
    hub: Hub, served: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.models["maker/model"].gated = True
    with pytest.raises(
        DownloadError, match=r"accepted its terms \(401\). Accept them at .*/maker/model, and"
    ):
        brought(hub)
    served.shown.clear()
    monkeypatch.setenv("HF_TOKEN", "of-an-accepted-account")
    brought(hub)
    hub_itself = served.address.removeprefix("http://")
    assert {host for host, token in served.shown if token} == {hub_itself}
    assert {token for host, token in served.shown if host != hub_itself} == {None}


@pytest.mark.parametrize("code", [404, 429])
def test_a_file_that_is_refused_is_one_clear_line(hub: Hub, served: HubServer, code: int) -> None:
    served.refusals["/storage/"] = code
    with pytest.raises(DownloadError, match=f"maker/model .*\\({code}\\)|\\({code}\\)"):
        brought(hub)


def test_weights_in_pickles_are_not_fetched(hub: Hub, served: HubServer) -> None:
    del served.models["maker/model"].files["model.safetensors"]
    with pytest.raises(DownloadError, match=r"only pytorch_model.bin and tf_model.h5.*@refs/pr/NUMBER"):
        brought(hub)
    assert served.fetched() == []


def test_a_model_of_another_kind(hub: Hub, served: HubServer) -> None:
    del served.models["maker/model"].files["vocab.txt"]
    with pytest.raises(DownloadError, match=r"has no vocab\.txt"):
        brought(hub)


def test_a_reference_is_resolved_once_and_must_be_the_commit_that_was_looked_at(
    hub: Hub, served: HubServer
) -> None:
    model = served.models["maker/model"]
    model.references["refs/pr/7"] = "d57790f" + "0" * 33
    name = HubName("maker/model", "refs/pr/7")
    assert brought(hub, name, commit="d57790f").revision == "d57790f" + "0" * 33
    assert all("refs/pr" not in path for _, path, _ in served.asked if "/resolve/" in path)
    assert brought(Hub(endpoint=nobody(), cache=hub.cache), name, commit="d57790f").revision[:7] == "d57790f"
    with pytest.raises(DownloadError, match="by now, not abcdef0"):
        brought(hub, name, commit="abcdef0")


def test_weights_must_be_those_that_were_looked_at(hub: Hub, served: HubServer) -> None:
    with pytest.raises(DownloadError, match="changed and are not taken"):
        brought(hub, sha256="0" * 64)
    assert served.fetched() == []
    assert brought(hub, sha256=hashlib.sha256(WEIGHTS).hexdigest()).licence == "bsd-3-clause"
