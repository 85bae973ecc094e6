"""What a stream consists of. A plain command is a pair (connection number, list of arguments)."""

from typing import NamedTuple


class Sleep(NamedTuple):
    """Lets everything sent so far be answered, then waits."""

    milliseconds: int


class WholeScan(NamedTuple):
    """A SCAN from cursor 0 back to 0 with these options; the sets of keys must agree, not their order."""

    options: tuple
    connection: int = 0


class CountKeys(NamedTuple):
    """DBSIZE, once both servers had the time to forget keys whose end has come."""

    connection: int = 0


class Other(NamedTuple):
    """Commands that the next connection sends in between."""

    commands: tuple


class CheckContents(NamedTuple):
    """Compares everything that both servers hold."""
