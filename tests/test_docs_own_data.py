"""A data set as docs/training.md describes one of one's own is read as it stands there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from served import PHOTOS, ROOT

from asksight.training.datasets import open_dataset
from asksight.training.datasets.prepare import prepare


def test_it_is_prepared(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    own = text.partition("### Data of your own")[2].partition("\n## ")[0]
    source = tmp_path / "own"
    for code in re.findall(r"^```json\n(.*?)^```$", own, re.MULTILINE | re.DOTALL):
        name = re.findall(r"`(\w+\.json)`", own[: own.index(code)])[-1]
        source.mkdir(exist_ok=True)
        (source / name).write_text(code, encoding="utf-8")
    photo = re.findall(r"`(images/\S+\.jpg)`", own)
    assert len(photo) == 1
    (source / photo[0]).parent.mkdir(parents=True)
    shutil.copy(PHOTOS / "shapes.jpg", source / photo[0])
    prepare(source, tmp_path / "prepared")
    dataset = open_dataset(tmp_path / "prepared", "train")
    assert dataset.questions == ["What colour is the tin?", "Is it open?"]
    assert dataset.answers_modal == ["red", "no"]
    assert dataset.photo(7).name == Path(photo[0]).name
