"""A multipart form → its parts, as RFC 7578 has it and as programs write it.

A preamble and an epilogue are passed over (RFC 2046, 5.1.1), lines may end with LF alone, a part may say how its bytes
or its characters are encoded. Parts stay in memory: they are nobody's business, so never on the disk.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from typing import NamedTuple

from python_multipart.multipart import parse_options_header

from .problems import refused

MOST_PARTS = 32  # an ask has nine fields
MOST_HEAD_BYTES = 4096  # of one part
MOST_LIKENESSES = 64  # lines that begin as a boundary does and are none: each is looked at
LARGE = 64 * 1024  # bytes, which take too long to be decoded in the event loop
LONGEST_PADDING = 64  # of blanks, which transports may put behind a boundary
LONGEST_BOUNDARY = 256  # RFC 2046 has 70
LINE_END = re.compile(rb"[ \t]{0,%d}\r?\n" % LONGEST_PADDING)
HEAD_END = re.compile(rb"\r?\n\r?\n|(?<=\n)\r?\n")  # also of a head that is nothing
FOLDED = re.compile(rb"\r?\n[ \t]+")  # a header that goes on in the next line
CHARSETS = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig", "us-ascii": "utf-8-sig", "ascii": "utf-8-sig"}
CHARSETS |= {
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
}  # which Java's clients state
AS_IT_IS = (b"", b"binary", b"8bit", b"7bit")


class Part(NamedTuple):
    """One field: its name, its bytes, in which characters they are where they are text, and its file's name if any."""

    name: str
    data: bytes
    charset: str
    file_name: str | None

    def text(self, field: str, most_bytes: int) -> str:
        """What it says, sent as a field or as a file. Raises Problem."""
        if len(self.data) > most_bytes:
            raise refused(
                400,
                f"The field {self.name!r} has {len(self.data)} bytes; at most {most_bytes} are taken. Shorten it.",
                field=field,
            )
        try:
            return self.data.decode(self.charset)
        except UnicodeDecodeError:
            said = f"The field {self.name!r} is no text in UTF-8"
            if self.file_name is not None:
                said += f", but a file, {self.file_name[:40]!a}"
            raise refused(400, f"{said}. Send it as text in UTF-8.", field=field) from None


def boundary_of(content_type: str) -> bytes:
    """What stands between a form's parts. Raises Problem, also for forms in Python's other codecs."""
    options = parse_options_header(content_type)[1]
    charset = options.get(b"charset", b"utf-8").decode("latin-1").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise refused(415, f"The form's charset is {charset[:20]!a}; send it in UTF-8.")
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise refused(
            400,
            "The form cannot be read: its Content-Type names no boundary. Leave that header to what builds the form; "
            "it writes one that does.",
        )
    return boundary


def parts(body: bytes, boundary: bytes, most: int = MOST_PARTS) -> Iterator[Part]:
    """The parts of a whole form. Raises Problem where it cannot be read in one way only."""
    marks = _marks(body, b"--" + boundary)
    first = next(marks, None)
    if first is None:
        raise refused(
            400,
            f"The form cannot be read: no line of it is --{printed(boundary)}, the boundary in its Content-Type.",
        )
    start, ended = first[1:]
    count = 0
    while not ended:
        following = next(marks, None)
        if following is None:
            raise refused(400, "The form is cut short: its closing boundary is missing. Send the whole form.")
        count += 1
        if count > most:
            raise refused(400, f"The form has more than {most} parts; send each field once.")
        end, next_start, ended = following
        yield _part(body, start, end)
        start = next_start


def _marks(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each line that is a boundary begins, with the line end before it; where it ends; whether it is the last."""

    def following(at: int) -> int:
        return body.find(b"\n" + mark, at) + 1 or -1

    found = 0 if body.startswith(mark) else following(0)
    likenesses = 0
    while found >= 0:
        behind = found + len(mark)
        start = found - (2 if body[found - 2 : found] == b"\r\n" else 1) if found else 0
        if body.startswith(b"--", behind):
            yield start, behind + 2, True
            return
        end = LINE_END.match(body, behind)
        if end is not None:
            yield start, end.end(), False
            found = following(end.end() - 1)  # which may come at once, behind a part that is nothing
            continue
        likenesses += 1
        if likenesses > MOST_LIKENESSES:
            raise refused(400, "The form's boundary stands in its parts too. Let a longer one be chosen.")
        found = following(behind)


def _part(body: bytes, start: int, end: int) -> Part:
    """Read one part. Raises Problem."""
    found = HEAD_END.search(body, start, min(end + 2, start + MOST_HEAD_BYTES))
    if found is None:
        raise refused(
            400,
            "The form cannot be read: no empty line stands between a part's headers and what it holds, "
            f"within {MOST_HEAD_BYTES} bytes.",
        )
    headers = _headers(body[start : found.start()])
    disposition, kind = (
        parse_options_header(headers.get(name, b"").decode("latin-1"))[1]
        for name in (b"content-disposition", b"content-type")
    )
    if b"name" not in disposition:
        raise refused(
            400,
            'The form cannot be read: a part has no name. Write Content-Disposition: form-data; name="question".',
        )
    name = disposition[b"name"].decode("utf-8", "replace")
    charset = kind.get(b"charset", b"utf-8").decode("latin-1").lower()
    if charset not in CHARSETS:
        raise refused(415, f"The field {name[:40]!r} is in the charset {charset[:20]!a}; send it in UTF-8.")
    coding = headers.get(b"content-transfer-encoding", b"").lower()
    data = body[found.end() : end]
    return Part(
        name,
        data if coding in AS_IT_IS else _decoded(name, data, coding),
        CHARSETS[charset],
        disposition[b"filename"].decode("utf-8", "replace") if b"filename" in disposition else None,
    )


def _headers(head: bytes) -> dict[bytes, bytes]:
    """A part's, by their names in small letters. Raises Problem."""
    headers = {}
    for line in FOLDED.sub(b" ", head).splitlines():
        name, colon, value = line.partition(b":")
        if not colon:
            raise refused(400, f"The form cannot be read: {printed(line)} is no header of a part.")
        headers[name.strip().lower()] = value.strip()
    return headers


def _decoded(name: str, data: bytes, coding: bytes) -> bytes:
    """Undo what programs that write mail do to parts; RFC 7578 has it no more. Raises Problem."""
    try:
        if coding == b"base64":  # a large photo is decoded where those are that do not say so
            return a2b_base64(data) if len(data) <= LARGE else data
        if coding == b"quoted-printable" and len(data) <= LARGE:
            return a2b_qp(data)
    except Base64Error:
        pass
    raise refused(
        400, f"The field {name[:40]!r} cannot be read as {printed(coding)}; send its bytes as they are."
    )


def printed(some: bytes) -> str:
    """A sender's bytes in a sentence, short and plain."""
    return ascii(some[:40].decode("latin-1"))
