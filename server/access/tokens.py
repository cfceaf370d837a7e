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
from ..watched_files import WatchedFiles, read_file

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
HASH = re.compile(r"[0-9a-f]{64}")
NEW_LINE = re.compile(r"\r\n?|\n")
MOST_NAMED = 10  # lines in one message
LEAST_RATE = 1e-6  # asks a second, one in twelve days; what is less overflows the time to wait


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token: whose it is and how often it may ask; never the token itself."""

    name: str
    digest: bytes
    asks_per_s: float | None = None


def read_tokens(text: str) -> tuple[tuple[Token, ...], tuple[int, ...]]:
    """Read the file's text: its tokens, and the numbers of the lines that are not as they should be."""
    tokens, wrong = [], []
    for number, line in enumerate(NEW_LINE.split(text), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        rate = _rate(words[2]) if len(words) == 3 else None
        right = len(words) in (2, 3) and NAME.fullmatch(words[0]) and HASH.fullmatch(words[1].lower())
        if not right or (len(words) == 3 and rate is None):
            wrong.append(number)
        else:
            tokens.append(Token(words[0], bytes.fromhex(words[1]), rate))
    return tuple(tokens), tuple(wrong)


def _rate(word: str) -> float | None:
    try:
        rate = float(word)
    except ValueError:
        return None
    return rate if LEAST_RATE <= rate < float("inf") else None


def match(tokens: tuple[Token, ...], given: str) -> Token | None:
    """Find the token that was given; takes as long for a wrong one as for any other."""
    digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
    found = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            found = token
    return found


class TokenFile:
    """The tokens of a file, read again within a second of a change. Thread-safe.

    What the file says counts at once: a token whose line is gone is known no more, whatever is wrong with other lines.
    Without a line, or without the file, nobody is known. Only where the file is there and cannot be read, which says
    nothing of any token, do those that were read before stay; it is tried again every second.
    """

    def __init__(self, path: Path, *, forgiving: bool = False) -> None:
        """Raises ServerError where the file cannot be read or a line is not as it should be, unless `forgiving`."""
        self._path = path
        self._lock = Lock()
        self._looked_s = time.monotonic()
        self._watched = WatchedFiles(lambda: [path])
        self._tokens: tuple[Token, ...] = ()
        self._fault = ""
        self._again = False
        self._read()
        if self._fault and not forgiving:
            raise ServerError(self._fault)

    def find(self, given: str) -> Token | None:
        """Find the token that was given, None where it is not known."""
        self._look()
        return match(self._tokens, given)

    @property
    def fault(self) -> str:
        """What is wrong with the file now, in one line that names lines and shows none; "" where nothing is."""
        self._look()
        return self._fault

    def _look(self) -> None:
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._looked_s < LOOK_EVERY_S:
                return
            self._looked_s = now_s
            if not self._watched.changed() and not self._again:
                return
            before = self._fault
            self._read()
            if not self._fault:
                log.info("The tokens were read again: %d", len(self._tokens))
            elif self._fault != before or not self._again:
                log.error("%s Tokens in force: %d", self._fault, len(self._tokens))

    def _read(self) -> None:
        self._again = False
        try:
            text = read_file(self._path).decode("utf-8-sig", "replace")
        except FileNotFoundError:
            self._tokens = ()
            self._fault = f"There is no file of tokens {self._path}, so nobody can ask. Put it there."
            return
        except OSError as error:
            self._again = True
            self._fault = (
                f"The tokens in {self._path} cannot be read: {error.strerror}. Check it and its permissions."
            )
            return
        self._tokens, wrong = read_tokens(text)
        self._fault = _tell(self._path, wrong)
        if not self._tokens and not wrong:
            log.warning("%s holds no token, so nobody can ask. Add a line: NAME SHA256.", self._path)


def _tell(path: Path, wrong: tuple[int, ...]) -> str:
    if not wrong:
        return ""
    named = ", ".join(map(str, wrong[:MOST_NAMED]))
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    lines = f"line {named}" if len(wrong) == 1 else f"lines {named}{more}"
    return f"{path}, {lines}: expected NAME SHA256 [ASKS_PER_SECOND]. Correct what is there."
