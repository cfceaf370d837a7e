"""The photos and questions that are asked with: a folder and a file, or what comes with the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..demo_asks import DEMO_PHOTOS, FOLDER
from .errors import BenchError
from .new_photos import made_new

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MAX_BYTES = 2**30  # all photos are kept in memory, so that no disk is measured
QUESTIONS = tuple(question for photo in DEMO_PHOTOS for question in photo.questions)


@dataclass(frozen=True)
class Material:
    """What asks are made of; photo i of `names` is photo i of `photos`."""

    names: tuple[str, ...]
    photos: tuple[bytes, ...]
    questions: tuple[str, ...]

    @property
    def never_new(self) -> list[str]:
        """The names of photos that cannot be made new, and go as they are."""
        tried = zip(self.names, self.photos, strict=True)
        return [name for name, photo in tried if made_new(photo, bytes(16)) is None]


def read_material(photos: Path | None, questions: Path | None) -> Material:
    """Read the folder and the file, None for the built-in ones. Raises BenchError or OSError."""
    files = _photo_files(FOLDER if photos is None else photos)
    return Material(
        names=tuple(file.name for file in files),
        photos=tuple(file.read_bytes() for file in files),
        questions=QUESTIONS if questions is None else _read_questions(questions),
    )


def _photo_files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise BenchError(
            f"{folder} holds no photo: no file that ends with {', '.join(SUFFIXES)} lies right in it. "
            "Name another folder, or leave --photos out."
        )
    size = sum(file.stat().st_size for file in files)
    if size > MAX_BYTES:
        raise BenchError(
            f"The photos of {folder} are {size / 2**20:,.0f} MiB; up to {MAX_BYTES >> 20:,} are kept in memory. "
            "Name a folder with fewer."
        )
    return files


def _read_questions(file: Path) -> tuple[str, ...]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise BenchError(f"{file} is not UTF-8 at byte {error.start}. Write a question a line.") from None
    questions = tuple(line.strip() for line in lines if line.strip())
    if not questions:
        raise BenchError(f"{file} holds no question. Write a question a line.")
    return questions
