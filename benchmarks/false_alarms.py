"""How often real questions are taken to need a skill that the model lacks.

    python benchmarks/false_alarms.py QUESTIONS [--show]

QUESTIONS is a tab-separated file with a column `question`, or a text file with one question on each line.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from asksight.server.reply.skills import missing_skill


def questions(path: Path) -> list[str]:
    """Read the questions of the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = lines[0].split("\t")
    if "question" not in head:
        return lines
    column = head.index("question")
    return [line.split("\t")[column] for line in lines[1:]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("questions", type=Path)
    options.add_argument("--show", action="store_true", help="print each question that is recognised")
    given = options.parse_args()
    asked = questions(given.questions)
    found = [(skill, question) for question in asked if (skill := missing_skill(question)) is not None]
    if given.show:
        for skill, question in found:
            print(f"{skill}\t{question}")
    counts = Counter(skill for skill, _ in found)
    for skill, count in counts.most_common():
        print(f"{skill:10} {count:5} of {len(asked)}  {100 * count / len(asked):.2f} %")
    print(f"{'all':10} {len(found):5} of {len(asked)}  {100 * len(found) / len(asked):.2f} %")


if __name__ == "__main__":
    main()
