"""Bearer tokens, kept as hashes in a file that is read again when it changes, so that one can be revoked.

A line of the file is `NAME SHA256 [ASKS_PER_SECOND]`; `#` begins a comment. The hash is that of the token itself,
which has to be random and long: `openssl rand -hex 32`. Hashes of such tokens need no salt and no slow function.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ..errors import ServerError
from ..watched_files import WatchedFiles

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token: whose it is and how often it may ask; never the token itself."""

    name: str
    digest: bytes
    asks_per_s: float | None = None


def read_tokens(text: str, *, where: str) -> tuple[Token, ...]:
    """Read the file's text. Raises ServerError, naming the line, where it is not as it should be."""
    tokens = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        rate = _rate(words[2]) if len(words) == 3 else None
        right = len(words) in (2, 3) and NAME.fullmatch(words[0]) and HASH.fullmatch(words[1].lower())
        if not right or (len(words) == 3 and rate is None):
            raise ServerError(
                f"{where}, line {number}: expected NAME SHA256 [ASKS_PER_SECOND]. Correct the line."
            )
        tokens.append(Token(words[0], bytes.fromhex(words[1]), rate))
    if not tokens:
        raise ServerError(f"{where} holds no token, so nobody could ask. Add a line: NAME SHA256.")
    return tuple(tokens)


def _rate(word: str) -> float | None:
    try:
        rate = float(word)
    except ValueError:
        return None
    return rate if 0 < rate < float("inf") else None


def match(tokens: tuple[Token, ...], given: str) -> Token | None:
    """Find the token that was given; takes as long for a wrong one as for any other."""
    digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
    found = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            found = token
    return found


class TokenFile:
    """The tokens of a file, read again within a second of a change. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Raises ServerError where the file cannot be read or is not as it should be."""
        self._path = path
        self._lock = Lock()
        self._looked_s = time.monotonic()
        self._watched = WatchedFiles(lambda: [path])
        try:
            self._tokens = read_tokens(path.read_text("utf-8"), where=str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ServerError(f"The tokens in {path} cannot be read: {error}.") from error

    def find(self, given: str) -> Token | None:
        """Find the token that was given, None where it is not known."""
        with self._lock:
            if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
                self._look()
        return match(self._tokens, given)

    def _look(self) -> None:
        self._looked_s = time.monotonic()
        if not self._watched.changed():
            return
        try:
            self._tokens = read_tokens(self._path.read_text("utf-8"), where=str(self._path))
            log.info("The tokens were read again: %d", len(self._tokens))
        except (OSError, UnicodeDecodeError, ServerError) as error:
            log.error("The tokens that were read before stay in force: %s", error)
