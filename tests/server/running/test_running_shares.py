"""What is given to the whole server is divided among its processes."""

from __future__ import annotations

from dataclasses import replace

from asksight.engine.cores import available_cores
from asksight.server.limits import MEBI, Limits
from asksight.server.running.settings import LEAST_RECEIVING_MB, Settings
from asksight.server.running.shares import of_each

OF_ALL = ("cache_mb", "queue_mb", "decoding_mb", "receiving_mb")


def test_memory_is_divided_and_counts_are_not() -> None:
    settings = Settings(processes=4, cache_mb=400, queue_mb=400, decoding_mb=400, receiving_mb=400)
    each = of_each(settings)
    assert [getattr(each, name) for name in OF_ALL] == [100] * 4
    assert each.threads == max(1, available_cores() // 4)
    same = {name: getattr(settings, name) for name in (*OF_ALL, "threads", "processes")}
    assert replace(each, **same) == settings


def test_a_part_that_is_too_small_for_one_message_is_that_large() -> None:
    each = of_each(Settings(processes=64))
    assert each.receiving_mb == LEAST_RECEIVING_MB
    assert each.queue_mb >= 16
    assert of_each(Settings(processes=2, queue_mb=8, cache_mb=0, threads=3)) == replace(
        Settings(), receiving_mb=LEAST_RECEIVING_MB, cache_mb=0, threads=3, queue_mb=8, decoding_mb=256
    )


def test_one_process_has_it_all() -> None:
    assert of_each(Settings(threads=2)) == Settings(threads=2)


def test_one_callers_half_of_a_part_holds_the_largest_message() -> None:
    """Which over HTTP is a photo within JSON, four characters for three bytes."""
    assert Limits().max_message_bytes * 4 / 3 <= LEAST_RECEIVING_MB * MEBI // 2
