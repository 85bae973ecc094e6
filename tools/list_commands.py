#!/usr/bin/env python3
"""Writes docs/commands.md: a table of all commands, from what COMMAND DOCS of a server tells.

    tools/list_commands.py                          starts build/cairn-server for it
    tools/list_commands.py --server PATH            another program
    tools/list_commands.py --port 6379              a server that runs already, on 127.0.0.1
    tools/list_commands.py --check                  writes nothing; exit code 1 when the file is out of date
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "commands.md"
START_SECONDS_MAX = 20
REPEATED_LENGTH_MAX = 60  # a longer syntax is not written twice

GROUPS = {
    "string": "Strings",
    "bitmap": "Bitmaps",
    "list": "Lists",
    "hash": "Hashes",
    "set": "Sets",
    "sorted-set": "Sorted sets",
    "stream": "Streams",
    "generic": "Keys",
    "transactions": "Transactions",
    "pubsub": "Publish and subscribe",
    "scripting": "Scripts",
    "connection": "Connections",
    "server": "Server",
}

HEAD = """\
# Commands

All commands of this version, as `COMMAND DOCS` tells them; made by `tools/list_commands.py`, do not edit. The third column is the
version of Redis that brought the command. Where Cairn answers otherwise than Redis, [differences.md](differences.md) says so.

In the syntax, capitals are typed as they stand, `[ ]` may be left out, `|` separates alternatives, `...` repeats. Names and words
may be written in any case.
"""


class Connection:
    """Sends commands, reads RESP3."""

    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.stream = self.socket.makefile("rb")
        self.call("HELLO", "3")

    def call(self, *words):
        parts = [word.encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self.read()

    def read(self):
        line = self.stream.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return self.stream.read(int(rest) + 2)[:-2].decode()
        if kind in b"*~":
            return [self.read() for _ in range(int(rest))]
        if kind == b"%":
            return {self.read(): self.read() for _ in range(int(rest))}
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest.decode()
        if kind == b"_":
            return None
        raise SystemExit(f"unexpected reply: {line!r}")

    def close(self):
        self.stream.close()
        self.socket.close()


def start(program, directory):
    """Starts a server on a socket in an empty directory; returns the process and the socket's path."""
    path = str(Path(directory) / "socket")
    command = [str(program), "--port", "0", "--unixsocket", path, "--dir", directory, "--appendonly", "no", "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    end = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < end:
        try:
            Connection(path).close()
            return process, path
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise SystemExit(f"{program} did not start")


def spell_inner(argument):
    children = [spell(child) for child in argument.get("arguments", [])]
    if argument["type"] == "oneof":
        text = " | ".join(children)
        return text if "optional" in argument.get("flags", []) else f"<{text}>"
    if argument["type"] == "block":
        return " ".join(children)
    if argument["type"] == "pure-token":
        return argument["token"]
    return argument.get("display_text", argument["name"])


def spell(argument):
    """One argument as it is written in a syntax line."""
    flags = argument.get("flags", [])
    text = spell_inner(argument)
    if "multiple" in flags:
        text = f"{text} [{text} ...]" if len(text) <= REPEATED_LENGTH_MAX else f"{text} [...]"
    if "token" in argument and argument["type"] != "pure-token":
        text = f"{argument['token']} {text}"
    return f"[{text}]" if "optional" in flags else text


def row(name, docs):
    words = [name.replace("|", " ").upper()] + [spell(argument) for argument in docs.get("arguments", [])]
    syntax = " ".join(words).replace("|", "\\|")
    summary = docs["summary"].replace("|", "\\|")
    cost = docs["complexity"].replace("|", "\\|").rstrip(".")
    return f"| `{syntax}` | {summary} | {docs['since']} | {cost} |"


def rows_of(name, docs):
    """A container is its subcommands."""
    subcommands = docs.get("subcommands")
    if not subcommands:
        return [row(name, docs)]
    return [row(subname, subdocs) for subname, subdocs in sorted(subcommands.items())]


def make_page(docs):
    names = sorted(docs)
    groups = {docs[name]["group"] for name in names}
    unknown = groups - GROUPS.keys()
    if unknown:
        raise SystemExit(f"no title for the group {', '.join(sorted(unknown))}")
    lines = [HEAD]
    for group, title in GROUPS.items():
        rows = [line for name in names if docs[name]["group"] == group for line in rows_of(name, docs[name])]
        if rows:
            lines += [f"## {title}", "", "| command | what it does | since | cost |", "| --- | --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def ask(address):
    connection = Connection(address)
    try:
        return connection.call("COMMAND", "DOCS")
    finally:
        connection.close()


def docs_of(arguments):
    if arguments.port is not None:
        return ask(("127.0.0.1", arguments.port))
    with tempfile.TemporaryDirectory(prefix="cairn-") as directory:
        process, path = start(arguments.server, directory)
        try:
            return ask(path)
        finally:
            process.terminate()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=ROOT / "build" / "cairn-server")
    parser.add_argument("--port", type=int)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    page = make_page(docs_of(arguments))
    if not arguments.check:
        PAGE.write_text(page)
        return 0
    if PAGE.exists() and PAGE.read_text() == page:
        print("commands: ok")
        return 0
    print("docs/commands.md is out of date: run tools/list_commands.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
