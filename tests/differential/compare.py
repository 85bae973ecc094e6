"""When two replies count as the same: byte for byte, unless the command's row below says otherwise."""

import time

from explained import explain
from support.resp import Error, Map, Status, parse

TIME_TOLERANCE_SECONDS = 30

# Cairn keeps deadlines in 48 bits: later ones (past the year 10000) become this one.
DEADLINE_MAX_MS = (1 << 48) - 1


def same_kind(_, oracle, subject):
    """Both nothing, both errors, or both of one type."""
    return kind(oracle) == kind(subject)


def kind(value):
    if value is None:
        return "nothing"
    for type_, name in (
        (Error, "error"),
        (Status, "status"),
        (bytes, "bytes"),
        (bool, "boolean"),
        (Map, "map"),
        (list, "list"),
    ):
        if isinstance(value, type_):
            return name
    return type(value).__name__


def near(unit):
    """Times to live, from slightly different nows; negative answers (-1, -2) must be equal."""

    def compare(_, oracle, subject):
        if not isinstance(oracle, int) or not isinstance(subject, int) or oracle < 0 or subject < 0:
            return False
        latest = (DEADLINE_MAX_MS - time.time_ns() // 10**6) * unit // 1000
        return abs(min(oracle, latest) - min(subject, latest)) <= TIME_TOLERANCE_SECONDS * unit

    return compare


def near_moment(unit):
    """Moments on the clock, when one of them may come from a relative time."""

    def compare(_, oracle, subject):
        if not isinstance(oracle, int) or not isinstance(subject, int) or oracle < 0 or subject < 0:
            return False
        latest = DEADLINE_MAX_MS * unit // 1000
        return abs(min(oracle, latest) - min(subject, latest)) <= TIME_TOLERANCE_SECONDS * unit

    return compare


def same_in_any_order(_, oracle, subject):
    return isinstance(oracle, list) and isinstance(subject, list) and sorted(oracle) == sorted(subject)


def same_scan(command, oracle, subject):
    """A scan that asks for everything at once returns the same keys; other cursors and portions may differ freely."""
    if kind(oracle) != "list" or kind(subject) != "list":
        return False
    if command[1] != b"0" or command[-1] != b"100000":
        return True
    return oracle[0] == subject[0] == b"0" and sorted(oracle[1]) == sorted(subject[1])


def same_lines_of_fields(_, oracle, subject):
    """CLIENT LIST and INFO: the same number of lines, each with `field=value` words; values are the server's own."""
    if kind(oracle) != kind(subject):
        return False
    if not isinstance(oracle, bytes) or isinstance(oracle, Error):
        return False
    wanted = [word.split(b"=")[0] for word in oracle.split(b"\n")[0].split(b" ")]
    found = [word.split(b"=")[0] for word in subject.split(b"\n")[0].split(b" ")]
    return set(wanted) <= set(found)


def same_greeting(_, oracle, subject):
    """HELLO: the same fields in the same order; name, version and id are the server's own."""
    if kind(oracle) != kind(subject) or kind(oracle) not in ("map", "list"):
        return False
    first, second = fields_of(oracle), fields_of(subject)
    own = (b"server", b"version", b"id")
    return list(first) == list(second) and all(
        first[name] == second[name] for name in first if name not in own
    )


def fields_of(reply):
    return reply.as_dict() if isinstance(reply, Map) else dict(zip(reply[::2], reply[1::2]))


def same_settings(_, oracle, subject):
    """CONFIG GET: the same names and values, in any order."""
    return (
        kind(oracle) == kind(subject)
        and kind(oracle) in ("map", "list")
        and fields_of(oracle) == fields_of(subject)
    )


def both_lists(_, oracle, subject):
    return kind(oracle) == kind(subject) and kind(oracle) in ("list", "map")


# By command, or by command and subcommand. A comparison sees replies only when their bytes differ.
NORMALIZERS = {
    b"TTL": near(1),
    b"PTTL": near(1000),
    b"EXPIRETIME": near_moment(1),
    b"PEXPIRETIME": near_moment(1000),
    b"RANDOMKEY": same_kind,
    b"TIME": both_lists,
    b"LASTSAVE": same_kind,
    b"KEYS": same_in_any_order,
    b"SCAN": same_scan,
    b"INFO": same_kind,
    b"LOLWUT": same_kind,
    b"HELLO": same_greeting,
    b"CONFIG GET": same_settings,
    b"CLIENT ID": same_kind,
    b"CLIENT INFO": same_lines_of_fields,
    b"CLIENT LIST": same_lines_of_fields,
    b"COMMAND COUNT": same_kind,
    b"COMMAND LIST": same_in_any_order,
    b"OBJECT IDLETIME": near_moment(1),
    b"OBJECT REFCOUNT": same_kind,
    b"MEMORY USAGE": same_kind,
    b"SLOWLOG GET": both_lists,
    b"SLOWLOG LEN": same_kind,
    b"LATENCY HISTOGRAM": both_lists,
    b"LATENCY LATEST": both_lists,
    b"CLIENT HELP": both_lists,
    b"COMMAND HELP": both_lists,
    b"CONFIG HELP": both_lists,
    b"MEMORY HELP": both_lists,
    b"OBJECT HELP": both_lists,
    b"SLOWLOG HELP": both_lists,
    b"LATENCY HELP": both_lists,
    b"MEMORY DOCTOR": same_kind,
    b"LATENCY DOCTOR": same_kind,
    b"MEMORY STATS": both_lists,
}


class Judge:
    """Compares replies, remembers what it explained away, and follows MULTI blocks to know what EXEC answers."""

    def __init__(self, restore_crosswise=None):
        self.restore_crosswise = restore_crosswise
        self.explanations = {}
        self.queues = {}

    def forget_connections(self):
        self.queues = {}

    def follow(self, connection, command, reply):
        """Keeps the list of queued commands per connection; returns the block that an EXEC has just run."""
        name = command[0].upper()
        queue = self.queues.get(connection)
        if name == b"MULTI":
            if queue is None and reply.startswith(b"+OK"):
                self.queues[connection] = []
        elif queue is not None:
            if name in (b"EXEC", b"DISCARD", b"RESET") and not reply.startswith(b"+QUEUED"):
                if not reply.startswith(b"-ERR"):
                    self.queues[connection] = None
                return queue
            if reply.startswith(b"+QUEUED"):
                queue.append(command)
        return None

    def judge(self, command, oracle, subject, block=None):
        """None when the raw replies agree or their difference is explained; otherwise what is wrong."""
        if oracle == subject:
            return None
        first, second = parse(oracle)[0], parse(subject)[0]
        if (
            block is not None
            and command[0].upper() == b"EXEC"
            and isinstance(first, list)
            and isinstance(second, list)
        ):
            return self.judge_block(block, first, second)
        if self.agree(command, first, second):
            return None
        reason = explain(command, oracle, subject)
        if reason is not None:
            self.explanations[reason] = self.explanations.get(reason, 0) + 1
            return None
        return "the replies differ"

    def judge_block(self, block, first, second):
        """Compares what EXEC returned, element by element."""
        if len(first) != len(second) or len(first) != len(block):
            return f"EXEC of {len(block)} commands returned {len(first)} and {len(second)} replies"
        for number, (command, one, other) in enumerate(zip(block, first, second)):
            if is_equal(one, other) or self.agree(command, one, other):
                continue
            reason = explain(command, spell(one), spell(other))
            if reason is None:
                return f"element {number} of EXEC differs: {b' '.join(command)[:80]!r} gave {one!r:.200} and {other!r:.200}"
            self.explanations[reason] = self.explanations.get(reason, 0) + 1
        return None

    def agree(self, command, oracle, subject):
        name = command[0].upper()
        if name == b"DUMP":
            return self.same_dump(oracle, subject)
        normalizer = NORMALIZERS.get(name)
        if normalizer is None and len(command) > 1:
            normalizer = NORMALIZERS.get(name + b" " + command[1].upper())
        return normalizer is not None and normalizer(command, oracle, subject)

    def same_dump(self, oracle, subject):
        """Payloads may be spelled differently, but each server must restore the other's to the same value."""
        if not is_payload(oracle) or not is_payload(subject):
            return False
        return self.restore_crosswise is None or self.restore_crosswise(oracle, subject)


def is_payload(value):
    return isinstance(value, bytes) and not isinstance(value, (Error, Status)) and len(value) > 10


def is_equal(first, second):
    """Equality that tells Status from Error from bytes."""
    if type(first) is not type(second):
        return False
    if isinstance(first, list):
        return len(first) == len(second) and all(map(is_equal, first, second))
    return first == second


def spell(value):
    """A value the way RESP2 would send it, for the patterns of the table of explanations."""
    if isinstance(value, Error):
        return b"-" + value + b"\r\n"
    if isinstance(value, Status):
        return b"+" + value + b"\r\n"
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(map(spell, value))
    return b"$-1\r\n"
