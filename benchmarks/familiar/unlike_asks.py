"""How often the built-in bundle is certain of what it never learned about.

    PYTHONPATH=benchmarks python -m familiar.unlike_asks

Fresh scenes with questions about what no scene holds, and photos of the real world (real_photos.py says where from)
with questions as a scene's are. The assistant answers, as for a caller. Of neither may more than 2 % be ANSWERED.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from familiar.real_photos import NAMES, OTHERS, real_photos
from familiar.scenes import draw_scenes
from PIL import Image

from asksight.client import Reply, Unfamiliar, Verdict, load

OFF_TOPIC = (
    "What time is it?", "Who is this?", "How old is he?", "What breed is the dog?", "Is the door open?",
    "What is the weather like?", "Where was this photo taken?", "Is the light on?", "What is the man wearing?",
    "How many people are in the picture?", "Is my shirt clean?", "What brand is this?", "Is the milk still good?",
    "What language is this?", "Can you see a car?", "Is there a cat on the sofa?", "What flavour is this soup?",
    "Does the image show a bird?", "Is anybody smiling?", "Why is it broken?",
)  # fmt: skip
IN_WORDS_OF_SCENES = (
    "What is this?", "What is in the picture?", "What colour is it?", "How many things are there?",
    "Is there a red thing in the photo?", "What shape is the large object?",
)  # fmt: skip


def main() -> None:
    arguments = _arguments()
    real, other = (
        [_jpeg(photo) for photo in real_photos(arguments.photos, arguments.count, names=names)]
        for names in (NAMES, OTHERS)
    )
    with tempfile.TemporaryDirectory() as folder:
        scenes = _scenes(Path(folder), arguments.scenes, arguments.seed)
    for what, photos, questions in (
        ("fresh scenes, off-topic questions", scenes, OFF_TOPIC),
        ("real photos, questions as about scenes", real, IN_WORDS_OF_SCENES),
        ("other real photos, the same questions", other, IN_WORDS_OF_SCENES),
    ):
        asks = [(photo, question) for photo in photos for question in questions]
        print(json.dumps(asked(what, asks, arguments.model)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=Path("build/photos"), help="where the packages lie")
    parser.add_argument("--count", type=int, default=200, help="real photos, crops of them included")
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=78, help="of the scenes")
    parser.add_argument("--model", default="scenes")
    return parser.parse_args()


def _scenes(folder: Path, count: int, seed: int) -> list[bytes]:
    draw_scenes(folder, train=0, val=count, seed=seed)
    return [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))]


def _jpeg(photo: Image.Image) -> bytes:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=92)
    return file.getvalue()


def asked(what: str, asks: Sequence[tuple[bytes, str]], model: str) -> dict[str, object]:
    """How much of it the model answers, and which questions most of all."""
    with load(model) as assistant:
        outcomes = assistant.ask_many(asks)
    replies = [reply for reply in outcomes if isinstance(reply, Reply)]
    answered = Counter(reply.question for reply in replies if reply.verdict is Verdict.ANSWERED)

    def share(what: Unfamiliar) -> float:
        return round(sum(what in reply.unfamiliar for reply in replies) / len(replies), 4)

    return {
        "asks": what,
        "photos": len({photo for photo, _ in asks}),
        "count": len(asks),
        "failed": len(outcomes) - len(replies),
        "answered": round(answered.total() / len(replies), 4),
        "unlike_photo": share(Unfamiliar.PHOTO),
        "unlike_question": share(Unfamiliar.QUESTION),
        "answered_most": dict(answered.most_common(4)),
    }


if __name__ == "__main__":
    main()
