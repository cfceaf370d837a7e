"""A whole data set: each archive is fetched, unpacked and, unless it is to be kept, deleted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import DownloadError
from .catalogue import DATA_SETS, Archive
from .fetch import Fetching, fetch, length
from .unpack import unpack

ARCHIVES, DONE = "archives", "downloads.json"


@dataclass(kw_only=True)
class Downloaded:
    """The number of files of each archive after a download, and the archives that an earlier run had downloaded."""

    folder: Path
    files: dict[str, int] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)


def get(
    name: str,
    out: Path,
    *,
    photos: bool = True,
    keep: bool = False,
    mirror: str | None = None,
    known: Mapping[str, Sequence[Archive]] = DATA_SETS,
    how: Fetching | None = None,
    begin: Callable[[str, int | None], None] = lambda doing, total: None,
    room: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Downloaded:
    """Bring the data set `name` into the folder `out`; what an earlier run brought is not fetched again.

    `mirror` is an address under which the archives lie by name. `begin` is told what comes next and how many bytes
    that takes, `how.progress` of each piece of it. Raises DownloadError, with what has arrived kept.
    """
    if name not in known:
        raise DownloadError(f"{name!r} is not known; {', '.join(known)} are.")
    if out.exists() and not out.is_dir():
        raise DownloadError(f"{out} is a file; name a folder.")
    how = how or Fetching()
    archives = [one for one in known[name] if photos or not one.photos]
    (out / ARCHIVES).mkdir(parents=True, exist_ok=True)
    done, got = _done(out), Downloaded(folder=out)
    got.before = [one.name for one in archives if one.name in done]
    left = [one for one in archives if one.name not in done]
    urls = {one.name: f"{mirror.rstrip('/')}/{one.name}" if mirror else one.url for one in archives}
    lengths = {one.name: _length(out, one, urls[one.name], how) for one in left}
    _check_room(out, left, lengths, keep=keep, free=room(out))
    for one in left:
        path = out / ARCHIVES / one.name
        arrived = path.with_name(path.name + ".part")
        begin(f"fetching {one.name}", lengths[one.name])
        how.progress(arrived.stat().st_size if arrived.exists() else 0)
        fetch(urls[one.name], path, checksum=one.checksum, how=how)
        begin(f"unpacking {one.name}", None)
        done[one.name] = unpack(path, out / one.into, suffixes=one.suffixes, room=room, progress=how.progress)
        (out / DONE).write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
        if not keep:
            path.unlink()
    if not keep and not any((out / ARCHIVES).iterdir()):
        (out / ARCHIVES).rmdir()
    got.files = {one.name: done[one.name] for one in archives}
    return got


def _done(out: Path) -> dict[str, int]:
    """How many files each archive held that was unpacked here; {} at the start."""
    try:
        told: Any = json.loads((out / DONE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DownloadError(f"{out / DONE} is broken ({error}); delete it and run again.") from error
    return dict(told)


def _length(out: Path, one: Archive, url: str, how: Fetching) -> int | None:
    path = out / ARCHIVES / one.name
    return path.stat().st_size if path.exists() else length(url, how)


def _check_room(
    out: Path, left: Sequence[Archive], lengths: dict[str, int | None], *, keep: bool, free: int
) -> None:
    """Refuse before the first byte what cannot fit: each archive beside its contents and those before it."""
    held, most = 0, 0
    for one in left:
        size = lengths[one.name] or 0
        arrived = [out / ARCHIVES / name for name in (one.name, f"{one.name}.part")]
        missing = size - sum(path.stat().st_size for path in arrived if path.exists())
        most = max(most, held + missing + size * one.growth)
        held += size * one.growth + (missing if keep else 0)
    if most > free:
        raise DownloadError(
            f"{out} needs about {most / 1e9:.1f} GB of room, and {free / 1e9:.1f} GB are free. Name a folder on a "
            "larger disk, or leave the photos out with --no-photos."
        )
