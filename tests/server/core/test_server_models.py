"""Models by name, and another in the place of one at work: asks end with the one that they began with."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import cast

import pytest
from loop_rig import WAIT_S, in_loop, turns

from asksight.server.core.model import Model
from asksight.server.core.models import Models
from asksight.server.errors import ModelNotFound


class Fake:
    """Of a model what Models sees."""

    def __init__(self, retry_s: float = 1.0) -> None:
        self.healthy = True
        self.stuck = False
        self.closed: list[tuple[bool, float | None]] = []
        self._retry_s = retry_s

    def retry_after_s(self) -> float:
        return self._retry_s

    async def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        self.closed.append((drain, timeout_s))

    @property
    def model(self) -> Model:
        return cast(Model, self)


def serving(**fakes: Fake) -> Models:
    models = Models()
    for name, fake in fakes.items():
        models.add(name, fake.model)
    return models


def test_models_are_found_by_name_and_the_first_is_the_default() -> None:
    one, two = Fake(), Fake()
    models = serving(one=one, two=two)
    assert models.names == ["one", "two"]
    assert models[""] is models["one"] is one.model
    assert models["two"] is two.model
    for use in (models.__getitem__, models.in_use):
        with pytest.raises(ModelNotFound, match="one, two"):
            use("three")
    with pytest.raises(ModelNotFound):
        Models()[""]


def test_they_are_healthy_together_and_stuck_alone() -> None:
    one, two = Fake(0.5), Fake(4.0)
    models = serving(one=one, two=two)
    assert (models.healthy, models.stuck, models.retry_after_s()) == (True, False, 4.0)
    two.healthy = False
    one.stuck = True
    assert (models.healthy, models.stuck) == (False, True)


@in_loop
async def test_one_that_nobody_uses_is_closed_as_soon_as_it_is_replaced() -> None:
    old, new = Fake(), Fake()
    models = serving(one=old)
    with models.in_use("one"):
        pass
    await models.replace("one", new.model, timeout_s=5.0)
    assert old.closed == [(True, 5.0)]
    assert models["one"] is new.model
    assert new.closed == []


@in_loop
async def test_one_in_use_is_closed_when_the_last_of_its_asks_is_answered() -> None:
    old, new, other = Fake(), Fake(), Fake()
    models = serving(one=old, other=other)
    with models.in_use("other"):
        with models.in_use("one") as first:
            second = models.in_use("one")
            with second:
                replacing = asyncio.create_task(models.replace("one", new.model))
                await turns()
                with models.in_use("one") as later, models.in_use("") as default:
                    assert (first, later, default) == (old.model, new.model, new.model)
                await turns()
                assert old.closed == []
            await turns()
            assert old.closed == []
            assert not replacing.done()
        await asyncio.wait_for(replacing, WAIT_S)
    assert old.closed == [(True, None)]
    assert new.closed == other.closed == []


@in_loop
async def test_an_ask_that_fails_is_out_too() -> None:
    old = Fake()
    models = serving(one=old)
    with pytest.raises(ValueError, match="broken"), models.in_use("one"):
        raise ValueError("broken")
    await asyncio.wait_for(models.replace("one", Fake().model), WAIT_S)
    assert old.closed


@in_loop
async def test_asks_that_take_longer_than_the_time_given_do_not_keep_the_old_one() -> None:
    old = Fake()
    models = serving(one=old)
    with models.in_use("one"):
        await models.replace("one", Fake().model, timeout_s=0)
        assert old.closed == [(True, 0)]


@in_loop
async def test_it_may_be_replaced_again_and_again_while_asks_go_on() -> None:
    fakes = [Fake() for _ in range(4)]
    models = serving(one=fakes[0])
    uses, replacing = ExitStack(), []
    for fake in fakes[1:]:
        uses.enter_context(models.in_use("one"))
        replacing.append(asyncio.create_task(models.replace("one", fake.model)))
        await turns()
    assert [bool(fake.closed) for fake in fakes] == [False] * 4
    uses.close()
    await asyncio.wait_for(asyncio.gather(*replacing), WAIT_S)
    assert [bool(fake.closed) for fake in fakes] == [True, True, True, False]


@in_loop
async def test_closing_closes_them_all() -> None:
    one, two = Fake(), Fake()
    await serving(one=one, two=two).close(drain=False, timeout_s=3.0)
    assert one.closed == two.closed == [(False, 3.0)]
