"""Compiles the Kotlin of docs/mobile.md and asks a real server by it: `make kotlin`.

Needs Java 17, and of Debian's packages libgrpc-java, libnetty-java, libperfmark-java, libprotobuf-dev,
protobuf-compiler and protobuf-compiler-grpc-java-plugin. The Kotlin compiler comes in the wheel of Jupyter's Kotlin
kernel. What stands in for the rest is beside this file.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from served import PHOTOS, served  # noqa: E402 (of the folder above)

BUILD = ROOT / "build" / "kotlin"
JAVA = Path("/usr/share/java")
OF_GRPC = ("protobuf", "guava", "perfmark-api", "geronimo-annotation-1.3-spec")
GRPC = ("api", "context", "core", "netty", "protobuf", "protobuf-lite", "stub")
NETTY: tuple[str, ...] = (
    "buffer",
    "codec",
    "codec-http",
    "codec-http2",
    "codec-socks",
    "common",
    "handler",
    "handler-proxy",
    "resolver",
    "transport",
    "transport-native-unix-common",
)
PLUGIN = "/usr/bin/grpc_java_plugin"
MAIN = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
EXPECTED = [
    "red. (now, about ", "cached: false",
    "yes. (now, about ", "cached: true",
    "I have not learned about questions like this one. (now, about ", "perhaps ", "cached: true",
]  # fmt: skip


def main() -> None:
    """Compile, ask three times, and compare what the phone says."""
    jars = [JAVA / f"{name}.jar" for name in OF_GRPC]
    jars += [JAVA / f"grpc-{name}.jar" for name in GRPC] + [JAVA / f"netty-{name}.jar" for name in NETTY]
    if missing := [str(jar) for jar in (*jars, Path(PLUGIN)) if not jar.exists()]:
        sys.exit(f"Missing: {', '.join(missing)}. Install the packages that {Path(__file__).name} names.")
    kotlin = _kotlin()
    messages, classes = BUILD / "messages", BUILD / "classes"
    for folder in (messages, classes):
        folder.mkdir(parents=True, exist_ok=True)
    contract = ROOT / "proto"
    generators = [
        f"--java_out={messages}",
        f"--plugin=protoc-gen-grpc-java={PLUGIN}",
        f"--grpc-java_out={messages}",
    ]
    _run("protoc", "-I", contract, *generators, contract / "asksight" / "v1" / "vqa.proto")
    on_path = ":".join(map(str, (classes, *jars, *kotlin)))
    _run("javac", "-nowarn", "-cp", on_path, "-d", classes, *messages.rglob("*.java"))
    sources = [*_snippets(), *Path(__file__).parent.glob("*.kt")]
    compiler = ":".join(map(str, kotlin))
    _run("java", "-cp", compiler, MAIN, "-no-stdlib", "-no-reflect", "-cp", on_path, "-d", classes, *sources)
    with served("scenes") as address:
        port = address.rpartition(":")[2]
        said = _run("java", "-cp", on_path, "PhoneKt", port, PHOTOS / "shapes.jpg")
    told = [line for line in said.splitlines() if " DEBUG " not in line]  # the kernel's wheel brings a logger
    print("\n".join(told))
    if len(told) != len(EXPECTED) or not all(map(str.startswith, told, EXPECTED)):
        sys.exit(f"Expected lines that begin with {EXPECTED}.")


def _kotlin() -> list[Path]:
    """The compiler with coroutines, and its standard library."""
    folder = BUILD / "kernel"
    if not folder.exists():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", BUILD]
        _run(*download, "kotlin-jupyter-kernel==0.19.0.944")
        (wheel,) = BUILD.glob("kotlin_jupyter_kernel-*.whl")
        zipfile.ZipFile(wheel).extractall(folder)
    jars = folder / "run_kotlin_kernel" / "jars"
    return [*jars.glob("kotlin-jupyter-kernel-*-all.jar"), *jars.glob("kotlin-stdlib-*.jar")]


def _snippets() -> list[Path]:
    """The page's Kotlin as files: the class as it stands, and what to do with a reply as a function."""
    text = (ROOT / "docs" / "mobile.md").read_text(encoding="utf-8")
    _, sight, reply = re.findall(r"```kotlin\n(.*?)```", text, re.DOTALL)
    told = "import asksight.v1.Vqa.AskResponse\nimport asksight.v1.Vqa.Verdict\n\nfun told(reply: AskResponse) {\n"
    written = {"Sight.kt": sight, "Told.kt": f"{told}{reply}}}\n"}
    for name, code in written.items():
        (BUILD / name).write_text(code, encoding="utf-8")
    return [BUILD / name for name in written]


def _run(*command: object) -> str:
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{command[0]} failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


if __name__ == "__main__":
    main()
