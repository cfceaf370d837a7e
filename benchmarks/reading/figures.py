"""What read_all.py found, in figures: characters and lines that are right, what was ANSWERED wrongly, and the fit.

python -m reading.figures --seed 2        (in benchmarks/, after read_all.py)
python -m reading.figures --seed 1 --fit  prints the constants of server/reading/certainty.py
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from asksight.engine.bundle.calibration import Verdict
from asksight.server.reading import certainty
from asksight.server.reading.asked import Request, Wanted, asked_to_read
from asksight.server.reading.found import FoundText, Line
from asksight.server.reading.judging import judge
from asksight.server.reading.order import rows

from .judged import edits, joined, letters, lines_of, right_lines, value
from .photographed import HEIGHT, WIDTH
from .read_all import FOLDER, TEXTLESS

LOWEST_SAID = 0.8  # what is less certain by the fit itself is not said, though it be right here
MOST_WRONG = 0.01  # of what is ANSWERED, where the threshold is chosen
STEPS, RIDGE = 50, 1e-2


def kept(seed: str, by: str) -> list[dict[str, Any]]:
    place = FOLDER / f"{seed}.{by}.jsonl"
    return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def asks(photo: dict[str, Any]) -> list[tuple[Request, str]]:
    """What is asked about a photo, with what is right to say: all of it, and its parts."""
    asked = [(Request(Wanted.ALL), "\n".join(photo["rows"]))]
    for question, truth in photo["asked"].items():
        request = asked_to_read(question, to_read=True)
        assert request is not None
        asked.append((request, truth))
    return asked


def found_in(photo: dict[str, Any]) -> FoundText:
    return FoundText(
        lines=tuple(lines_of(photo["lines"])), unread_px=tuple(photo["unread_px"]), form=photo["form"]
    )


def right(request: Request, said: str, truth: str) -> bool:
    if request.what is Wanted.ALL:
        return letters(said) == letters(truth)
    return value(said) == value(truth)


class Outcome(NamedTuple):
    """One ask: what was asked for, and what came of it."""

    what: str
    verdict: Verdict
    certainty: float
    right: bool


def outcomes(photos: list[dict[str, Any]]) -> list[Outcome]:
    found = []
    for photo in photos:
        for request, truth in asks(photo):
            judged = judge(request, found_in(photo))
            text, sure = (judged.parts[0].text, judged.certainties[0]) if judged.parts else ("", 0.0)
            found.append(Outcome(str(request.what), judged.verdict, sure, right(request, text, truth)))
    return found


def fit(photos: list[dict[str, Any]]) -> None:
    """A logistic regression of right lines, and the threshold."""
    judged = [
        one for photo in photos for one in right_lines(lines_of(photo["lines"]), photo["form"], photo["rows"])
    ]
    x = np.array([_features(line) for line, _ in judged])
    y = np.array([good for _, good in judged], float)
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):  # Newton's method
        p = 1 / (1 + np.exp(-x @ weights))
        curve = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(len(weights))
        weights += np.linalg.solve(curve, x.T @ (y - p) - RIDGE * weights)
    print(
        f"{len(y)} lines, {y.mean():.1%} right; CONSTANT, OF_OTHERS, OF_LENGTH =",
        *(f"{one:.3f}" for one in weights),
    )
    certainty.CONSTANT, certainty.OF_OTHERS, certainty.OF_LENGTH = map(float, weights)
    certainty.SAID = 0.0  # so that all that could be said is
    told = [one for one in outcomes(photos) if one.verdict is Verdict.ANSWERED]
    wrong, said = 0, 1.0
    for one in sorted(told, key=lambda one: -one.certainty):
        wrong += not one.right
        if wrong > MOST_WRONG * len(told):
            break
        said = max(one.certainty, LOWEST_SAID)
    print(f"SAID = {said:.3f}")
    certainty.SAID = said


def _features(line: Line) -> list[float]:
    return [1.0, *certainty.measures(line)]


def characters(photos: list[dict[str, Any]], by: str) -> None:
    """Character error rate and exact lines; rows are put together alike for both."""
    errors = length = exact = total = 0
    for photo in photos:
        truth = [row.replace(" ", "") for row in photo["rows"]]
        lines = _lines(photo, by)
        read = [row.replace(" ", "") for row in joined(rows(lines, photo.get("form", 4 / 3)))]
        errors += edits("\n".join(read), "\n".join(truth))
        length += len("\n".join(truth))
        exact += len(list((Counter(read) & Counter(truth)).elements()))
        total += len(truth)
    times = np.array([photo["took_s"] for photo in photos])
    print(
        f"{by}: {len(photos)} photos, CER {errors / length:.2%}, exact lines {exact / total:.1%} of {total}"
    )
    print(f"  p50 {np.median(times):.3f} s, p95 {np.quantile(times, 0.95):.3f} s")


def _lines(photo: dict[str, Any], by: str) -> list[Line]:
    if by == "ours":
        return certainty.legible(lines_of(photo["lines"]))
    size = np.array([WIDTH, HEIGHT])
    placed = [{**one, "corners": (np.array(one["corners"]) / size).tolist()} for one in photo["lines"]]
    return lines_of([{**one, "mean": 1, "least": 1, "height_px": 1} for one in placed])


def verdicts(photos: list[dict[str, Any]]) -> None:
    """What was ANSWERED, and how much of it wrongly, by what was asked for."""
    found = outcomes(photos)
    print(
        f"{'asked for':<10} {'asks':>5} {'ANSWERED':>9} {'wrongly, of all asks':>21} {'right, if ANSWERED':>19}"
    )
    for what in [*dict.fromkeys(one.what for one in found), "together"]:
        some = [one for one in found if what in (one.what, "together")]
        told = [one.right for one in some if one.verdict is Verdict.ANSWERED]
        wrong = told.count(False)
        share = 1 - wrong / len(told) if told else float("nan")
        print(
            f"{what:<10} {len(some):>5} {len(told) / len(some):>9.1%} {wrong / len(some):>21.2%} {share:>19.2%}"
        )


def without_text(photos: list[dict[str, Any]]) -> None:
    told = [judge(Request(Wanted.ALL), found_in(photo)) for photo in photos]
    for photo, one in zip(photos, told, strict=True):
        if one.parts:
            print(f"  {photo['number']} {one.verdict} {one.certainties[0]:.3f} {one.parts[0].text[:60]!r}")
    print(f"{len(photos)} photos without text: {dict(Counter(str(one.verdict) for one in told))}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", default="2")
    parser.add_argument("--fit", action="store_true")
    given = parser.parse_args()
    photos = kept(given.seed, "ours")
    if given.seed == TEXTLESS:
        without_text(photos)
        return
    if given.fit:
        fit(photos)
    characters(photos, "ours")
    if (FOLDER / f"{given.seed}.rapidocr.jsonl").exists():
        others = kept(given.seed, "rapidocr")
        characters(photos[: len(others)], "ours")
        characters(others, "rapidocr")
    verdicts(photos)


if __name__ == "__main__":
    main()
