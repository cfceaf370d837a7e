"""What Ray's proxies are told of our services: names of methods, whose messages stay the bytes that came.

Ray imports these by name (`grpc_servicer_functions`) in each proxy, and behind HAProxy in each replica, and puts its
own way to a replica in the place of every handler. No message is parsed there, so that a malformed one gets its answer
from us.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from asksight.v1 import vqa_pb2

from ..open_inference.inference_messages import POOL, SERVICE

FUNCTIONS = [f"{__name__}.{add}" for add in ("add_vqa", "add_open_inference", "add_health")]


def add_vqa(_: object, server: Any) -> None:
    """VqaService without Converse: clients that are told UNIMPLEMENTED ask each question by itself."""
    service = vqa_pb2.DESCRIPTOR.services_by_name["VqaService"]
    _add(server, service.full_name, [one.name for one in service.methods if not one.client_streaming])


def add_open_inference(_: object, server: Any) -> None:
    """GRPCInferenceService, all six calls of it; Ray's reflection knows its name alone."""
    _add(server, SERVICE, [method.name for method in POOL.FindServiceByName(SERVICE).methods])


def add_health(_: object, server: Any) -> None:
    """Health without Watch: each that watches would be an ask that never ends, to Ray's scaling and draining."""
    _add(server, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, ["Check"])


def _add(server: Any, service: str, methods: Sequence[str]) -> None:
    handler: Any = grpc.unary_unary_rpc_method_handler(_ray_answers)
    handlers = {method: handler for method in methods}  # noqa: C420  whose type is narrower
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))


def _ray_answers(message: bytes, context: object) -> bytes:
    raise AssertionError("Ray Serve has put no handler of its own here")
