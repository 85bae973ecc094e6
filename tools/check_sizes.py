#!/usr/bin/env python3
"""Lists files, functions and lines that have grown long; fails only when a file is beyond all measure."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("include", "src", "programs")
FILE_LINES = 800
FILE_LINES_MAX = 1200
FUNCTION_LINES = 70
LINE_COLUMNS = 100


def functions(lines):
    """Yields (line number, name, length) of each function: its braces stand alone at the left margin."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = start - 2
            while head > 0 and lines[head].startswith((" ", "\t")):
                head -= 1
            yield start, lines[head].split("(")[0].split()[-1].lstrip("*"), number - start + 1
            start = None


def main():
    is_too_long = False
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]"))
    for path in paths:
        where = path.relative_to(ROOT)
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES:
            print(f"{where}: {len(lines)} lines, near {FILE_LINES} it holds two modules")
        is_too_long |= len(lines) > FILE_LINES_MAX
        for number, name, length in functions(lines):
            if length > FUNCTION_LINES:
                print(f"{where}:{number}: {name} has {length} lines")
        wide = [number for number, line in enumerate(lines, 1) if len(line) > LINE_COLUMNS]
        if wide:
            print(f"{where}:{wide[0]}: {len(wide)} lines past column {LINE_COLUMNS}")
    print(f"sizes: a file has more than {FILE_LINES_MAX} lines" if is_too_long else "sizes: ok")
    return 1 if is_too_long else 0


if __name__ == "__main__":
    sys.exit(main())
