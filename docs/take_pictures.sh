#!/bin/sh
# Take the pictures of the page that the docs show, anew: sh docs/take_pictures.sh
set -e
cd "$(dirname "$0")/.."
taken=$(mktemp -d)
ASKSIGHT_SCREENSHOTS=$taken .venv/bin/pytest -q tests/server/http/test_http_page.py -k axe
.venv/bin/python - "$taken" <<'PYTHON'
import sys
from pathlib import Path

from PIL import Image

SHOWN = ("desktop-answered", "phone-answered", "phone-dark-cannot-tell", "phone-coached", "high-contrast-answered")
for name in SHOWN:
    picture = Image.open(Path(sys.argv[1]) / f"page-{name}.png").convert("RGB")
    picture.thumbnail((900, 1400))
    picture.quantize(64).save(f"docs/pictures/page-{name}.png", optimize=True)
PYTHON
rm -r "$taken"
