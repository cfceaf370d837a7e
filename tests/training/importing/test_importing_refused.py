"""What cannot be imported: one line each that names the file, what was seen and what is allowed; nothing is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle.tiny import numbers, write_safetensors
from published_models import imported, published, shapes

from asksight.engine import BundleError
from asksight.training.errors import CheckpointError
from asksight.training.importing.blip import import_blip

BLIP, VILT = "blip-even", "vilt-small"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: published(tmp_path_factory.mktemp("published") / name, name) for name in (BLIP, VILT)}


@pytest.fixture
def copies(models: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    return {name: Path(shutil.copytree(path, tmp_path / name)) for name, path in models.items()}


def edit(path: Path, *keys: str, to: Any) -> None:
    tree = part = json.loads(path.read_text())
    for key in keys[:-1]:
        part = part[key]
    if to is None:
        del part[keys[-1]]
    else:
        part[keys[-1]] = to
    path.write_text(json.dumps(tree))


def store(folder: Path, name: str, **changes: Any) -> None:
    """Write the weights once more: None leaves a tensor out, a shape makes it another."""
    wanted = {**shapes(name), **{key.replace("__", "."): value for key, value in changes.items()}}
    tensors = {key: numbers(key, shape) for key, shape in wanted.items() if shape is not None}
    write_safetensors(folder / "model.safetensors", tensors)


def refused(copies: dict[str, Path], name: str, said: str) -> None:
    out = copies[name].parent / "out"
    with pytest.raises((CheckpointError, BundleError)) as caught:
        imported(copies[name], out, name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in out.parent.iterdir()) == sorted([BLIP, VILT])


CONFIG, PIXELS = "config.json", "preprocessor_config.json"


@pytest.mark.parametrize(
    ("name", "file", "keys", "value", "said"),
    [
        (
            BLIP,
            CONFIG,
            ["model_type"],
            "git",
            "is of 'git'; asksight import blip takes BlipForQuestionAnswering",
        ),
        (
            BLIP,
            CONFIG,
            ["architectures"],
            ["BlipForConditionalGeneration"],
            "is of 'BlipForConditionalGeneration'",
        ),
        (VILT, CONFIG, ["architectures"], ["ViltForMaskedLM"], "is of 'ViltForMaskedLM'"),
        (
            BLIP,
            CONFIG,
            ["text_config", "hidden_act"],
            "relu",
            "text_config.hidden_act is 'relu'; it must be 'gelu'",
        ),
        (BLIP, CONFIG, ["text_config", "num_attention_heads"], 5, "must be a divisor of the width, 32"),
        (
            BLIP,
            CONFIG,
            ["text_config", "vocab_size"],
            "many",
            "text_config.vocab_size is 'many'; it must be a whole",
        ),
        (BLIP, CONFIG, ["text_config", "vocab_size"], 70, "is [60, 32]; by config.json it must be [70, 32]"),
        (
            BLIP,
            CONFIG,
            ["text_config", "vocab_size"],
            50,
            "has 60 pieces; by config.json (vocab_size) the model",
        ),
        (
            BLIP,
            CONFIG,
            ["text_config", "sep_token_id"],
            60,
            "sep_token_id is 60; it must be a row of the vocabulary",
        ),
        (
            BLIP,
            CONFIG,
            ["text_config", "sep_token_id"],
            7,
            "has '?' in row 7, where by config.json (sep_token_id)",
        ),
        (
            BLIP,
            CONFIG,
            ["text_config", "hidden_size"],
            64,
            "hidden_size is 32; it must be that of text_config, 64",
        ),
        (BLIP, CONFIG, ["text_config"], 3, "text_config is 3; it must be an object"),
        (BLIP, CONFIG, ["vision_config", "image_size"], 64, "must be 64, the image_size of config.json"),
        (BLIP, CONFIG, ["vision_config", "image_size"], [32, 64], "image_size is [32, 64]"),
        (BLIP, CONFIG, ["vision_config", "patch_size"], 16, "by config.json it must be [32, 3, 16, 16]"),
        (
            BLIP,
            CONFIG,
            ["vision_config", "num_hidden_layers"],
            3,
            "no tensor 'vision_model.encoder.layers.2.",
        ),
        (
            BLIP,
            CONFIG,
            ["vision_config", "num_hidden_layers"],
            1,
            "the tensor 'vision_model.encoder.layers.1.",
        ),
        (BLIP, PIXELS, ["do_normalize"], False, "do_normalize is False; it must be True"),
        (BLIP, PIXELS, ["resample"], 9, "resample is 9; it must be 0 or 1 or 2 or 3"),
        (BLIP, PIXELS, ["image_std"], [0.5, 0.5], "image_std is [0.5, 0.5]; it must be three numbers"),
        (
            BLIP,
            PIXELS,
            ["image_std"],
            [0.5, 0.5, 0],
            "image_std is [0.5, 0.5, 0]; it must be three numbers above 0",
        ),
        (VILT, CONFIG, ["max_image_length"], 100, "max_image_length is 100; it must be -1"),
        (VILT, CONFIG, ["id2label", "3"], None, "id2label is"),
        (VILT, CONFIG, ["id2label", "3"], "answer 2", "none empty and none twice"),
        (VILT, CONFIG, ["id2label", "17"], "one more", "is [17, 64]; by config.json it must be [18, 64]"),
        (VILT, PIXELS, ["size_divisor"], 32, "size_divisor is 32; it must be 16"),
        (VILT, PIXELS, ["size"], {"shortest_edge": 8}, "at most the shortest edge"),
    ],
)
def test_a_config_that_lies_is_named(
    copies: dict[str, Path], name: str, file: str, keys: list[str], value: Any, said: str
) -> None:
    edit(copies[name] / file, *keys, to=value)
    refused(copies, name, said)


@pytest.mark.parametrize(
    ("name", "tensor", "shape", "said"),
    [
        (
            BLIP,
            "vision_model.post_layernorm.bias",
            None,
            "has no tensor 'vision_model.post_layernorm.bias' [32]",
        ),
        (
            BLIP,
            "text_encoder.embeddings.word_embeddings.weight",
            (60, 31),
            "is [60, 31]; by config.json it must be",
        ),
        (
            BLIP,
            "text_encoder.pooler.dense.bias",
            (32,),
            "'text_encoder.pooler.dense.bias' [32], which a model of",
        ),
        (VILT, "classifier.3.weight", (16, 64), "is [16, 64]; by config.json it must be [17, 64]"),
        (
            VILT,
            "mlm_score.bias",
            (50,),
            "has the tensor 'mlm_score.bias' [50], which a model of this config.json",
        ),
    ],
)
def test_other_tensors_are_named_with_their_shape(
    copies: dict[str, Path], name: str, tensor: str, shape: Any, said: str
) -> None:
    store(copies[name], name, **{tensor.replace(".", "__"): shape})
    refused(copies, name, said)


def test_a_weight_that_is_no_number_is_found_while_it_is_written(copies: dict[str, Path]) -> None:
    one = "text_decoder.bert.encoder.layer.1.output.dense.weight"
    tensors = {key: numbers(key, shape) for key, shape in shapes(BLIP).items()}
    tensors[one][0, 0] = np.nan
    write_safetensors(copies[BLIP] / "model.safetensors", tensors)
    refused(copies, BLIP, f"{one!r} holds NaN")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("config.json", "config.json is not there"),
        ("preprocessor_config.json", "preprocessor_config.json is not there"),
        ("vocab.txt", "neither vocab.txt nor tokenizer.json"),
        ("model.safetensors", "neither model.safetensors nor model.safetensors.index.json"),
    ],
)
def test_a_file_that_is_missing_is_named(copies: dict[str, Path], file: str, said: str) -> None:
    (copies[BLIP] / file).unlink()
    refused(copies, BLIP, said)


def test_pickles_are_not_read_and_what_to_do_is_said(copies: dict[str, Path]) -> None:
    (copies[BLIP] / "model.safetensors").rename(copies[BLIP] / "pytorch_model.bin")
    refused(copies, BLIP, "a pickle, which may run any code and is not read")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has an empty line"),
        (b"[PAD]\n\n[CLS]\n", "has an empty line"),
        (b"[PAD]\n[DEC]\n[CLS]\n[SEP]\n[CLS]\n", "has the piece '[CLS]' twice"),
        (b"\xff\n", "is not UTF-8"),
        (b"[PAD]\n[DEC]\n[X]\n[SEP]\n[UNK]\n", "has no piece '[CLS]'"),
        (b"".join(b"w%d\n" % row for row in range(61)), "has 61 pieces"),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_named(copies: dict[str, Path], content: bytes, said: str) -> None:
    (copies[BLIP] / "vocab.txt").write_bytes(content)
    refused(copies, BLIP, said)


def tokenizer(rows: dict[Any, Any], *added: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": {"type": "WordPiece", "vocab": rows},
        "added_tokens": added,
        "normalizer": {"lowercase": False},
    }


def test_a_vocabulary_may_stand_in_tokenizer_json(copies: dict[str, Path]) -> None:
    lines = (copies[BLIP] / "vocab.txt").read_text().splitlines()
    (copies[BLIP] / "vocab.txt").unlink()
    rows = {line: row for row, line in enumerate(lines[:-1])}
    content = tokenizer(rows, {"content": lines[-1], "id": len(lines) - 1})
    (copies[BLIP] / "tokenizer.json").write_text(json.dumps(content))
    bundle = imported(copies[BLIP], copies[BLIP].parent / "out", BLIP)
    assert list(bundle.words) == lines
    assert not bundle.lower


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": {"type": "BPE", "vocab": {}}}, "holds no WordPiece vocabulary"),
        ({"model": 3}, "holds no WordPiece vocabulary"),
        (tokenizer({"a": 0, "b": 2}), "does not number its pieces"),
        (tokenizer({"a": 0, "b": "1"}, {"content": "c", "id": 2}), "does not number its pieces"),
        (tokenizer({"a": 0}, {"content": None, "id": 1}), "does not number its pieces"),
        (tokenizer({"a": 0}), "has no piece '[CLS]'"),
    ],
)
def test_a_tokenizer_that_lies_is_named(copies: dict[str, Path], content: Any, said: str) -> None:
    (copies[VILT] / "vocab.txt").unlink()
    (copies[VILT] / "tokenizer.json").write_text(json.dumps(content))
    refused(copies, VILT, said)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"beams": 61}, "beams is 61"),
        ({"pieces": 25}, "pieces is 25"),
        ({"max_tokens": 25}, "max_tokens is 25"),
    ],
)
def test_limits_beyond_the_model_are_named(
    models: dict[str, Path], tmp_path: Path, limit: Any, said: str
) -> None:
    with pytest.raises(CheckpointError, match=said):
        import_blip(models[BLIP], tmp_path / "out", **limit)
