"""A conversation with a server, as most tests of conversations begin."""

from __future__ import annotations

import pytest
from conversation_rig import Talk
from server_rig import Served


@pytest.fixture
def talk(served: Served) -> Talk:
    return Talk(served, locale="de", top_k=2)
