"""Between the assistant's dataclasses and the protobuf messages; the in-process client goes through here too."""

from __future__ import annotations

from asksight.v1 import vqa_pb2

from .asks import Ask, ModelInfo, PhotoIssueKind, Reply, Skill, Verdict

VERDICTS = {
    Verdict.ANSWERED: vqa_pb2.VERDICT_ANSWERED,
    Verdict.UNSURE: vqa_pb2.VERDICT_UNSURE,
    Verdict.UNANSWERABLE: vqa_pb2.VERDICT_UNANSWERABLE,
}
PHOTO_ISSUE_KINDS = {
    PhotoIssueKind.DARK: vqa_pb2.PHOTO_ISSUE_KIND_DARK,
    PhotoIssueKind.BRIGHT: vqa_pb2.PHOTO_ISSUE_KIND_BRIGHT,
    PhotoIssueKind.BLURRED: vqa_pb2.PHOTO_ISSUE_KIND_BLURRED,
    PhotoIssueKind.TINY: vqa_pb2.PHOTO_ISSUE_KIND_TINY,
    PhotoIssueKind.MOTION_BLURRED: vqa_pb2.PHOTO_ISSUE_KIND_MOTION_BLURRED,
    PhotoIssueKind.UNIFORM: vqa_pb2.PHOTO_ISSUE_KIND_UNIFORM,
}
SKILLS = {
    None: vqa_pb2.SKILL_UNSPECIFIED,
    Skill.READ_TEXT: vqa_pb2.SKILL_READ_TEXT,
    Skill.MEDICINE: vqa_pb2.SKILL_MEDICINE,
    Skill.MONEY: vqa_pb2.SKILL_MONEY,
    Skill.ROAD: vqa_pb2.SKILL_ROAD,
}


def from_request(request: vqa_pb2.AskRequest) -> Ask:
    """Read one ask; which model it is for is the service's affair."""
    image = request.WhichOneof("image")
    return Ask(
        question=request.question,
        photo=request.image_data if image == "image_data" else None,
        image_id=request.image_id if image == "image_id" else None,
        top_k=request.top_k,
        locale=request.locale,
    )


def to_response(reply: Reply) -> vqa_pb2.AskResponse:
    """Write one reply."""
    timings = reply.timings
    return vqa_pb2.AskResponse(
        answers=[
            vqa_pb2.Answer(label=answer.label, probability=answer.probability) for answer in reply.answers
        ],
        verdict=VERDICTS[reply.verdict],
        spoken=reply.spoken,
        image_id=reply.image_id,
        photo_issues=[
            vqa_pb2.PhotoIssue(kind=PHOTO_ISSUE_KINDS[issue.kind], severity=issue.severity, hint=issue.hint)
            for issue in reply.photo_issues
        ],
        timings=vqa_pb2.Timings(
            decode_us=timings.decode_us,
            encode_us=timings.encode_us,
            tokenize_us=timings.tokenize_us,
            answer_us=timings.answer_us,
            total_us=timings.total_us,
            features_cached=timings.features_cached,
        ),
        model=reply.model,
        question_cut=reply.question_cut,
        missing_skill=SKILLS[reply.missing_skill],
    )


def to_model_response(model: ModelInfo) -> vqa_pb2.GetModelResponse:
    """Write what is being served."""
    limits = model.limits
    return vqa_pb2.GetModelResponse(
        name=model.name,
        version=model.version,
        architecture=model.architecture,
        answers=model.answers,
        limits=vqa_pb2.Limits(
            max_message_bytes=limits.max_message_bytes,
            max_asks_per_batch=limits.max_asks_per_batch,
            max_question_chars=limits.max_question_chars,
            max_question_tokens=model.max_question_tokens,
            min_photo_side_px=limits.min_photo_side_px,
            max_photo_side_px=limits.max_photo_side_px,
            max_photo_pixels=limits.max_photo_pixels,
        ),
        engine=model.engine,
        precision=model.precision,
        engine_notes=[f"{one.stage}: {one.text}" for one in model.fallbacks],
    )
