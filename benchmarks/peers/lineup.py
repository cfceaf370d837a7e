"""The peers that are compared: how each is started, and the protocol in which it is asked."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plain_grpc import PlainGrpc
from plain_http import PlainHttp

from . import wire
from .inputs import QUESTIONS, new_photos, photos
from .internals import serve_command
from .processes import Tree, free_port
from .work import Answers

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "peers"
STARTS_WITHIN_S = 150.0
QUESTIONS_A_PHOTO = 10

Caller = Callable[[bytes], bytes]
Talk = Generator[bytes, bytes, None]  # yields messages, and is sent the response to each


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the peers of a run are started with."""

    bundle: Path | None = None
    keras: Path | None = None
    compiled: str = ""  # the precisions of AskSight's compiled plans; "" without plans


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server to compare, with its configuration."""

    name: str
    module: str = ""  # a module of this package; "": the command `asksight serve`
    protocol: str = "asksight"  # or triton, form, json, and loop for none
    venv: str = ""  # a folder in build/peers; "": this interpreter
    work: str = "vqa"
    engine: str = "onnxruntime"  # the engine that AskSight uses
    known_photo: bool = False  # each ask has the same photo
    spins: bool = False  # uses the processor while idle, so that it is paused during the others' turns
    environment: tuple[tuple[str, str], ...] = ()


TRITON = Peer(name="Triton (PyTriton)", module="serve_triton", protocol="triton", venv="triton")
LITSERVE = Peer(name="LitServe", module="serve_litserve", protocol="json", venv="litserve", spins=True)
RAY = Peer(
    name="Ray Serve, gRPC",
    module="serve_ray",
    venv="ray",
    environment=(
        ("RAY_SERVE_THROUGHPUT_OPTIMIZED", "1"),
        ("RAY_USAGE_STATS_ENABLED", "0"),
        ("RAY_AUTH_MODE", "disabled"),
    ),
)
TUTORIAL = Peer(
    name="tutorial: Flask, Keras, spaCy", module="serve_tutorial", protocol="form", venv="tutorial"
)
GRPCIO = Peer(name="grpcio, threads", module="serve_grpcio")
AIO = Peer(name="grpc.aio", module="serve_aio")
LOOP = Peer(name="the engines in a loop, no server", module="serve_loop", protocol="loop")
ASKSIGHT = Peer(name="AskSight, float32")
COMPILED = Peer(name="AskSight, compiled", engine="auto")
WIRE = Peer(name="AskSight, wire only", module="serve_asksight", work="wire")
WHOLE = Peer(name="AskSight, all but the engines", module="serve_asksight", known_photo=True)


class NotHereError(Exception):
    """A peer cannot be started; the message says why."""


class Started:
    """A running peer."""

    def __init__(self, peer: Peer, setting: Setting) -> None:
        """Start the peer and wait for its first answer. Raises NotHereError."""
        self.peer = peer
        self._setting = setting
        self.port = free_port()
        environment = {**os.environ, **dict(peer.environment)}
        paths = [str(ROOT / "benchmarks")]
        python = sys.executable
        if peer.venv:
            folder = BUILT / peer.venv
            refused = folder / "not_installed"
            if refused.exists() or not folder.exists():
                why = (
                    refused.read_text("utf-8").strip() if refused.exists() else "make bench-peers installs it"
                )
                raise NotHereError(f"not installed: {why}")
            if peer.venv == "tutorial":  # it uses this interpreter's TensorFlow
                paths += map(str, folder.glob("lib/python*/site-packages"))
            else:
                paths += [str(ROOT / "build" / "types"), str(ROOT / "proto")]  # this checkout
                python = str(folder / "bin" / "python")
                environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment['PATH']}"
        if peer.module:
            command = [
                python,
                "-P",
                "-m",
                f"peers.{peer.module}",
                "--port",
                str(self.port),
                "--work",
                peer.work,
            ]
            if setting.bundle:
                command += ["--bundle", str(setting.bundle), "--keras", str(setting.keras)]
        else:
            assert setting.bundle is not None
            command, more = serve_command(python, setting.bundle, self.port, peer.engine)
            environment |= more
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        log = BUILT / "logs" / f"{peer.name.split(',')[0].split(':')[0]} {peer.work} {peer.engine}.log"
        self.tree = Tree(command, environment, log)
        self._connection: PlainGrpc | PlainHttp | None = None
        self._dialogues: dict[bool, list[Caller]] = {}  # by whether the caller keeps the features
        self._uncounted = 0
        try:
            self._wait()
        except BaseException:
            self.end()
            raise

    def _wait(self) -> None:
        if self.peer.protocol == "loop":
            if not self._line():
                raise NotHereError(f"did not start: {self.tree.last_words()}")
            return
        end_s, why = time.monotonic() + STARTS_WITHIN_S, "no answer"
        while time.monotonic() < end_s:
            if not self.tree.alive:
                raise NotHereError(f"did not start: {self.tree.last_words()}")
            try:
                self.answers(photos()[0], QUESTIONS[0])
            except (OSError, RuntimeError) as error:
                why = str(error)
                time.sleep(0.5)
            else:
                return
        raise NotHereError(f"gave no answer within {STARTS_WITHIN_S:.0f} s: {why}")

    def _connect(self) -> PlainGrpc | PlainHttp:
        """Connect again for each turn, since servers close connections that are idle for a while."""
        if self._connection is not None:
            self._connection.close()
        if self.peer.protocol in ("form", "json"):
            return PlainHttp(self.port)
        return PlainGrpc(self.port, wire.MODEL_INFER if self.peer.protocol == "triton" else wire.ASK)

    def answers(self, photo: bytes, question: str) -> Answers:
        """Ask once. Raises RuntimeError where the ask fails, as with a status other than OK."""
        heard: list[bytes] = []

        def caller(answer: bytes) -> bytes:
            heard.append(answer)
            return self.message(photo, question)

        self._connection = self._connect()
        self._connection.talk([caller], 0)
        read = {"triton": wire.infer_answers, "form": wire.http_answers, "json": wire.http_answers}
        found = read.get(self.peer.protocol, wire.asked)(heard[-1])
        if not found:
            raise RuntimeError(f"{self.peer.name} gave no answers")
        return found

    def message(self, photo: bytes, question: str) -> bytes:
        """An ask in the peer's protocol."""
        if self.peer.protocol == "triton":
            photo_tensor = wire.text("photo", photo)
            return wire.infer("vqa", photo_tensor, wire.text("question", question.encode()))
        if self.peer.protocol == "form":
            return wire.form(self.port, "/predict", photo, question)
        if self.peer.protocol == "json":
            return wire.json_ask(self.port, "/predict", photo, question)
        return wire.ask(photo, question)

    def ask_new(self, callers: int, seconds: float) -> list[float]:
        """Ask with this many callers, each ask with a new photo; gives the seconds of each ask."""
        if self.peer.protocol == "loop":
            self._tell(seconds)
            took_s: list[float] = json.loads(self._line())["took_s"]
            return took_s
        shown = itertools.repeat(photos()[0]) if self.peer.known_photo else new_photos(time.time_ns())
        asked = itertools.cycle(QUESTIONS)

        def caller(_: bytes) -> bytes:
            return self.message(next(shown), next(asked))

        self._connection = self._connect()
        return self._connection.talk([caller] * callers, seconds)

    def ask_ten(self, callers: int, seconds: float, *, by_hand: bool = False) -> list[float]:
        """As `ask_new`, with ten questions about each photo, in the best way that the peer's protocol has.

        With `by_hand`, Triton's caller keeps the features. Computing them is then a call by itself and not an ask, so
        one call for each photo is left out of the result, the longest ones.
        """
        if by_hand not in self._dialogues:
            shown = new_photos(time.time_ns())
            self._dialogues[by_hand] = [self._dialogue(shown, by_hand, at) for at in range(callers)]
        self._uncounted = 0
        self._connection = self._connect()
        took_s = self._connection.talk(self._dialogues[by_hand], seconds)
        return sorted(took_s)[: len(took_s) - self._uncounted]

    def _dialogue(self, shown: Iterator[bytes], by_hand: bool, number: int) -> Caller:
        if by_hand:
            talk = self._by_hand(shown, number)
        elif self.peer.protocol == "triton":
            talk = self._each_time(shown, number)
        else:
            talk = self._by_id(shown, number)

        next_message = [next(talk)]  # the message that was not sent when the last turn ended

        def caller(answer: bytes) -> bytes:
            if answer:
                next_message[0] = talk.send(answer)
            return next_message[0]

        return caller

    def _by_id(self, shown: Iterator[bytes], number: int) -> Talk:
        """AskSight's way: the photo with the first question, then its id, which is its SHA-256."""
        for photo, questions in zip(shown, first_shorter(number), strict=False):
            image_id = hashlib.sha256(photo).hexdigest()
            yield wire.ask(photo, questions[0])
            for question in questions[1:]:
                yield wire.ask_again(image_id, question)

    def _each_time(self, shown: Iterator[bytes], number: int) -> Talk:
        for photo, questions in zip(shown, first_shorter(number), strict=False):
            for question in questions:
                yield self.message(photo, question)

    def _by_hand(self, shown: Iterator[bytes], number: int) -> Talk:
        for photo, questions in zip(shown, first_shorter(number), strict=False):
            (features,) = wire.inferred((yield wire.infer("encode", wire.text("photo", photo))))
            self._uncounted += 1
            for question in questions:
                told = wire.text("question", question.encode())
                yield wire.infer("answer", wire.floats("features", features), told)

    def _tell(self, seconds: float) -> None:
        assert self.tree.process.stdin is not None
        self.tree.process.stdin.write(f"{seconds}\n")
        self.tree.process.stdin.flush()

    def _line(self) -> str:
        assert self.tree.process.stdout is not None
        return self.tree.process.stdout.readline()

    def end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self.tree.end()


def first_shorter(number: int) -> Iterator[Sequence[str]]:
    """Ten questions for each photo. Caller `number` begins with fewer, so that not all callers send photos at once."""
    yield QUESTIONS[: 1 + number % QUESTIONS_A_PHOTO]
    while True:
        yield QUESTIONS[:QUESTIONS_A_PHOTO]
