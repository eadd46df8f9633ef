#!/usr/bin/env python3
"""Prints what a host's limits must allow: `stats.py <component>…`.

Sizes, functions, memories, tables, and how many core instances one instance of the
component makes. Memories are in pages of 64 KiB, tables in elements.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import wasm

# Sections of a component, and of a core module.
CUSTOM, MODULE, INSTANCES, COMPONENT, IMPORTS = 0, 1, 2, 4, 10
TABLES, MEMORIES, CODE = 4, 5, 10


@dataclass
class Stats:
    modules: int = 0
    instances: int = 0
    functions: int = 0
    largest: int = 0
    memories: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)


def limits(reader: wasm.Reader) -> str:
    bounded = reader.byte() & 1
    least = reader.number()
    return f"{least}..{reader.number() if bounded else ''}"


def read_module(module: bytes, stats: Stats) -> None:
    stats.modules += 1
    for id, content in wasm.sections(module):
        reader = wasm.Reader(content)
        if id == TABLES:
            for _ in range(reader.number()):
                reader.byte()  # the type of its elements
                stats.tables.append(limits(reader))
        elif id == MEMORIES:
            stats.memories += [limits(reader) for _ in range(reader.number())]
        elif id == CODE:
            count = reader.number()
            stats.functions += count
            stats.largest = max([stats.largest, *(len(reader.sized()) for _ in range(count))])


def read_instances(content: bytes, stats: Stats) -> None:
    """Counts instances of modules; the others only gather what others export."""
    reader = wasm.Reader(content)
    for _ in range(reader.number()):
        instantiates = reader.byte() == 0
        if instantiates:
            stats.instances += 1
            reader.number()  # the module
        for _ in range(reader.number()):
            reader.name()
            reader.byte()  # the sort
            reader.number()


def read_component(component: bytes, stats: Stats, outermost: bool = True) -> Stats:
    for id, content in wasm.sections(component):
        reader = wasm.Reader(content)
        if id == MODULE:
            read_module(content, stats)
        elif id == COMPONENT:
            read_component(content, stats, outermost=False)
        elif id == INSTANCES:
            read_instances(content, stats)
        elif outermost and id == IMPORTS:
            for _ in range(reader.number()):
                reader.byte()
                stats.imports.append(reader.name())
                reader.take(1)
                reader.number()
        elif outermost and id == CUSTOM:
            title = reader.name()
            if title == "component-name" and reader.byte() == 0:
                stats.about["name"] = wasm.Reader(reader.sized()).name()
            elif title in ("version", "description", "licenses", "authors"):
                stats.about[title] = content[reader.at :].decode()
    return stats


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        component = path.read_bytes()
        stats = read_component(component, Stats())
        print(f"{path.name}: {len(component):,} bytes")
        for key, value in stats.about.items():
            print(f"  {key:<17}{value}")
        print(f"  {'core modules':<17}{stats.modules}")
        print(f"  {'core instances':<17}{stats.instances}")
        print(f"  {'functions':<17}{stats.functions:,}")
        print(f"  {'largest function':<17}{stats.largest:,} bytes")
        print(f"  {'memories':<17}{len(stats.memories)}: {' '.join(stats.memories)}")
        print(f"  {'tables':<17}{len(stats.tables)}: {' '.join(stats.tables)}")
        print(f"  {'imports':<17}{len(stats.imports)}")
        for name in stats.imports:
            print(f"    {name}")
        print()


if __name__ == "__main__":
    main()
