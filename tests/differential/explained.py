"""Differences from the oracle (Debian's redis-server 7.0) that are wanted.

The table mirrors docs/differences.md: a row here needs a line there. Each row: a reason, and patterns that the
command, the oracle's raw reply and the subject's raw reply must all match. The command is matched as its arguments
joined by spaces.
"""

import re
from typing import NamedTuple


class Explained(NamedTuple):
    reason: str
    command: re.Pattern
    oracle: re.Pattern
    subject: re.Pattern


def row(reason, command, oracle, subject):
    return Explained(
        reason,
        re.compile(command, re.IGNORECASE | re.DOTALL),
        re.compile(oracle, re.DOTALL),
        re.compile(subject, re.DOTALL),
    )


TABLE = [
    row(
        "redis-server measures a key whose time has passed until it deletes it; in Cairn it is gone at once",
        rb"^MEMORY USAGE ",
        rb"^:\d+\r\n$",
        rb"^(\$-1|_)\r\n$",
    ),
    row(
        "no idle time is kept yet, and Cairn says so instead of answering a number",
        rb"^OBJECT IDLETIME ",
        rb"^:\d+\r\n$",
        rb"^-ERR idle times are not tracked by this server\r\n$",
    ),
    row(
        "7.2 checks the range arguments of BITCOUNT and BITPOS before it looks for the key",
        rb"^BIT(COUNT|POS) ",
        rb"^:(0|-1)\r\n$",
        rb"^-ERR (syntax error|value is not an integer or out of range|The bit argument must be 1 or 0\.)",
    ),
    row(
        "a cursor must be a number to its last byte; redis-server stops reading it at a zero byte",
        rb"^SCAN [^ ]*\x00",
        rb"",
        rb"^-ERR invalid cursor\r\n$",
    ),
]


def explain(command, oracle, subject):
    """The reason why these raw replies may differ, or None."""
    text = b" ".join(command)
    for entry in TABLE:
        if entry.command.search(text) and entry.oracle.search(oracle) and entry.subject.search(subject):
            return entry.reason
    return None
