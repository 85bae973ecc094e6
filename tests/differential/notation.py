"""Commands as text: how case files spell them and how reproductions are printed.

SET "key with spaces" "\\x00\\xff\\r\\n" EX 100
2: GET key                 another connection
SET key {ab*500}           the text repeated: 1000 bytes
"""

import re

REPEATED = re.compile(rb"^\{(.*)\*(\d+)\}$", re.DOTALL)
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
PLAIN = re.compile(rb"^[A-Za-z0-9_:.+*?\-\[\]^()|@,/=<>!%&$]+$")


def split(line):
    """The arguments of one line, as bytes."""
    data = line.encode("utf-8", "surrogateescape")
    arguments = []
    position = 0
    while True:
        while position < len(data) and data[position : position + 1].isspace():
            position += 1
        if position >= len(data):
            return arguments
        if data[position : position + 1] == b'"':
            argument, position = read_quoted(data, position + 1)
        elif data[position : position + 1] == b"{":
            end = data.index(b"}", position) + 1
            text, count = REPEATED.match(data[position:end]).groups()
            argument, position = text * int(count), end
        else:
            end = position
            while end < len(data) and not data[end : end + 1].isspace():
                end += 1
            argument, position = data[position:end], end
        arguments.append(argument)


def lines(text):
    """One list of arguments for each line of a text that is not empty."""
    return [split(line) for line in text.splitlines() if line.strip()]


def read_quoted(data, position):
    out = bytearray()
    while data[position : position + 1] != b'"':
        byte = data[position : position + 1]
        if not byte:
            raise ValueError(f"unbalanced quotes in {data!r}")
        if byte == b"\\":
            following = data[position + 1 : position + 2]
            if following == b"x":
                out += bytes([int(data[position + 2 : position + 4], 16)])
                position += 4
                continue
            out += ESCAPES.get(following, following)
            position += 2
            continue
        out += byte
        position += 1
    return bytes(out), position + 1


def quote(argument):
    """The shortest spelling of one argument that `split` understands."""
    if PLAIN.match(argument):
        return argument.decode()
    if len(argument) > 40 and len(set(argument)) == 1 and argument[:1].isalnum():
        return "{%s*%d}" % (argument[:1].decode(), len(argument))
    parts = []
    for byte in argument:
        if byte in b'"\\':
            parts.append("\\" + chr(byte))
        elif 32 <= byte < 127:
            parts.append(chr(byte))
        else:
            parts.append(f"\\x{byte:02x}")
    return '"' + "".join(parts) + '"'


def spell(command):
    return " ".join(quote(argument) for argument in command)
