"""Where a Redis is: redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// over TLS; shown without its password."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit, urlunsplit

FORM = "redis://[USER:PASSWORD@]HOST[:PORT][/DB]"
OPTIONS = {"ssl_ca_certs"}  # the authority's certificate, where it is none of the system's


def shown(url: str) -> str:
    """The address as it may be printed."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:  # not an address
        return re.sub(r"//[^@]*@", "//***@", url)
    if password is None and "@" not in parts.netloc:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{place}" if password else place))


def fault(url: str) -> str | None:
    """What is wrong with an address, None where nothing is."""
    wrong = f"{shown(url)!r} is no address of a Redis; write {FORM}, or rediss:// for TLS"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"{wrong} ({error})"
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or port == 0 or parts.fragment:
        return wrong
    if not re.fullmatch(r"/?|/\d{1,5}", parts.path):
        return f"{wrong}; DB is a number"
    unknown = set(parse_qs(parts.query, keep_blank_values=True)) - OPTIONS
    if unknown or (parts.query and parts.scheme != "rediss"):
        return f"{wrong}; behind a ? there may be ssl_ca_certs=FILE, for rediss:// alone"
    return None
