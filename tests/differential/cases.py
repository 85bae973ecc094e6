"""Hand-written cases: cases/*.txt.

    # a comment
    ## the title of a case: empty servers, new connections
    SET key value                  sent to both over connection 1
    2: GET key                     over connection 2
    !sleep 20                      milliseconds
    !count                         DBSIZE, after both swept dead keys away
    !scan MATCH a*                 complete scans must find the same keys

The notation of arguments is in notation.py. At the end of a case the contents of both servers are compared too.
"""

import pathlib
import re
from typing import NamedTuple

import notation
from items import CheckContents, CountKeys, Sleep, WholeScan
from runner import is_command

FOLDER = pathlib.Path(__file__).resolve().parent / "cases"
NUMBERED = re.compile(r"^([1-9]): *(.*)$")


class Case(NamedTuple):
    name: str
    items: list
    connections: int


def load_cases(folder=FOLDER):
    for path in sorted(folder.glob("*.txt")):
        yield from parse_file(path)


def parse_file(path):
    title, lines = None, []
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if line.startswith("## "):
            if title is not None:
                yield make_case(path.stem, title, lines)
            title, lines = line[3:].strip(), []
        elif line.strip() and not line.startswith("#"):
            assert title is not None, f"{path}: a command stands before the first title"
            lines.append(line)
    if title is not None:
        yield make_case(path.stem, title, lines)


def make_case(stem, title, lines):
    items = [parse_line(line) for line in lines]
    assert items, f"{stem}: the case {title!r} is empty"
    numbers = [item[0] for item in items if is_command(item)]
    slug = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")
    return Case(f"{stem}-{slug}", items + [CheckContents()], 1 + max(numbers, default=0))


def parse_line(line):
    if line.startswith("!sleep "):
        return Sleep(int(line.split()[1]))
    if line == "!count":
        return CountKeys()
    if line.startswith("!scan"):
        return WholeScan(tuple(notation.split(line)[1:]))
    numbered = NUMBERED.match(line)
    number, text = (int(numbered[1]), numbered[2]) if numbered else (1, line)
    return number - 1, notation.split(text)
