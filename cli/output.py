"""How replies look: to a person in a terminal, and to a machine as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asksight.client import PhotoIssue, Reply


def to_json(result: Any) -> str:
    """Give one line of JSON; keys stay in their order and text as it is."""
    from asksight.server.printable import printable_json

    return printable_json(json.dumps(result, ensure_ascii=False, allow_nan=False))


def printable(text: str) -> str:
    """Give text that a bundle or a server chose with its control characters written out: no terminal obeys them."""
    from asksight.server.printable import printable as written_out

    return written_out(text)


def left_out_lines(counts: Mapping[str, int]) -> list[str]:
    """What `--skip-bad` left out, a kind a line."""
    return [f"left out, {kind}: {count}" for kind, count in counts.items()]


def reply_fields(reply: Reply) -> dict[str, Any]:
    """Give a reply as plain fields; `answer` is null where none is certain enough to be told."""
    told = asdict(reply)
    del told["photo_path"], told["attention"]  # whoever asked knows the photo, and did not ask for the look
    return {"answer": reply.answer, **told}


def reply_lines(reply: Reply, *, indent: str = "  ") -> list[str]:
    """Give a reply as lines of text: the sentence, each answer with its probability, what else matters."""
    width = max((len(answer.label) for answer in reply.answers), default=0)
    timings = reply.timings
    features = "features cached" if timings.features_cached else "photo encoded"
    lines = [reply.spoken]
    lines += [f"{indent}{one.label:<{width}}  {100 * one.probability:5.1f} %" for one in reply.answers]
    lines.append(f"{indent}{reply.verdict}, {timings.total_us / 1000:.1f} ms ({features}), {reply.model}")
    lines += [f"{indent}{one.text}  ({100 * one.confidence:.0f} % right)" for one in reply.text_lines]
    lines += [f"{indent}{_issue(issue)}" for issue in reply.photo_issues]
    if reply.question_cut:
        lines.append(f"{indent}The question was longer than the model reads; only its beginning was used.")
    return [printable(line) for line in lines]


def _issue(issue: PhotoIssue) -> str:
    about_text = issue.kind.startswith("text")  # the hint says it all
    return issue.hint if about_text else f"The photo is {issue.kind}: {issue.hint}"
