"""The application that Ray Serve runs: how many replicas, what each takes, when one more is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig, RequestRouterConfig
from ray.serve.schema import LoggingConfig

from ..running.checks import WrongSettingsError
from ..running.ray_checks import replicas_of
from ..running.setting_sources import read_settings
from ..running.settings import SPECS, Settings
from .haproxy_mode import behind_haproxy
from .replica import Replica

NAME = "asksight"
ROUTE = "/asksight"  # Ray's proxies know no application without one; over HTTP nothing answers there
DEPLOYMENT = "AskSight"
ROUTER = "asksight.server.ray_serve.photo_router.PhotoRouter"
# A refusal of ours says when to come back, Ray's does not; so a replica always takes more than our own gate lets in.
OVER_OUR_GATE = 1024  # at once, before our gate has seen the first of them
# A replica is there within seconds, and takes its cache along when it leaves.
UPSCALE_AFTER_S, DOWNSCALE_AFTER_S, LOOK_BACK_S = 5.0, 60.0, 15.0
HEALTH_EVERY_S = 1.0  # Ray's default is 10: so long photos would have no place for each replica that dies


def application(settings: Settings) -> Application:
    """Give what `serve.run` and `serve build` take. Files are looked for on each machine at the same place."""
    given = asdict(
        replace(settings, model=tuple(map(_at, settings.model)), tokens=_absolute(settings.tokens))
    )
    deployment: Any = serve.deployment(Replica)
    bound: Application = deployment.options(name=DEPLOYMENT, **options(settings)).bind(given)
    return bound


def options(settings: Settings) -> dict[str, Any]:
    """What Ray is told of the deployment, from our settings."""
    least, most = replicas_of(settings.replicas)
    if least == most:
        count: dict[str, Any] = {"num_replicas": least}
    else:
        scaling = AutoscalingConfig(
            min_replicas=least,
            max_replicas=most,
            target_ongoing_requests=float(
                settings.encoder_batch
            ),  # a batch is full: the next photo would wait
            upscale_delay_s=UPSCALE_AFTER_S,
            downscale_delay_s=DOWNSCALE_AFTER_S,
            look_back_period_s=LOOK_BACK_S,
        )
        count = {"autoscaling_config": scaling}
    by_photo: dict[str, Any] = {"request_router_class": ROUTER}
    return {
        **count,
        "max_ongoing_requests": settings.workers + OVER_OUR_GATE,
        "health_check_period_s": HEALTH_EVERY_S,
        "graceful_shutdown_wait_loop_s": settings.drain_grace,
        "graceful_shutdown_timeout_s": settings.drain_grace + settings.finish_within,
        "ray_actor_options": {
            "num_cpus": settings.threads or 1,
            "num_gpus": int(settings.engine.startswith("tensorrt")),
        },
        "logging_config": LoggingConfig(enable_access_log=False),  # ours has a line for each call
        **({} if behind_haproxy() else {"request_router_config": RequestRouterConfig(**by_photo)}),
    }


def app(args: Mapping[str, Any]) -> Application:
    """The same for `import_path` of a Serve configuration, whose `args` are settings by name. Raises ServerError."""
    if unknown := [name for name in args if name not in SPECS]:
        raise WrongSettingsError([f"args: there is no setting {name!r}." for name in unknown])
    settings, _ = read_settings({**args, "ray": True}, {}, None)
    return application(for_replicas(settings))


def for_replicas(settings: Settings) -> Settings:
    """The settings with as many threads as Ray is asked for."""
    return replace(settings, threads=settings.threads or 1)


def _at(model: str) -> str:
    name, equals, where = model.rpartition("=")
    return f"{name}{equals}{_absolute(where)}" if Path(where).exists() else model  # else "scenes"


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else path
