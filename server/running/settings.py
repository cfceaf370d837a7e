"""Every setting of `asksight serve`, each from a flag, the environment (ASKSIGHT_…), a TOML file, or its default."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import ServerError
from ..limits import MEBI, Limits
from ..wire.addresses import is_loopback

PREFIX = "ASKSIGHT_"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is in force. The names are those of the flags, with _ for -; they say their units."""

    model: tuple[str, ...] = ("scenes",)  # BUNDLE or NAME=BUNDLE; the first is the default
    host: str = "127.0.0.1"
    port: int = 50051
    http: int | None = None
    metrics: int | None = None  # the port of /metrics, /livez and /readyz
    metrics_host: str = "127.0.0.1"
    engine: str = "auto"
    threads: int | None = None  # of each engine; None: all cores, shared by the processes
    processes: int = 1
    workers: int = 256  # calls under way
    calls_per_caller: int = 128  # 0: as many as there are workers
    encoder_batch: int = 32
    answerer_batch: int = 32
    longest_wait_s: float = 2.0
    queue: int = 1024  # asks under way
    queue_mb: int = 512
    decoding_mb: int = 512
    cache_mb: int = 256
    hang_after_s: float = 30.0
    drain_grace: float = 5.0  # seconds of answering on after SIGTERM
    finish_within: float = 30.0  # seconds for what was accepted, after that
    watch: bool = True  # swap a bundle that changes on disk; SIGHUP always does
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_authority: str = ""
    tokens: str = ""
    insecure: bool = False
    log: str = "text"  # or json
    log_calls: bool = True
    log_questions: bool = False
    tracing: bool = False  # OpenTelemetry, to where OTEL_EXPORTER_OTLP_ENDPOINT says

    def limits(self) -> Limits:
        """The bounds of each assistant."""
        return Limits(
            encoder_batch=self.encoder_batch,
            answerer_batch=self.answerer_batch,
            longest_wait_s=self.longest_wait_s,
            queue_capacity=self.queue,
            queue_bytes=self.queue_mb * MEBI,
            decoding_bytes=self.decoding_mb * MEBI,
            cache_bytes=self.cache_mb * MEBI,
            hang_after_s=self.hang_after_s,
        )


def read_settings(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None
) -> tuple[Settings, dict[str, str]]:
    """Put the settings together; also say where each comes from. Raises ServerError on a wrong one.

    A flag that is None was not given.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field in fields(Settings):
        values[field.name], sources[field.name] = field.default, "default"
    for name, value in _from_file(file).items():
        values[name], sources[name] = _convert(name, value, str(file)), str(file)
    for name in values:
        variable = PREFIX + name.upper()
        if variable in environment:
            values[name], sources[name] = _convert(name, environment[variable], variable), variable
    for name, value in flags.items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            values[name], sources[name] = _convert(name, value, flag), flag
    settings = Settings(**values)
    check(settings)
    return settings, sources


def check(settings: Settings) -> None:
    """Raise ServerError for what does not go together or is unsafe."""
    for name in (
        "processes",
        "workers",
        "encoder_batch",
        "answerer_batch",
        "queue",
        "queue_mb",
        "decoding_mb",
    ):
        if getattr(settings, name) < 1:
            raise ServerError(f"{name} is {getattr(settings, name)}; it must be at least 1.")
    for name in ("calls_per_caller", "cache_mb", "drain_grace", "finish_within", "longest_wait_s"):
        if getattr(settings, name) < 0:
            raise ServerError(f"{name} is {getattr(settings, name)}; it must not be negative.")
    if settings.hang_after_s < 0.1:
        raise ServerError("hang_after_s must be at least 0.1.")
    if settings.log not in ("text", "json"):
        raise ServerError(f"log is {settings.log!r}; choose text or json.")
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise ServerError("tls_certificate and tls_key belong together; give both.")
    if settings.tls_client_authority and not settings.tls_certificate:
        raise ServerError("tls_client_authority needs tls_certificate and tls_key.")
    if not settings.model:
        raise ServerError("There is no model to serve; name at least one bundle.")
    if settings.processes > 1 and settings.http is not None:
        raise ServerError("http needs processes = 1: each would want the port. Run one more server for it.")
    if not settings.tls_certificate and not settings.insecure and not is_loopback(settings.host):
        raise ServerError(
            f"{settings.host} can be reached from other machines, and there is no TLS. Give --tls-certificate and "
            "--tls-key, or say --insecure if something in front of it encrypts."
        )


def as_toml(settings: Settings, sources: Mapping[str, str]) -> str:
    """Write what is in force as a file that could be given to --config; each line says where it comes from."""
    lines = []
    for field in fields(Settings):
        value = getattr(settings, field.name)
        written = "" if value is None else _toml(value)
        line = f"{field.name} = {written}" if written else f"# {field.name} is not set"
        lines.append(f"{line:<44} # {sources[field.name]}")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value)


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        read = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ServerError(f"{file} cannot be used as a configuration: {error}.") from error
    known = {field.name for field in fields(Settings)}
    unknown = sorted(set(read) - known)
    if unknown:
        raise ServerError(
            f"{file}: there is no setting {unknown[0]!r}. `asksight serve --check` lists them all."
        )
    return read


KINDS = {field.name: str(field.type) for field in fields(Settings)}
assert all(field.default is not MISSING for field in fields(Settings))


def _convert(name: str, value: Any, where: str) -> Any:
    """Bring a value to its setting's type: text from the environment, or a TOML value. Raises ServerError."""
    kind = KINDS[name].removesuffix(" | None")
    try:
        if kind.startswith("tuple"):
            given = value.split(",") if isinstance(value, str) else value
            return tuple(_text(one).strip() for one in given)
        if kind == "bool":
            return (
                value
                if isinstance(value, bool)
                else {"true": True, "1": True, "false": False, "0": False}[value]
            )
        if kind == "str":
            return _text(value)
        if isinstance(value, bool):
            raise ValueError
        return {"int": int, "float": float}[kind](value)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ServerError(f"{where}: {value!r} is no {kind} for {name}. Correct it.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
