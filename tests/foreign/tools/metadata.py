#!/usr/bin/env python3
"""Writes into a component who it is: `metadata.py <component> <module.json>`.

The keys are name, version, description, licenses, authors, homepage, source and
revision. They become the custom sections that `wasm-tools metadata add` writes and
that registries read; the name goes into the section `component-name`. Sections of the
same name are replaced, so it may be run again.
"""

import json
import sys
from pathlib import Path

import wasm

CUSTOM = 0
TEXTS = ["version", "description", "authors", "licenses", "homepage", "source", "revision"]


def named(names: bytes, name: str) -> bytes:
    """A section `component-name` in which the component has this name."""
    kept = b""
    reader = wasm.Reader(names)
    while reader:
        subsection, content = reader.byte(), reader.sized()
        if subsection != 0:
            kept += wasm.section(subsection, content)
    return wasm.section(0, wasm.sized(name.encode())) + kept


def described(component: bytes, about: dict[str, str]) -> bytes:
    """The component with these things said about it."""
    if wasm.kind(component) != "component":
        raise SystemExit("metadata: this is a core module, not a component")
    unknown = about.keys() - {"name", *TEXTS}
    if unknown:
        raise SystemExit(f"metadata: unknown keys: {', '.join(sorted(unknown))}")
    out = component[:8]
    names = b""
    for id, content in wasm.sections(component):
        if id == CUSTOM:
            reader = wasm.Reader(content)
            title = reader.name()
            if title == "component-name":
                names = content[reader.at :]
                continue
            if title in about:
                continue
        out += wasm.section(id, content)
    if "name" in about:
        names = named(names, about["name"])
    if names:
        out += wasm.section(CUSTOM, wasm.sized(b"component-name") + names)
    for key in TEXTS:
        if key in about:
            out += wasm.section(CUSTOM, wasm.sized(key.encode()) + about[key].encode())
    return out


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: metadata.py <component> <module.json>")
    component, about = map(Path, sys.argv[1:])
    component.write_bytes(described(component.read_bytes(), json.loads(about.read_text())))


if __name__ == "__main__":
    main()
