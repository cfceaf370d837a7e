"""The OpenAPI document says what the server does: schemathesis asks by it, and every answer has to fit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from http_rig import Web

from asksight.v1 import vqa_pb2


def test_every_field_of_the_contract_is_in_the_document(web: Web) -> None:
    schemas = web.http.get("/openapi.json").json()["components"]["schemas"]
    for message in (vqa_pb2.AskRequest.DESCRIPTOR, vqa_pb2.AskResponse.DESCRIPTOR):
        fields = [field.json_name for field in message.fields]
        assert list(schemas[message.name]["properties"]) == fields
    for name in ("AskRequest", "AskResponse", "Model"):
        assert list(unexplained(schemas[name])) == []


def unexplained(schema: dict[str, Any]) -> Iterator[str]:
    """The fields, and the fields of fields, that nothing is said about."""
    for name, field in schema.get("properties", {}).items():
        if not field.get("description"):
            yield name
        yield from unexplained(field.get("items", field))


# Schemathesis runs all of its checks unless it is told otherwise. The one that is left out, where photos are sent, asks
# that whatever fits the schema be taken: which bytes are a photo no JSON Schema can say, so that nearly everything that
# is made up for one is rightly refused with 400.
CHECKS = """
[[operations]]
include-method = "POST"
checks.positive_data_acceptance.enabled = false
"""


def test_schemathesis_finds_nothing_that_the_document_does_not_say(web: Web, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CHECKS)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{web.address}/openapi.json",
        "--header=Grpc-Timeout: 20S",  # or it would try one nanosecond, and call the 504 a failure
        "--max-examples=25",
        "--seed=1",
        "--mode=all",
        "--suppress-health-check=all",
        "--no-color",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]


def test_the_document_is_json_that_needs_nothing_from_outside(web: Web) -> None:
    text = web.http.get("/openapi.json").text
    json.loads(text)
    for reference in (part.split('"')[2] for part in text.split('"$ref')[1:]):
        assert reference.startswith("#/")
