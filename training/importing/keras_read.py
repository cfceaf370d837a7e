"""A person's own Keras model, read without running anything that is in the file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from ..errors import ImportSpecError
from .keras_graph import build_model
from .keras_weights import fill

HDF5 = b"\x89HDF"
PICKLES = (".pkl", ".pickle", ".joblib", ".p", ".pt", ".pth", ".dill")
ALLOWED = "a .keras file, an HDF5 file of Keras (.h5, .hdf5), or a model's JSON with --weights FILE"


def read_model(path: Path, weights: Path | None = None) -> keras.Model:
    """The model of a file. Raises ImportSpecError in one line where it is another one than is allowed."""
    if path.is_dir():
        raise ImportSpecError(
            f"{path} is a folder; {ALLOWED} is allowed. Load it, and save it as a .keras file."
        )
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ImportSpecError(f"{path} cannot be read: {error.strerror}.") from error
    if path.suffix in PICKLES or head[:1] == b"\x80":
        raise ImportSpecError(
            f"{path} is a pickle, which is a program and is never opened; {ALLOWED} is allowed."
        )
    if head[:4] == HDF5:
        if weights is not None:
            raise ImportSpecError(f"{path} holds a whole model; --weights belongs to a model's JSON.")
        return _of_hdf5(path)
    if zipfile.is_zipfile(path):
        return _of_keras_3(path)
    if head.lstrip()[:1] in (b"{", b"["):
        return _of_json(path, weights)
    raise ImportSpecError(f"{path} is of an unknown kind; {ALLOWED} is allowed.")


def _of_hdf5(path: Path) -> keras.Model:
    try:
        with h5py.File(path) as file:
            config = file.attrs.get("model_config")
            if config is None:
                raise ImportSpecError(
                    f"{path} holds weights without their model. Name the model's JSON (model.to_json()) and give "
                    f"--weights {path.name}."
                )
            version = str(_text(file.attrs.get("keras_version", "1")))
            tree = _parsed(path, _text(config))
            if version.startswith("3"):
                return _loaded(path, tree)
            built = build_model(tree)
            assert built.model is not None
            fill(built.layers, file)
    except (OSError, KeyError) as error:
        raise ImportSpecError(f"{path} cannot be read as HDF5 of Keras: {error}.") from error
    return built.model


def _of_keras_3(path: Path) -> keras.Model:
    try:
        with zipfile.ZipFile(path) as file:
            config = file.read("config.json").decode()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, RuntimeError) as error:
        raise ImportSpecError(
            f"{path} holds no config.json, so it is no .keras file; {ALLOWED} is allowed."
        ) from error
    return _loaded(path, _parsed(path, config))


def _of_json(path: Path, weights: Path | None) -> keras.Model:
    tree = _parsed(path, path.read_bytes().decode(errors="replace"))
    if weights is None:
        raise ImportSpecError(f"{path} is a model without its weights: give their HDF5 file by --weights.")
    if str(tree.get("keras_version", "1")).startswith("3"):
        _check_classes(path, tree)
        raise ImportSpecError(f"{path} is of Keras 3: save the whole model to a .keras file.")
    built = build_model(tree)
    assert built.model is not None
    try:
        with h5py.File(weights) as file:
            fill(built.layers, file)
    except (OSError, KeyError) as error:
        raise ImportSpecError(
            f"{weights} cannot be read as the HDF5 of a model's weights: {error}."
        ) from error
    return built.model


def _loaded(path: Path, tree: dict[str, Any]) -> keras.Model:
    """By Keras 3 itself, which runs no code of the file in its safe mode; what it could not know is refused before."""
    _check_classes(path, tree)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds on a file that it cannot read
        reason = " ".join(str(error).split())[:300]
        raise ImportSpecError(f"{path} cannot be read by Keras {keras.__version__}: {reason}") from error
    if not isinstance(model, keras.Model):
        raise ImportSpecError(f"{path} holds no model.")
    return model


def _check_classes(path: Path, tree: Any) -> None:
    for one in _objects(tree):
        name, module = one.get("class_name"), one.get("module")
        config = one.get("config")
        where = one.get("name") or (config.get("name") if isinstance(config, dict) else None) or path
        if name in ("Lambda", "__lambda__"):
            raise ImportSpecError(
                f"{where} (Lambda) holds Python code, which is never run. Replace it by layers that say what it "
                "does, and save the model again."
            )
        if module is not None and str(module).split(".")[0] != "keras":
            raise ImportSpecError(
                f"{where} ({name}) is of {module!r}; only Keras' own layers can be imported."
            )
        if module is None and name is not None and one.get("registered_name") not in (None, name):
            raise ImportSpecError(
                f"{where} ({name}) is a class of your own; only Keras' layers can be imported."
            )


def _objects(tree: Any) -> Iterator[dict[str, Any]]:
    """All objects inside a tree, without recursion: files may nest as they like."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportSpecError(f"{path}: the model's configuration is not JSON: {error}.") from error
    if not isinstance(tree, dict) or "class_name" not in tree:
        raise ImportSpecError(f"{path}: the JSON describes no Keras model.")
    return tree


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
