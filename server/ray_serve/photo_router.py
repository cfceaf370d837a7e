"""Asks about one photo go to one replica: Ray's own consistent hash, of the metadata that names the photo."""

from __future__ import annotations

from typing import Any

from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter

HEADER = "asksight-image-id"


class PhotoRouter(ConsistentHashRouter):
    """Takes the photo's id for the session, where the caller named no session (`session_id`) itself."""

    async def choose_replicas(self, candidate_replicas: list[Any], pending_request: Any = None) -> list[Any]:
        """Ray's own choice, once the session is known."""
        if pending_request is not None:
            metadata = pending_request.metadata
            if not metadata.session_id and metadata.grpc_context is not None:
                metadata.session_id = photo_of(metadata.grpc_context.invocation_metadata())
        chosen: list[Any] = await super().choose_replicas(candidate_replicas, pending_request)
        return chosen


def photo_of(metadata: Any) -> str:
    """The photo's id in a call's metadata, empty where there is none; then Ray spreads asks evenly."""
    return next((value for key, value in metadata if key == HEADER and isinstance(value, str)), "")
