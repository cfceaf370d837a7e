"""The OpenAPI document, its schemas read from the protobuf descriptors, so that it cannot lag behind the contract."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration

from asksight.v1 import vqa_pb2

from ..limits import Limits
from .meanings import MEANINGS
from .problems import TITLES
from .reading import MOST_TOP_K

Tree = dict[str, Any]

PROBLEM = "application/problem+json"
ASK_FAILURES = (400, 401, 403, 404, 408, 413, 415, 429, 499, 500, 503, 504)
MODEL_FAILURES = (400, 401, 403, 404, 429, 499, 500, 503, 504)
MODELS_FAILURES = (401, 403, 429, 499, 500, 503)

# Protobuf's JSON mapping takes numbers as text too, and null for what is not given.
UINT32 = {"type": "integer", "minimum": 0, "maximum": MOST_TOP_K}
SCALARS: dict[int, Tree] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "format": "byte"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_UINT32: UINT32,
    FieldDescriptor.TYPE_INT32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    FieldDescriptor.TYPE_FLOAT: {"type": "number"},
}
QUESTION = {"type": "string", "minLength": 1, "pattern": r"\S"}
TIMEOUT = {
    "name": "Grpc-Timeout",
    "in": "header",
    "description": "How long the caller waits: digits and H, M, S, m, u or n; 2500m is 2.5 seconds. Without: 30S.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,8}[HMSmun]$"},
}


def openapi(limits: Limits) -> Tree:
    """The document, version 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AskSight",
            "version": version("asksight"),
            "summary": "Answers questions about photos, says how sure it is, and says so when it cannot tell.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/ask": {"post": _asking("ask", "Ask about a photo", _form("question"))},
            "/v1/batch": {"post": _batch()},
            "/predict": {"post": _asking("predict", "The same, with the tutorial's names", _form("ques"))},
            "/v1/model": {"get": _get_model()},
            "/v1/models": {"get": _get_models()},
            "/v1/health/live": {"get": _get_health("live", "Whether this process can still be helped")},
            "/v1/health/ready": {"get": _get_health("ready", "Whether asks should come here")},
        },
        "components": {
            "schemas": {
                "AskRequest": _ask_request(limits),
                "AskBatchRequest": _ask_batch_request(limits),
                "AskBatchResponse": _message(vqa_pb2.AskBatchResponse.DESCRIPTOR),
                "AskResponse": _message(vqa_pb2.AskResponse.DESCRIPTOR),
                "Model": _message(vqa_pb2.GetModelResponse.DESCRIPTOR),
                "Models": _models(),
                "Problem": _problem(),
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _asking(name: str, summary: str, form: Tree) -> Tree:
    content: Tree = {"multipart/form-data": {"schema": form}}
    content["application/json"] = {"schema": _ref("AskRequest")}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [TIMEOUT],
        "requestBody": {"required": True, "content": content},
        "responses": _responses("AskResponse", ASK_FAILURES),
    }


def _batch() -> Tree:
    form = _form("question")
    form["properties"]["question"] = {
        "type": ["array", "string"],  # of a form nobody can tell one from a list of one
        "items": {"type": "string"},  # what is none fails alone
        "minItems": 1,
        "description": "What you want to know about the photo; once for each question.",
    }
    return {
        "operationId": "batch",
        "summary": "Ask many at once; each is answered, or fails, by itself",
        "parameters": [TIMEOUT],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": _ref("AskBatchRequest")},
            },
        },
        "responses": _responses("AskBatchResponse", ASK_FAILURES),
    }


def _get_model() -> Tree:
    wanted = {
        "name": "model",
        "in": "query",
        "schema": {"type": "string"},
        "description": MEANINGS["AskRequest.model"],
    }
    return {
        "operationId": "model",
        "summary": "What is being served",
        "parameters": [wanted, TIMEOUT],
        "responses": _responses("Model", MODEL_FAILURES),
    }


def _get_models() -> Tree:
    return {
        "operationId": "models",
        "summary": "The models that are served",
        "parameters": [],
        "responses": _responses("Models", MODELS_FAILURES),
    }


def _models() -> Tree:
    names = {
        "type": "array",
        "items": {"type": "string"},
        "description": "Their names, that of the default first.",
    }
    return {"type": "object", "required": ["models"], "properties": {"models": names}}


def _get_health(name: str, summary: str) -> Tree:
    word = {"type": "string", "enum": ["ok", "no"], "description": "In a word."}
    said: Tree = {"type": "object", "required": ["status"], "properties": {"status": word}}
    content = {"application/json": {"schema": said}}
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": "Yes", "content": content},
            "503": {"description": "No", "content": content},
        },
    }


def _responses(schema: str, failures: tuple[int, ...]) -> Tree:
    good = {"description": "Done", "content": {"application/json": {"schema": _ref(schema)}}}
    bad = {
        str(status): {
            "description": TITLES[status],
            "content": {PROBLEM: {"schema": _ref("Problem")}},
        }
        for status in failures
    }
    return {"200": good, **bad}


def _form(question: str) -> Tree:
    return {
        "type": "object",
        "required": [question],
        "additionalProperties": False,
        "properties": {
            "image": {
                "type": "string",
                "format": "binary",
                "description": "A JPEG, PNG or WebP file. Either this or image_id.",
            },
            "image_id": {"type": "string", "description": MEANINGS["AskRequest.image_id"]},
            question: {**QUESTION, "description": MEANINGS["AskRequest.question"]},
            "top_k": {**UINT32, "description": MEANINGS["AskRequest.top_k"]},
            "model": {"type": "string", "description": MEANINGS["AskRequest.model"]},
            "locale": {"type": "string", "description": MEANINGS["AskRequest.locale"]},
            "previous_question": {"type": "string", "description": MEANINGS["AskRequest.previous_question"]},
            "previous_answer": {"type": "string", "description": MEANINGS["AskRequest.previous_answer"]},
            "want_attention": {"type": "boolean", "description": MEANINGS["AskRequest.want_attention"]},
        },
    }


def _ask_request(limits: Limits) -> Tree:
    """Both spellings of a name are read, as protobuf's mapping has it; the camel-cased one is shown."""
    schema = _message(vqa_pb2.AskRequest.DESCRIPTOR)
    schema["properties"]["question"] |= {**QUESTION, "maxLength": limits.max_question_chars}
    schema["required"] = ["question"]
    schema["not"] = {"required": ["imageData", "imageId"]}
    return schema


def _ask_batch_request(limits: Limits) -> Tree:
    """What an ask cannot be answered for is said in its own result, so that less is refused here than of one ask."""
    ask = _message(vqa_pb2.AskRequest.DESCRIPTOR)
    field: Tree
    for field in ask["properties"].values():
        whole = field["type"] == "integer"
        field["type"] = [field["type"], "null"] + (["string"] if whole else [])
    asks = {
        "type": "array",
        "items": ask,
        "minItems": 1,
        "maxItems": limits.max_asks_per_batch,
        "description": MEANINGS["AskBatchRequest.asks"],
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["asks"],
        "properties": {"asks": asks},
    }


def _message(descriptor: Descriptor) -> Tree:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.json_name: _field(descriptor.name, field) for field in descriptor.fields},
    }


def _field(message: str, field: FieldDescriptor) -> Tree:
    schema: Tree
    if field.message_type is Duration.DESCRIPTOR:
        schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$"}
    elif field.message_type is not None:
        schema = _message(field.message_type)
    elif field.enum_type is not None:
        schema = {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    else:
        schema = dict(SCALARS[field.type])
    about = {"description": MEANINGS[f"{message}.{field.name}"]}
    return {"type": "array", "items": schema, **about} if field.is_repeated else {**schema, **about}


def _problem() -> Tree:
    text = {"type": "string"}
    wrong = {"type": "object", "properties": {"field": text, "detail": text}}
    return {
        "type": "object",
        "description": "RFC 9457. `code` is the gRPC status of the same meaning.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": text,
            "errors": {"type": "array", "items": wrong},
            "retryAfterSeconds": {"type": "number"},
        },
    }


def _ref(name: str) -> Tree:
    return {"$ref": f"#/components/schemas/{name}"}
