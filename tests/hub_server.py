"""A stand-in for the Hugging Face hub on the loopback: it answers what `huggingface_hub` asks for, and has the faults
that the real one has. Paths and headers are as that library's source reads them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LFS = (".safetensors", ".bin", ".h5")


@dataclass
class HubRepository:
    """A model: its files, the commit they are, and what else the hub knows of it."""

    files: dict[str, bytes]
    commit: str = "c0ffee" * 6 + "abcd"
    references: dict[str, str] = field(default_factory=dict)  # other revisions, by name
    licence: str = "bsd-3-clause"
    gated: bool = False

    @classmethod
    def of(cls, folder: Path, **about: str) -> HubRepository:
        """The files of a folder."""
        return cls({one.name: one.read_bytes() for one in sorted(folder.iterdir())}, **about)  # type: ignore[arg-type]

    def means(self, revision: str) -> str | None:
        """The commit of a revision."""
        known = {"main": self.commit, **self.references}
        return revision if revision in known.values() else known.get(revision)


@dataclass
class HubServer:
    """What it serves and how; change it at any time."""

    models: dict[str, HubRepository] = field(default_factory=dict)
    refusals: dict[str, int] = field(
        default_factory=dict
    )  # the code to answer with, by the beginning of a path
    corrupt: set[str] = field(default_factory=set)  # files that arrive at their length, but changed
    drop_after: dict[str, int] = field(
        default_factory=dict
    )  # bytes of a file, then the connection is cut, once
    silent: threading.Event | None = None  # answers nothing until it is set
    address: str = ""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, Range
    shown: list[tuple[str, str | None]] = field(default_factory=list)  # host, Authorization

    def fetched(self) -> list[str]:
        """The names of the files that were asked for, in order."""
        return [path.rsplit("/", 1)[-1] for method, path, _ in self.asked if "/resolve/" in path]


def git_name(content: bytes) -> str:
    """What git calls a file of that content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def hub_server(**models: HubRepository) -> Iterator[HubServer]:
    """Serve on a free port of this machine until the block ends."""
    state = HubServer(models=dict(models))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            state.asked.append((self.command, path, self.headers.get("Range")))
            state.shown.append((self.headers["Host"], self.headers.get("Authorization")))
            if state.silent is not None:
                state.silent.wait()
            refusal = next((code for start, code in state.refusals.items() if path.startswith(start)), None)
            if refusal is not None:
                self.answer(refusal, headers={"Retry-After": "7"} if refusal == 429 else {})
            elif path.startswith("/api/models/"):
                self.tell(path.removeprefix("/api/models/"))
            elif "/resolve/" in path:
                self.resolve(path)
            elif path.startswith("/storage/"):
                self.store(path)
            else:
                self.answer(404)

        def tell(self, path: str) -> None:
            name, _, revision = path.partition("/revision/")
            model = state.models.get(name)
            if model is None:
                self.answer(401, headers={"X-Error-Code": "RepoNotFound"})
            elif (commit := model.means(revision or "main")) is None:
                self.answer(404, headers={"X-Error-Code": "RevisionNotFound"})
            else:
                about = {
                    "id": name,
                    "sha": commit,
                    "tags": ["visual-question-answering", f"license:{model.licence}"],
                    "siblings": [_sibling(*one) for one in sorted(model.files.items())],
                }
                self.answer(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

        def resolve(self, path: str) -> None:
            name, _, rest = path.lstrip("/").partition("/resolve/")
            model, (revision, _, file) = state.models[name], rest.partition("/")
            body, commit = model.files.get(file), model.means(revision)
            about = {"X-Repo-Commit": commit or ""}
            if model.gated and self.headers.get("Authorization") != "Bearer of-an-accepted-account":
                self.answer(401, headers={"X-Error-Code": "GatedRepo"})
            elif body is None or commit is None:
                self.answer(404, headers={"X-Error-Code": "EntryNotFound"})
            elif file.endswith(LFS):
                # The hub keeps large files on another host.
                self.answer(
                    302,
                    headers={
                        **about,
                        "Location": f"{state.address.replace('127.0.0.1', 'localhost')}/storage/{name}/{file}",
                        "X-Linked-Etag": f'"{hashlib.sha256(body).hexdigest()}"',
                        "X-Linked-Size": str(len(body)),
                    },
                )
            else:
                self.send_file(file, body, {**about, "ETag": f'"{git_name(body)}"'})

        def store(self, path: str) -> None:
            name, _, file = path.removeprefix("/storage/").rpartition("/")
            body = state.models[name].files[file]
            self.send_file(file, body, {"ETag": f'"{hashlib.sha256(body).hexdigest()}"'})

        def send_file(self, file: str, body: bytes, headers: dict[str, str]) -> None:
            if file in state.corrupt:
                body = body[:-1] + bytes([body[-1] ^ 1])
            wanted = self.headers.get("Range")
            if not wanted:
                self.answer(200, body, headers, state.drop_after.pop(file, None))
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.answer(206, body[start:], headers, state.drop_after.pop(file, None))

        def answer(
            self,
            code: int,
            body: bytes = b"",
            headers: dict[str, str] | None = None,
            drop_after: int | None = None,
        ) -> None:
            self.send_response(code)
            for header, value in (headers or {}).items():
                self.send_header(header, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[:drop_after])
            self.close_connection = drop_after is not None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        if state.silent is not None:
            state.silent.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _sibling(name: str, content: bytes) -> dict[str, object]:
    about: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": git_name(content)}
    if name.endswith(LFS):
        about["lfs"] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "pointerSize": 135,
        }
    return about
