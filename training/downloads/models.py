"""Published models that AskSight can serve: a new one is one more row of MODELS.

Figures are those of the models' authors, with the conditions they were measured under; nobody has measured the bundles
made of them here. BLIP's, and what it was trained on, are from arXiv:2201.12086 and configs/vqa.yaml of
github.com/salesforce/BLIP, ViLT's from arXiv:2102.03334 (table 1 and section 4.1). Sizes, licences, commits and
checksums are as the hub shows them.
"""

from __future__ import annotations

from dataclasses import dataclass

HASH = 40  # hexadecimal digits of a whole commit hash


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What the authors say that the model reaches."""

    value: float
    metric: str
    source: str
    conditions: str


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """One row of the catalogue."""

    name: str
    kind: str  # the verb of `asksight import` that reads it
    repository: str
    revision: str  # a commit, or a reference where only the beginning of its commit is known
    commit: str  # what that revision must be: a commit hash, or the beginning of one
    licence: str  # as SPDX has it
    weights: int  # how many numbers
    size: int  # of the download, bytes, about
    accuracy: Accuracy
    trained_on: tuple[str, ...]  # lines for the bundle's card
    sha256: str | None = None  # of model.safetensors
    note: str = ""


_BLIP_CONDITIONS = (
    "by its authors at 480x480 px, choosing from a list by ranking its 128 likeliest answers; the hub's checkpoint "
    "runs at 384x384 px and AskSight lets it spell the answer, so expect less"
)
_BLIP_TRAINED_ON = (
    "129 million photos with texts, most of them from the web (COCO, Visual Genome, Conceptual Captions, SBU, LAION)",
    "the questions of VQA v2, training and validation, and of Visual Genome",
)

MODELS = (
    PublishedModel(
        name="blip-vqa",
        kind="blip",
        repository="Salesforce/blip-vqa-base",
        revision="c7df8e7cd7aa2ee9af18f56e2b29e59a92651b64",
        commit="c7df8e7cd7aa2ee9af18f56e2b29e59a92651b64",
        licence="BSD-3-Clause",
        weights=385_000_000,
        size=1_540_000_000,
        accuracy=Accuracy(
            value=78.2, metric="VQA v2 test-dev", source="arXiv:2201.12086", conditions=_BLIP_CONDITIONS
        ),
        trained_on=_BLIP_TRAINED_ON,
        sha256="33786eed34def0c95fa948128cb4386be9b9219aa2c2e25f1c9c744692121bb7",
    ),
    PublishedModel(
        name="blip-vqa-capfilt-large",
        kind="blip",
        repository="Salesforce/blip-vqa-capfilt-large",
        revision="refs/pr/7",
        commit="d57790f",
        licence="BSD-3-Clause",
        weights=385_000_000,
        size=1_540_000_000,
        accuracy=Accuracy(
            value=78.2, metric="VQA v2 test-dev", source="arXiv:2201.12086", conditions=_BLIP_CONDITIONS
        ),
        trained_on=_BLIP_TRAINED_ON,
        note="It is no larger than blip-vqa: the texts of its pre-training were filtered by a larger model. Its "
        "weights are the hub's own conversion to safetensors, at refs/pr/7.",
    ),
    PublishedModel(
        name="vilt-vqa",
        kind="vilt",
        repository="dandelin/vilt-b32-finetuned-vqa",
        revision="refs/pr/9",
        commit="799f1d2",
        licence="Apache-2.0",
        weights=118_000_000,
        size=470_000_000,
        accuracy=Accuracy(
            value=71.3,
            metric="VQA v2 test-dev",
            source="arXiv:2102.03334",
            conditions="by its authors, with photos of up to 384x640 px and a list of 3,129 answers, as here",
        ),
        trained_on=(
            "4.1 million photos with texts (COCO, Visual Genome, Conceptual Captions, SBU)",
            "the questions of VQA v2, training and validation",
        ),
        note="It reads photo and question together, so that the second question about a photo costs as much as the "
        "first. Its weights are the hub's own conversion to safetensors, at refs/pr/9.",
    ),
)


def published_model(name: str) -> PublishedModel | None:
    """The row of that name."""
    return next((one for one in MODELS if one.name == name), None)
