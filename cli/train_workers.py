"""`asksight train` as one of several workers: what TF_CONFIG says of them, and what cannot be trained so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from .idle import refuse_idle

if TYPE_CHECKING:
    from asksight.training.cluster.tf_config import Cluster


def find_cluster(context: typer.Context, *, from_photos: bool, ray: bool) -> Cluster | None:
    """The workers that this process is one of; None: it trains alone, or starts others with Ray.

    Raises BadParameter for what does nothing alone, and for what several cannot do; ClusterError for a bad TF_CONFIG.
    """
    from asksight.training.cluster.tf_config import read_cluster

    cluster = read_cluster(os.environ)
    if not ray:
        refuse_idle(context, "without --ray", "workers")
    if cluster is None and not ray:
        refuse_idle(context, "where TF_CONFIG names no other machine", "wait_for_workers")
        return None
    if from_photos:
        raise typer.BadParameter(
            "is missing: several machines train on stored features, not from photos. Make a store with asksight "
            "features and name it, or train on one machine, without TF_CONFIG and --ray.",
            param_hint="--features",
        )
    if ray and cluster is not None:
        raise typer.BadParameter("sets TF_CONFIG for its workers; unset it here.", param_hint="--ray")
    return cluster


def share_done(cluster: Cluster) -> str:
    """What a worker says that is not the chief."""
    return (
        f"{cluster.named(cluster.index).capitalize()} has done its share; the run is with {cluster.named(0)}."
    )
