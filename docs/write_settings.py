"""Write the table of docs/settings.md from the settings themselves: python docs/write_settings.py"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from asksight.server.running.setting_sources import PREFIX, as_toml_value
from asksight.server.running.settings import SPECS, Settings

PAGE = Path(__file__).parent / "settings.md"
BEGIN, END = "<!-- made by write_settings.py -->\n", "<!-- end -->\n"


def tables() -> str:
    """A heading and a table for each group, in the order in which the settings stand."""
    groups = dict.fromkeys(spec.group for spec in SPECS.values())
    return "\n".join(_table(group) for group in groups)


def _table(group: str) -> str:
    lines = [
        f"## {group or 'Ports'}",
        "",
        "| flag | variable | in TOML, its default | meaning |",
        "|---|---|---|---|",
        *(_row(name) for name, spec in SPECS.items() if spec.group == group),
    ]
    return "\n".join(lines) + "\n"


def _row(name: str) -> str:
    spec, default = SPECS[name], next(one.default for one in fields(Settings) if one.name == name)
    flag = "--" + name.replace("_", "-")
    flags = f"`{flag}`, `--no{flag[1:]}`" if isinstance(default, bool) else f"`{flag}`"
    toml = f"`{name}`, not set" if default is None else f"`{name} = {as_toml_value(default)}`"
    limits = {"at least": spec.at_least, "at most": spec.at_most}
    bounds = ", ".join(f"{words} {limit:g}" for words, limit in limits.items() if limit is not None)
    meaning = f"{spec.help} ({bounds})" if bounds else spec.help
    return f"| {flags} | `{PREFIX}{name.upper()}` | {toml} | {meaning} |"


def written(page: str) -> str:
    """The page with the tables as they are now."""
    return re.sub(f"(?<={BEGIN}).*(?={END})", lambda _: f"\n{tables()}\n", page, flags=re.DOTALL)


def main() -> None:
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
