"""What the protocol's six calls answer, once a call was let in, whoever carries the messages; in the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from asksight.v1 import vqa_pb2

from ..access.calls import Call
from ..asks import Ask
from ..core.assistant import Assistant, begun_together
from ..core.model import Model
from ..errors import AskError, ModelNotFound, VersionNotFound
from ..wire.requests import read
from ..wire.service import Answer
from .inference_messages import (
    ModelMetadataRequest,
    ModelMetadataResponse,
    ModelReadyRequest,
    ModelReadyResponse,
    ServerLiveRequest,
    ServerLiveResponse,
    ServerMetadataRequest,
    ServerMetadataResponse,
    ServerReadyRequest,
    ServerReadyResponse,
)
from .tensor_answers import OUTPUTS, to_response
from .tensor_asks import INPUTS, read_infer, to_asks

ANY = -1  # a dimension that is not fixed
PLATFORM = "asksight_bundle"
TENSOR_OF = {"image_data": "image", "model": "model_name"}  # what is called otherwise in an AskRequest


class InferenceMethods:
    """The calls by their names: those that a caller is let in for, and two that answer everybody, as health does."""

    def __init__(self, assistant: Assistant, is_ready: Callable[[], bool]) -> None:
        self._assistant = assistant
        self._is_ready = is_ready
        self.by_name: dict[str, Answer] = {
            "ServerMetadata": self.server_metadata,
            "ModelReady": self.model_ready,
            "ModelMetadata": self.model_metadata,
            "ModelInfer": self.model_infer,
        }
        # A message's type, and its answer.
        self.open_to_all: dict[str, tuple[Any, Callable[[], Any]]] = {
            "ServerLive": (ServerLiveRequest, self.live),
            "ServerReady": (ServerReadyRequest, self.ready),
        }

    def live(self) -> Any:
        """Whether it is worth while to wait: False where only a new process helps."""
        return ServerLiveResponse(live=not self._assistant.stuck)

    def ready(self) -> Any:
        """Whether asks should come here."""
        return ServerReadyResponse(ready=self._is_ready())

    async def server_metadata(self, message: bytes, _: Call) -> Any:
        """Say what this is."""
        read(ServerMetadataRequest, message)
        return ServerMetadataResponse(name="asksight", version=version("asksight"))

    async def model_ready(self, message: bytes, _: Call) -> Any:
        """Say whether a model's engines work. Raises ModelNotFound and VersionNotFound."""
        wanted = read(ModelReadyRequest, message)
        return ModelReadyResponse(ready=self._model(wanted.name, wanted.version).healthy)

    async def model_metadata(self, message: bytes, _: Call) -> Any:
        """Say what a model is given and gives. Raises ModelNotFound and VersionNotFound."""
        wanted = read(ModelMetadataRequest, message)
        model = self._model(wanted.name, wanted.version)
        response = ModelMetadataResponse(name=wanted.name, versions=[model.bundle.version], platform=PLATFORM)
        for name, given in INPUTS.items():
            response.inputs.add(name=name, datatype=given.datatype, shape=[ANY])
        for name, output in OUTPUTS.items():
            shape = [ANY, ANY] if output.wide else [ANY]
            response.outputs.add(name=name, datatype=output.datatype, shape=shape)
        return response

    async def model_infer(self, message: bytes, call: Call) -> Any:
        """Answer all asks that the tensors hold, or end with the first error."""
        infer = read_infer(message)
        name = infer.head.model_name
        model_version = self._model(name, infer.head.model_version).bundle.version
        outputs = infer.outputs
        most = self._assistant.limits.max_asks_per_batch
        asks = to_asks(infer, call.deadline_s, most=most, caller=call.caller_key)
        call.questions = [ask.question for ask in asks]
        call.holds(len(asks))
        return to_response(
            await self._replies(asks),
            outputs,
            model_name=name,
            model_version=model_version,
            id=infer.head.id,
            raw=bool(infer.raw),
        )

    async def _replies(self, asks: Sequence[Ask]) -> list[vqa_pb2.AskResponse]:
        if len(asks) == 1:
            return [await self._reply(asks[0], None)]
        try:
            return await begun_together(self._reply(ask, at) for at, ask in enumerate(asks))
        except ExceptionGroup as failed:  # by now nothing more is computed for the others
            raise failed.exceptions[0] from None

    async def _reply(self, ask: Ask, at: int | None) -> vqa_pb2.AskResponse:
        try:
            return await self._assistant.ask(ask)
        except AskError as error:
            raise ElementError(error, at) from None

    def _model(self, name: str, wanted: str) -> Model:
        """The one that is served under a name, which here has to be given. Raises ModelNotFound and VersionNotFound."""
        models = self._assistant.models
        if not name:
            raise ModelNotFound(name, known=models.names)
        model = models[name]
        if wanted not in ("", model.bundle.version):
            raise VersionNotFound(name, wanted, served=model.bundle.version)
        return model


class ElementError(AskError):
    """What is wrong with one ask of the tensors, told by their names."""

    def __init__(self, error: AskError, at: int | None = None) -> None:
        """`at` is its place among several, from 0."""
        field = TENSOR_OF.get(error.field, error.field)
        super().__init__(error.message if at is None else f"Element {at}: {error.message}")
        self.code = error.code
        self.field = field if at is None or not field else f"{field}[{at}]"
        self.retry_after_s = error.retry_after_s
