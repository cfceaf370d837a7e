"""The page and all that it is made of, the demo's photos too, under a policy that lets nothing in from outside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # blob: the photo that was just taken
        "media-src blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked again each time, answered by ETag
}
KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "jpg": "image/jpeg",
}
ADDRESSES = {"/": "index.html", "/docs": "docs.html"}


@dataclass(frozen=True)
class PageFile:
    """One file, read once."""

    body: bytes
    kind: str
    etag: str

    async def __call__(self, request: Request) -> Response:
        headers = {**HEADERS, "ETag": self.etag}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        return Response(self.body, headers=headers, media_type=self.kind)


def page_routes() -> list[Route]:
    """A route for each file: the page at /, the viewer at /docs, all else by its name."""
    folder = files("asksight.server.http") / "page"
    found = {one.name: _page_file(one.name, one.read_bytes()) for one in folder.iterdir()}
    places = {address: found.pop(name) for address, name in ADDRESSES.items()}
    places |= {f"/page/{name}": file for name, file in found.items()}
    samples = files("asksight.cli") / "demo_photos"
    places |= {
        f"/page/samples/{one.name}": _page_file(one.name, one.read_bytes()) for one in samples.iterdir()
    }
    return [Route(address, file.__call__, methods=["GET"]) for address, file in sorted(places.items())]


def _page_file(name: str, body: bytes) -> PageFile:
    return PageFile(body, KINDS[name.rpartition(".")[2]], f'"{hashlib.sha256(body).hexdigest()[:32]}"')
