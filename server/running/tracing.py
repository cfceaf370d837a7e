"""OpenTelemetry traces of every call, through its own instrumentation of gRPC and ASGI; needs the extra `tracing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ServerError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def wrap_http(app: ASGIApp) -> ASGIApp:
    """The same for HTTP, once `interceptors` has set the exporter up."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    wrapped: ASGIApp = OpenTelemetryMiddleware(app, exclude_spans=["receive", "send"])
    return wrapped


def interceptors() -> tuple[Any, ...]:
    """Set the exporter up as the OTEL_… variables say, and give what joins callers' traces. Raises ServerError."""
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.grpc import aio_server_interceptor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise ServerError(
            f"{error.name} is not installed. In a copy of AskSight's repository, run: pip install -e '.[tracing]'"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "asksight"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    make: Any = aio_server_interceptor  # it has no types
    return (make(),)
