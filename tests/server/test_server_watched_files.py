"""Files that change are told of once: by content, by another file in their place, by coming and by going."""

from __future__ import annotations

import os
from pathlib import Path

from asksight.server.watched_files import WatchedFiles


def test_each_kind_of_change_is_told_of_once(tmp_path: Path) -> None:
    file, other = tmp_path / "tokens", tmp_path / "new"
    file.write_text("one")
    watched = WatchedFiles(lambda: [file])
    assert not watched.changed()
    file.write_text("three")
    assert (watched.changed(), watched.changed()) == (True, False)
    seen = file.stat()
    other.write_text("seven")
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.replace(file)  # of the same size and time: another inode alone
    assert (watched.changed(), watched.changed()) == (True, False)
    file.unlink()
    assert (watched.changed(), watched.changed()) == (True, False)
    file.write_text("seven")
    assert (watched.changed(), watched.changed()) == (True, False)


def test_what_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    watched = WatchedFiles(lambda: sorted(tmp_path.iterdir()), until_still=True)
    looks = []
    for size in (1, 2, 3):
        (tmp_path / "graph").write_bytes(bytes(size))
        looks.append(watched.changed())
    looks += [watched.changed(), watched.changed()]
    assert looks == [False, False, False, True, False]


def test_what_goes_back_to_what_it_was_has_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "graph"
    watched = WatchedFiles(lambda: sorted(tmp_path.iterdir()), until_still=True)
    file.write_bytes(b"half")
    looks = [watched.changed()]
    file.unlink()
    looks += [watched.changed(), watched.changed()]
    assert looks == [False, False, False]
