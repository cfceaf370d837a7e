"""One file over HTTP, taken up again where it stopped: by the next try, or by the next run.

What has arrived lies in NAME.part; NAME itself appears only when all of it is there and its checksum is right.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import DownloadError

_CHUNK = 1 << 20
_TIMEOUT_S = 30.0  # without a byte
_TRIES = 6  # in a row that bring nothing new
_LONGEST_WAIT_S = 30.0
_AGAIN = {408, 425, 429, 500, 502, 503, 504}  # the server may answer better later
_OURS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG}  # not the server's fault
_NEVER = re.compile(r"(Temporary failure in )?[Nn]ame (or service not known|resolution)|getaddrinfo failed")


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """How to behave on the way; tests pass their own clock."""

    progress: Callable[[int], None] = lambda arrived: None  # told how many bytes have just arrived
    sleep: Callable[[float], None] = time.sleep
    timeout_s: float = _TIMEOUT_S
    headers: Mapping[str, str] = field(
        default_factory=dict
    )  # for this server alone: left out where it redirects
    refused: Callable[[str, int], str] | None = None  # what to say of an address and the code it answers with
    elsewhere: str = (
        "Is this machine online? The file may also be fetched elsewhere and put into the folder `archives` of --out; "
        "the same command then takes it from there."
    )


def length(url: str, how: Fetching) -> int | None:
    """How many bytes there are, where the server says so. Raises DownloadError where it cannot be asked."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=how.timeout_s) as response:
            told = response.headers.get("Content-Length")
            return int(told) if told is not None and told.isdecimal() else None
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise DownloadError(_refused(url, error.code, how)) from error
        return None  # some servers know no HEAD; GET will tell
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(_unreachable(url, error, how)) from error


def fetch(
    url: str, path: Path, *, checksum: str | None = None, name: str | None = None, how: Fetching | None = None
) -> None:
    """Download `url` to `path`, going on from the part that is there. Does nothing if `path` exists.

    `checksum` is as in "sha256:05a6...", or "git:8d1c..." for the name that git gives to such a file; `name` is what
    the file is called where it is published, if not as `path` is.
    Raises DownloadError where the server refuses, does not answer, or sends something else than was published; what
    has arrived by then stays, except in the last case.
    """
    if path.exists():
        return
    how = how or Fetching()
    part = _Part(path, name or path.name)
    failures, before = 0, -1
    while True:
        try:
            if _receive(url, part, how):
                break
            error: Exception = ConnectionError("the connection was closed early")
        except urllib.error.HTTPError as refused:
            refused.close()
            if refused.code not in _AGAIN:
                raise DownloadError(_refused(url, refused.code, how)) from refused
            error = refused
        except (OSError, http.client.HTTPException) as broken:
            if getattr(broken, "errno", None) in _OURS:
                raise DownloadError(f"{part.path} cannot be written: {broken}.") from broken
            error = broken
        failures = 0 if part.size > before else failures + 1
        before = part.size
        if failures >= _TRIES or (part.size == 0 and _hopeless(error)):
            raise DownloadError(_unreachable(url, error, how, part.size)) from error
        how.sleep(min(_LONGEST_WAIT_S, 2.0**failures))
    part.finish(checksum)


class _Part:
    """What has arrived, and of which version of the file it is."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.whole, self._name = path.with_name(path.name + ".part"), path, name
        self._about = path.with_name(path.name + ".part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> dict[str, Any]:
        """The server's ETag and length of what was begun; {} where that is not known."""
        try:
            told = json.loads(self._about.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def begin(self, version: dict[str, Any]) -> None:
        """Start from nothing."""
        self._about.write_text(json.dumps(version), encoding="utf-8")
        self.path.write_bytes(b"")

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)

    def finish(self, checksum: str | None) -> None:
        if checksum is not None:
            kind, _, published = checksum.partition(":")
            seen = digest(self.path, kind)
            if seen != published:
                self.drop()
                raise DownloadError(
                    f"{self._name} arrived with the {kind} {seen}, but {published} was published. It is "
                    "removed; run the same command again, and if that does not help, the file was changed."
                )
        self.path.replace(self.whole)
        self._about.unlink(missing_ok=True)


def digest(path: Path, kind: str) -> str:
    """A file's checksum, in hexadecimal: of a kind that hashlib knows, or "git"."""
    with path.open("rb") as file:
        if kind != "git":
            return hashlib.file_digest(file, kind).hexdigest()
        told = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            told.update(chunk)
        return told.hexdigest()


def _receive(url: str, part: _Part, how: Fetching) -> bool:
    """Ask for what is missing and append what comes. True when all of it is there."""
    begun, version = part.size, part.version
    headers = {}
    if begun and version.get("etag"):
        headers = {"Range": f"bytes={begun}-", "If-Range": version["etag"]}
    elif begun:
        headers = {"Range": f"bytes={begun}-"}
    request = urllib.request.Request(url, headers=headers)
    for header, value in how.headers.items():
        request.add_unredirected_header(header, value)
    try:
        response = urllib.request.urlopen(request, timeout=how.timeout_s)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        error.close()
        if begun and begun == version.get("length"):
            return True  # nothing is missing
        part.drop()  # it is longer than the file, so it is of another one
        return False
    with response:
        total = _total(response, begun)
        resumed = response.status == 206 and _starts_at(response) == begun
        if resumed and total is not None and version.get("length") not in (None, total):
            part.drop()
            return False
        if not resumed:
            how.progress(-begun)
            part.begin({"etag": _strong(response.headers.get("ETag")), "length": total})
        with part.path.open("ab") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                file.flush()
                how.progress(len(chunk))
    return total is None or part.size == total


def _total(response: Any, begun: int) -> int | None:
    told = response.headers.get("Content-Range", "").rpartition("/")[2]
    if response.status == 206 and told.isdecimal():
        return int(told)
    length_left = response.headers.get("Content-Length", "")
    if not length_left.isdecimal():
        return None
    return int(length_left) + (begun if response.status == 206 else 0)


def _starts_at(response: Any) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _strong(etag: str | None) -> str | None:
    """An ETag that may be used with If-Range (RFC 9110, section 13.1.5)."""
    return etag if etag and not etag.startswith("W/") else None


def _hopeless(error: Exception) -> bool:
    """Whether waiting will not help: nobody answers to that name here."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(reason, ConnectionRefusedError) or bool(_NEVER.search(str(reason)))


def _refused(url: str, code: int, how: Fetching) -> str:
    if how.refused is not None:
        return how.refused(url, code)
    meaning = http.client.responses.get(code, "")
    return f"{url} answers {code} {meaning}. Look on the data set's page whether the file has moved."


def _unreachable(url: str, error: Exception, how: Fetching, arrived: int = 0) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if arrived:
        return (
            f"{url} stopped after {arrived / 1e6:.1f} MB ({reason}). What arrived is kept; run the same command again "
            "to go on."
        )
    if isinstance(error, urllib.error.HTTPError) and how.refused is not None:
        return how.refused(url, error.code)
    return f"{url} cannot be reached ({reason}). {how.elsewhere}"
