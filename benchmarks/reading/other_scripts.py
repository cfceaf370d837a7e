"""What is ANSWERED of signs in letters that the recogniser does not know, or that look like those that it knows.

    python -m reading.other_scripts --seed 1 --count 60 [--half odd]        (in benchmarks/; photos a script)

What stands on real signs (signs.toml), photographed as written.py's things are. The rules were chosen on the even
words; the odd ones are held out. Fonts as written.py says, and fonts-thai-tlwg, fonts-wqy-microhei and
fonts-ipafont-gothic. A line of JSON a photo is kept in build/reading; what lies there is not read again.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from asksight.engine.bundle.calibration import Verdict
from asksight.server.local import LocalAssistant
from asksight.server.reading.asked import Request, Wanted
from asksight.server.reading.judging import judge

from .figures import found_in
from .judged import letters
from .photographed import photographed
from .read_all import FOLDER, ours
from .written import ORDINARY, Page, colours, one_font, price

MANY = [
    "DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "LiberationSans-Regular.ttf",
    "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf", "NotoSans-Regular.ttf", "NotoSans-Bold.ttf",
    "NotoSerif-Regular.ttf", "FreeSans.ttf", "FreeSerif.ttf",
]  # fmt: skip
OWN = "own"


@cache
def _signs() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "signs.toml").read_text(encoding="utf-8"))


def fonts_and_words(language: str) -> tuple[list[str], list[str]]:
    """Of a language of signs.toml."""
    told = _signs()[language]
    fonts = {"many": MANY, "ordinary": ORDINARY}.get(str(told["fonts"])) or list(told["fonts"])
    return fonts, [word.strip() for word in told["words"].replace("\n", " ").split(",")]


def sign(language: str, number: int, seed: int, half: str) -> tuple[list[str], bytes]:
    """What stands on a sign of one to three rows, perhaps with a price or a number, and a photo of it."""
    fonts, words = fonts_and_words(language)
    words = words[half == "odd" :: 2]
    random = np.random.default_rng((seed, number, *language.encode()))
    there = one_font(fonts, random)
    page = Page(900, int(random.integers(420, 700)), *colours(random))
    size = int(random.integers(48, 96))
    page.write(words[number % len(words)], there, size, random)
    for _ in range(random.integers(0, 3)):
        page.write(words[random.integers(len(words))], there, int(size * 0.6), random)
    if random.random() < 0.3:
        page.write(f"{price(random)} €" if random.random() < 0.5 else str(random.integers(1, 999)), ORDINARY,
                   int(size * 0.7), random)  # fmt: skip
    return page.rows, photographed(page.picture, random)


def kept(local: LocalAssistant, language: str, seed: int, count: int, half: str) -> list[dict[str, Any]]:
    """What was found on each sign; kept, and read once."""
    place = FOLDER / f"scripts.{language}.{seed}.{half}.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    done = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    read = ours(local)
    with place.open("a", encoding="utf-8") as file:
        for number in range(len(done), count):
            rows, photo = sign(language, number, seed, half)
            found = {"rows": rows, **read(photo)}
            done.append(json.dumps(found, ensure_ascii=False))
            file.write(done[-1] + "\n")
            file.flush()
    return [json.loads(one) for one in done[:count]]


def tell(language: str, photos: list[dict[str, Any]], *, show: bool) -> None:
    verdicts, wrong = [], 0
    for photo in photos:
        judged = judge(Request(Wanted.ALL), found_in(photo))
        said = judged.parts[0].text if judged.parts else ""
        is_wrong = letters(said) != letters("\n".join(photo["rows"]))
        verdicts.append(judged.verdict)
        wrong += judged.verdict is Verdict.ANSWERED and is_wrong
        if show and bool(_signs()[language].get(OWN)) is not (judged.verdict is Verdict.ANSWERED):
            print(f"   {judged.verdict:<12} {said!r} for {photo['rows']}")
    shares = ", ".join(f"{one} {verdicts.count(one) / len(verdicts):.0%}" for one in Verdict)
    print(f"{language:<15} {len(photos)} photos: {shares}; ANSWERED wrongly {wrong / len(photos):.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--half", choices=("even", "odd"), default="even")
    parser.add_argument("--show", action="store_true", help="print what is not as it should be")
    parser.add_argument("--only", nargs="*", default=list(_signs()))
    given = parser.parse_args()
    with LocalAssistant() as local:
        local.add_reader(threads=2)
        for language in given.only:
            tell(language, kept(local, language, given.seed, given.count, given.half), show=given.show)


if __name__ == "__main__":
    main()
