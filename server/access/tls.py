"""TLS, and mutual TLS, for both faces, with certificates that are read again when their files change."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, cast

import grpc

from ..errors import ServerError
from ..watched_files import WatchedFiles, read_file

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """PEM files: the server's certificate with its chain, its key, and the authority that clients must be signed by."""

    certificate: Path
    key: Path
    client_authority: Path | None = None  # None: clients need no certificate

    def paths(self) -> list[Path]:
        return [path for path in (self.certificate, self.key, self.client_authority) if path is not None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The files as both libraries take them."""

    for_grpc: grpc.ServerCertificateConfiguration
    for_http: ssl.SSLContext


class Certificates:
    """The files' contents, checked once for both faces; every handshake sees the newest. Thread-safe."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises ServerError where a file is missing, or the key is not the certificate's."""
        self._files = files
        self._lock = Lock()
        self._watched = WatchedFiles(files.paths)
        try:
            self._loaded = _load(files)
        except (OSError, ValueError) as error:
            raise ServerError(f"The TLS files cannot be used: {error}. Check certificate and key.") from error

    def credentials(self) -> grpc.ServerCredentials:
        """What a gRPC port is opened with."""
        given = self._loaded

        def changed() -> grpc.ServerCertificateConfiguration | None:
            """Give what is new, None where nothing is; gRPC asks at every handshake."""
            nonlocal given
            newest = self.newest()
            if newest is given:
                return None
            given = newest
            return newest.for_grpc

        return grpc.dynamic_ssl_server_credentials(
            given.for_grpc,
            cast(Any, changed),  # None, too, is a right answer
            require_client_authentication=self._files.client_authority is not None,
        )

    def context(self) -> ssl.SSLContext:
        """What an HTTP port is opened with."""
        context = NewestContext(ssl.PROTOCOL_TLS_SERVER)
        context.certificates = self
        return context

    def newest(self) -> Loaded:
        """Look whether the files have changed, and give what is in force; bad ones are refused."""
        with self._lock:
            if self._watched.changed():
                try:
                    self._loaded = _load(self._files)
                    log.info("The certificates were read again")
                except (OSError, ValueError) as error:
                    log.error("The certificates that were read before stay in force: %s", error)
            return self._loaded


class NewestContext(ssl.SSLContext):
    """Hands every handshake to the newest context: one that a port has taken cannot forget an old authority."""

    certificates: Certificates

    def wrap_bio(self, *given: Any, **named: Any) -> ssl.SSLObject:
        """As the event loop calls it for each connection."""
        return self.certificates.newest().for_http.wrap_bio(*given, **named)


def _load(files: TlsFiles) -> Loaded:
    """Raise OSError or ValueError for what gRPC would only notice at a handshake, in silence.

    A file that is replaced between the two readings is noticed at the next handshake, and read again.
    """
    certificate, key = read_file(files.certificate), read_file(files.key)
    authority = files.client_authority
    roots = None if authority is None else read_file(authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.certificate, files.key, password=lambda: b"")  # no password is asked for
    if authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority)
    for_grpc = grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=roots)
    return Loaded(for_grpc, context)
