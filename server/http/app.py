"""The routes: asks by form or JSON, what is served, the OpenAPI document, and the page with all that it is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..limits import Limits
from .asking import Asking
from .health import Health
from .openapi import openapi
from .page_files import page_routes
from .problems import TITLES, Problem, refused
from .reading import FORM_FIELDS, PREDICT_FIELDS, read_ask, read_batch


def build_app(asking: Asking, limits: Limits, health: Health) -> Starlette:
    """The ASGI application, for the event loop that `asking` lives in."""

    def reading(fields: Mapping[str, str]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return _json(
                *await asking.ask(
                    request, lambda one, body, aside: read_ask(one, limits, body, aside, fields)
                )
            )

        return endpoint

    async def batch(request: Request) -> Response:
        return _json(
            *await asking.batch(request, lambda one, body, aside: read_batch(one, limits, body, aside))
        )

    async def model(request: Request) -> Response:
        return _json(*await asking.model(request, request.query_params.get("model", "")))

    async def models(request: Request) -> Response:
        names, headers = await asking.models(request)
        return JSONResponse({"models": names}, headers={"Cache-Control": "no-store", **headers})

    document = openapi(limits)

    async def document_page(_: Request) -> Response:
        return JSONResponse(document)

    return Starlette(
        routes=[
            Route("/v1/ask", reading(FORM_FIELDS), methods=["POST"]),
            Route("/v1/batch", batch, methods=["POST"]),
            Route("/predict", reading(PREDICT_FIELDS), methods=["POST"]),
            Route("/v1/model", model, methods=["GET"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/health/live", health.live, methods=["GET"]),
            Route("/v1/health/ready", health.ready, methods=["GET"]),
            Route("/openapi.json", document_page, methods=["GET"]),
            *page_routes(),
        ],
        exception_handlers={Problem: _say_problem, HTTPException: _say_http, Exception: _say_failure},
    )


def _json(message: Message, headers: Mapping[str, str]) -> Response:
    """Protobuf's JSON mapping, with every field there: zero is an answer too."""
    tree = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return JSONResponse(tree, headers={"Cache-Control": "no-store", **headers})


async def _say_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _say_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = f"{request.method} {request.url.path[:80]}: {TITLES.get(error.status_code, error.detail).lower()}."
    code = {404: "NOT_FOUND"}.get(error.status_code)
    problem = refused(error.status_code, f"{said} See /docs.")
    response = (Problem(problem.status, code, problem.detail) if code else problem).response()
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _say_failure(_: Request, error: Exception) -> Response:
    """Starlette raises the error again after this, and uvicorn logs it with its traceback."""
    return Problem(500, "INTERNAL", "The server failed on this request. Its log says why.").response()
