"""A server on a random bundle, and a bare channel to it."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from served import served as serving

from asksight.engine import Bundle


@pytest.fixture(scope="module")
def channel(bundle: Bundle) -> Iterator[grpc.Channel]:
    with serving(bundle.path) as where, grpc.insecure_channel(where) as opened:
        yield opened
