"""What the docs take for the reader's own: a data set, a receipt, a Keras model. docs/follow.py writes some of each."""

from __future__ import annotations

import json
import re
from pathlib import Path

from keras_2_files import easy_vqa_config, easy_vqa_weights, write_hdf5
from text_photos import written
from vqa_files import write_easy_vqa

WORDS = ["what", "colour", "is", "the", "shape", "a", "there", "circle", "square", "triangle"]
ANSWERS = ["yes", "no", "red", "blue", "green", "circle", "square"]


def write_files(clone: Path, importing: str) -> None:
    """Write them where the pages say that they are; the spec of the model is the first one of that page."""
    write_easy_vqa(clone / "downloads/easy_vqa/train", photos=60)
    (clone / "receipt.jpg").write_bytes(written([("Milk 1.19", 64), ("Bread 2.30", 64), ("TOTAL 3.49", 90)]))
    sizes = {"words": len(WORDS) + 1, "answers": len(ANSWERS)}
    write_hdf5(clone / "model.h5", easy_vqa_config(**sizes), easy_vqa_weights(**sizes))
    (spec, *_) = re.findall(r"^```toml\n(.*?)^```$", importing, re.MULTILINE | re.DOTALL)
    (clone / "spec.toml").write_text(spec, "utf-8")
    index = {word: number for number, word in enumerate(WORDS, 1)}
    kept = {"class_name": "Tokenizer", "config": {"word_index": json.dumps(index), "num_words": None}}
    (clone / "tokenizer.json").write_text(json.dumps(kept), "utf-8")
    (clone / "answers.txt").write_text("\n".join(ANSWERS), "utf-8")
