"""Translates between protobuf messages and the client's results."""

from __future__ import annotations

from pathlib import Path

from asksight.v1 import vqa_pb2

from .errors import AskSightError, InvalidAskError
from .faults import from_item
from .results import (
    Answer,
    Attention,
    ImageId,
    Limits,
    Model,
    ModelCard,
    ModelFigure,
    ModelSource,
    PhotoIssue,
    PhotoIssueKind,
    Reply,
    Skill,
    TextLine,
    Timings,
    Unfamiliar,
    Verdict,
)

MAX_TOP_K = 2**32 - 1  # the largest uint32; the server gives as many answers as the model has

VERDICTS = {
    vqa_pb2.VERDICT_ANSWERED: Verdict.ANSWERED,
    vqa_pb2.VERDICT_UNSURE: Verdict.UNSURE,
    vqa_pb2.VERDICT_UNANSWERABLE: Verdict.UNANSWERABLE,
}
PHOTO_ISSUE_KINDS = {
    vqa_pb2.PHOTO_ISSUE_KIND_DARK: PhotoIssueKind.DARK,
    vqa_pb2.PHOTO_ISSUE_KIND_BRIGHT: PhotoIssueKind.BRIGHT,
    vqa_pb2.PHOTO_ISSUE_KIND_BLURRED: PhotoIssueKind.BLURRED,
    vqa_pb2.PHOTO_ISSUE_KIND_TINY: PhotoIssueKind.TINY,
    vqa_pb2.PHOTO_ISSUE_KIND_MOTION_BLURRED: PhotoIssueKind.MOTION_BLURRED,
    vqa_pb2.PHOTO_ISSUE_KIND_UNIFORM: PhotoIssueKind.UNIFORM,
    vqa_pb2.PHOTO_ISSUE_KIND_CUT_SHORT: PhotoIssueKind.CUT_SHORT,
    vqa_pb2.PHOTO_ISSUE_KIND_TEXT_CUT_OFF: PhotoIssueKind.TEXT_CUT_OFF,
    vqa_pb2.PHOTO_ISSUE_KIND_TEXT_SMALL: PhotoIssueKind.TEXT_SMALL,
    vqa_pb2.PHOTO_ISSUE_KIND_TEXT_TURNED: PhotoIssueKind.TEXT_TURNED,
}
SKILLS = {
    vqa_pb2.SKILL_UNSPECIFIED: None,
    vqa_pb2.SKILL_READ_TEXT: Skill.READ_TEXT,
    vqa_pb2.SKILL_MEDICINE: Skill.MEDICINE,
    vqa_pb2.SKILL_MONEY: Skill.MONEY,
    vqa_pb2.SKILL_ROAD: Skill.ROAD,
}

UNFAMILIAR = {
    vqa_pb2.UNFAMILIAR_PHOTO: Unfamiliar.PHOTO,
    vqa_pb2.UNFAMILIAR_QUESTION: Unfamiliar.QUESTION,
}


def question_request(question: str, *, top_k: int, locale: str, model: str) -> vqa_pb2.AskRequest:
    """Build the request without its photo.

    Raises InvalidAskError for values that protobuf cannot hold (the server checks the rest), and TypeError for a
    question that is not a str.
    """
    for field, text in (("question", question), ("locale", locale), ("model", model)):
        check_text(field, text)
    if top_k < 0:
        raise InvalidAskError(f"top_k is {top_k}; it must be 0 (for 5) or more.", field="top_k")
    return vqa_pb2.AskRequest(question=question, top_k=min(top_k, MAX_TOP_K), locale=locale, model=model)


def with_photo(request: vqa_pb2.AskRequest, data: bytes) -> vqa_pb2.AskRequest:
    """Give a copy of the request with the photo's bytes."""
    sent = vqa_pb2.AskRequest(image_data=data)
    sent.MergeFrom(request)
    return sent


def with_image_id(request: vqa_pb2.AskRequest, image_id: str) -> vqa_pb2.AskRequest:
    """Give a copy of the request with the photo's id."""
    sent = vqa_pb2.AskRequest(image_id=image_id)
    sent.MergeFrom(request)
    return sent


def following(request: vqa_pb2.AskRequest, after: Reply | None, image_id: str) -> vqa_pb2.AskRequest:
    """Give the request with the turn before it, where that was about the same photo."""
    if after is not None and after.image_id == image_id:
        request.previous_question, request.previous_answer = after.question, after.answer or ""
    return request


def to_reply(
    response: vqa_pb2.AskResponse, request: vqa_pb2.AskRequest, photo_path: Path | None = None
) -> Reply:
    """Translate one response. A verdict that this client does not know becomes UNSURE, the cautious one."""
    timings = response.timings
    return Reply(
        answers=tuple(Answer(label=one.label, probability=one.probability) for one in response.answers),
        verdict=VERDICTS.get(response.verdict, Verdict.UNSURE),
        spoken=response.spoken,
        image_id=ImageId(response.image_id),
        photo_issues=tuple(
            PhotoIssue(
                kind=PHOTO_ISSUE_KINDS.get(issue.kind, PhotoIssueKind.OTHER),
                severity=issue.severity,
                hint=issue.hint,
            )
            for issue in response.photo_issues
        ),
        timings=Timings(
            decode_us=timings.decode_us,
            encode_us=timings.encode_us,
            tokenize_us=timings.tokenize_us,
            answer_us=timings.answer_us,
            total_us=timings.total_us,
            features_cached=timings.features_cached,
        ),
        model=response.model,
        question_cut=response.question_cut,
        missing_skill=SKILLS.get(response.missing_skill, Skill.OTHER),
        unfamiliar=tuple(UNFAMILIAR.get(what, Unfamiliar.OTHER) for what in response.unfamiliar),
        question=response.question_meant or request.question,
        text_lines=tuple(map(_text_line, response.text_lines)),
        attention=_attention(response.attention) if response.HasField("attention") else None,
        photo_path=photo_path,
    )


def to_outcome(result: vqa_pb2.AskResult, request: vqa_pb2.AskRequest) -> Reply | AskSightError:
    """Translate one result of a batch."""
    if result.WhichOneof("result") == "response":
        return to_reply(result.response, request)
    return from_item(result.error)


def to_model(response: vqa_pb2.GetModelResponse) -> Model:
    """Translate the description of the served model."""
    limits = response.limits
    return Model(
        name=response.name,
        version=response.version,
        architecture=response.architecture,
        answers=tuple(response.answers),
        limits=Limits(
            max_message_bytes=limits.max_message_bytes,
            max_asks_per_batch=limits.max_asks_per_batch,
            max_question_chars=limits.max_question_chars,
            max_question_tokens=limits.max_question_tokens,
            min_photo_side_px=limits.min_photo_side_px,
            max_photo_side_px=limits.max_photo_side_px,
            max_photo_pixels=limits.max_photo_pixels,
        ),
        engine=response.engine,
        precision=response.precision,
        engine_notes=tuple(response.engine_notes),
        about=tuple(response.about),
        calibrated=not response.uncalibrated,
        spells_answers=response.spells_answers,
        reads_text=response.reads_text,
        source=_source(response.source) if response.HasField("source") else None,
        card=_card(response.card) if response.HasField("card") else None,
    )


def _text_line(line: vqa_pb2.TextLine) -> TextLine:
    box = line.box
    return TextLine(
        text=line.text,
        confidence=line.confidence,
        left=box.left,
        top=box.top,
        width=box.width,
        height=box.height,
    )


def _attention(look: vqa_pb2.Attention) -> Attention | None:
    weights = tuple(look.weights)
    if len(weights) != look.rows * look.columns:  # of a server that means something else by it
        return None
    return Attention(rows=look.rows, columns=look.columns, weights=weights)


def _source(source: vqa_pb2.ModelSource) -> ModelSource:
    figure = source.figure
    return ModelSource(
        repository=source.repository,
        revision=source.revision,
        licence=source.licence,
        sha256=source.sha256,
        figure=ModelFigure(value=figure.value, metric=figure.metric, conditions=figure.conditions)
        if source.HasField("figure")
        else None,
    )


def _card(card: vqa_pb2.ModelCard) -> ModelCard:
    return ModelCard(
        trained_on=tuple(card.trained_on), figures=tuple(card.figures), not_for=tuple(card.not_for)
    )


def check_text(field: str, text: str) -> str:
    """Give the text back. Raises TypeError where it is not a str, InvalidAskError where UTF-8 cannot encode it."""
    if not isinstance(text, str):
        raise TypeError(f"The {field} is of type {type(text).__name__}; it must be a str.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidAskError(
            f"The {field} holds a lone surrogate (U+{ord(text[error.start]):04X}) at character "
            f"{error.start}, which is half of a character. Repair the text and ask again.",
            field=field,
        ) from None
    return text
