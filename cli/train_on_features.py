"""The half of `asksight train` that learns from stored features: alone, as one of several workers, or with Ray."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .progress import Bar

if TYPE_CHECKING:
    from asksight.training.cluster.tf_config import Cluster
    from asksight.training.datasets.splits import Splits
    from asksight.training.learning.fitting import StepsDone
    from asksight.training.learning.stored_settings import StoredSettings


def sizes_of(arch: str) -> set[str]:
    """The settings that are sizes of this model."""
    from asksight.training.models.sizes import LstmSizes, MlpSizes

    kinds = {"mlp": MlpSizes, "lstm": LstmSizes}
    return {one.name for one in fields(kinds[arch])} if arch in kinds else set()


def stored_settings(
    arch: str, chosen: dict[str, Any], data: Path, splits: Splits, features: str
) -> StoredSettings:
    """All that a run is made from. Raises FeatureError where there is no such store."""
    from asksight.training.features.store import read_about
    from asksight.training.learning.stored_settings import QUESTION_ONLY, StoredSettings

    told = dict(chosen)
    sizes = {name: told.pop(name) for name in sizes_of(arch) & told.keys()}
    if "min_answer_count" in told:
        told.setdefault("top_answers", None)
    if arch == "attention":
        told.setdefault("optimizer", "adam")
    return StoredSettings(
        arch=arch,
        data=str(data),
        features=features,
        encoder={} if features == QUESTION_ONLY else read_about(Path(features)).encoder,
        train_split=splits.train,
        val_split=splits.val,
        sizes=sizes,
        **told,
    )


def train_on_features(
    cluster: Cluster | None,
    wait_s: float,
    settings: StoredSettings,
    out: Path,
    options: dict[str, Any],
    bar: Bar,
) -> None:
    """Train here: alone, or as one of the workers of `cluster`."""
    from asksight.training.learning.stored_workers import Workers
    from asksight.training.learning.train_stored import train_stored

    workers = None if cluster is None else Workers(cluster, wait_s=wait_s)
    train_stored(settings, out, workers=workers, report=reporter(bar), say=bar.say, **options)


def train_on_ray(
    workers: int, wait_s: float, settings: StoredSettings, out: Path, options: dict[str, Any], bar: Bar
) -> None:
    """Train on workers of Ray."""
    from asksight.training.cluster.ray_train import train_with_ray

    bar.say(f"starting {workers} workers with Ray")
    train_with_ray(settings, out, workers=workers, wait_s=wait_s, say=bar.say, **options)


def reporter(bar: Bar) -> Any:
    """Shows the steps that this process does on the bar."""

    def report(at: StepsDone) -> None:
        bar.at("steps", at.step - at.first, at.steps - at.first)
        bar.note(f"loss {at.loss:.3f}")

    return report
