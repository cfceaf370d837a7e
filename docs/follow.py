"""Follow the README and every page of the docs as a new user would.

`PYTHONPATH=tests:benchmarks python docs/follow.py`, or with names of pages.

The commit that is checked out is cloned into an empty folder, and there each block of shell or Python is run as it
stands, page by page in the order of the site, in the environment that the first of them makes. A block that begins to
serve runs on until the next one does, or until its page ends. What needs something that is not here is left out, line
by line, and said with its reason. It ends with code 1 where a block failed. Takes about an hour on two cores, most of
it downloads and training; needs what `make test` needs, since grpcurl and buf are taken from this checkout.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from of_the_reader import write_files
from peers.processes import free_port

ROOT = Path(__file__).resolve().parent.parent
AT_MOST_S = 3600
HUB = "fetches gigabytes from the Hugging Face hub"
ELSEWHERE = "fetches gigabytes from the data sets' and weights' own addresses"
REGISTRY = "needs a registry of images; benchmarks/fresh.py builds and asks the image"
MACHINE = "changes the machine that it is run on"
OTHERS = "asks machines that the reader has"
# What is not done, by page: how the line begins, and why. Each has to be there.
LEFT_OUT = {
    "README.md": {
        "asksight get blip-vqa": HUB,
        "asksight serve --model blip-vqa": HUB,
        "make test": "runs every test, which .ci/run does for each change",
    },
    "install.md": {
        "buildah build": REGISTRY,
        "docker run": REGISTRY,
        "docker compose": REGISTRY,
        "python3 -m venv /opt/asksight": MACHINE,
        "/opt/asksight/": MACHINE,
        "mkdir -p /etc/asksight": MACHINE,
        "cp deploy/asksight.service": MACHINE,
        "systemctl": MACHINE,
    },
    "training.md": {
        "asksight data get": ELSEWHERE,
        "asksight data prepare vqa-v2": ELSEWHERE,
        "asksight features --data vqa-v2": ELSEWHERE,
        "asksight features --join --out fc7": ELSEWHERE,
        "asksight vectors glove": ELSEWHERE,
        "asksight train --arch lstm --data vqa-v2": ELSEWHERE,
        "asksight evaluate run": ELSEWHERE,
        "asksight report run": ELSEWHERE,
        "asksight export run": ELSEWHERE,
        "asksight serve --model bundle": ELSEWHERE,
        'export TF_CONFIG=\'{"cluster": {"worker": ["10.': OTHERS,
        "python benchmarks/language_only.py": "takes hours, on spaCy's vectors and questions that the reader has",
    },
    "models.md": {"asksight ": HUB},
    "getting-models.md": {
        "asksight get": HUB,
        "asksight serve": HUB,
        "asksight import": HUB,
    },
    "importing.md": {
        "asksight import keras model.json": "begins with VGG16's trained weights, which are not here",
    },
    "engines.md": {
        "asksight compile BUNDLE": "a bundle of the reader's",
        "asksight serve --model BUNDLE": "a bundle of the reader's",
        "asksight": "begins with VGG16's trained weights, which are not here",
        "python benchmarks/vgg16_weights.py": "begins with VGG16's trained weights, which are not here",
    },
    "scale.md": {
        "ASKSIGHT_FEATURES_CACHE": OTHERS,
        "helm install": "needs a cluster; tests hold the chart against Kubernetes' schemas",
    },
}
MEASURES = "measures anew, in minutes to hours, what the page tells"
COMMAND = re.compile(r"(?:\w+=\S+ |(?:nice|chrt) \S+ \S+ )*(?:python|make) ")
PYTHON_OF = {"open-inference.md": "triton/bin/python"}  # which the page has made; else .venv's
PORTS = ("50051", "8080", "9090", "2222", "2223")


@dataclass
class Block:
    """One block of a page, and what of it is run."""

    page: str
    line: int
    language: str
    code: str
    left_out: Counter[str]

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    nav = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Loader=yaml.BaseLoader)["nav"]
    names = [name for entry in nav for name in entry.values()]
    there = [ROOT / "docs" / name for name in names if name != "security.md"]  # made from SECURITY.md
    return [ROOT / "README.md", *there]


def blocks(page: Path) -> list[Block]:
    text, found = page.read_text("utf-8"), []
    for match in re.finditer(r"^```(sh|bash|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, match.start()) + 1
        code, left_out = without(LEFT_OUT.get(page.name, {}), match[2])
        found.append(Block(page.name, line, match[1], code, left_out))
    return found


def bare_blocks(page: Path) -> list[str]:
    """Those that name no language: what is printed, and what is drawn."""
    every = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [code for language, code in every if not language]


def measured(page: Path) -> list[str]:
    """Commands that stand indented, or in a block without a language: they say where figures are from."""
    indented = re.findall(r"^ {4}(.*)$", page.read_text("utf-8"), re.MULTILINE)
    bare = [line for code in bare_blocks(page) for line in code.splitlines()]
    return [line for line in (*indented, *bare) if COMMAND.match(line)]


def without(reasons: dict[str, str], code: str) -> tuple[str, Counter[str]]:
    """The lines that are run, and why the others are not. A line ends where no backslash is."""
    kept, left_out = [], Counter[str]()
    for line in re.findall(r"(?:.*\\\n)*.*\n", code):
        reason = next((why for begin, why in reasons.items() if line.startswith(begin)), None)
        if reason is None:
            kept.append(line)
        else:
            left_out[reason] += 1
    return "".join(kept), left_out


def unused() -> list[str]:
    """Entries of LEFT_OUT that no line of their page begins with."""
    text = {page.name: page.read_text("utf-8") for page in pages()}
    return [
        f"{page}: {begin}"
        for page, reasons in LEFT_OUT.items()
        for begin in reasons
        if not re.search(rf"^{re.escape(begin)}", text[page], re.MULTILINE)
    ]


class Reader:
    """Somebody who follows the docs in a clone, with a terminal to ask from and one for the server."""

    def __init__(self, folder: Path, clone: Path) -> None:
        self.clone, self._folder = clone, folder
        tools = folder / "tools"
        tools.mkdir()
        for tool in (Path(sys.executable).with_name("grpcurl"), ROOT / "node_modules/.bin/buf"):
            (tools / tool.name).symlink_to(tool)
        ours = {str(Path(sys.executable).parent), str(ROOT / ".venv/bin")}
        path = [part for part in os.environ["PATH"].split(os.pathsep) if part not in ours]
        self.ports = {port: port if is_free(int(port)) else str(free_port()) for port in PORTS}
        self.environment = {
            **{
                name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
            },
            "PATH": os.pathsep.join([str(clone / ".venv/bin"), str(tools), *path]),
            "ASKSIGHT_PORT": self.ports["50051"],
            "RAY_ADDRESS": "local",  # whatever cluster of others there may be on this machine
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "no_proxy": "*",
        }
        self._server: subprocess.Popen[str] | None = None

    def follow(self, block: Block) -> str | None:
        """Run it, to its end or until it serves; what was printed where it failed."""
        if "asksight serve" in block.code:
            self.stop()
        code = block.code
        for written, here in self.ports.items():
            code = code.replace(written, here)
        file = self._folder / f"block.{block.language}"
        file.write_text(code, "utf-8")
        command = ["bash", "-eo", "pipefail", str(file)]
        if block.language == "python":
            command = [str(self.clone / PYTHON_OF.get(block.page, ".venv/bin/python")), str(file)]
        running = subprocess.Popen(
            command,
            cwd=self.clone,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        printed: list[str] = []
        serves = threading.Event()
        reading = threading.Thread(target=read, args=(running, printed, serves), daemon=True)
        reading.start()
        until = time.monotonic() + AT_MOST_S
        while running.poll() is None and not serves.is_set() and time.monotonic() < until:
            time.sleep(0.1)  # for whichever comes first: its end, or that it serves
        if running.poll() is None and serves.is_set():
            self._server = running
            return None
        if running.poll() is None:
            end(running)
            printed.append(f"It was not done within {AT_MOST_S} s.")
        reading.join(5)
        return None if running.returncode == 0 else "".join(printed)[-6000:]

    def stop(self) -> None:
        if self._server is not None:
            end(self._server)
        self._server = None


def read(running: subprocess.Popen[str], printed: list[str], serves: threading.Event) -> None:
    assert running.stdout is not None
    with running.stdout as lines:
        for line in lines:
            printed.append(line)
            if line.startswith("Serving "):
                serves.set()


def end(running: subprocess.Popen[str]) -> None:
    """Ask it and all that it started to end, and where that does not help, end them. The shell ends before a server."""
    os.killpg(running.pid, signal.SIGTERM)
    ends_s = time.monotonic() + 60
    with suppress(ProcessLookupError):  # they have all ended
        while time.monotonic() < ends_s:
            running.poll()
            os.killpg(running.pid, 0)
            time.sleep(0.1)  # others than our child tell nobody when they end
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


def main() -> None:
    wanted = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    wanted.add_argument("pages", nargs="*", metavar="PAGE", help="such as curl.md; all without")
    wanted.add_argument("--clone", type=Path, help="a clone in which `make demo` has run; kept")
    wanted.add_argument("--list", action="store_true", help="say what would be run and what not")
    given = wanted.parse_args()
    if gone := unused():
        sys.exit(f"What is left out is no longer there: {gone}")
    chosen = [page for page in pages() if not given.pages or page.name in given.pages]
    folder = Path(tempfile.mkdtemp(prefix="asksight-follow-"))
    failed: list[str] = []
    why, count = Counter[str](), 0
    try:
        clone = given.clone or folder / "asksight"
        if given.clone is None and not given.list:
            subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        reader = Reader(folder, clone)
        if not given.list:
            write_files(clone, (ROOT / "docs" / "importing.md").read_text("utf-8"))
        for page in chosen:
            why.update([MEASURES] * len(measured(page)))
            for block in blocks(page):
                why += block.left_out
                left_out = f", {block.left_out.total()} lines left out" if block.left_out else ""
                if not block.code.strip():
                    print(f"   -      {block.name}: left out", flush=True)
                    continue
                count += 1
                started = time.monotonic()
                fault = None if given.list else reader.follow(block)
                said = "FAILED" if fault is not None else "done"
                print(f"{time.monotonic() - started:7.1f} s {block.name}: {said}{left_out}", flush=True)
                if fault is not None:
                    failed.append(block.name)
                    print(fault, flush=True)
            reader.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{count} blocks of {len(chosen)} pages were followed, {len(failed)} failed: {failed}")
    print("".join(f"left out: {many} lines, {reason}\n" for reason, many in why.items()), end="")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
