"""Runs the tiny models in transformers and keeps what they answer: `make oracle`, in an interpreter that has PyTorch.

PYTHONPATH=tests python tests/oracle/expect.py            compare with what is kept; an exit code of 1 where it differs
PYTHONPATH=tests python tests/oracle/expect.py --write    keep it
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from oracle.tiny import BLIPS, CONFIGS, EXPECTED, asks, numbers, photos, preprocessor, write_model
from transformers import BlipConfig, BlipForQuestionAnswering, ViltConfig, ViltForQuestionAnswering

BEAMS, PIECES = 4, 6


def expected(name: str) -> dict[str, np.ndarray]:
    """What is kept of one model; `shapes` are its tensors as it saves them."""
    config = CONFIGS[name]
    kind, body = (
        (BlipConfig, BlipForQuestionAnswering) if name in BLIPS else (ViltConfig, ViltForQuestionAnswering)
    )
    model = body(kind(**{k: v for k, v in config.items() if k != "model_type"})).eval().float()
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), name, shapes)
        model, report = body.from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    assert not any(report.values()), report
    for key, value in model.state_dict().items():
        assert np.array_equal(value.numpy(), numbers(key, tuple(value.shape))), key
    with torch.no_grad():
        told = blip(model.eval(), name) if name in BLIPS else vilt(model.eval(), name)
    return {"shapes": np.array(json.dumps(shapes)), **told}


def pixels(name: str, photo: np.ndarray) -> torch.Tensor:
    settings = preprocessor(name, CONFIGS[name])
    scaled = (photo / 255.0 - np.array(settings["image_mean"])) / np.array(settings["image_std"])
    return torch.from_numpy(scaled.astype(np.float32)).permute(2, 0, 1)[None]


def blip(model: Any, name: str) -> dict[str, np.ndarray]:
    seen = [pixels(name, photo) for photo in photos(name)]
    features = [model.vision_model(pixel_values=one).last_hidden_state[0].numpy() for one in seen]
    answers = [beams(model, torch.tensor([rows]), seen[photo]) for photo, rows in asks(name)]
    return {
        "features": np.stack(features),
        "tokens": np.stack([tokens for tokens, _ in answers]),
        "log_probabilities": np.stack([scores for _, scores in answers]),
    }


def beams(model: Any, rows: torch.Tensor, seen: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Each of the likeliest first pieces, continued by `generate`: [W,L] and [W,L]; the first is `generate` alone."""
    sizes = model.config.text_config
    states = model.text_encoder(
        input_ids=rows,
        encoder_hidden_states=model.vision_model(pixel_values=seen).last_hidden_state,
        attention_mask=torch.ones_like(rows),
    ).last_hidden_state
    bos = torch.tensor([[sizes.bos_token_id]])
    said = {"encoder_hidden_states": states, "encoder_attention_mask": torch.ones_like(rows)}
    first = torch.log_softmax(model.text_decoder(input_ids=bos, **said).logits[0, -1], -1)
    tokens = np.full((BEAMS, PIECES), sizes.sep_token_id, np.int32)
    scores = np.zeros((BEAMS, PIECES), np.float32)
    how = {"return_dict_in_generate": True, "output_scores": True, "do_sample": False}
    ends = {"eos_token_id": sizes.sep_token_id, "pad_token_id": sizes.pad_token_id}
    for beam, piece in enumerate(first.topk(BEAMS).indices):
        tokens[beam, 0], scores[beam, 0] = piece, first[piece]
        if piece == sizes.sep_token_id:
            continue
        start = torch.cat([bos, piece[None, None]], 1)
        out = model.text_decoder.generate(
            input_ids=start,
            max_new_tokens=PIECES - 1,
            attention_mask=torch.ones_like(start),
            **said,
            **how,
            **ends,
        )
        more = out.sequences[0, 2:]
        told = model.text_decoder.compute_transition_scores(out.sequences, out.scores, normalize_logits=True)[
            0
        ]
        tokens[beam, 1 : 1 + len(more)], scores[beam, 1 : 1 + len(more)] = more, told
    whole = model.generate(input_ids=rows, pixel_values=seen, max_new_tokens=PIECES, do_sample=False)[0, 1:]
    assert whole.tolist() == tokens[0, : len(whole)].tolist()
    return tokens, scores


def vilt(model: Any, name: str) -> dict[str, np.ndarray]:
    seen = [pixels(name, photo) for photo in photos(name)]
    logits = [
        model(
            input_ids=torch.tensor([rows]),
            pixel_values=seen[photo],
            pixel_mask=torch.ones(1, *seen[photo].shape[2:], dtype=torch.long),
        ).logits[0]
        for photo, rows in asks(name)
    ]
    return {"logits": torch.stack(logits).numpy()}


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--write", action="store_true")
    write = reader.parse_args().write
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    failed = 0
    for name in CONFIGS:
        told, path = expected(name), EXPECTED / f"{name}.npz"
        if write:
            EXPECTED.mkdir(exist_ok=True)
            np.savez_compressed(path, allow_pickle=False, **told)
        with np.load(path) as kept:
            assert kept["shapes"] == told["shapes"], f"{name}: other tensors"
            most = max(float(np.abs(kept[key] - told[key]).max()) for key in told if key != "shapes")
        failed += most > 1e-4
        print(f"{name}: at most {most:.1g} from what is kept")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
