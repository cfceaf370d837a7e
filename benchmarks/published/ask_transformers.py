"""Transformers' side of beside_transformers.py: reads names of photos, says how many answers a second it gives.

Its users write it so: for each question the photo goes through the whole model again, since `generate` and `forward` of
these models take pixels; alone, or ten questions in a batch, whichever is faster.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch
from PIL import Image
from transformers import BertTokenizer, BlipForQuestionAnswering, ViltForQuestionAnswering
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.vilt.image_processing_pil_vilt import ViltImageProcessorPil

BATCH = 10
ALONE = 4  # of the questions that are also asked one by one
PIECES = 6  # as many as asksight import spells


def main() -> None:
    kind, folder, precision = sys.argv[1:]
    body = BlipForQuestionAnswering if kind == "blip" else ViltForQuestionAnswering
    model = body.from_pretrained(folder, dtype=getattr(torch, precision)).eval()
    look = (BlipImageProcessorPil if kind == "blip" else ViltImageProcessorPil).from_pretrained(folder)
    cut = BertTokenizer.from_pretrained(folder)

    def answer(pairs: list[tuple[str, str]]) -> Any:
        pictures = [Image.open(photo).convert("RGB") for photo, _ in pairs]
        pixels = look(pictures, return_tensors="pt")
        pixels["pixel_values"] = pixels["pixel_values"].to(model.dtype)
        words = cut([question for _, question in pairs], padding=True, return_tensors="pt")
        with torch.no_grad():
            if kind == "blip":
                said = {key: words[key] for key in ("input_ids", "attention_mask")}
                return model.generate(**said, **pixels, max_new_tokens=PIECES, do_sample=False)
            return model(**words, **pixels).logits.sigmoid().topk(5)

    def measured(pairs: list[tuple[str, str]]) -> list[float]:
        """Answers a second and the processor's seconds for one, one by one (a few of them) or in batches."""
        found = []
        for size, some in ((1, pairs[:ALONE]), (BATCH, pairs)):
            started_s, before_s = time.perf_counter(), time.process_time()
            for start in range(0, len(some), size):
                answer(some[start : start + size])
            took_s, used_s = time.perf_counter() - started_s, time.process_time() - before_s
            found.append([len(some) / took_s, used_s / len(some)])
        return max(found)

    asked = json.load(sys.stdin)
    files, questions = asked["photos"], asked["questions"]
    answer([(files[0], questions[0])])  # it is warm
    new = measured([(file, questions[0]) for file in files])
    more = measured([(files[0], question) for question in questions])
    print(json.dumps({"new photos": new, "follow-ups": more}))


if __name__ == "__main__":
    main()
