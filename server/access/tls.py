"""TLS, and mutual TLS, with certificates that are read again when their files change."""

from __future__ import annotations

import logging
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, cast

import grpc

from ..errors import ServerError
from ..watched_files import WatchedFiles

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """PEM files: the server's certificate with its chain, its key, and the authority that clients must be signed by."""

    certificate: Path
    key: Path
    client_authority: Path | None = None  # None: clients need no certificate

    def paths(self) -> list[Path]:
        return [path for path in (self.certificate, self.key, self.client_authority) if path is not None]


class Certificates:
    """The files' contents, and what gRPC makes of them; every handshake sees the newest. Thread-safe."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises ServerError where a file is missing, or the key is not the certificate's."""
        self._files = files
        self._lock = Lock()
        self._watched = WatchedFiles(files.paths)
        try:
            self._initial = self._load()
        except (OSError, ValueError) as error:
            raise ServerError(f"The TLS files cannot be used: {error}. Check certificate and key.") from error

    def credentials(self) -> grpc.ServerCredentials:
        """What a port is opened with."""
        return grpc.dynamic_ssl_server_credentials(
            self._initial,
            cast(Any, self._changed),  # None, too, is a right answer
            require_client_authentication=self._files.client_authority is not None,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Give new certificates where there are any; gRPC asks at every handshake. Bad ones are refused."""
        with self._lock:
            if not self._watched.changed():
                return None
            try:
                loaded = self._load()
            except (OSError, ValueError) as error:
                log.error("The certificates that were read before stay in force: %s", error)
                return None
            log.info("The certificates were read again")
            return loaded

    def _load(self) -> grpc.ServerCertificateConfiguration:
        certificate, key = self._files.certificate.read_bytes(), self._files.key.read_bytes()
        authority = self._files.client_authority
        roots = None if authority is None else authority.read_bytes()
        _check_pair(certificate, key, roots)
        return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=roots)


def _check_pair(certificate: bytes, key: bytes, roots: bytes | None) -> None:
    """Raise ssl.SSLError (an OSError) for what gRPC would only notice at a handshake, in silence."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(
        prefix="asksight-"
    ) as folder:  # mode 0700; ssl reads pairs from files only
        chain, private = Path(folder, "chain"), Path(folder, "key")
        chain.write_bytes(certificate)
        private.write_bytes(key)
        context.load_cert_chain(chain, private, password=lambda: b"")
    if roots is not None:
        context.load_verify_locations(cadata=roots.decode("ascii"))
