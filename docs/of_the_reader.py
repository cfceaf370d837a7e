"""What the docs take for the reader's own: a data set, a receipt, a model of Keras and of ONNX, for docs/follow.py."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
from keras_2_files import easy_vqa_config, easy_vqa_weights, write_hdf5
from onnx import TensorProto, helper, numpy_helper
from text_photos import written
from vqa_files import write_easy_vqa

WORDS = ["what", "colour", "is", "the", "shape", "a", "there", "circle", "square", "triangle"]
ANSWERS = ["yes", "no", "red", "blue", "green", "circle", "square"]


def write_files(clone: Path, importing: str) -> None:
    """Write them where the pages say that they are; the spec of both models is the first one of that page."""
    shutil.rmtree(clone / "downloads", ignore_errors=True)  # of an earlier time
    write_easy_vqa(clone / "downloads/easy_vqa/train", photos=60)
    (clone / "receipt.jpg").write_bytes(written([("Milk 1.19", 64), ("Bread 2.30", 64), ("TOTAL 3.49", 90)]))
    sizes = {"words": len(WORDS) + 1, "answers": len(ANSWERS)}
    write_hdf5(clone / "model.h5", easy_vqa_config(**sizes), easy_vqa_weights(**sizes))
    onnx.save(own_graph(), clone / "model.onnx")
    (spec, *_) = re.findall(r"^```toml\n(.*?)^```$", importing, re.MULTILINE | re.DOTALL)
    (clone / "spec.toml").write_text(spec, "utf-8")
    index = {word: number for number, word in enumerate(WORDS, 1)}
    kept = {"class_name": "Tokenizer", "config": {"word_index": json.dumps(index), "num_words": None}}
    (clone / "tokenizer.json").write_text(json.dumps(kept), "utf-8")
    (clone / "answers.txt").write_text("\n".join(ANSWERS), "utf-8")


def own_graph() -> onnx.ModelProto:
    """A photo's mean colour [N, 3], weighed by the words of the question."""
    sizes = {"sees": (3, 8), "asks": (len(WORDS) + 1, 8), "tells": (8, len(ANSWERS))}
    random = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(random.normal(size=size).astype(np.float32), name)
        for name, size in sizes.items()
    ]
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["colour"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["colour", "sees"], ["seen"]),
        helper.make_node("MatMul", ["words", "asks"], ["asked"]),
        helper.make_node("Mul", ["seen", "asked"], ["both"]),
        helper.make_node("MatMul", ["both", "tells"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    ends: dict[str, list[str | int]] = {
        "image": ["N", 64, 64, 3],
        "words": ["N", len(WORDS) + 1],
        "scores": ["N", len(ANSWERS)],
    }
    *taken, given = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in ends.items()
    )
    graph = helper.make_graph(nodes, "own", taken, [given], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
