"""`asksight serve --reader`: a process that reads, counts it, and says what is missing where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundles import write_random_bundle
from serving_process import WAIT_S, serving
from text_photos import written

from asksight.client import Skill, connect
from asksight.engine import text_models
from asksight.server.observer import CacheUse
from asksight.server.running.checks import missing
from asksight.server.running.metrics import Metrics
from asksight.server.running.settings import Settings

PHOTO = written([("Platform 7", 90)])


def test_a_process_reads(tmp_path: Path) -> None:
    bundle = write_random_bundle(tmp_path / "random").path
    with serving("--model", bundle, "--reader") as (process, address, log):
        with connect(address, timeout=WAIT_S) as client:
            reply = client.ask(PHOTO, "What does this say?")
        assert [line.text for line in reply.text_lines] == ["Platform 7"], log.read_text()
        assert reply.missing_skill is not Skill.READ_TEXT
        process.terminate()
        assert process.wait(WAIT_S) == 0


def test_what_is_not_installed_is_one_line_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_models, "find_spec", lambda name: None)
    (line,) = missing(Settings(reader=True), verify=False)
    assert "[ocr]" in line
    assert missing(Settings(), verify=False) == []


def test_reads_are_counted() -> None:
    metrics = Metrics()
    for use in (CacheUse.MISS, CacheUse.HIT, CacheUse.HIT):
        metrics.text_used(use)
    count = metrics.registry.get_sample_value
    assert [count("asksight_reads_total", {"result": one}) for one in ("miss", "hit")] == [1, 2]
