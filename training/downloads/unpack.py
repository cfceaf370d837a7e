"""A zip file's contents into one folder, whatever its paths say.

Files keep their own names and lose their folders, so that nothing can be written elsewhere; links become nothing, as
no link is ever made. Each file appears under its name only when it is whole, so that a stopped run can be repeated.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from ..errors import DownloadError


def unpack(
    archive: Path,
    into: Path,
    *,
    suffixes: tuple[str, ...],
    room: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    progress: Callable[[int], None] = lambda written: None,
) -> int:
    """Write the files that end in `suffixes` into the folder `into`; how many there are.

    Files that are there with the right length are left alone. Raises DownloadError for a broken or dishonest archive,
    or where `room` (free bytes) does not suffice.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            wanted = _wanted(archive, opened, suffixes)
            into.mkdir(parents=True, exist_ok=True)
            missing = {name: one for name, one in wanted.items() if not _there(into / name, one)}
            needed, free = sum(one.file_size for one in missing.values()), room(into)
            if needed > free:
                raise DownloadError(
                    f"{archive.name} needs {needed / 1e9:.2f} GB in {into}, and {free / 1e9:.2f} GB are free. Make "
                    "room and run the same command again."
                )
            for name, one in missing.items():
                unfinished = into / f"{name}.part"
                with opened.open(one) as source, unfinished.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                unfinished.replace(into / name)
                progress(one.file_size)
            return len(wanted)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DownloadError(
            f"{archive} cannot be unpacked ({error}). Delete it and run the same command again."
        ) from error


def _wanted(archive: Path, opened: zipfile.ZipFile, suffixes: tuple[str, ...]) -> dict[str, zipfile.ZipInfo]:
    """By the name that each file gets."""
    found: dict[str, zipfile.ZipInfo] = {}
    for one in opened.infolist():
        parts = re.split(r"[/\\]", one.filename)
        if one.is_dir() or not one.filename.lower().endswith(suffixes):
            continue
        if parts[0] == "__MACOSX" or parts[-1].startswith("."):
            continue
        linked = stat.S_ISLNK(one.external_attr >> 16)
        if ".." in parts or parts[0] == "" or ":" in parts[0] or linked:
            raise DownloadError(
                f"{archive} holds {one.filename!r:.80}, which leads out of its folder. It is not what was published: "
                "delete it."
            )
        if parts[-1] in found:
            raise DownloadError(f"{archive} holds {parts[-1]} twice, also as {one.filename!r:.80}.")
        found[parts[-1]] = one
    if not found:
        raise DownloadError(f"{archive} holds no {' or '.join(suffixes)} files; it is not what was expected.")
    return found


def _there(path: Path, one: zipfile.ZipInfo) -> bool:
    return path.is_file() and path.stat().st_size == one.file_size
