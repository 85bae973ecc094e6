#!/usr/bin/env python3
"""Wraps the prose of block comments that run past the margin; drawings are left as they are.

clang-format can do this too, but it does not tell a drawing from a sentence. A drawing is a line that starts with
more than one space or has a gap of several spaces inside. With --check nothing is written; offences are listed.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

COLUMNS = 100
COMMENT = re.compile(r"^([ ]*)/\* ((?:[^*]|\*(?!/))*?)[ ]?\*/$", re.MULTILINE)
DRAWING = re.compile(r"^\s|\S {2,}\S|[\u2500-\u257f]")
ITEM = re.compile(r"^([-*+]|\d+[.)]) ")


def runs(lines):
    """Splits the lines of a comment into runs: [is_prose, lines]."""
    result = []
    for line in lines:
        is_prose = bool(line) and not DRAWING.search(line)
        if result and is_prose and result[-1][0] and not ITEM.match(line):
            result[-1][1].append(line)
        else:
            result.append([is_prose, [line]])
    return result


def wrap(match):
    if max(len(line) for line in match.group(0).split("\n")) <= COLUMNS:
        return match.group(0)
    indent = match.group(1)
    first, *rest = match.group(2).split("\n")
    lines = [first] + [re.sub(r"^\s*\* ?", "", line) for line in rest]
    if any(not re.match(r"^\s*\*", line) for line in rest):
        return match.group(0)  # not in the usual form

    out = []
    for is_prose, run in runs(lines):
        # Room for " * " before each line and for " */" after the last, wherever it comes to stand.
        width = COLUMNS - len(indent) - 3
        if is_prose and max(len(line) for line in run) > width - 3:
            text = " ".join(" ".join(run).split())
            run = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
            if len(run[-1]) > width - 3:
                run = textwrap.wrap(text, width - 3, break_long_words=False, break_on_hyphens=False)
        out += run
    body = "\n".join(f"{indent} * {line}".rstrip() for line in out)
    return indent + "/*" + body[len(indent) + 2:] + " */"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()

    has_offence = False
    for path in arguments.files:
        text = path.read_text()
        wrapped = COMMENT.sub(wrap, text)
        if wrapped == text:
            continue
        has_offence = True
        if arguments.check:
            print(f"{path}: a comment runs past column {COLUMNS}; make format wraps it")
        else:
            path.write_text(wrapped)
    return 1 if arguments.check and has_offence else 0


if __name__ == "__main__":
    sys.exit(main())
