"""The report: one page that is whole, loads nothing, can be read without seeing, and shows what was measured."""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import browser, overflows, violations
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from vqa_files import ASKED, write_vizwiz, write_vqa

from asksight.training.datasets import Dataset, open_dataset
from asksight.training.measuring.evaluate import VERDICTS, Predictions
from asksight.training.measuring.scores import score
from asksight.training.report import Subject, report_page
from asksight.training.report.charts import Axis, Line, line_chart
from asksight.training.report.findings import confusion, history_lines, mistakes
from asksight.training.report.thumbnails import SIDE, thumbnail

HISTORY = [
    {"step": 100, "loss": 2.5, "val_exact": {"all": 0.25, "colour": 0.5}},
    {"step": 200, "loss": 1.5, "val_exact": {"all": 0.5, "colour": 0.75}},
]
# The left and right edge of a section, in tenths of the window's width.
EDGES = """(name) => {
  const { left, right } = document.getElementById(name).closest("section").getBoundingClientRect();
  return [left, right].map((edge) => Math.round(10 * edge / innerWidth));
}"""
VOID = {"meta", "img", "br", "line", "rect", "circle", "polyline"}


class Page(HTMLParser):
    """Checks nesting, and gathers what matters."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def said(dataset: Dataset, answers: list[str], confidence: list[float]) -> Predictions:
    labels = tuple(dict.fromkeys(answers))
    return Predictions(
        labels=labels,
        best=np.array([labels.index(answer) for answer in answers], np.int32),
        confidence=np.array(confidence, np.float32),
        verdicts=np.array([VERDICTS.index("answered")] * len(dataset), np.int8),
        unanswerable=np.array([0.1] * len(dataset), np.float32),
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    write_vqa(tmp_path / "vqa")
    return open_dataset(tmp_path / "vqa", "train2014")


@pytest.fixture
def predictions(dataset: Dataset) -> Predictions:
    """Right, wrong and certain, half right, wrong and less certain, wrong but as some people say."""
    return said(dataset, ["red", "5", "no", "dog", "yes"], [0.9, 0.95, 0.6, 0.8, 0.7])


def subject(**about: object) -> Subject:
    given = {
        "model": "little 1",
        "data": "vqa",
        "answered_threshold": 0.75,
        "unanswerable": "unanswerable",
        "history": HISTORY,
    }
    return Subject(**(given | about))  # type: ignore[arg-type]


@pytest.fixture
def page(dataset: Dataset, predictions: Predictions) -> str:
    return report_page(subject(), dataset, predictions, score(dataset, predictions))


def test_it_is_whole_and_loads_nothing(page: str) -> None:
    parsed = Page(page)
    assert page.startswith("<!DOCTYPE html>")
    addresses = [
        value
        for _, attributes in parsed.tags
        for name, value in attributes.items()
        if name in ("src", "href")
    ]
    assert len(addresses) == 3
    assert all(address and address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert not re.search(r"https?://|url\(|@import|<script|<link|srcset", page)
    assert "default-src 'none'" in page


def test_it_can_be_read_without_seeing(page: str) -> None:
    parsed = Page(page)
    assert parsed.all("html")[0]["lang"] == "en"
    names = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(set(names)) == len(names)
    referred = [a["aria-labelledby"] or "" for _, a in parsed.tags if "aria-labelledby" in a]
    assert {name for one in referred for name in one.split()} <= set(names)
    assert all(chart["role"] == "img" for chart in parsed.all("svg"))
    assert len(parsed.all("svg")) == len(parsed.all("title")) - 1 == len(parsed.all("desc")) == 6
    assert len(parsed.all("caption")) == len(parsed.all("table")) == 7
    assert all(photo["alt"] for photo in parsed.all("img"))
    levels = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch(r"h\d", tag)]
    assert (levels[0], set(levels[1:])) == (1, {2})


def test_it_fills_a_wide_screen_and_fits_a_phone(page: str, tmp_path: Path) -> None:
    cells = "[...document.querySelectorAll('dl div')].map((cell) => cell.offsetTop)"
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    with browser() as chrome:
        tab = chrome.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(path.as_uri())
        assert len(set(tab.evaluate(cells))) == 1
        for left, right in (("training", "types"), ("reliability", "risk")):
            assert (tab.evaluate(EDGES, left), tab.evaluate(EDGES, right)) == ([1, 5], [5, 9])
        assert tab.evaluate(EDGES, "confusion") == tab.evaluate(EDGES, "mistakes") == [1, 9]
        assert "val_exact" not in tab.content()
        assert violations(tab) == []
        tab.set_viewport_size({"width": 390, "height": 844})
        assert not overflows(tab)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_can_be_read_by_axe_s_rules(
    scheme: Any, dataset: Dataset, predictions: Predictions, tmp_path: Path
) -> None:
    """However dark a cell of the confusions is, and with what a run of its own tells beside."""
    fitted = {"before": 2.0, "after": 1.0}
    record = {"questions": 40, "temperature": 1.5, "max_risk": 0.02, "nll": fitted, "ece": fitted}
    told = subject(calibration=record, settings={"batch": 32})
    path = tmp_path / "report.html"
    path.write_text(report_page(told, dataset, predictions, score(dataset, predictions)), encoding="utf-8")
    with browser() as chrome:
        tab = chrome.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        tab.goto(path.as_uri())
        tab.evaluate(
            "document.querySelectorAll('.confusion td[style]').forEach((cell) => {"
            " cell.style.setProperty('--share', 1); cell.textContent = '87'; })"
        )
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert violations(tab) == []


def test_charts_are_well_formed(page: str) -> None:
    for chart in re.findall(r"<svg.*?</svg>", page):
        for element in ElementTree.fromstring(chart).iter():
            for name in ("x", "y", "x1", "y1", "cx", "cy", "width", "height"):
                if name in element.attrib:
                    assert -1 <= float(element.attrib[name]) <= 600


def test_it_says_what_was_measured(page: str, dataset: Dataset, predictions: Predictions) -> None:
    words = Page(page).words
    figures = score(dataset, predictions)
    assert f"{figures['vqa']:.2f} %" in words
    assert "little 1 on train2014 of vqa" in words
    assert "The 3 most confident mistakes" in words
    assert (
        "At the bundle's threshold of 0.750, 60.0 % of the questions are answered, and 66.7 % of these"
        in words
    )
    assert "Model: 5 at 95.0 %.People: 4 (10)." in words


def test_the_same_answers_make_the_same_page(page: str, dataset: Dataset, predictions: Predictions) -> None:
    assert report_page(subject(), dataset, predictions, score(dataset, predictions)) == page


def test_the_most_certain_mistakes_come_first(dataset: Dataset, predictions: Predictions) -> None:
    found = mistakes(dataset, predictions)
    assert [(one.said, one.record.question_id) for one in found] == [
        ("5", 9001),
        ("dog", 30003),
        ("yes", 30004),
    ]
    assert found[0].humans == "4 (10)"
    assert [one.said for one in mistakes(dataset, predictions, most=1)] == ["5"]


def test_half_right_is_no_mistake(dataset: Dataset, predictions: Predictions) -> None:
    """People said yes five times and no five times; "no" is not the modal answer, but right by the metric."""
    assert 25002 not in [one.record.question_id for one in mistakes(dataset, predictions)]


def test_confusion_counts_every_question_once(dataset: Dataset, predictions: Predictions) -> None:
    found = confusion(dataset, predictions, most=3)
    assert found.labels == ("red", "4", "yes")
    assert found.columns[-1] == "something else"
    assert found.counts == ((1, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 1))


def test_lines_of_a_history() -> None:
    lines = history_lines([*HISTORY, {"step": 300, "loss": float("nan"), "note": "x"}])
    assert lines == {"loss": [(100, 2.5), (200, 1.5)], "val_exact": [(100, 0.25), (200, 0.5)]}
    assert history_lines([{"loss": 1}, {"epoch": 7, "loss": 2}]) == {"loss": [(1, 1), (7, 2)]}


def test_what_comes_from_data_is_text(tmp_path: Path) -> None:
    evil = "</title><script>alert('x')</script><img src=http://x/y>\"'&"
    asked = [(image, evil, [evil] * 10) for image, _, _ in ASKED]
    write_vqa(tmp_path / "vqa", asked=asked)
    dataset = open_dataset(tmp_path / "vqa", "train2014")
    predictions = said(dataset, [evil + "!"] * 5, [0.9] * 5)
    told = subject(model=evil, data=evil, history=[{"step": 1, f"loss {evil}": 1.0}], settings={evil: evil})
    text = report_page(told, dataset, predictions, score(dataset, predictions))
    parsed = Page(text)
    assert parsed.all("script") == []
    assert len(parsed.all("img")) == 5
    assert evil in parsed.words


def test_without_photos_and_history(tmp_path: Path) -> None:
    write_vqa(tmp_path / "vqa", photos=False)
    dataset = open_dataset(tmp_path / "vqa", "train2014")
    predictions = said(dataset, ["unanswerable"] * 5, [0.5] * 5)
    words = Page(report_page(subject(history=[]), dataset, predictions, score(dataset, predictions))).words
    assert "No history came with this model." in words
    assert "The model gave no answer to any question." in words
    assert words.count("is missing.") == 5


def test_all_right(dataset: Dataset) -> None:
    predictions = said(dataset, list(dataset.answers_modal), [1.0] * 5)
    assert "No mistakes" in report_page(subject(), dataset, predictions, score(dataset, predictions))


def test_vizwiz_and_calibration(tmp_path: Path) -> None:
    write_vizwiz(tmp_path)
    dataset = open_dataset(tmp_path, "train")
    predictions = said(dataset, ["basil", "unanswerable", "yes"], [0.9, 0.8, 0.7])
    record: dict[str, Any] = {"questions": 1000, "temperature": 1.5, "max_risk": 0.05}
    record |= {"nll": {"before": 0.9, "after": 0.7}, "ece": {"before": 0.1, "after": 0.01}}
    words = Page(
        report_page(subject(calibration=record), dataset, predictions, score(dataset, predictions))
    ).words
    assert "VizWiz accuracy" in words
    assert "unanswerable, AP" in words
    assert "temperature 1.5; at most 5 % of the answers given may be wrong" in words


def test_a_mistake_shows_what_was_looked_at(dataset: Dataset, predictions: Predictions) -> None:
    looks = np.zeros((len(dataset), 2, 2), np.float32)
    looks[:, 0, 0] = 1
    page = Page(
        report_page(subject(), dataset, replace(predictions, looks=looks), score(dataset, predictions))
    )
    shown = [attributes for tag, attributes in page.tags if tag == "img"]
    looked = [one for one in shown if "looked at" in (one["alt"] or "")]
    assert len(looked) == len(shown) / 2 == len(mistakes(dataset, predictions))
    plain, seen = (grey_of(one["src"] or "") for one in shown[:2])
    assert seen[0, 0] == pytest.approx(plain[0, 0], abs=8)  # as it is
    assert seen[-1, -1] < 0.5 * plain[-1, -1]


def grey_of(address: str) -> NDArray[np.float64]:
    """The picture [h, w] in a data: URL."""
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("L"), np.float64)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_and_within(low: float, span: float) -> None:
    axis = Axis(name="x", low=low, high=low + span)
    ticks = axis.ticks()
    assert len(ticks) <= 7
    slack = max(span / 1e6, 1e-10) + 4 * math.ulp(abs(low) + span)  # ticks are rounded, and floats are
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)


def test_an_axis_of_one_value_is_drawn() -> None:
    one = Axis(name="x", low=1, high=1)
    ElementTree.fromstring(line_chart("a", "b", one, one, [Line(name="c", points=[(1, 1)])]))


def test_thumbnails_are_small(tmp_path: Path) -> None:
    Image.new("RGBA", (900, 300)).save(tmp_path / "a.png")
    address = thumbnail(tmp_path / "a.png")
    assert address is not None
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as small:
        assert (small.format, small.size) == ("JPEG", (SIDE, 64))
    (tmp_path / "b.png").write_bytes(b"no photo")
    assert thumbnail(tmp_path / "b.png") is None
    assert thumbnail(tmp_path / "c.png") is None
