"""The Hugging Face hub: what a name there stands for, asked once, and answered or refused within seconds.

The library `huggingface_hub` says where the hub is, whose token to show and what there is; files are fetched by
`fetch`, since the library goes on with no interrupted download and checks no checksum.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..errors import DownloadError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

MAIN = "main"
_TIMEOUT_S = 4.0  # without a network a person is told within five seconds
_NAME = re.compile(
    r"(?P<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[A-Za-z0-9][\w./-]*))?"
)
_HASH = re.compile(r"[0-9a-f]{40}")
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|git:[0-9a-f]{40}")


class HubUnreachableError(DownloadError):
    """The hub does not answer, or cannot at the moment: what is in the cache may do instead."""


@dataclass(frozen=True)
class HubName:
    """A model of the hub: "owner/name", and a branch, a reference or a commit."""

    repository: str
    revision: str = MAIN

    @classmethod
    def of(cls, text: str) -> HubName | None:
        """Read "owner/name[@revision]"; None where `text` is no such thing."""
        found = _NAME.fullmatch(text) if ".." not in text else None
        return cls(found["repository"], found["revision"] or MAIN) if found else None

    @property
    def is_commit(self) -> bool:
        """Whether the revision can never mean anything else."""
        return is_commit(self.revision)

    def __str__(self) -> str:
        return self.repository if self.revision == MAIN else f"{self.repository}@{self.revision}"


@dataclass(frozen=True)
class HubFile:
    """A file of a model: its size in bytes, and its checksum, "sha256:..." of large files, "git:..." of others."""

    name: str
    size: int
    checksum: str


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What the hub has under a name."""

    repository: str  # as it is called today
    commit: str
    licence: str  # "" where the hub knows of none
    files: tuple[HubFile, ...]


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Where the hub is, where its files are kept on this machine, and how long to wait for an answer."""

    endpoint: str
    cache: Path
    timeout_s: float = _TIMEOUT_S

    @classmethod
    def of_environment(cls) -> Hub:
        """As the variables of `huggingface_hub` say: HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_ETAG_TIMEOUT."""
        # Or it asks the hub for a list of programs to look for, before anything else.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub import constants

        asked = os.environ.get("HF_HUB_ETAG_TIMEOUT", "")
        timeout_s = float(asked) if asked.isdecimal() and int(asked) else _TIMEOUT_S
        endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        cache = os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE
        return cls(endpoint=endpoint.rstrip("/"), cache=Path(cache).expanduser(), timeout_s=timeout_s)

    def ask(self, name: HubName) -> Listing:
        """What there is. Raises HubUnreachableError, or DownloadError where the hub refuses."""
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        # Looking up an address can take longer than any time-out that HTTP knows.
        answer: Future[ModelInfo] = Future()
        threading.Thread(target=self._ask, args=(name, answer), daemon=True).start()
        try:
            return _listing(answer.result(timeout=self.timeout_s + 0.5))
        except HfHubHTTPError as error:
            code = error.response.status_code
            raise self._refused(name, code, type(error).__name__, error.response.headers) from error
        except HFValidationError as error:
            raise DownloadError(
                f"{name} cannot be a name of the hub; owner/name or owner/name@revision can."
            ) from error
        except TimeoutError as error:
            reason = f"it did not answer within {self.timeout_s:g} s; HF_HUB_ETAG_TIMEOUT makes it longer"
            raise HubUnreachableError(f"{self.endpoint} cannot be reached: {reason}.") from error
        except OSError as error:
            raise HubUnreachableError(f"{self.endpoint} cannot be reached: {_first_line(error)}.") from error

    def _ask(self, name: HubName, answer: Future[ModelInfo]) -> None:
        import httpx2
        from huggingface_hub import HfApi

        try:
            answer.set_result(
                HfApi(endpoint=self.endpoint).model_info(
                    name.repository, revision=name.revision, files_metadata=True, timeout=self.timeout_s
                )
            )
        except httpx2.TransportError as error:
            answer.set_exception(ConnectionError(_first_line(error)))
        except Exception as error:  # noqa: BLE001 - raised where the answer is waited for
            answer.set_exception(error)

    def url(self, listing: Listing, file: HubFile) -> str:
        """Where a file is."""
        return f"{self.endpoint}/{listing.repository}/resolve/{listing.commit}/{quote(file.name)}"

    def headers(self) -> Mapping[str, str]:
        """What says who asks, where somebody has logged in."""
        from huggingface_hub import get_token

        token = get_token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def refused(self, repository: str, code: int) -> str:
        """Why a file was not given, and what to do."""
        return str(
            self._refused(HubName(repository), code, "GatedRepoError" if code in (401, 403) else "", {})
        )

    def _refused(self, name: HubName, code: int, kind: str, headers: Mapping[str, str]) -> DownloadError:
        page = f"{self.endpoint}/{name.repository}"
        if kind == "GatedRepoError":
            return DownloadError(
                f"{name.repository} is given only to those who have accepted its terms ({code}). Accept them at "
                f"{page}, and set HF_TOKEN to a token of that account."
            )
        if kind == "RevisionNotFoundError":
            return DownloadError(
                f"{name.repository} has no revision {name.revision!r}; {page}/commits/main lists what it has."
            )
        if code == 404 or kind == "RepositoryNotFoundError":
            return DownloadError(
                f"The hub has no model {name.repository} that this machine may see ({code}). Look at the name; if the "
                "model is private, set HF_TOKEN."
            )
        if code in (401, 403):
            return DownloadError(
                f"The hub refuses {name.repository} ({code}). Is HF_TOKEN right, and may its account read the model?"
            )
        if code == 429:
            wait = headers.get("retry-after", "")
            when = f"in {wait} s" if wait.isdecimal() else "in a few minutes"
            return HubUnreachableError(
                f"{self.endpoint} has been asked too often from here (429). Try again {when}, or set HF_TOKEN: those "
                "who log in may ask more often."
            )
        if code >= 500:
            return HubUnreachableError(f"{self.endpoint} has trouble ({code}). Try again later.")
        return DownloadError(f"{self.endpoint} answers {code} about {name}; it is not clear why.")


def is_commit(revision: str) -> bool:
    """Whether it is a whole commit hash."""
    return _HASH.fullmatch(revision) is not None


def _listing(info: ModelInfo) -> Listing:
    files = []
    for one in info.siblings or ():
        size = one.lfs.size if one.lfs else one.size
        checksum = f"sha256:{one.lfs.sha256}" if one.lfs else f"git:{one.blob_id}"
        if _CHECKSUM.fullmatch(checksum):
            files.append(HubFile(one.rfilename, size or 0, checksum))
    if info.sha is None or not is_commit(info.sha):
        raise DownloadError(f"The hub names no commit of {info.id}. Is HF_ENDPOINT the address of a hub?")
    tags = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    return Listing(repository=info.id, commit=info.sha, licence=tags[0] if tags else "", files=tuple(files))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
