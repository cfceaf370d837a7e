"""Which of a model's two inputs is the photo, which the question, and what the question is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import ImportSpecError
from .spec import BAGS, QuestionSpec, Spec

SHAPES = {
    "counts": "[N, words]",
    "binary": "[N, words]",
    "sum": "[N, dimension]",
    "ids": "[N, length]",
    "sequence": "[N, length, dimension]",
}


class ModelInput(NamedTuple):
    """One input as the model has it; the shape is without the batch, None where it is free."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def choose_inputs(
    seen: Sequence[ModelInput], spec: Spec, *, features: tuple[int | None, ...] | None
) -> tuple[ModelInput, ModelInput]:
    """Photo and question; `features` is the shape of what an encoder of its own makes of a photo.

    Raises ImportSpecError, saying what the model has and what is allowed.
    """
    shown = ", ".join(f"{one.name} {_text(one.shape)}" for one in seen)
    allowed = "a photo [N, height, width, 3]" if features is None else f"features {_text(features)}"
    if len(seen) != 2:
        raise ImportSpecError(
            f"The model has {len(seen)} inputs ({shown}); two are allowed: {allowed} and a question "
            f"{SHAPES[spec.question.form]}."
        )
    first, second = seen
    by_name = {one.name: one for one in seen}
    for key, name in (("image", spec.image.input), ("question", spec.question.input)):
        if name is not None and name not in by_name:
            raise ImportSpecError(f"{key}.input is {name!r}; the model has: {shown}.")
    if spec.image.input is not None:
        photo = by_name[spec.image.input]
    elif spec.question.input is not None:
        photo = second if by_name[spec.question.input] is first else first
    else:
        fits = [one for one in seen if _is_photo(one, features)]
        if len(fits) != 1:
            raise ImportSpecError(
                f"Which input is the photo cannot be told from their shapes ({shown}); expected {allowed}. Say it by "
                "image.input, or name the encoder of its features by image.encoder."
            )
        (photo,) = fits
    question = second if photo is first else first
    if spec.question.input not in (None, question.name):
        raise ImportSpecError(
            f"image.input and question.input are both {photo.name!r}; the model has: {shown}."
        )
    if not _is_photo(photo, features):
        raise ImportSpecError(f"The photo's input {photo.name!r} is {shown}; expected {allowed}.")
    return photo, question


def _text(shape: Sequence[int | None]) -> str:
    return f"[{', '.join(['N', *(str(size or 'free') for size in shape)])}]"


def _is_photo(one: ModelInput, features: tuple[int | None, ...] | None) -> bool:
    if features is not None:
        return one.shape == features
    return len(one.shape) == 3 and 3 in (one.shape[2], one.shape[0])


def question_size(one: ModelInput, spec: QuestionSpec) -> tuple[int, int | None]:
    """Numbers or steps that the model takes a question, and the dimension of its vectors, None where it has none.

    Raises ImportSpecError where the input is of another form than the spec says, or the length is not known.
    """
    rank = {"sequence": 2}.get(spec.form, 1)
    if len(one.shape) != rank:
        raise ImportSpecError(
            f"The question's input {one.name!r} has the shape {_text(one.shape)}; of the form {spec.form!r} it would "
            f"be {SHAPES[spec.form]}. Is question.form right?"
        )
    if spec.form == "sum":
        return 0, one.shape[0]
    if spec.form in BAGS:
        if one.shape[0] is None:
            raise ImportSpecError(
                f"The question's input {one.name!r} has a free size; {SHAPES[spec.form]} is allowed."
            )
        return one.shape[0], None
    length = one.shape[0]
    if length is not None and spec.length not in (None, length):
        raise ImportSpecError(f"question.length is {spec.length}; the model takes {length} words.")
    length = length or spec.length
    if length is None:
        raise ImportSpecError(
            "The model takes questions of any length: say question.length, as it was trained with."
        )
    return length, one.shape[1] if rank == 2 else None
