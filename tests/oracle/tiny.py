"""Tiny published models with random weights, as folders: what the importer reads and the oracle loads.

A tensor's numbers follow from its name and shape alone, so that none need be kept.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXPECTED = Path(__file__).parent / "expected"
Shapes = Mapping[str, tuple[int, ...]]


def blip_config(text: Mapping[str, Any], vision: Mapping[str, Any]) -> dict[str, Any]:
    """A config.json of BlipForQuestionAnswering."""
    special = {"bos_token_id": 1, "sep_token_id": 3, "pad_token_id": 0}
    return {
        "model_type": "blip",
        "architectures": ["BlipForQuestionAnswering"],
        "text_config": {**special, **text},
        "vision_config": dict(vision),
    }


def vilt_config(answers: int, **keys: Any) -> dict[str, Any]:
    """A config.json of ViltForQuestionAnswering."""
    labels = {str(row): f"answer {row}" for row in range(answers)}
    return {
        "model_type": "vilt",
        "architectures": ["ViltForQuestionAnswering"],
        "id2label": labels,
        "label2id": {label: int(row) for row, label in labels.items()},
        **keys,
    }


BLIPS: dict[str, dict[str, Any]] = {
    "blip-even": blip_config(
        {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
        | {"num_attention_heads": 4, "max_position_embeddings": 24},
        {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
        | {"image_size": 32, "patch_size": 8},
    ),
    "blip-uneven": blip_config(
        {"vocab_size": 90, "hidden_size": 30, "intermediate_size": 40, "num_hidden_layers": 3}
        | {"num_attention_heads": 3, "max_position_embeddings": 30, "layer_norm_eps": 1e-3},
        {"hidden_size": 30, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 5}
        | {"image_size": 48, "patch_size": 16, "layer_norm_eps": 1e-3},
    ),
    "blip-eight-heads": blip_config(  # the library's default, where config.json says nothing
        {"vocab_size": 70, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2}
        | {"max_position_embeddings": 16},
        {"hidden_size": 64, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
        | {"image_size": 32, "patch_size": 16},
    ),
}
VILTS: dict[str, dict[str, Any]] = {
    "vilt-small": vilt_config(
        17,
        **{"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4},
        **{"intermediate_size": 40, "max_position_embeddings": 12, "image_size": 64, "patch_size": 16},
    ),
    "vilt-real-canvas": vilt_config(
        9,
        **{"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"intermediate_size": 24, "layer_norm_eps": 1e-4, "modality_type_vocab_size": 3},
    ),
}
SHORTEST = {"vilt-small": 64, "vilt-real-canvas": 384}
GRIDS = {  # rows and columns of patches
    "vilt-small": [(4, 4), (4, 6), (6, 4), (1, 6), (6, 1), (1, 1), (3, 5), (2, 2)],
    "vilt-real-canvas": [(12, 12), (12, 19), (19, 12), (1, 19), (12, 16)],
}
CONFIGS = BLIPS | VILTS


def numbers(name: str, shape: tuple[int, ...], stop: int = 3) -> NDArray[np.float32]:
    """The weights that go by that name."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    noise = random.standard_normal(shape, dtype=np.float32)
    if "norm" in name.lower() or name.startswith("classifier.1."):
        return 1 + 0.2 * noise if name.endswith("weight") else 0.2 * noise
    if name.endswith("predictions.bias") or name.endswith("predictions.decoder.bias"):
        noise = np.random.default_rng(5).standard_normal(shape, dtype=np.float32)  # tied
        noise[stop] += 6  # or hardly an answer would end
        return noise
    if name.endswith("predictions.decoder.weight"):  # tied to the words
        return numbers("text_decoder.bert.embeddings.word_embeddings.weight", shape)
    if len(shape) < 2 or "embedding" in name:
        return 0.4 * noise
    return 1.2 * noise / np.float32(np.sqrt(np.prod(shape[1:])))


def write_safetensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], dtypes: Mapping[str, str] = {}
) -> None:
    """Write the format as its own text says; `dtypes` may call uint16 arrays "BF16"."""
    known = {"float32": "F32", "float16": "F16", "float64": "F64", "int64": "I64"}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": dtypes.get(name) or known[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def write_model(folder: Path, name: str, shapes: Shapes, *, config: Mapping[str, Any] | None = None) -> Path:
    """The folder of a model of CONFIGS, complete."""
    config = config or CONFIGS[name]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(
        folder / "model.safetensors", {one: numbers(one, shape) for one, shape in shapes.items()}
    )
    words = config.get("text_config", config)["vocab_size"]
    special = ["[PAD]", "[DEC]", "[CLS]", "[SEP]", "[UNK]", "[ENC]", "##s", "?"]
    vocabulary = special + [f"word{row}" for row in range(words - len(special))]
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in vocabulary))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor(name, config)))
    return folder


def preprocessor(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Its preprocessor_config.json, as the published ones are."""
    common = {"do_resize": True, "do_rescale": True, "do_normalize": True, "resample": 3}
    if config["model_type"] == "blip":
        side = config["vision_config"]["image_size"]
        mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
        return common | {"size": {"height": side, "width": side}, "image_mean": mean, "image_std": std}
    size = {"shortest_edge": SHORTEST[name]}
    divisor = config.get("patch_size", 32)
    half = [0.5, 0.5, 0.5]
    return common | {"size": size, "size_divisor": divisor, "image_mean": half, "image_std": half}


def photos(name: str) -> list[NDArray[np.uint8]]:
    """Random pictures [h,w,3] of the sizes that a model's preprocessing gives."""
    random, config = np.random.default_rng(zlib.crc32(name.encode())), CONFIGS[name]
    if config["model_type"] == "blip":
        sides = [(config["vision_config"]["image_size"],) * 2] * 3
    else:
        patch = config.get("patch_size", 32)
        sides = [(rows * patch, columns * patch) for rows, columns in GRIDS[name]]
    return [random.integers(0, 256, (*side, 3), dtype=np.uint8) for side in sides]


def asks(name: str) -> list[tuple[int, list[int]]]:
    """Photos and the rows of questions, of many lengths."""
    random, config = np.random.default_rng(zlib.crc32(name.encode()) + 1), CONFIGS[name]
    text = config.get("text_config", config)
    most = min(text.get("max_position_embeddings", 40), 14)
    lengths = [2, 3, 5, 8, most, 4, 6, 7][: max(8, len(photos(name)))]
    return [
        (place % len(photos(name)), [2, *random.integers(4, text["vocab_size"], length - 2).tolist(), 3])
        for place, length in enumerate(lengths)
    ]
