"""Maps each top-level folder to one package of the `asksight` namespace, and builds what is generated.

Generated are the gRPC and protobuf modules (from proto/) and the Cython extensions (from ext/).
"""

import os
import shutil
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel
from setuptools.modified import newer_group

ROOT = Path(__file__).parent
FOLDERS = ("ext", "photos", "engine", "server", "client", "training", "cli")
PACKAGE_DIR = {f"asksight.{folder}": folder for folder in FOLDERS} | {"asksight.v1": "proto/asksight/v1"}
FACE = "face"  # the package `asksight` itself
LINKS = Path("build/types")  # what an editable install puts on the path
COMPILED = Path("build/compiled")  # what it has compiled; the names tell the Python and the machine
# Messages that others generate under the same names: what protoc makes of them is data, in a pool of its own.
OPEN_INFERENCE = ROOT / "server" / "open_inference"
EXTENSION_PARTS = [
    str(path.relative_to(ROOT)) for kind in ("pyx", "pxi", "h") for path in ROOT.glob(f"ext/*.{kind}")
]
NESTED = [f"asksight.{folder}.{nested}" for folder in FOLDERS for nested in find_packages(folder)]


class BuildWithProto(build_py):
    """Generate asksight/v1/*_pb2*.py beside vqa.proto, and open_inference.binpb, before the packages are collected."""

    def run(self) -> None:
        import grpc_tools
        from grpc_tools import protoc

        google = Path(grpc_tools.__file__).parent / "_proto"
        out = ROOT / "proto"
        arguments = ["protoc", f"-I{out}", f"-I{google}", f"--python_out={out}", f"--grpc_python_out={out}"]
        arguments += [f"--mypy_out={out}", f"--mypy_grpc_out={out}", "asksight/v1/vqa.proto"]
        if protoc.main(arguments) != 0:
            raise SystemExit("protoc failed on proto/asksight/v1/vqa.proto")
        compiled = OPEN_INFERENCE / "open_inference.binpb"
        arguments = [
            "protoc",
            f"-I{OPEN_INFERENCE}",
            f"--descriptor_set_out={compiled}",
            "open_inference.proto",
        ]
        if protoc.main(arguments) != 0:
            raise SystemExit("protoc failed on server/open_inference/open_inference.proto")
        super().run()


class CompileWhatChanged(build_ext):
    """Keep what an editable install compiles: each `pip install -e '.[EXTRA]'` would compile it anew, for a minute."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.editable_mode:
            self.build_lib = str(COMPILED)

    def build_extension(self, ext: Extension) -> None:
        # Not by setuptools' own look at the .c: pip's fresh Cython and numpy always make that anew.
        if not self.editable_mode or newer_group(ext.depends, self.get_ext_fullpath(ext.name)):
            super().build_extension(ext)


class EditableByLinks(editable_wheel):
    """Install build/types, where a link stands for each package.

    For packages of several folders setuptools puts a hook into the interpreter, which mypy and pyright do not see.
    """

    def finalize_options(self) -> None:
        asksight = ROOT / LINKS / "asksight"
        if asksight.is_symlink():
            asksight.unlink()
        shutil.rmtree(asksight, ignore_errors=True)
        asksight.mkdir(parents=True)
        for package, folder in PACKAGE_DIR.items():
            (asksight / package.removeprefix("asksight.")).symlink_to(
                os.path.relpath(ROOT / folder, asksight)
            )
        for file in (ROOT / FACE).iterdir():
            if file.is_file():
                (asksight / file.name).symlink_to(os.path.relpath(file, asksight))
        self.distribution.package_dir = {"": str(LINKS)}
        super().finalize_options()


setup(
    packages=["asksight", *PACKAGE_DIR, *NESTED],
    package_dir={"asksight": FACE, **PACKAGE_DIR},
    include_package_data=False,  # keeps the generated .c out of the wheel
    package_data={f"asksight.{folder}": ["py.typed"] for folder in FOLDERS}
    | {"asksight": ["py.typed"]}
    | {"asksight.ext": ["py.typed", "*.pyi", "*.json"], "asksight.engine": ["py.typed", "bundles/*/*"]}
    | {"asksight.server.reply": ["skills.toml", "follow_ups.toml", "locale/*.pot", "locale/*/LC_MESSAGES/*"]}
    | {"asksight.server.http": ["page/*"], "asksight.server.open_inference": ["*.proto", "*.binpb"]}
    | {"asksight.cli": ["py.typed", "demo_photos/*.jpg"], "asksight.v1": ["py.typed", "*.pyi", "*.proto"]},
    ext_modules=cythonize(
        [
            Extension(
                f"asksight.ext.{name}",
                [f"ext/{name}.pyx"],
                include_dirs=["ext"],
                depends=["setup.py", *EXTENSION_PARTS],
                extra_compile_args=["-O3"],  # many Pythons ask for -O2, by which hardly a loop is vectorised
            )
            for name in ("_words", "_photo", "_cutter")
        ],
        build_dir="build/cython",
        compiler_directives={"language_level": "3"},
    ),
    cmdclass={
        "build_py": BuildWithProto,
        "build_ext": CompileWhatChanged,
        "editable_wheel": EditableByLinks,
    },
)
