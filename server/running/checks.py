"""What is wrong with settings: all of it at once, a line each, before anything is opened."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from asksight.engine.bundle.load import load_bundle
from asksight.engine.errors import BundleError, EngineError
from asksight.engine.plans.pick import parse_wish
from asksight.engine.text_models import find_text_models

from ..access.tls import Certificates, TlsFiles
from ..access.tokens import TokenFile
from ..errors import ServerError
from ..observer import Observer
from ..second_cache.address import fault
from ..second_cache.redis_values import INSTALL, RedisValues, try_once
from ..wire.addresses import is_loopback
from .ray_checks import ray_faults

if TYPE_CHECKING:
    from .settings import Settings


# As browsers write an origin: no path, no capitals; "*" stands for all.
ORIGIN = re.compile(r"\*|https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


class WrongSettingsError(ServerError):
    """Settings that cannot be served with; `lines` say why, one a fault."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def faults(settings: Settings) -> Iterator[str]:
    """Give what is out of bounds, does not go together, or is unsafe."""
    for one in fields(settings):
        value, spec = getattr(settings, one.name), one.metadata["spec"]
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{one.name} is {value}; it must be a finite number."
        elif value is not None and spec.at_least is not None and value < spec.at_least:
            yield f"{one.name} is {value}; it must be at least {spec.at_least:g}."
        elif value is not None and spec.at_most is not None and value > spec.at_most:
            yield f"{one.name} is {value}; it must be at most {spec.at_most:g}."
    if settings.log not in ("text", "json"):
        yield f"log is {settings.log!r}; choose text or json."
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        yield "tls_certificate and tls_key belong together; give both."
    if settings.tls_client_authority and not settings.tls_certificate:
        yield "tls_client_authority needs tls_certificate and tls_key."
    for origin in settings.cors:
        if not ORIGIN.fullmatch(origin):
            yield f"cors is {origin!r}; write an origin as https://example.org or http://localhost:3000, or *."
    if settings.cors and settings.http is None:
        yield "cors needs http: it says which pages may ask on that port."
    if settings.features_cache and (wrong := fault(settings.features_cache)):
        yield f"features_cache: {wrong}."
    if not settings.model:
        yield "There is no model to serve; name at least one bundle."
    yield from ray_faults(settings, type(settings)())
    if not settings.tls_certificate and not settings.insecure and not is_loopback(settings.host):
        yield (
            f"{settings.host} can be reached from other machines, and there is no TLS. Give --tls-certificate and "
            "--tls-key, or say --insecure if something in front of it encrypts."
        )


def missing(settings: Settings, *, verify: bool) -> list[str]:
    """Give what the settings name and is not there, or is not as it should be.

    `verify` reads bundles whole, for their hashes, which who opens them next does anyway, and asks the Redis, without
    which a server starts all the same.
    """
    looks: list[Callable[[], object]] = [lambda: parse_wish(settings.engine)]
    for given in settings.model:
        where = given.rpartition("=")[2]
        looks.append(lambda where=where: load_bundle(where, verify=verify))  # type: ignore[misc]
    if settings.reader:
        looks.append(find_text_models)
    if settings.features_cache:
        looks.append(lambda: _try_second_cache(settings) if verify else second_cache(settings, Observer()))
    if settings.tokens:
        looks.append(lambda: TokenFile(Path(settings.tokens)))
    if tls := tls_files(settings):
        looks.append(lambda: Certificates(tls))
    return [line for look in looks if (line := _fault(look))]


def second_cache(settings: Settings, observer: Observer) -> RedisValues | None:
    """Where servers share features, None where they do not. Raises ServerError where the extra is missing."""
    if not settings.features_cache:
        return None
    try:
        return RedisValues(
            settings.features_cache,
            within_s=settings.features_cache_within_ms / 1000,
            keep_s=settings.features_cache_keep_s,
            observer=observer,
        )
    except ModuleNotFoundError as error:
        raise ServerError(f"features_cache needs the package {error.name}. {INSTALL}") from error


def _try_second_cache(settings: Settings) -> None:
    second_cache(settings, Observer())  # is it installed
    if wrong := asyncio.run(try_once(settings.features_cache)):
        raise ServerError(f"features_cache: {wrong}.")


def tls_files(settings: Settings) -> TlsFiles | None:
    """The files of TLS, None where there is to be none."""
    if not settings.tls_certificate:
        return None
    authority = settings.tls_client_authority
    return TlsFiles(
        certificate=Path(settings.tls_certificate),
        key=Path(settings.tls_key),
        client_authority=Path(authority) if authority else None,
    )


def _fault(look: Callable[[], object]) -> str | None:
    try:
        look()
    except (ServerError, BundleError, EngineError) as error:
        return " ".join(str(error).split())
    return None
