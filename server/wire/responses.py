"""What is written of batches and models; a single answer is written by telling.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from asksight.engine.bundle import NO_CARD, Source
from asksight.v1 import vqa_pb2

from ..asks import ModelInfo
from ..errors import AskError
from .status import to_item


def to_batch_response(results: Sequence[vqa_pb2.AskResponse | AskError]) -> vqa_pb2.AskBatchResponse:
    """Write the results of a batch, row by row."""
    return vqa_pb2.AskBatchResponse(
        results=[
            vqa_pb2.AskResult(error=to_item(one))
            if isinstance(one, AskError)
            else vqa_pb2.AskResult(response=one)
            for one in results
        ]
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
            min_photo_side_px=limits.photo.min_side_px,
            max_photo_side_px=limits.photo.max_side_px,
            max_photo_pixels=limits.photo.max_pixels,
        ),
        engine=model.engine,
        precision=model.precision,
        engine_notes=[f"{one.stage}: {one.text}" for one in model.fallbacks],
        about=model.about,
        uncalibrated=not model.calibrated,
        spells_answers=model.spells_answers,
        source=None if model.source is None else _source(model.source),
        card=None if model.card == NO_CARD else vqa_pb2.ModelCard(**asdict(model.card)),
        reads_text=model.reads_text,
    )


def _source(source: Source) -> vqa_pb2.ModelSource:
    figure = source.figure
    return vqa_pb2.ModelSource(
        repository=source.repository,
        revision=source.revision,
        licence=source.licence,
        sha256=source.sha256,
        figure=None if figure is None else vqa_pb2.ModelFigure(**asdict(figure)),
    )
