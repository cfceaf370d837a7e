"""A ModelInferRequest → asks, an element of its tensors each: counted before it is parsed; photos are not copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..asks import Ask
from ..errors import InvalidAsk
from ..wire.fields import cut_out
from ..wire.requests import MOST_FIELDS, read
from .inference_messages import ModelInferRequest
from .tensor_answers import OUTPUTS
from .tensors import (
    BYTES,
    NUMBERS,
    InputTensor,
    bytes_of,
    check_beside,
    numbers_of,
    read_tensor,
    texts_of,
)

TENSORS, RAW_CONTENTS = 5, 7  # the fields' numbers
MOST_TOP_K = 2**32 - 1  # of the contract's uint32
# Parameters of Triton's own that ask for what is not here; whoever sends one relies on it.
NOT_HERE = ("shared_memory_region", "classification")


@dataclass(frozen=True, slots=True)
class Input:
    """One that is known."""

    datatype: str  # as metadata says
    taken: Sequence[str]
    read: Callable[[InputTensor, memoryview | None, int], Sequence[Any]]
    one_for_all: bool = False  # a single element stands for all asks


INPUTS = {
    "image": Input(BYTES, (BYTES,), bytes_of),
    "question": Input(BYTES, (BYTES,), texts_of),
    "image_id": Input(BYTES, (BYTES,), texts_of),
    "top_k": Input("UINT32", tuple(NUMBERS), numbers_of, one_for_all=True),
    "locale": Input(BYTES, (BYTES,), texts_of, one_for_all=True),
    "previous_question": Input(BYTES, (BYTES,), texts_of),
    "previous_answer": Input(BYTES, (BYTES,), texts_of),
}


@dataclass(frozen=True, slots=True)
class Infer:
    """A request in parts."""

    head: Any  # ModelInferRequest, without its inputs
    tensors: Sequence[memoryview]  # InferInputTensor each
    raw: Sequence[memoryview]  # for those of them without contents

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs that are wanted, in their order. Raises InvalidAsk."""
        names = tuple(one.name for one in self.head.outputs) or tuple(OUTPUTS)
        for name in names:
            if name not in OUTPUTS:
                raise InvalidAsk(
                    f"There is no output {name[:40]!r}; known are: {', '.join(OUTPUTS)}.", field="outputs"
                )
        if len(set(names)) < len(names):
            raise InvalidAsk("An output is asked for twice; name each once.", field="outputs")
        for one in self.head.outputs:
            _check_parameters(f"output {one.name!r}", one.parameters, "outputs")
        return names


def read_infer(message: bytes) -> Infer:
    """Read all but its tensors. Raises InvalidAsk."""
    rest, cut = cut_out(memoryview(message), (TENSORS, RAW_CONTENTS), MOST_FIELDS)
    check_beside(len(rest), "")
    return Infer(read(ModelInferRequest, rest), cut[TENSORS], cut[RAW_CONTENTS])


def to_asks(infer: Infer, deadline_s: float | None, *, most: int, caller: str = "") -> list[Ask]:
    """The asks, 1 to `most`; their photos are views of the message. Raises InvalidAsk, which names an input."""
    tensors = _named([read_tensor(one) for one in infer.tensors])
    if "question" not in tensors:
        raise InvalidAsk(
            "The input 'question' is missing; send it as BYTES, with 'image' or 'image_id'.", field="question"
        )
    count = _count(tensors["question"], most)
    raw = iter(infer.raw)
    columns: dict[str, Sequence[Any]] = {}
    for name, tensor in tensors.items():
        # One that is neither typed nor raw has no elements, and is told so.
        columns[name] = _column(tensor, None if tensor.contents else next(raw, None), count)
    left = sum(1 for _ in raw)
    if left:
        raise InvalidAsk(
            f"raw_input_contents holds {len(infer.raw)} tensors, {left} more than there are inputs without contents "
            "of their own. Send one for each of these.",
            field="raw_input_contents",
        )

    def element(name: str, at: int, otherwise: Any) -> Any:
        column = columns.get(name)
        return otherwise if column is None else column[at if len(column) > 1 else 0]

    return [
        Ask(
            question=element("question", at, ""),
            photo=element("image", at, None) or None,
            image_id=element("image_id", at, None) or None,
            top_k=element("top_k", at, 0),
            locale=element("locale", at, ""),
            model=infer.head.model_name,
            previous_question=element("previous_question", at, ""),
            previous_answer=element("previous_answer", at, ""),
            caller=caller,
            deadline_s=deadline_s,
        )
        for at in range(count)
    ]


def _named(tensors: Sequence[InputTensor]) -> dict[str, InputTensor]:
    named: dict[str, InputTensor] = {}
    for one in tensors:
        if one.name not in INPUTS:
            raise InvalidAsk(
                f"There is no input {one.name[:40]!r}; known are: {', '.join(INPUTS)}.", field="inputs"
            )
        if one.name in named:
            raise InvalidAsk(f"The input {one.name!r} is there twice; send it once.", field=one.name)
        _check_parameters(f"input {one.name!r}", one.parameters, one.name)
        named[one.name] = one
    return named


def _count(question: InputTensor, most: int) -> int:
    """How many asks there are."""
    if len(question.shape) != 1 or not 1 <= question.shape[0] <= most:
        raise InvalidAsk(
            f"The input 'question' has the shape {_said(question.shape)}; it must be [N], of 1 to {most} questions.",
            field="question",
        )
    return question.shape[0]


def _column(tensor: InputTensor, raw: memoryview | None, count: int) -> Sequence[Any]:
    """The elements of one input, as many as there are asks, or the one that stands for all."""
    known = INPUTS[tensor.name]
    if tensor.datatype not in known.taken:
        raise InvalidAsk(
            f"The input {tensor.name!r} is {tensor.datatype[:20]!r}; it must be {' or '.join(known.taken)}.",
            field=tensor.name,
        )
    single = known.one_for_all and tensor.shape == (1,)
    if tensor.shape != (count,) and not single:
        allowed = f"[{count}]" + (" or [1]" if known.one_for_all and count > 1 else "")
        raise InvalidAsk(
            f"The input {tensor.name!r} has the shape {_said(tensor.shape)}; it must be {allowed}, as 'question' has "
            f"{count}.",
            field=tensor.name,
        )
    column = known.read(tensor, raw, 1 if single else count)
    if tensor.name == "top_k" and not all(0 <= one <= MOST_TOP_K for one in column):
        raise InvalidAsk(
            f"The input 'top_k' holds {min(column)} to {max(column)}; it must be 0, for 5, to {MOST_TOP_K}.",
            field="top_k",
        )
    return column


def _check_parameters(what: str, parameters: Any, field: str) -> None:
    for name in NOT_HERE:
        if name in parameters:
            raise InvalidAsk(
                f"The {what} has the parameter {name!r}, which is not taken here. Send it without.",
                field=field,
            )


def _said(shape: Sequence[int]) -> str:
    return str(list(shape)) if len(shape) <= 8 else f"of {len(shape)} dimensions"
