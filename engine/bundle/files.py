"""The files of a bundle: none outside of it, none missing, none altered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ..errors import BundleError, refused
from .manifest import FileRecord

RESTORE = "Copy the bundle again from where it came from, or export it again."


def file_inside(root: Path, name: str) -> Path:
    """The path of a bundle's own file; raises BundleError when `name` leads out of `root` or to no file."""
    advice = "A bundle names only files that lie in its own folder; do not use one that does not."
    parts = PurePosixPath(name).parts
    inside = "a path inside the bundle"
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name:
        raise refused(root / "bundle.json", expected=inside, found=repr(name), advice=advice)
    path = root.joinpath(*parts)
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError:
        raise refused(path, expected="a file", found="nothing", advice=RESTORE) from None
    except (OSError, RuntimeError) as error:  # a ring of links, or no permission
        raise refused(path, expected="a readable file", found=str(error), advice=RESTORE) from error
    if not real.is_relative_to(root.resolve()):
        raise refused(path, expected=inside, found=f"a link that leads to {real}", advice=advice)
    if not real.is_file():
        raise refused(path, expected="a file", found="something else", advice=RESTORE)
    return path


def record_file(path: Path) -> FileRecord:
    """Size and SHA-256 of a file; large ones are read in pieces."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return FileRecord(bytes=file.tell(), sha256=sha256)


def check_files(root: Path, files: Mapping[str, FileRecord], *, verify: bool) -> None:
    """Raises BundleError for the first file that is outside, missing, or (if `verify`) altered."""
    paths = {name: file_inside(root, name) for name in files}
    for name, record in files.items():
        try:
            size = paths[name].stat().st_size
            if size != record.bytes:
                raise refused(paths[name], expected=f"{record.bytes} bytes", found=f"{size}", advice=RESTORE)
            found = record_file(paths[name]).sha256 if verify else record.sha256
        except OSError as error:
            raise refused(
                paths[name], expected="a readable file", found=str(error), advice=RESTORE
            ) from error
        if found != record.sha256:
            raise refused(
                paths[name],
                expected=f"SHA-256 {record.sha256}",
                found=f"{found}: it was altered",
                advice=RESTORE,
            )


def read_lines(path: Path) -> tuple[str, ...]:
    """A text file of UTF-8, one entry a line, each ended by a newline alone. Raises BundleError."""
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise refused(path, expected="UTF-8 text", found=str(error), advice=RESTORE) from error
    if text and not text.endswith("\n"):
        raise refused(path, expected="a newline after the last line", found="none", advice=RESTORE)
    lines = tuple(text[:-1].split("\n")) if text else ()
    if "" in lines:
        found = f"line {lines.index('') + 1} empty"
        raise refused(path, expected="text in every line", found=found, advice=RESTORE)
    return lines


def write_lines(path: Path, lines: tuple[str, ...]) -> None:
    """The reverse of `read_lines`; raises BundleError when an entry would break its line."""
    for number, line in enumerate(lines):
        if not line or "\n" in line or "\r" in line:
            raise BundleError(
                f"{path.name}: entry {number} is {line!r}; each must be one line of text, not empty."
            )
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
