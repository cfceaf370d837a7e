"""Checks the types of the Swift in docs/mobile.md by Swift's own compiler: `make swift`.

Needs `swiftc` 6, such as Debian 13's package swiftlang with libc6-dev and libstdc++-14-dev. No registry that we reach
has grpc-swift, protoc-gen-swift or Apple's frameworks: what stands in for them is beside this file, and the messages
are written here from the contract, as protoc-gen-swift would name them. So nothing is asked of a server.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from asksight.v1 import vqa_pb2

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "swift"
MODULES = (
    "GRPCCore",
    "GRPCNIOTransportHTTP2",
    "AVFoundation",
    "UIKit",
)  # in the order in which they import another
TYPES = {
    FieldDescriptor.CPPTYPE_BOOL: "Bool",
    FieldDescriptor.CPPTYPE_FLOAT: "Float",
    FieldDescriptor.CPPTYPE_UINT64: "UInt64",
    FieldDescriptor.CPPTYPE_INT32: "Int32",
    FieldDescriptor.CPPTYPE_UINT32: "UInt32",
    FieldDescriptor.CPPTYPE_STRING: "String",
}
PACKAGE = """\
import PackageDescription

let package = Package(name: "Phone", dependencies: [
{}])
"""
TOLD = """\
func told(
    _ reply: Asksight_V1_AskResponse, _ locale: String, _ synthesizer: AVSpeechSynthesizer,
    _ showAlternatives: ([Asksight_V1_Answer]) -> Void
) {{
{}}}
"""


def main() -> None:
    """Compile the stand-ins as modules, and then the page against them."""
    if shutil.which("swiftc") is None:
        sys.exit(f"swiftc was not found. Install what {Path(__file__).name} names.")
    BUILD.mkdir(parents=True, exist_ok=True)
    for module in MODULES:
        source = shutil.copy(HERE / f"{module}.swift", BUILD)
        compiled("-emit-module", "-parse-as-library", "-module-name", module, source)
    shutil.copy(HERE / "Service.swift", BUILD)
    (BUILD / "Messages.swift").write_text(messages(), "utf-8")
    text = (ROOT / "docs" / "mobile.md").read_text("utf-8")
    packages, sight, reply = re.findall(r"```swift\n(.*?)```", text, re.DOTALL)
    (BUILD / "Package.swift").write_text(PACKAGE.format(packages), "utf-8")
    resources = json.loads(compiled("-print-target-info"))["paths"]["runtimeResourcePath"]
    manifest = f"{resources}/pm/ManifestAPI"
    compiled("-typecheck", "-package-description-version", "6.0.0", "-I", manifest, BUILD / "Package.swift")
    imports, said = re.fullmatch(r"((?:import \w+\n)*\n?)(.*)", reply, re.DOTALL).groups()  # type: ignore[union-attr]
    (BUILD / "Sight.swift").write_text(sight, "utf-8")
    (BUILD / "Told.swift").write_text(imports + TOLD.format(said), "utf-8")
    page = [BUILD / f"{name}.swift" for name in ("Sight", "Told", "Service", "Messages")]
    compiled("-typecheck", "-parse-as-library", "-swift-version", "6", "-warnings-as-errors", *page)
    print("The types of docs/mobile.md's Swift are right.")


def compiled(*arguments: object) -> str:
    words = ["swiftc", "-I", str(BUILD), *(str(one) for one in arguments)]
    ran = subprocess.run(words, cwd=BUILD, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def messages() -> str:
    """The contract's messages and enums in Swift."""
    file = vqa_pb2.DESCRIPTOR
    written = [struct(one) for one in file.message_types_by_name.values()]
    written += [enum(one) for one in file.enum_types_by_name.values()]
    return "import Foundation\n\n" + "\n".join(written)


def struct(message: Descriptor) -> str:
    """One whose fields are optional inside; here each is a variable with a value of its own, where that can be."""
    lines = [f"struct Asksight_V1_{message.name}: Sendable {{", "    init() {}"]
    for field in message.fields:
        if field.message_type is not None and not field.is_repeated:
            continue  # a struct cannot hold itself; the page uses none of them
        kind = type_of(field)
        value = "[]" if field.is_repeated else "init()"
        start = value if field.is_repeated else f"{kind}.{value}"
        lines.append(f"    var {camel(field.name)}: {f'[{kind}]' if field.is_repeated else kind} = {start}")
    return "\n".join([*lines, "}\n"])


def enum(kind: EnumDescriptor) -> str:
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.name).upper() + "_"
    cases = ", ".join(camel(value.name.removeprefix(prefix).lower()) for value in kind.values)
    return f"enum Asksight_V1_{kind.name}: Sendable {{\n    case {cases}\n    init() {{ self = .unspecified }}\n}}\n"


def type_of(field: FieldDescriptor) -> str:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "Data"
    if (named := field.message_type or field.enum_type) is not None:
        return f"Asksight_V1_{named.name}" if named.file is vqa_pb2.DESCRIPTOR else "String"
    return TYPES[field.cpp_type]


def camel(name: str) -> str:
    """As protoc-gen-swift spells it: `image_id` is imageID."""
    first, *others = name.split("_")
    return first + "".join("ID" if part == "id" else part.capitalize() for part in others)


if __name__ == "__main__":
    main()
