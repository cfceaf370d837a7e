"""The commands that ask a running server: what the demo shows at its end, and what the README explains."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

METHOD = "asksight.v1.VqaService/Ask"


def next_steps(photo: Path, question: str, address: str, *, command: str = "asksight") -> list[str]:
    """Give lines for a shell that ask the server at `address` (host:port) about the photo.

    The second line makes the request that the last two send.
    """
    file = quote(str(photo))
    return [
        f"{quote(command)} ask {file} {quote(question)} --server {address}",
        f"""ASK='{{"image_data": "'$(base64 < {file} | tr -d '\\n')'", "question": "{question}"}}'""",
        f'echo "$ASK" | grpcurl -plaintext -d @ {address} {METHOD}',
        f'echo "$ASK" | buf curl --protocol grpc --http2-prior-knowledge -d @- http://{address}/{METHOD}',
    ]
