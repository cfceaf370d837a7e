"""The sections of the page, as HTML. Every text from data is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset
from ..measuring.reliability import reliability, risk_coverage
from .charts import Axis, Line, bar_chart, column_chart, line_chart
from .findings import Confusion, Mistake, history_lines
from .thumbnails import thumbnail

_MOST_TYPES = 30
_MEASURED_ON = {"loss": "in training", "val_loss": "on validation", "val_exact": "on validation"}


def _shares(name: str) -> Axis:
    return Axis(name=name, low=0.0, high=1.0, percent=True)


def section(name: str, title: str, *parts: str, whole: bool = False) -> str:
    """A part with its heading; a `whole` one takes the width that two others share on a wide screen."""
    wide = ' class="whole"' if whole else ""
    return f'<section{wide} aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>{"".join(parts)}</section>'


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def figure(chart: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], caption: str) -> str:
    """A chart, and its numbers in a table that the reader can open."""
    return (
        f"<figure>{chart}<figcaption>{escape(caption)}</figcaption></figure>"
        f"<details><summary>The numbers</summary>{table(heads, rows, caption)}</details>"
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(str(first))}</th>{"".join(f"<td>{escape(str(one))}</td>" for one in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def training_curves(history: Sequence[Mapping[str, Any]]) -> str:
    """The training curves: losses in one chart, accuracies in another."""
    lines = history_lines(history)
    if not lines:
        return section("training", "Training", paragraph("No history came with this model."))
    drawn = []
    losses = {name: points for name, points in lines.items() if "loss" in name}
    shares = {name: points for name, points in lines.items() if name not in losses and _are_shares(points)}
    for title, group, percent in (("Loss", losses, False), ("Right answers", shares, True)):
        if not group:
            continue
        every = [point for points in group.values() for point in points]
        x = Axis(name="step", low=min(0.0, every[0][0]), high=max(a for a, _ in every))
        highest = max(b for _, b in every)
        y = Axis(name=title.lower(), low=0.0, high=1.0 if percent else highest * 1.05 or 1.0, percent=percent)
        ends = "; ".join(
            f"{_called(name)} ends at {y.told(round(points[-1][1], 4))}" for name, points in group.items()
        )
        chart = line_chart(
            f"{title} during training",
            ends,
            x,
            y,
            [Line(name=_called(n), points=p) for n, p in group.items()],
        )
        rows = [(f"{a:g}", _called(name), round(b, 5)) for name, points in group.items() for a, b in points]
        drawn.append(figure(chart, ("step", "what", "value"), rows, f"{title} during training"))
    return section("training", "Training", *drawn)


def _called(name: str) -> str:
    """What a line of the history is called beside its curve; the chart's title says what is measured."""
    return _MEASURED_ON.get(name, name)


def _are_shares(points: Sequence[tuple[float, float]]) -> bool:
    return all(0 <= value <= 1 for _, value in points)


def by_type(figures: Mapping[str, Any]) -> str:
    """The official metric by answer type and by question type; the tables also have exact match."""
    drawn = []
    metric = "vizwiz" if "vizwiz" in figures else "vqa"
    for key, title in (("by_answer_type", "By answer type"), ("by_type", "By question type")):
        rows = sorted(figures[key].items(), key=lambda item: (-item[1]["count"], item[0]))
        shown = rows[:_MOST_TYPES]
        bars = [
            (name or "(none)", row[metric] / 100, f"{row[metric]:.1f} % of {row['count']:,}")
            for name, row in shown
        ]
        left_out = f" The {len(shown)} commonest of {len(rows)}." if len(shown) < len(rows) else ""
        described = "; ".join(f"{name} {told}" for name, _, told in bars[:10])
        drawn.append(
            figure(
                bar_chart(f"Accuracy {title.lower()}", described, bars),
                ("type", "accuracy %", "exact %", "questions"),
                [(name or "(none)", row[metric], row["exact"], row["count"]) for name, row in rows],
                f"Accuracy {title.lower()}.{left_out}",
            )
        )
    return section("types", "Accuracy by type", *drawn)


def reliability_diagram(confidence: NDArray[Any], right: NDArray[np.bool_], ece: float) -> str:
    """The share of right answers for each range of stated probabilities; calibrated ones lie on the diagonal."""
    bins = reliability(confidence, right)
    chart = column_chart(
        "Reliability diagram",
        f"Share of right answers by stated probability, in {len(bins)} bins. Expected calibration error {ece:.4f}.",
        _shares("stated probability"),
        _shares("right"),
        [(one.low, one.high, one.accuracy, one.count < len(right) / 100) for one in bins if one.count],
        [Line(name="calibrated", points=((0, 0), (1, 1)))],
    )
    rows = [
        (
            f"{100 * one.low:.0f} to {100 * one.high:.0f} %",
            one.count,
            _percent(one.confidence),
            _percent(one.accuracy),
        )
        for one in bins
        if one.count
    ]
    heads = ("stated probability", "questions", "mean of it", "right")
    return section(
        "reliability",
        "Can its probabilities be believed?",
        paragraph(
            f"Expected calibration error: {ece:.4f}. Where columns end on the dashed line, probabilities are right."
        ),
        figure(
            chart,
            heads,
            rows,
            "Right answers by stated probability; faint columns hold under 1 % of the questions",
        ),
    )


def risk_coverage_chart(
    confidence: NDArray[Any], right: NDArray[np.bool_], said: NDArray[np.bool_], threshold: float
) -> str:
    """The share of wrong answers by the share of questions answered, as the threshold changes.

    Only answers above the threshold are given; the bundle's own threshold is marked.
    """
    curve = risk_coverage(confidence[said], right[said], of=len(said))
    if not len(curve.coverage):
        return section("risk", "How much to answer", paragraph("The model gave no answer to any question."))
    chosen = np.unique(np.linspace(0, len(curve.coverage) - 1, 200).astype(int))
    points = [(float(curve.coverage[k]), float(curve.risk[k])) for k in chosen]
    place = curve.at(threshold)
    marks = []
    told = "At the bundle's threshold no question is answered."
    if place is not None:
        coverage, risk = float(curve.coverage[place]), float(curve.risk[place])
        marks = [(coverage, risk, "threshold")]
        told = (
            f"At the bundle's threshold of {threshold:.3f}, {_percent(coverage)} of the questions are answered, and "
            f"{_percent(risk)} of these answers are wrong."
        )
    chart = line_chart(
        "Risk-coverage curve",
        told,
        _shares("questions answered"),
        Axis(
            name="of these wrong",
            low=0.0,
            high=max(0.01, max(risk for _, risk in points) * 1.1),
            percent=True,
        ),
        [Line(name="", points=points)],
        marks,
    )
    few = np.unique(np.linspace(0, len(curve.coverage) - 1, 20).astype(int))
    rows = [
        (f"{curve.thresholds[k]:.4f}", _percent(float(curve.coverage[k])), _percent(float(curve.risk[k])))
        for k in few
    ]
    return section(
        "risk",
        "How much to answer",
        paragraph(told),
        figure(chart, ("threshold", "answered", "wrong"), rows, "Risk by coverage"),
    )


def confusion_table(found: Confusion) -> str:
    """A table of confusions: people's answers in rows, the model's in columns; darker cells have larger shares."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in found.columns)
    body = []
    for label, row in zip(found.labels, found.counts, strict=True):
        total = sum(row) or 1
        cells = "".join(
            f'<td class="{"right" if said == label else "wrong"}" style="--share:{times / total:.3f}">'
            f"{times or ''}</td>"
            for said, times in zip(found.columns, row, strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    caption = (
        "The model's answers (columns) to questions that people answered as in the row, for the "
        f"{len(found.labels)} commonest answers"
    )
    return section(
        "confusion",
        "Confusions",
        f'<div class="wide" role="region" tabindex="0" aria-label="Confusion of answers"><table class="confusion">'
        f'<caption>{escape(caption)}</caption><thead><tr><td class="corner">people ↓ model →</td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>",
        whole=True,
    )


def mistakes_list(found: Sequence[Mistake], dataset: Dataset) -> str:
    """A card for each mistake: photo, question, the model's answer and its probability, the people's answers.

    Where it is known, the photo is there once more with what the model looked at.
    """
    cards = []
    for one in found:
        record = one.record
        source = thumbnail(dataset.photo(record.image_id)) if dataset.photos is not None else None
        photo = (
            f'<img src="{source}" alt="Photo {record.image_id}, which people answered: {escape(one.humans)}">'
            if source
            else f'<p class="missing">Photo {record.image_id} is missing.</p>'
        )
        if source and one.look is not None:
            seen = thumbnail(dataset.photo(record.image_id), one.look)
            photo += f'<img src="{seen}" alt="The same photo; what the model looked at is bright">'
        cards.append(
            f"<li>{photo}<p><strong>{escape(record.question)}</strong></p>"
            f"<p>Model: <b>{escape(one.said)}</b> at {_percent(one.confidence)}.<br>People: {escape(one.humans)}.</p>"
            f"<p class='small'>question {record.question_id}, photo {record.image_id}</p></li>"
        )
    title = f"The {len(cards)} most confident mistakes" if cards else "No mistakes"
    words = "Counted as wrong: not the commonest answer, and below 50 % by the official metric."
    return section(
        "mistakes", title, paragraph(words), f'<ol class="cards">{"".join(cards)}</ol>', whole=True
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
