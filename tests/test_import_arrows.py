"""Who may import whom, read from the source; and what an import must not drag in, seen in a fresh process."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Our own packages that each folder may import beside itself. `v1` is the generated wire contract.
ARROWS = {
    "ext": set(),
    "photos": {"ext"},
    "engine": set(),
    "server": {"v1", "ext", "photos", "engine"},
    "client": {"v1"},
    "face": {"client"},
    "training": {"ext", "photos", "engine"},
    "cli": {"v1", "ext", "photos", "engine", "server", "client", "training"},
    "benchmarks": {"v1", "ext", "photos", "engine", "server", "client", "training", "cli"},
}
# The one file that may reach the server from the client; load() imports it, nothing else does.
IN_PROCESS = Path("client/local_transport.py")

GRAPHS = {"onnx", "onnxruntime", "openvino", "tensorrt", "pycuda"}
TRAINERS = {"tensorflow", "keras", "spacy", "h5py", "scipy"}
BANNED = {
    "ext": GRAPHS | TRAINERS | {"grpc", "PIL"},
    "photos": GRAPHS | TRAINERS | {"grpc"},
    "engine": TRAINERS | {"grpc", "PIL"},
    "server": GRAPHS | TRAINERS,
    "client": GRAPHS | TRAINERS | {"numpy"},
    "face": GRAPHS | TRAINERS | {"numpy", "grpc"},
}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path, *, at_import_time: bool = False) -> Iterator[tuple[int, str]]:
    """Give (line, absolute name) of what a file imports; `at_import_time` leaves out functions and type checks."""
    package = ["asksight", *path.relative_to(ROOT).parent.parts]
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif at_import_time and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif at_import_time and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def ours(name: str) -> str | None:
    """Give the folder of ours that an import reaches, as in "engine"."""
    parts = name.split(".")
    return parts[1] if parts[0] == "asksight" and len(parts) > 1 else None


@pytest.mark.parametrize("folder", ARROWS)
def test_a_folder_imports_only_where_its_arrows_point(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(folder)
        for line, name in imports(path)
        if (reached := ours(name)) not in (None, folder, *ARROWS[folder])
        and not (path.relative_to(ROOT) == IN_PROCESS and reached == "server")
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", BANNED)
def test_a_folder_leaves_the_libraries_of_others_alone(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(folder)
        for line, name in imports(path)
        if name.split(".")[0] in BANNED[folder]
    ]
    assert wrong == []


def test_the_client_reaches_the_server_only_inside_load() -> None:
    importing = [
        (path.relative_to(ROOT).as_posix(), name)
        for path in sources("client")
        for _, name in imports(path)
        if name.startswith("asksight.client.local_transport")
    ]
    assert {path for path, _ in importing} == {"client/__init__.py"}
    assert not [
        name for _, name in imports(ROOT / "client/__init__.py", at_import_time=True) if "local" in name
    ]


def test_the_cli_imports_none_of_ours_before_a_verb_runs() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("cli")
        for line, name in imports(path, at_import_time=True)
        if ours(name) not in (None, "cli")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("imported", "left_out"),
    [
        ("asksight", GRAPHS | TRAINERS | {"numpy", "PIL", "grpc", "asksight.client", "importlib.metadata"}),
        ("asksight.client", GRAPHS | TRAINERS | {"numpy", "PIL", "asksight.server", "asksight.engine"}),
        ("asksight.server.wire.server", TRAINERS | {"onnx", "asksight.training", "asksight.client"}),
        ("asksight.server.running.serving", TRAINERS | {"onnx", "ray"}),
        ("asksight.server.core.assistant", TRAINERS | {"onnx", "asksight.training", "asksight.client"}),
        ("asksight.engine.bundle", TRAINERS | {"onnx", "grpc", "PIL"}),
        # What a server does without until it builds a plan: every start would pay for it.
        ("asksight.engine.plans.pick", GRAPHS | {"asksight.engine.plans.compile", "importlib.metadata"}),
        ("asksight.photos.decode", GRAPHS | TRAINERS | {"grpc", "asksight.engine", "asksight.server"}),
        ("asksight.ext", GRAPHS | TRAINERS | {"grpc", "PIL"}),
        ("asksight.training", TRAINERS),
        ("asksight.training.importing.blip", TRAINERS | {"torch", "transformers"}),
        ("asksight.training.importing.vilt", TRAINERS | {"torch", "transformers"}),
        ("asksight.cli.main", GRAPHS | TRAINERS | {"numpy", "grpc", "PIL"}),
    ],
)
def test_an_import_drags_in_only_what_it_needs(imported: str, left_out: set[str]) -> None:
    code = f"import sys, {imported}; print('\\n'.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    loaded = ran.stdout.split()
    assert imported in loaded
    dragged = {name for name in loaded for out in left_out if name == out or name.startswith(f"{out}.")}
    assert dragged == set()


def test_the_help_of_the_command_imports_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys\n"
        "from asksight.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "evaluate" in ran.stdout
    assert not {"numpy", "grpc", "PIL", *GRAPHS, *TRAINERS} & set(ran.stderr.split())
