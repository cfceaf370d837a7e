"""Our enums by their names on the wire."""

from __future__ import annotations

from asksight.engine.bundle.calibration import Verdict
from asksight.engine.bundle.familiar import Unfamiliar
from asksight.photos.flaws import FlawKind
from asksight.v1 import vqa_pb2

from ..asks import Skill
from ..reading.coach import TextFlawKind

VERDICTS = {
    Verdict.ANSWERED: vqa_pb2.VERDICT_ANSWERED,
    Verdict.UNSURE: vqa_pb2.VERDICT_UNSURE,
    Verdict.UNANSWERABLE: vqa_pb2.VERDICT_UNANSWERABLE,
}
PHOTO_ISSUE_KINDS: dict[FlawKind | TextFlawKind, vqa_pb2.PhotoIssueKind.ValueType] = {
    FlawKind.DARK: vqa_pb2.PHOTO_ISSUE_KIND_DARK,
    FlawKind.BRIGHT: vqa_pb2.PHOTO_ISSUE_KIND_BRIGHT,
    FlawKind.BLURRED: vqa_pb2.PHOTO_ISSUE_KIND_BLURRED,
    FlawKind.TINY: vqa_pb2.PHOTO_ISSUE_KIND_TINY,
    FlawKind.MOTION_BLURRED: vqa_pb2.PHOTO_ISSUE_KIND_MOTION_BLURRED,
    FlawKind.UNIFORM: vqa_pb2.PHOTO_ISSUE_KIND_UNIFORM,
    FlawKind.CUT_SHORT: vqa_pb2.PHOTO_ISSUE_KIND_CUT_SHORT,
    TextFlawKind.CUT_OFF: vqa_pb2.PHOTO_ISSUE_KIND_TEXT_CUT_OFF,
    TextFlawKind.SMALL: vqa_pb2.PHOTO_ISSUE_KIND_TEXT_SMALL,
    TextFlawKind.TURNED: vqa_pb2.PHOTO_ISSUE_KIND_TEXT_TURNED,
}
SKILLS = {
    None: vqa_pb2.SKILL_UNSPECIFIED,
    Skill.READ_TEXT: vqa_pb2.SKILL_READ_TEXT,
    Skill.MEDICINE: vqa_pb2.SKILL_MEDICINE,
    Skill.MONEY: vqa_pb2.SKILL_MONEY,
    Skill.ROAD: vqa_pb2.SKILL_ROAD,
}
UNFAMILIAR = {
    Unfamiliar.PHOTO: vqa_pb2.UNFAMILIAR_PHOTO,
    Unfamiliar.QUESTION: vqa_pb2.UNFAMILIAR_QUESTION,
}
