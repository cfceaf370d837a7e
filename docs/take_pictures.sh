#!/bin/sh
# Take the pictures that the docs show, anew: sh docs/take_pictures.sh
set -e
cd "$(dirname "$0")/.."
taken=$(mktemp -d)
ASKSIGHT_SCREENSHOTS=$taken .venv/bin/pytest -q tests/server/http/test_http_page.py tests/server/http/test_http_page_looks.py \
	-k "axe or button_is_pressed"
PYTHONPATH=tests .venv/bin/python docs/take_more_pictures.py "$taken"
.venv/bin/python - "$taken" <<'PYTHON'
import sys
from pathlib import Path

from PIL import Image

PAGES = ("desktop-answered", "phone-answered", "phone-dark-cannot-tell", "phone-coached", "high-contrast-answered", "looked")
for name in (*(f"page-{one}" for one in PAGES), "terminal", "report", "mistakes"):
    picture = Image.open(Path(sys.argv[1]) / f"{name}.png").convert("RGB")
    picture.thumbnail((900, 1400))
    # First a colour for each corner of what there is, so that small things keep theirs; then nearer to what there is much of.
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=8).save(f"docs/pictures/{name}.png", optimize=True)
PYTHON
rm -r "$taken"
