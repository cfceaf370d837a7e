"""Asks about one photo go to one server: the photo's id as metadata, which proxies and gRPC's ring hash go by."""

from __future__ import annotations

import os
import re
from hashlib import sha256

from asksight.v1 import vqa_pb2

HEADER = "asksight-image-id"
IMAGE_ID = re.compile(r"[0-9a-f]{64}")

# A ring of at least this many points: with gRPC's own 1,024 one of three servers gets a fifth more than its share.
RING = {"minRingSize": 4096, "maxRingSize": 8192, "requestHashHeader": HEADER}
# Without it gRPC 1.85 ignores `requestHashHeader`; it looks when a channel reads its configuration.
GRPC_SWITCH = "GRPC_EXPERIMENTAL_RING_HASH_SET_REQUEST_HASH_KEY"


def photo_place(request: vqa_pb2.AskRequest | vqa_pb2.AskBatchRequest) -> tuple[tuple[str, str], ...]:
    """Give the metadata that names the photo of an ask, and of a batch its first photo; nothing where there is none."""
    if isinstance(request, vqa_pb2.AskBatchRequest):
        return photo_place(request.asks[0]) if request.asks else ()
    if request.WhichOneof("image") == "image_data":
        return ((HEADER, sha256(request.image_data).hexdigest()),)
    return ((HEADER, request.image_id),) if IMAGE_ID.fullmatch(request.image_id) else ()


def ring_config() -> dict[str, dict[str, object]]:
    """gRPC's balancing by the photo's id. A server that leaves or joins moves the photos of its own share alone."""
    os.environ.setdefault(GRPC_SWITCH, "true")
    return {"ring_hash_experimental": dict(RING)}
