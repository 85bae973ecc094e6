#!/usr/bin/env python3
"""Checks that every file of src/ includes only what src/LAYERS allows, and internals only of its own folder."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def read_layers(path):
    """Maps each folder to the set of folders that its files may include."""
    layers = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, _, below = line.partition(":")
        allowed = set(below.split())
        unknown = allowed - layers.keys()
        if unknown:
            raise SystemExit(f"src/LAYERS: {folder} names {', '.join(sorted(unknown))} before their own line")
        layers[folder] = allowed | {folder}
    return layers


def offence(folder, included, layers):
    """Why a file of `folder` (None for a program) may not include `included`; None when it may."""
    target, slash, name = included.partition("/")
    if not slash:
        return None if (ROOT / "include" / included).exists() else "is not written as folder/file.h"
    if target not in layers:
        return "is in a folder that src/LAYERS does not list"
    if folder is not None and target not in layers[folder]:
        return f"is above or beside {folder}"
    if name == f"{target}_internal.h" and target != folder:
        return f"is for {target} only"
    return None


def files():
    """Yields (folder or None, path) of everything that is checked."""
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        yield path.relative_to(ROOT / "src").parts[0], path
    for path in sorted((ROOT / "programs").glob("*.[ch]")):
        yield None, path


def main():
    layers = read_layers(ROOT / "src" / "LAYERS")
    offences = []
    for folder, path in files():
        where = path.relative_to(ROOT)
        if folder is not None and folder not in layers:
            offences.append(f"{where}: src/LAYERS does not list {folder}")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            reason = offence(folder, match.group(1), layers) if match else None
            if reason:
                offences.append(f'{where}:{number}: "{match.group(1)}" {reason}')
    if offences:
        print("\n".join(offences))
        return 1
    print("layers: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
