"""Authorities and certificates for tests, made with the `openssl` program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_authority(folder: Path, name: str = "authority") -> Pair:
    """An authority that signs others."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(
        "req",
        "-x509",
        *curve,
        "-keyout",
        pair.key,
        "-out",
        pair.certificate,
        "-subj",
        f"/CN={name}",
        "-days",
        "2",
        "-addext",
        "keyUsage=critical,keyCertSign",  # without which Python 3.13 trusts none
    )
    return pair


def sign(authority: Pair, folder: Path, name: str, *, host: str = "localhost", expired: bool = False) -> Pair:
    """A certificate of `name` for a host, signed by the authority; or one whose time is over."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName=DNS:{host}\nauthorityKeyIdentifier=keyid\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", *curve, "-keyout", pair.key, "-out", request, "-subj", f"/CN={name}")
    time = ["-days", "-1" if expired else "2"]
    signed_by: list[str | Path] = ["-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial"]
    _openssl(
        "x509", "-req", "-in", request, *signed_by, *time, "-extfile", extensions, "-out", pair.certificate
    )
    return pair
