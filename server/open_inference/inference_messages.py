"""The protocol's messages, in a pool of descriptors of their own.

Triton's and KServe's clients each bring generated code for the same names, and one process can hold them once only
where they share protobuf's own pool: with these in it, whoever imports such a client beside `load()` could not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

SERVICE = "inference.GRPCInferenceService"
COMPILED = "open_inference.binpb"  # what protoc makes of open_inference.proto when AskSight is installed


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    compiled = Path(__file__).with_name(COMPILED).read_bytes()
    for one in FileDescriptorSet.FromString(compiled).file:
        pool.AddSerializedFile(one.SerializeToString())
    return pool


POOL = _pool()


def _message(name: str) -> Any:
    return GetMessageClass(POOL.FindMessageTypeByName(f"inference.{name}"))


ServerLiveRequest = _message("ServerLiveRequest")
ServerLiveResponse = _message("ServerLiveResponse")
ServerReadyRequest = _message("ServerReadyRequest")
ServerReadyResponse = _message("ServerReadyResponse")
ModelReadyRequest = _message("ModelReadyRequest")
ModelReadyResponse = _message("ModelReadyResponse")
ServerMetadataRequest = _message("ServerMetadataRequest")
ServerMetadataResponse = _message("ServerMetadataResponse")
ModelMetadataRequest = _message("ModelMetadataRequest")
ModelMetadataResponse = _message("ModelMetadataResponse")
ModelInferRequest = _message("ModelInferRequest")
InferInputTensor = _message("ModelInferRequest.InferInputTensor")
InferTensorContents = _message("InferTensorContents")
ModelInferResponse = _message("ModelInferResponse")
