"""The response to one ask: the answers, whether they may be said, and a sentence in the ask's language."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from asksight.v1 import vqa_pb2

from .asks import Ask, PhotoIssueKind, Skill, Verdict
from .photo_flaws import Flaw
from .skills import missing_skill
from .spoken import PhotoIssue, language
from .verdict import Judgement

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
    Skill.READ_TEXT: vqa_pb2.SKILL_READ_TEXT,
    Skill.MEDICINE: vqa_pb2.SKILL_MEDICINE,
    Skill.MONEY: vqa_pb2.SKILL_MONEY,
    Skill.ROAD: vqa_pb2.SKILL_ROAD,
}


def tell(
    ask: Ask,
    judgement: Judgement,
    flaws: Sequence[Flaw],
    skills: Collection[str],
    *,
    image_id: str,
    timings: vqa_pb2.Timings,
    model: str,
    question_cut: bool,
) -> vqa_pb2.AskResponse:
    """Write the response; `flaws` are the photo's, worst first, and `skills` what the model claims."""
    words = language(ask.locale)
    issues = [PhotoIssue(flaw.kind, flaw.severity, words.hint(flaw.kind)) for flaw in flaws]
    missing = missing_skill(ask.question, skills)
    if missing is None:
        answers, verdict, likeliest, probability = judgement
        spoken = words.speak(verdict, likeliest, probability, issues)
    else:  # whatever it would answer: nobody is to rely on it
        answers, verdict, spoken = [], Verdict.UNANSWERABLE, words.cannot(missing)
    return vqa_pb2.AskResponse(
        answers=[vqa_pb2.Answer(label=label, probability=value) for label, value in answers],
        verdict=VERDICTS[verdict],
        spoken=spoken,
        image_id=image_id,
        photo_issues=[
            vqa_pb2.PhotoIssue(kind=PHOTO_ISSUE_KINDS[one.kind], severity=one.severity, hint=one.hint)
            for one in issues
        ],
        timings=timings,
        model=model,
        question_cut=question_cut,
        missing_skill=vqa_pb2.SKILL_UNSPECIFIED if missing is None else SKILLS[missing],
    )
