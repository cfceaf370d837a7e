"""Asks by Triton's and by KServe's own clients, in an interpreter of theirs: `tensor_clients.py CLIENT ADDRESS FOLDER`.

FOLDER holds asks.json, [[photo's file, question], ...], one call each. Prints a JSON list of what came: answer,
verdict, spoken, labels and probabilities.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

MODEL = "scenes"
OUTPUTS = ("answer", "verdict", "spoken", "labels", "probabilities")
WITHIN_S = 30.0


def bytes_array(element: bytes) -> Any:
    return np.array([element], dtype=np.object_)


def triton(address: str, asks: Iterator[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """By tritonclient, raw."""
    library = import_module("tritonclient.grpc")

    def tensor(name: str, element: bytes) -> Any:
        made = library.InferInput(name, [1], "BYTES")
        made.set_data_from_numpy(bytes_array(element))
        return made

    told = []
    with library.InferenceServerClient(address) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(MODEL)
        for photo, question in asks:
            result = client.infer(
                MODEL, [tensor("image", photo), tensor("question", question)], client_timeout=WITHIN_S
            )
            told.append({name: row(result.as_numpy(name)) for name in OUTPUTS})
    return told


def kserve(address: str, asks: Iterator[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """By kserve, raw and typed in turns."""
    library = import_module("kserve")

    def tensor(name: str, element: bytes, *, raw: bool) -> Any:
        if not raw:
            return library.InferInput(name, [1], "BYTES", data=[element])
        made = library.InferInput(name, [1], "BYTES")
        made.set_data_from_numpy(bytes_array(element))
        return made

    async def all_of_them() -> list[dict[str, Any]]:
        told = []
        async with library.InferenceGRPCClient(address, timeout=WITHIN_S) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready(MODEL)
            for at, (photo, question) in enumerate(asks):
                raw = at % 2 == 0
                inputs = [tensor("image", photo, raw=raw), tensor("question", question, raw=raw)]
                result = await client.infer(library.InferRequest(MODEL, inputs))
                told.append({name: row(result.get_output_by_name(name).as_numpy()) for name in OUTPUTS})
        return told

    return asyncio.run(all_of_them())


def row(array: Any) -> Any:
    """The one row of an output, as JSON has it."""
    element = array[0]
    if isinstance(element, bytes):
        return element.decode()
    return [one.decode() if isinstance(one, bytes) else float(one) for one in element]


def main() -> None:
    _, client, address, folder = sys.argv
    asks = json.loads(Path(folder, "asks.json").read_text("utf-8"))
    read = ((Path(folder, photo).read_bytes(), question.encode()) for photo, question in asks)
    json.dump({"triton": triton, "kserve": kserve}[client](address, read), sys.stdout)


if __name__ == "__main__":
    main()
