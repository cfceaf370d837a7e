"""A published model of the hub as a folder on this machine: only the files that are needed, each of them checked."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DownloadError
from .fetch import Fetching, fetch
from .hub import Hub, HubFile, HubName, HubUnreachableError, Listing
from .hub_cache import HubCache, checksum, sound
from .models import PublishedModel

WEIGHTS, INDEX, SHARDS = "model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors"
_ALWAYS = ("config.json", "preprocessor_config.json")
_VOCABULARY = ("vocab.txt", "tokenizer.json")  # one of them
_IF_THERE = ("tokenizer_config.json",)


@dataclass(frozen=True, kw_only=True)
class Brought:
    """The folder, and where its files are from."""

    folder: Path
    repository: str
    revision: str  # the commit
    licence: str = ""  # "" where it is not known
    sha256: str = ""  # of the weights; "" where they are in several files


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Whom to tell of what: lines, what begins and of how many bytes, and (in `how`) bytes as they come."""

    say: Callable[[str], None] = lambda line: None
    begin: Callable[[str, int | None], None] = lambda doing, total: None
    how: Fetching = field(default_factory=Fetching)
    room: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free


def bring_model(model: PublishedModel, hub: Hub, telling: Telling) -> Brought:
    """The files of a row of the catalogue. Raises DownloadError, also where the hub has something else by now."""
    name = HubName(model.repository, model.revision)
    brought = bring(name, hub, telling, commit=model.commit, sha256=model.sha256)
    return replace(brought, licence=model.licence)


def bring(
    name: HubName, hub: Hub, telling: Telling, *, commit: str = "", sha256: str | None = None
) -> Brought:
    """The files of a model of the hub, from the cache as far as they are there.

    The revision must mean a commit that begins with `commit`, and the weights have `sha256`, where that is given.
    Raises DownloadError; what has arrived by then is gone on with by the next call, unless its checksum is wrong.
    """
    if name.is_commit and (held := _held(name, hub)) is not None:
        return _checked(held, name, commit, sha256)
    try:
        listing = hub.ask(name)
    except HubUnreachableError as unreachable:
        held = _held(name, hub)
        if held is None:
            raise HubUnreachableError(
                f"{unreachable} {name} is not in {hub.cache}, or not all of it; its folder may also be brought here by "
                "other means, for `asksight import`."
            ) from unreachable
        telling.say(f"{unreachable} {name} is taken as it was fetched before.")
        return _checked(held, name, commit, sha256)
    return _fetched(name, listing, hub, telling, commit, sha256)


def needed(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Which of a model's files are wanted, the weights last. Raises DownloadError where some are missing."""
    there = sorted(one for one in names if "/" not in one)
    vocabulary = [one for one in _VOCABULARY if one in there][:1]
    missing = [one for one in _ALWAYS if one not in there] + ([] if vocabulary else ["vocab.txt"])
    if missing:
        raise DownloadError(
            f"{where} has no {' and no '.join(missing)}. Is it a model that answers questions?"
        )
    weights = [WEIGHTS] if WEIGHTS in there else [INDEX, *fnmatch.filter(there, SHARDS)]
    if weights[0] not in there:
        others = [one for one in there if one.endswith((".bin", ".h5", ".msgpack", ".pt", ".pth", ".ckpt"))]
        instead = (
            f", only {' and '.join(others)}, which are not opened: a pickle may run any code"
            if others
            else ""
        )
        raise DownloadError(
            f"{where} has no {WEIGHTS}{instead}. Another revision may have it: look among the pull requests on the "
            "model's page for one that adds safetensors, and name it as OWNER/NAME@refs/pr/NUMBER."
        )
    return (*_ALWAYS, *vocabulary, *(one for one in _IF_THERE if one in there), *weights)


def _held(name: HubName, hub: Hub) -> Brought | None:
    """What the cache has of that revision, if it is all there and undamaged."""
    folder = HubCache(hub.cache, name.repository).snapshot(name)
    if folder is None:
        return None
    try:
        wanted = needed((one.name for one in folder.iterdir() if one.exists()), str(folder))
    except DownloadError:
        return None
    if len([one for one in wanted if sound(folder / one)]) < len(wanted):  # every damaged one is removed
        return None
    sha256 = checksum(folder / WEIGHTS) if WEIGHTS in wanted else ""
    return Brought(folder=folder, repository=name.repository, revision=folder.name, sha256=sha256)


def _fetched(
    name: HubName, listing: Listing, hub: Hub, telling: Telling, commit: str, sha256: str | None
) -> Brought:
    by_name = {file.name: file for file in listing.files}
    files = [by_name[one] for one in needed(by_name, str(name))]
    weights = by_name.get(WEIGHTS)
    cache = HubCache(hub.cache, name.repository)
    brought = Brought(
        folder=cache.folder(listing.commit),
        repository=listing.repository,
        revision=listing.commit,
        licence=listing.licence,
        sha256=weights.checksum.partition(":")[2] if weights else "",
    )
    _checked(brought, name, commit, sha256)
    with cache.locked():
        _place(files, listing, hub, telling, cache)
        cache.remember(name, listing.commit)
    return brought


def _place(files: list[HubFile], listing: Listing, hub: Hub, telling: Telling, cache: HubCache) -> None:
    missing = [file for file in files if not cache.has(listing.commit, file)]
    arrived = sum(cache.arrived(file) for file in missing)
    total = sum(file.size for file in missing)
    hub.cache.mkdir(parents=True, exist_ok=True)
    free = telling.room(hub.cache)
    if total - arrived > free:
        raise DownloadError(
            f"{hub.cache} needs {(total - arrived) / 1e9:.1f} GB of room, and {free / 1e9:.1f} GB are free. Make room, "
            "or set HF_HUB_CACHE to a folder on a larger disk."
        )
    if missing:
        telling.begin(f"fetching {listing.repository}", total)
        telling.how.progress(arrived)
    how = replace(
        telling.how,
        headers=hub.headers(),
        refused=lambda _, code: hub.refused(listing.repository, code),
        elsewhere="Is this machine online?",
    )
    for file in missing:
        url = hub.url(listing, file)

        def bring_file(blob: Path, url: str = url, file: HubFile = file) -> None:
            fetch(url, blob, checksum=file.checksum, name=file.name, how=how)

        cache.place(listing.commit, file, bring_file)


def _checked(brought: Brought, name: HubName, commit: str, sha256: str | None) -> Brought:
    """Raises DownloadError where it is not what was expected."""
    if not brought.revision.startswith(commit):
        raise DownloadError(
            f"{name} is the commit {brought.revision} by now, not {commit} as it was when it was looked at. If you "
            f"trust it, import {name.repository}@{brought.revision}."
        )
    if sha256 is not None and brought.sha256 != sha256:
        raise DownloadError(
            f"The weights of {name} have the SHA-256 {brought.sha256 or '(several files)'}, not {sha256}: they were "
            "changed and are not taken."
        )
    return brought
