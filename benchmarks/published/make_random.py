"""Published models at their real size with random weights, as folders that `asksight import` and transformers read.

Runs in the interpreter that `make oracle` makes: build/oracle/bin/python benchmarks/published/make_random.py OUT
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from transformers import BlipConfig, BlipForQuestionAnswering, ViltConfig, ViltForQuestionAnswering

CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
COMMON = {"do_resize": True, "do_rescale": True, "do_normalize": True, "resample": 3}
SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}  # BERT's rows
WORDS = (
    *("what", "is", "the", "colour", "of", "this", "bus", "how", "many", "people"),
    *("are", "there", "who", "where", "on", "in", "man", "doing", "dog", "red"),
)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("out", type=Path)
    out: Path = reader.parse_args().out
    torch.manual_seed(0)
    text = {"num_attention_heads": 12}
    save(BlipForQuestionAnswering(BlipConfig(text_config=text)), out / "blip")  # as Salesforce/blip-vqa-base
    size = {"height": 384, "width": 384}
    write_json(
        out / "blip" / "preprocessor_config.json",
        COMMON | CLIP | {"size": size, "image_processor_type": "BlipImageProcessor"},
    )
    labels = {row: f"answer {row}" for row in range(3129)}  # as dandelin/vilt-b32-finetuned-vqa
    config = ViltConfig(id2label=labels, label2id={label: row for row, label in labels.items()})
    save(ViltForQuestionAnswering(config), out / "vilt")
    edge = {"size": {"shortest_edge": 384}, "size_divisor": 32, "image_processor_type": "ViltImageProcessor"}
    write_json(out / "vilt" / "preprocessor_config.json", COMMON | HALF | edge)


def save(model: Any, folder: Path) -> None:
    """Weights of a size that keeps numbers between layers in bounds, and a vocabulary of BERT's shape."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim > 1:
                value.normal_(0, 0.03)
            elif "norm" not in name.lower():
                value.normal_(0, 0.02)
    model.save_pretrained(folder)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789?'.,-"
    plain = [*letters, *(f"##{letter}" for letter in letters), *WORDS]
    words = [SPECIAL.get(row) or (plain.pop(0) if plain else f"word{row}") for row in range(30522)]
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    write_json(folder / "tokenizer_config.json", {"do_lower_case": True, "tokenizer_class": "BertTokenizer"})


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))


if __name__ == "__main__":
    main()
