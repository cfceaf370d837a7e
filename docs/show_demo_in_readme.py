"""Put what `make demo` prints now into the README: python docs/show_demo_in_readme.py"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    printed = subprocess.run(
        ["make", "--silent", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    block = re.compile(r"(?<=^```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
    readme.write_text(block.sub(lambda _: printed, before, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
