"""Addresses as people write them, in the form that gRPC takes; gRPC's own names of targets too."""

from __future__ import annotations

import ipaddress

DEFAULT_PORT = 50051

# https://github.com/grpc/grpc/blob/master/doc/naming.md; all but the last four hold hosts and ports.
SCHEMES = ("dns", "ipv4", "ipv6", "unix", "unix-abstract", "vsock", "xds")
WITH_HOSTS = ("dns", "ipv4", "ipv6")
WEB = ("http://", "https://", "grpc://", "grpcs://")


def complete_target(target: str) -> str:
    """Give the address in the form that gRPC takes; a missing port becomes 50051. Commas separate several servers.

    Raises ValueError for an empty address, a web address, and a form that gRPC does not know.
    """
    target = target.strip()
    if "," in target and not _split(target)[0]:
        return _several([place.strip() for place in target.split(",")])
    if not target:
        raise ValueError('The address is empty. Give host:port, as in "localhost:50051".')
    if target.lower().startswith(WEB):
        bare = target.split("://", 1)[1].rstrip("/")
        raise ValueError(f'{target!r} is a web address; give host:port alone, as in "{bare}".')
    scheme, rest = _split(target)
    if not scheme and "/" in target:
        raise ValueError(
            f"{target!r} is no form of address that is known here. Give host:port, or a name of gRPC's own: "
            f"dns:///host:port, ipv4:address:port, unix:/path, and so on."
        )
    if scheme == "dns" and rest.startswith("//"):
        server, slash, name = rest[2:].partition("/")
        if not slash or not name:
            raise ValueError(
                f'{target!r} names no host. Write three strokes, as in "dns:///localhost:50051".'
            )
        return f"dns://{server}/{_with_port(name)}"
    if scheme in ("ipv4", "ipv6"):
        return f"{scheme}:" + ",".join(_with_port(one.strip()) for one in rest.split(","))
    if scheme == "dns":
        return f"dns:{_with_port(rest)}"
    return target if scheme else _with_port(target)


def _several(places: list[str]) -> str:
    """Several servers as one target. gRPC takes no list of names, and one kind of numbers at a time."""
    complete = [_with_port(place) for place in places if place]
    versions = set()
    for place in complete:
        host = place.rpartition(":")[0].strip("[]")
        try:
            versions.add(ipaddress.ip_address(host).version)
        except ValueError:
            raise ValueError(
                f"{host!r} is a name. Several servers are given by their numbers, as in "
                '"10.0.0.1:50051,10.0.0.2:50051", or by one name that stands for all of them.'
            ) from None
    if len(versions) != 1:
        raise ValueError("Several servers are given by addresses of IPv4 or of IPv6, not of both.")
    return f"ipv{versions.pop()}:" + ",".join(complete)


def hosts(target: str) -> list[str]:
    """The hosts, by name or number, of a complete target; none of a socket's path and the like."""
    scheme, rest = _split(target)
    if scheme and scheme not in WITH_HOSTS:
        return []
    places = rest.rpartition("/")[2] if scheme == "dns" else rest
    return [place.rpartition(":")[0].strip("[]") for place in places.split(",")]


def _split(target: str) -> tuple[str, str]:
    """Scheme and rest; no scheme where the address is host:port alone, be the host called "dns" or not."""
    scheme, colon, rest = target.partition(":")
    if not colon or scheme not in SCHEMES or (scheme in WITH_HOSTS and rest.isdecimal()):
        return "", target
    return scheme, rest


def _with_port(place: str) -> str:
    host, colon, port = place.rpartition(":")
    if place.endswith("]") or not colon:  # [::1] or localhost
        return f"{place}:{DEFAULT_PORT}"
    if ":" in host and not host.endswith("]"):  # an IPv6 address such as ::1 without a port
        return f"[{place}]:{DEFAULT_PORT}"
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65536:
        raise ValueError(f'{place!r} has no port from 1 to 65535, as in "localhost:50051".')
    return place
