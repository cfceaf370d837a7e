"""buf, which knows nothing of this project: it lints the proto, and asks a real server by reflection alone."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bundles import write_random_bundle
from served import PHOTOS, ROOT, served, shell_environment

PHOTO = (PHOTOS / "shapes.jpg").read_bytes()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    bundle = tmp_path_factory.mktemp("buf") / "bundle"
    write_random_bundle(bundle)
    with served(bundle) as where:
        yield where


def buf(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = shell_environment()
    if shutil.which("buf", path=environment["PATH"]) is None:
        pytest.fail("buf is not installed. `make test` installs it with npm; by hand: npm install.")
    return subprocess.run(
        ["buf", *arguments],
        input=given,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=60,
    )


def curl(address: str, method: str, request: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    url = f"http://{address}/asksight.v1.VqaService/{method}"
    options = ("--protocol", "grpc", "--http2-prior-knowledge", "--emit-defaults", "-d", "@-")
    return buf("curl", *options, url, given=json.dumps(request))


def test_the_proto_is_clean() -> None:
    ran = buf("lint")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_lint_takes_no_exemptions() -> None:
    settings = (ROOT / "buf.yaml").read_text(encoding="utf-8")
    assert "STANDARD" in settings
    assert "except" not in settings
    assert "ignore" not in settings
    assert "buf:lint:ignore" not in Path(ROOT / "proto/asksight/v1/vqa.proto").read_text(encoding="utf-8")


def test_a_stranger_asks_a_jpeg_without_the_proto(address: str) -> None:
    ran = curl(
        address, "Ask", {"imageData": base64.b64encode(PHOTO).decode(), "question": "What colour is this?"}
    )
    assert ran.returncode == 0, ran.stderr
    reply = json.loads(ran.stdout)
    assert reply["imageId"] == sha256(PHOTO).hexdigest()
    assert reply["verdict"] in ("VERDICT_ANSWERED", "VERDICT_UNSURE", "VERDICT_UNANSWERABLE")
    assert len(reply["answers"]) == 5
    assert reply["timings"]["totalUs"] > 0
    again = curl(address, "Ask", {"imageId": reply["imageId"], "question": "What colour is this?"})
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["answers"] == reply["answers"]
    assert json.loads(again.stdout)["timings"]["featuresCached"] is True


def test_a_stranger_asks_what_is_served(address: str) -> None:
    ran = curl(address, "GetModel", {})
    assert ran.returncode == 0, ran.stderr
    model = json.loads(ran.stdout)
    assert model["name"] == "random"
    assert model["limits"]["maxMessageBytes"] == 16 * 2**20


def test_a_stranger_reads_what_is_wrong(address: str) -> None:
    ran = curl(address, "Ask", {"imageData": base64.b64encode(b"no photo").decode(), "question": "What?"})
    assert ran.returncode != 0
    error = json.loads(ran.stderr[ran.stderr.index("{") :])
    assert error["code"] == "invalid_argument"
    assert "JPEG" in error["message"]
    (detail,) = error["details"]
    assert detail["type"] == "google.rpc.BadRequest"


def test_a_stranger_checks_the_health(address: str) -> None:
    url = f"http://{address}/grpc.health.v1.Health/Check"
    ran = buf("curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", "{}", url)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["status"] == "SERVING"
