"""What a server imports is not looked through for garbage, neither meanwhile nor ever after."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from asksight.cli.kept_imports import kept_imports
from asksight.cli.serve import serve
from asksight.server.running import serving, supervisor


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_inside_and_what_is_there_is_kept() -> None:
    with kept_imports():
        assert not gc.isenabled()
        made = [object() for _ in range(3)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    assert not any(one is made for one in gc.get_objects())


def test_a_collector_that_is_off_stays_off_and_a_failure_keeps_nothing() -> None:
    gc.disable()
    with pytest.raises(ImportError), kept_imports():
        raise ImportError
    assert not gc.isenabled()
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_serving_begins_with_its_imports_kept(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    for module, name in ((serving, "serve"), (supervisor, "supervise")):
        monkeypatch.setattr(module, name, lambda settings, say: kept.append(gc.get_freeze_count()))
    serve(processes=processes)
    assert len(kept) == 1
    assert kept[0] > 0
