"""`asksight plan` as a person runs it: its table, its JSON, its picture, and reports that are none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from asksight.cli.plan.measured_machine import measure_machine

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def report(follow_ups: float, alone_ms: float, most: float) -> dict[str, Any]:
    """What asksight bench --json says of a machine that answers so many a second at most."""
    rows = []
    for callers in (1, 8, 64):
        rate = min(most, callers * 1000 / alone_ms)
        each_ms = 1000 * callers / rate
        spread = {"p50": 1.0, "p90": 1.3, "p99": 1.7, "p99_9": 2.0, "max": 2.2}
        latency_ms = {name: each_ms * times for name, times in spread.items()}
        kinds = {"new_ms": latency_ms, "follow_up_ms": latency_ms}
        rows.append({"callers": callers, "rate": None, "asks_per_s": rate, **kinds})
    server = {"model": "scenes 0.2.0", "engine": "onnxruntime", "precision": "float32"}
    return {"server": server, "load": {"follow_ups": follow_ups}, "rows": rows}


@pytest.fixture
def measured(tmp_path: Path) -> list[str]:
    given = []
    for follow_ups, alone_ms, most in ((0.0, 4.0, 500.0), (1.0, 1.0, 2000.0)):
        file = tmp_path / f"follow_ups{follow_ups:g}.json"
        file.write_text(json.dumps(report(follow_ups, alone_ms, most)))
        given += ["--measured", str(file)]
    return given


def test_a_row_for_each_load(run: Run, measured: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    more = ("--price", "0.5", "--regions", "2", "--picture", picture)
    lines = run("plan", *measured, *more).stdout.splitlines()
    assert lines[0].startswith("One machine answers 500 asks a second about new photos, or 2,000 follow-ups")
    rows = [line.split() for line in lines if line.endswith(tuple("0123456789"))]
    assert [row[0] for row in rows] == ["1,000", "10,000", "100,000", "1,000,000"]
    machines = [int(row[2].replace(",", "")) for row in rows]
    assert machines == sorted(machines)
    assert machines[-1] > 500  # at 2,000 a second and machine
    for row, count in zip(rows, machines, strict=True):
        assert float(row[6].replace(",", "")) == count / 2
    drawn = ElementTree.fromstring(picture.read_text("utf-8"))
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 8
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))) == 4


def test_the_same_as_json(here: Run, measured: list[str]) -> None:
    told = json.loads(here("plan", *measured, "--rate", "5000", "--follow-ups", "9", "--json").stdout)
    (one,) = told["needs"]
    assert one["asks_per_s"] == 5000
    assert 0.85 < one["found"]["follow_up"] <= 1
    assert one["latency"]["p50_ms"] < one["latency"]["p99_ms"]
    assert one["price_an_hour"] is None
    assert told["demand"]["popularity"]["follow_ups"] == 9
    in_turn = here("plan", *measured, "--rate", "5000", "--follow-ups", "9", "--json", "--in-turn").stdout
    assert json.loads(in_turn)["needs"][0]["machines"] > one["machines"]


def test_a_photo_that_no_machine_can_have_alone_is_said(here: Run, measured: list[str]) -> None:
    rates = ("--rate", "1000,100000,1000000")
    lines = here(
        "plan", *measured, *rates, "--own", "0", "--photos", "1000", "--zipf", "1"
    ).stdout.splitlines()
    hot = [line for line in lines if line.startswith("Note:")]
    # 1 in 7.5 of all asks (the harmonic number of 1,000), at 2,000 a second and machine; 1,000 asks/s are no trouble.
    assert [line.partition("machines")[0] for line in hot] == [
        "Note: 100,000 asks/s: 6.7 ",
        "Note: 1,000,000 asks/s: 66.8 ",
    ]
    assert "No hash of photos divides them" in lines[-1]
    assert "most popular photo" not in here("plan", *measured, "--own", "1").stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda one: one["load"].update(follow_ups=0.5),
            "reports of follow-ups 0%, 50%; 0% and 100% have to be among them",
        ),
        (lambda one: one["server"].update(engine="tensorrt"), "several models or engines"),
        (lambda one: one["rows"].pop(0), "lacks a row of 1 caller"),
        (lambda one: one["rows"][1].update(asks_per_s=0.0), "without an answer"),
        (lambda one: one.pop("rows"), "is no report of asksight bench --json"),
        (lambda one: one.update(rows=7), "rows are no list of objects"),
        (lambda one: one.update(rows=["7"]), "rows are no list of objects"),
        (lambda one: one.update(load=[]), "lacks load, or it is no object"),
        (lambda one: one["load"].update(follow_ups=7), "follow_ups is 7; a share is 0 to 1"),
        (lambda one: one["rows"][0].update(callers="one"), "callers is 'one', which is no number"),
        (lambda one: one["rows"][0].update(asks_per_s=10**400), "asks_per_s is 1000"),
        (lambda one: one["rows"][0].pop("follow_up_ms"), "lacks follow_up_ms"),
        (lambda one: one["rows"][0]["follow_up_ms"].update(p99=None), "lacks p99, or no ask was answered"),
    ],
)
def test_reports_that_are_none_are_refused_in_words(
    here: Run, measured: list[str], change: Callable[[dict[str, Any]], object], words: str
) -> None:
    file = Path(measured[-1])
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))
    ran = here("plan", *measured, code=1)
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("option", ["--photos", "--follow-ups", "--pause", "--busiest", "--price"])
def test_what_has_no_bound_is_refused(run: Run, measured: list[str], option: str) -> None:
    assert option in run("plan", *measured, option, "inf", code=2).stderr


def test_a_picture_that_is_a_folder_is_refused_before_anything_is_measured(run: Run, tmp_path: Path) -> None:
    assert "is a folder" in run("plan", "--picture", str(tmp_path), code=2).stderr


def test_a_load_that_no_number_of_machines_takes_is_said(run: Run, measured: list[str]) -> None:
    slow = ("--busiest", "1000", "--at-most", "0.01", "--own", "1", "--rate", "1000000")
    ran = run("plan", *measured, *slow, code=1)
    assert "is enough for 1e+06 asks a second" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_report_that_is_too_deep_is_refused_in_words(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text("[" * 100_000)
    ran = run("plan", "--measured", str(file), code=1)
    assert "deep.json cannot be read" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_it_measures_by_itself(bundle: Path) -> None:
    said: list[str] = []
    machine = measure_machine(str(bundle), said.append, callers=(1.0, 4.0), seconds=0.6, warm_up_s=0.1)
    assert [mix.cached for mix in machine.mixes] == [0.0, 0.5, 0.8, 1.0]
    assert {mix.callers for mix in machine.mixes} == {(1.0, 4.0)}
    assert [[kind.share for kind in mix.kinds] for mix in machine.mixes[:2]] == [[1.0], [0.5, 0.5]]
    assert all(one > 0 for mix in machine.mixes for one in mix.asks_per_s)
    assert "random 1" in said[0]
