"""The sentences that are read aloud: certainty is said in words, never as a number; gettext has the other languages.

English is written here. A language more is a folder more in `locale/`, with every sentence of `asksight.pot`:
    pybabel extract -k T_ -o server/reply/locale/asksight.pot server/reply/spoken.py --no-location --sort-output
    pybabel init -i server/reply/locale/asksight.pot -d server/reply/locale -D asksight -l fr
    pybabel compile -d server/reply/locale -D asksight
"""

from __future__ import annotations

import gettext
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import NamedTuple

from asksight.engine.bundle.calibration import Verdict
from asksight.engine.bundle.familiar import Unfamiliar
from asksight.photos.flaws import FlawKind

from ..asks import Manner, Skill
from ..reading.asked import Wanted
from ..reading.coach import Advice, TextFlawKind
from ..reading.doubts import Doubt

CERTAIN = 0.9  # below it an answer is said to be probable
TROUBLED = 0.5  # severity from which on even a certain answer is said with the photo's flaw
WORTH_A_HINT = 0.3  # severity from which on a flaw may be why there is no answer
LONGEST_TAG = 35  # RFC 5646, 4.4.1: what a tag of any sense fits in
LANGUAGES = ("en", "de", "es", "hi")


def T_(sentence: str) -> str:  # noqa: N802 (marks what is to be translated)
    return sentence


SURE = T_("{first}.")
PROBABLE = T_("probably {first}.")
SURE_BUT = T_("{first}, as far as I can see. {hint}")
PROBABLE_BUT = T_("perhaps {first}. {hint}")
ONE_OF = T_("I cannot tell. It could be {first} or {second}.")
MAYBE = T_("I cannot tell. It could be {first}.")
# Of a model that was never held against questions whose answers are known: it has no certainty to speak of.
GUESS_ONE_OF = T_("It may be {first} or {second}. Nobody has measured how often I am right.")
GUESS = T_("It may be {first}. Nobody has measured how often I am right.")
# To who asks whether that is so.
FAIRLY_SURE = T_("I am fairly sure, but I can be wrong: {first}.")
READ = T_("It says: {text}")
MAY_READ = T_("It may say: {text}")
MAY_READ_ONE_OF = T_("It may say: {first}, or: {second}")
NO_TEXT = T_("I see no text that I can read.")
NO_SUCH_TEXT = {
    Wanted.PRICE: T_("I see text, but no price in it."),
    Wanted.EXPIRY: T_("I see text, but no date in it."),
    Wanted.DATE: T_("I see text, but no date in it."),
    Wanted.NUMBER: T_("I see text, but no number in it."),
}
DOUBTS = {
    Doubt.LETTERS: T_("The letters may be Cyrillic or Greek, which I cannot read."),
    Doubt.REST: T_("That is only the first part. Ask again, and I will read on."),
    Doubt.UNREAD: T_("Something may be written there: I read only Latin letters, Chinese and Japanese."),
}
NOTHING = T_("I cannot tell from this photo.")
CUT = T_("The question was too long; I read only its beginning. Ask it in fewer words.")
NOT_UNDERSTOOD = T_("I did not understand the question. Ask it in other words.")
WHICH_THING = T_("I am not sure which thing you mean. Ask again and name it.")
UNLIKE = {
    Unfamiliar.PHOTO: T_("I have not learned about photos like this one."),
    Unfamiliar.QUESTION: T_("I have not learned about questions like this one."),
}
HINTS = {
    FlawKind.DARK: T_("It is very dark. Turn on a light."),
    FlawKind.BRIGHT: T_("It is very bright. Turn away from the light."),
    FlawKind.BLURRED: T_("It is blurred. Hold the phone still."),
    FlawKind.TINY: T_("It is very small. Send a larger photo."),
    FlawKind.MOTION_BLURRED: T_("The camera moved. Hold it still with both hands."),
    FlawKind.UNIFORM: T_("I see only one surface. Check for a finger on the lens, or step back."),
    FlawKind.CUT_SHORT: T_("The photo did not arrive whole. Send it again, or take another."),
}
ADVICE = {
    Advice.LEFT: T_("Text is cut off at the left. Move the phone to the left."),
    Advice.RIGHT: T_("Text is cut off at the right. Move the phone to the right."),
    Advice.UP: T_("Text is cut off at the top. Move the phone up."),
    Advice.DOWN: T_("Text is cut off at the bottom. Move the phone down."),
    Advice.AWAY: T_("Text is cut off on several sides. Hold the phone farther away."),
    Advice.CLOSER: T_("The text is very small. Hold the phone closer."),
    Advice.AROUND: T_("The text is upside down. Turn it or the phone around."),
    Advice.QUARTER: T_("The text lies on its side. Turn it or the phone by a quarter."),
}
CANNOTS = {
    Skill.READ_TEXT: T_("I cannot read text. Use a reading app, or ask a person."),
    Skill.MEDICINE: T_(
        "I cannot help with medicine or health. Ask a pharmacist, a doctor or a person you trust."
    ),
    Skill.MONEY: T_("I cannot tell money apart. Use a banknote reader, or ask a person you trust."),
    Skill.ROAD: T_(
        "I cannot tell whether it is safe. Do not go by this app: use your training, or ask a person."
    ),
}


class PhotoIssue(NamedTuple):
    """One thing that is wrong with a photo, and what the person can do about it, in the ask's language."""

    kind: FlawKind | TextFlawKind
    severity: float  # 0 (hardly) to 1 (nothing can be seen)
    hint: str


class Language:
    """One language's sentences. Read-only, thread-safe."""

    def __init__(self, translations: gettext.NullTranslations) -> None:
        self._say = translations.gettext

    def hint(self, kind: FlawKind) -> str:
        """What the person can do about the photo."""
        return self._say(HINTS[kind])

    def advice(self, advice: Advice) -> str:
        """What the person can do so that text can be read."""
        return self._say(ADVICE[advice])

    def cannot(self, skill: Skill) -> str:
        """What the assistant is not made for, and who is."""
        return self._say(CANNOTS[skill])

    def misread(self, *, cut: bool) -> str:
        """Why no answer is to be gone by: the question was cut, or no word of it is known."""
        return self._say(CUT if cut else NOT_UNDERSTOOD)

    def which_thing(self, said: str) -> str:
        """What is said of a thing, where it is not clear which one is meant."""
        return f"{said} {self._say(WHICH_THING)}"

    def unlike(self, what: Unfamiliar, issues: Sequence[PhotoIssue]) -> str:
        """Why no answer is certain; with the hint of the photo's worst flaw, which may be why it is unlike others."""
        hint = [one.hint for one in issues[:1] if what is Unfamiliar.PHOTO and one.severity >= WORTH_A_HINT]
        return " ".join([self._say(UNLIKE[what]), *hint])

    def read(
        self,
        verdict: Verdict,
        parts: Sequence[str],
        issues: Sequence[PhotoIssue],
        *,
        doubt: Doubt | None = None,
        manner: Manner | None = None,
    ) -> str:
        """Say what is written; `parts` are what may be meant, likeliest first. `manner` is as in `speak`."""
        if verdict is Verdict.ANSWERED:  # whatever is wrong with the photo: paper is bright
            if manner is Manner.DOUBTED:
                return self._say(FAIRLY_SURE).format(first=parts[0].rstrip("."))
            text = spelled(parts[0]) if manner is Manner.SPELLED else parts[0]
            return _ended(self._say(READ).format(text=text))
        hint = next((one.hint for one in issues if one.severity >= WORTH_A_HINT), "")
        if len(parts) > 1:
            said = self._say(MAY_READ_ONE_OF).format(first=parts[0], second=parts[1])
        else:
            said = self._say(MAY_READ).format(text=parts[0])
        return " ".join(filter(None, [_ended(said), self._doubt(doubt), hint]))

    def nothing_to_read(
        self, wanted: Wanted, issues: Sequence[PhotoIssue], *, some: bool, doubt: Doubt | None = None
    ) -> str:
        """Say that what is wanted is not written, though `some` text is, or that nothing is."""
        hint = next((one.hint for one in issues if one.severity >= WORTH_A_HINT), "")
        said = NO_SUCH_TEXT[wanted] if some and wanted in NO_SUCH_TEXT else NO_TEXT
        return " ".join(filter(None, [self._say(said), self._doubt(doubt), hint]))

    def _doubt(self, doubt: Doubt | None) -> str:
        return self._say(DOUBTS[doubt]) if doubt else ""

    def speak(
        self,
        verdict: Verdict,
        likeliest: Sequence[str],
        probability: float,
        issues: Sequence[PhotoIssue],
        *,
        calibrated: bool = True,
        manner: Manner | None = None,
    ) -> str:
        """Say the verdict; `likeliest` are the best answers, `issues` the photo's, both best or worst first.

        A model that is not `calibrated` is never certain, and says why. `manner` says how what is ANSWERED is told.
        """
        hint = next((issue.hint for issue in issues[:1]), "")
        worst = max((issue.severity for issue in issues), default=0.0)
        if verdict is Verdict.UNANSWERABLE or not likeliest:
            return " ".join(filter(None, [self._say(NOTHING), hint]))
        if verdict is Verdict.ANSWERED:
            first = spelled(likeliest[0]) if manner is Manner.SPELLED else likeliest[0]
            if manner is Manner.DOUBTED:
                sure = self._say(FAIRLY_SURE).format(first=first)
                return f"{sure} {hint}" if worst >= TROUBLED else sure
            certain = probability >= CERTAIN
            if worst >= TROUBLED:
                return self._say(SURE_BUT if certain else PROBABLE_BUT).format(first=first, hint=hint)
            return self._say(SURE if certain else PROBABLE).format(first=first)
        two, one = (ONE_OF, MAYBE) if calibrated else (GUESS_ONE_OF, GUESS)
        names = dict(zip(("first", "second"), likeliest, strict=False))
        said = self._say(two if len(names) > 1 else one).format(**names)
        return f"{said} {hint}" if worst >= WORTH_A_HINT else said


def _ended(sentence: str) -> str:
    """With a full stop where what was read has no end of its own."""
    return sentence if sentence[-1] in ".!?…" else f"{sentence}."


def spelled(text: str) -> str:
    """A text and its letters, word by word: "red: r, e, d". A mark, as in Hindi, stays with its letter."""
    words = [", ".join(_letters(word.rstrip(",") or word)) for word in text.split()]
    return f"{text}: {'; '.join(words)}"


def _letters(word: str) -> list[str]:
    letters: list[str] = []
    for char in unicodedata.normalize("NFC", word):
        if letters and unicodedata.category(char).startswith("M"):
            letters[-1] += char
        else:
            letters.append(char)
    return letters


def language(locale: str) -> Language:
    """The language nearest to a BCP 47 tag, as `spoken_in` has it."""
    return _language(spoken_in(locale))


def spoken_in(locale: str) -> str:
    """The tag of that language: "de-CH" falls to "de", what is unknown or malformed to English."""
    tag = locale[:LONGEST_TAG].strip().lower().replace("_", "-")
    while tag and tag not in LANGUAGES:
        tag = tag.rpartition("-")[0]  # RFC 4647, 3.4: lookup cuts the tag at its end
    return tag or LANGUAGES[0]


@cache
def _language(tag: str) -> Language:
    if tag == LANGUAGES[0]:
        return Language(gettext.NullTranslations())
    with as_file(files("asksight.server.reply") / "locale") as folder:
        return Language(gettext.translation("asksight", folder, languages=[tag]))
