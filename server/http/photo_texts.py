"""A photo that comes as text: base64 of either alphabet, as it is or in a data URL."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Iterable, Iterator

from .problems import refused

WINDOW = 64 * 1024  # is decoded in 0.3 ms
LONGEST_ESCAPE = len(r"\u0000")
LONGEST_HEAD = 128  # of a data URL
PHOTOS_IN_BASE64 = (b"/9j/", b"_9j_", b"iVBORw0KGgo", b"UklGR")  # FF D8 FF, \x89PNG\r\n\x1a\n, RIFF
URL_SAFE = bytes.maketrans(b"-_", b"+/")


def written_out(photo: bytes) -> bool:
    """Whether that is a photo as text: a data URL, or base64 of a JPEG, PNG or WebP."""
    return photo[:5].lower() == b"data:" or photo.startswith(PHOTOS_IN_BASE64)


def photo_of_text(name: str, written: bytes, *, escaped: bool = False) -> bytes:
    """A photo from its base64, with or without what stands before that in a data URL. Raises Problem."""
    data = _without_head(written)
    return _from_base64(name, _unescaped(data) if escaped else [data])


def _from_base64(name: str, pieces: Iterable[bytes]) -> bytes:
    """Decode base64 of either alphabet, padded or not. Raises Problem."""
    parts, left, padded = [], b"", False
    try:
        for piece in pieces:
            piece = piece.translate(URL_SAFE, b"\r\n\t ")
            if padded and piece.strip(b"="):
                raise ValueError("It goes on after its padding")
            if b"=" in piece:
                piece, padded = piece.rstrip(b"="), True
            piece = left + piece
            whole = len(piece) - len(piece) % 4
            parts.append(a2b_base64(piece[:whole], strict_mode=True))
            left = piece[whole:]
        parts.append(a2b_base64(left + b"=" * (-len(left) % 4), strict_mode=True))
    except ValueError:
        raise refused(
            400,
            f"The field {name!r} is not base64. Send the photo's bytes so, with nothing before or after them.",
            field="image_data",
        ) from None
    return b"".join(parts)


def _without_head(photo: bytes) -> bytes:
    """What a browser's FileReader and canvas put before base64 is left out: data:image/jpeg;base64, (RFC 2397)."""
    head, comma, _ = photo[:LONGEST_HEAD].partition(b",")
    found = comma and head[:5].lower() == b"data:" and head.lower().endswith(b";base64")
    return photo[len(head) + 1 :] if found else photo


def _unescaped(written: bytes) -> Iterator[bytes]:
    """A string of JSON as its bytes, a window at a time, which ends before an escape that it would cut."""
    at = 0
    while at < len(written):
        end = at + WINDOW
        if end < len(written):
            escape = written.rfind(b"\\", end - LONGEST_ESCAPE, end)
            end = end if escape < 0 else escape
        piece = written[at:end]
        yield str(json.loads(b'"%b"' % piece)).encode("ascii") if b"\\" in piece else piece
        at = end
