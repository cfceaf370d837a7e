"""The wordings of each kind of question. `{the}`, `{a}` and `{many}` stand for the description of things."""

from __future__ import annotations

from random import Random

Description = tuple[str | None, str | None, str | None]  # size, colour, shape; None where not said

WORDINGS: dict[str, tuple[str, ...]] = {
    "colour": (
        "What colour is {the}?", "What color is {the}?", "Which colour is {the}?", "Which color is {the}?",
        "What is the colour of {the}?", "What is the color of {the}?", "What's the color of {the}?",
        "Tell me the colour of {the}.", "{The} is what colour?", "What colour does {the} have?",
        "Can you tell me what color {the} is?",
    ),
    "shape": (
        "What shape is {the}?", "Which shape is {the}?", "What is the shape of {the}?", "What's {the}?",
        "What kind of shape is {the}?", "What shape does {the} have?", "Tell me the shape of {the}.",
        "{The} is what shape?", "Can you tell me what shape {the} is?",
    ),
    "size": (
        "What size is {the}?", "How big is {the}?", "How large is {the}?", "What is the size of {the}?",
        "What's the size of {the}?", "Is {the} small or large?", "Is {the} big or small?",
        "Tell me the size of {the}.", "Which size is {the}?",
    ),
    "count": (
        "How many {many} are there?", "How many {many} are in the picture?", "How many {many} do you see?",
        "How many {many} can you see?", "What number of {many} are there?", "Count the {many}.",
        "What is the number of {many}?", "How many {many} does the image show?",
        "Tell me how many {many} there are.",
    ),
    "existence": (
        "Is there {a}?", "Is there {a} in the picture?", "Are there any {many}?", "Do you see {a}?",
        "Can you see {a}?", "Does the picture show {a}?", "Does the image contain {a}?",
        "Are any {many} in the image?", "Is {a} in the photo?", "Can you see any {many}?",
    ),
    "attribute.colour": (
        "Is {the} {colour}?", "Does {the} look {colour}?", "Is the colour of {the} {colour}?",
        "Is the color of {the} {colour}?", "Would you say that {the} is {colour}?",
    ),
    "attribute.shape": (
        "Is {the} a {shape}?", "Does {the} look like a {shape}?", "Is the shape of {the} a {shape}?",
        "Would you say that {the} is a {shape}?",
    ),
    "attribute.size": (
        "Is {the} {size}?", "Does {the} look {size}?", "Would you say that {the} is {size}?",
    ),
    "horizontal": (
        "Is {the} left of {the2}?", "Is {the} to the left of {the2}?", "Is {the} on the left of {the2}?",
        "Is {the} right of {the2}?", "Is {the} to the right of {the2}?", "Is {the} on the right of {the2}?",
        "Is {the} on the left side of {the2}?", "Is {the} on the right side of {the2}?",
        "Would you say that {the} is left of {the2}?", "Can you see {the} to the right of {the2}?",
    ),
    "vertical": (
        "Is {the} above {the2}?", "Is {the} over {the2}?", "Is {the} higher than {the2}?",
        "Is {the} below {the2}?", "Is {the} under {the2}?", "Is {the} lower than {the2}?",
        "Is {the} higher up than {the2}?", "Is {the} placed above {the2}?", "Is {the} placed below {the2}?",
        "Would you say that {the} is below {the2}?",
    ),
    "neighbour.shape": (
        "What is {side} {the}?", "What shape is {side} {the}?", "What's {side} {the}?",
        "What shape is the thing {side} {the}?", "Which shape do you see {side} {the}?",
    ),
    "neighbour.colour": (
        "What colour is the thing {side} {the}?", "What color is the object {side} {the}?",
        "What is the colour of the object {side} {the}?", "Which color is the thing {side} {the}?",
        "What colour do you see {side} {the}?",
    ),
    "bigger": (
        "Is {the} bigger than {the2}?", "Is {the} larger than {the2}?", "Is {the} smaller than {the2}?",
        "Does {the} look bigger than {the2}?", "Does {the} look smaller than {the2}?",
        "Would you say that {the} is larger than {the2}?", "Is the size of {the} bigger than that of {the2}?",
        "Is the size of {the} smaller than that of {the2}?",
    ),
    "compare": (
        "Are there more {many} than {many2}?", "Are there fewer {many} than {many2}?",
        "Are there as many {many} as {many2}?", "Do you see more {many} than {many2}?",
        "Do you see fewer {many} than {many2}?", "Does the picture show more {many} than {many2}?",
        "Does the image contain fewer {many} than {many2}?", "Can you see as many {many} as {many2}?",
    ),
    "identify": (
        "What is this?", "What's this?", "What is it?", "What do you see?", "What can you see?",
        "What is in the picture?", "What is in the photo?", "What does the image show?",
        "Tell me what this is.", "What is shown?", "Can you tell me what this is?",
    ),
}  # fmt: skip

# For evaluation only: new wordings of words that training uses.
UNSEEN: dict[str, tuple[str, ...]] = {
    "colour": ("Can you tell me the color of {the}?",),
    "shape": ("Can you tell me the shape of {the}?",),
    "size": ("Can you tell me how big {the} is?",),
    "count": ("How many {many} are shown in the photo?",),
    "existence": ("Does the photo show any {many}?",),
    "attribute.colour": ("Does the colour of {the} look {colour}?",),
    "horizontal": ("Is {the} placed to the left of {the2}?",),
    "vertical": ("Does {the} look higher up than {the2}?",),
    "bigger": ("Would you say that {the} is smaller than {the2}?",),
    "compare": ("Does the photo show more {many} than {many2}?",),
}

SIDES = {
    "left": ("left of", "to the left of", "on the left of", "on the left side of"),
    "right": ("right of", "to the right of", "on the right of", "on the right side of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}
_NOUNS = (("thing", "things"), ("object", "objects"), ("shape", "shapes"), ("item", "items"))
_PLURALS = {"cross": "crosses"}
_SIZES = {"small": ("small", "small", "little", "tiny"), "large": ("large", "large", "big")}


def _phrase(random: Random, described: Description, *, plural: bool = False) -> str:
    size, colour, shape = described
    noun = random.choice(_NOUNS)[plural]
    if shape is not None:
        noun = _PLURALS.get(shape, shape + "s") if plural else shape
    return " ".join(part for part in (say_size(random, size) if size else None, colour, noun) if part)


def say_size(random: Random, size: str) -> str:
    """A word for the size "small" or "large"."""
    return random.choice(_SIZES[size])


def fill(random: Random, wording: str, first: Description, second: Description | None, **words: str) -> str:
    """A question in its final words; a few are in lower case or without a question mark."""
    the = "the " + _phrase(random, first)
    one = _phrase(random, first)
    slots = {
        "the": the,
        "The": the[0].upper() + the[1:],
        "a": ("an " if one[0] in "aeiou" else "a ") + one,
        "many": _phrase(random, first, plural=True),
    }
    if second is not None:
        slots["the2"] = "the " + _phrase(random, second)
        slots["many2"] = _phrase(random, second, plural=True)
    question = wording.format(**slots, **words)
    if random.random() < 0.25:
        question = question[0].lower() + question[1:]
    return question.rstrip("?.") if random.random() < 0.1 else question
