"""Runs items against a pair of servers and reports the first place where they disagree."""

from typing import NamedTuple

from commands.vocabulary import SCRATCH_DATABASE
from compare import NORMALIZERS, Judge
from items import CheckContents, CountKeys, Sleep, WholeScan
from pair import SIDES, Silent, pause
from support.resp import Error

BATCH_MAX = 600
SWEEP_TRIES = 300
SWEEP_STEP_MS = 20
SCAN_CALLS_MAX = 100000
SCRATCH_KEY = b"crosswise"


def is_command(item):
    """True for (connection, arguments), false for what is special."""
    return type(item) is tuple


class Mismatch(NamedTuple):
    """Where two servers disagree: the item, and what each of them said."""

    position: int
    item: object
    why: str
    oracle: object
    subject: object

    @property
    def signature(self):
        """What stays the same while a stream is made shorter."""
        if is_command(self.item):
            return self.item[1][0].upper()
        return type(self.item).__name__


class Runner:
    """One pair of servers and the judge of their answers."""

    def __init__(self, pair, batch_max=BATCH_MAX):
        self.pair = pair
        self.batch_max = batch_max
        self.judge = Judge(self.restore_crosswise)
        self.command_count = 0
        self.crosswise_seen = set()

    def run(self, items):
        """Runs all items from a clean state; returns the first mismatch or None."""
        self.begin()
        for start, batch in batches(items, self.batch_max):
            mismatch = self.run_batch(start, batch)
            if mismatch is not None:
                return mismatch
        return None

    def begin(self):
        """Empty servers, new connections."""
        self.pair.reset()
        self.judge.forget_connections()

    def run_one(self, position, item):
        """Runs a single item where the servers stand; returns its mismatch or None."""
        return self.run_batch(position, [item] if is_command(item) else item)

    def run_batch(self, start, batch):
        if isinstance(batch, list):
            return self.run_commands(start, batch)
        return self.run_special(start, batch)

    def run_commands(self, start, batch):
        number = batch[0][0]
        commands = [command for _, command in batch]
        try:
            oracle_replies, subject_replies = self.pair.connections[number].exchange(commands)
        except Silent as silent:
            place = min(silent.received, len(batch) - 1)
            return Mismatch(start + place, batch[place], str(silent), None, None)
        self.command_count += len(commands)
        return self.compare(start, batch, oracle_replies, subject_replies)

    def compare(self, start, batch, oracle_replies, subject_replies):
        judge, number = self.judge, batch[0][0]
        for place, (oracle, subject) in enumerate(zip(oracle_replies, subject_replies)):
            command = batch[place][1]
            block = judge.follow(number, command, oracle)
            if oracle == subject:
                continue
            why = judge.judge(command, oracle, subject, block)
            if why is not None:
                return Mismatch(start + place, batch[place], why, oracle, subject)
        return None

    def run_special(self, position, item):
        try:
            if isinstance(item, Sleep):
                pause(item.milliseconds)
                return None
            if isinstance(item, WholeScan):
                return self.compare_scans(position, item)
            if isinstance(item, CountKeys):
                return self.compare_counts(position, item)
            return self.compare_contents(position, item)
        except Silent as silent:
            return Mismatch(position, item, str(silent), None, None)

    def compare_counts(self, position, item):
        """Dead keys may be counted until they are swept away, but not for long."""
        for _ in range(SWEEP_TRIES):
            connection = self.pair.connections[item.connection]
            oracle, subject = connection.ask("DBSIZE")
            if oracle == subject:
                return None
            connection.ask("KEYS", "*")
            pause(SWEEP_STEP_MS)
        return Mismatch(position, item, "DBSIZE differs for seconds", oracle, subject)

    def compare_scans(self, position, item):
        connection = self.pair.connections[item.connection]
        found = []
        for side in SIDES:
            keys, problem = whole_scan(connection, side, item.options)
            if problem:
                return Mismatch(position, item, f"{side}: {problem}", None, None)
            found.append(keys)
        if found[0] != found[1]:
            return Mismatch(
                position,
                item,
                "complete scans found other keys",
                sorted(found[0] - found[1]),
                sorted(found[1] - found[0]),
            )
        return None

    def compare_contents(self, position, item):
        """Compares keys, types, encodings, deadlines and values in all databases."""
        control = self.pair.control
        try:
            for database in range(SCRATCH_DATABASE):
                control.ask("SELECT", database)
                difference = compare_database(control)
                if difference:
                    name, oracle, subject = difference
                    return Mismatch(position, item, f"database {database}: {name}", oracle, subject)
        finally:
            control.ask("SELECT", 0)
        return None

    def restore_crosswise(self, oracle_payload, subject_payload):
        """Each server restores what the other dumped; the values must agree."""
        both = (oracle_payload, subject_payload)
        if both in self.crosswise_seen:
            return True
        values = []
        for side, payload in (("subject", oracle_payload), ("oracle", subject_payload)):
            replies = self.pair.control.ask_one(
                side,
                [
                    ["SELECT", SCRATCH_DATABASE],
                    ["RESTORE", SCRATCH_KEY, 0, payload, "REPLACE"],
                    ["GET", SCRATCH_KEY],
                    ["DEL", SCRATCH_KEY],
                    ["SELECT", 0],
                ],
            )
            if isinstance(replies[1], Error):
                return False
            values.append(replies[2])
        if values[0] != values[1]:
            return False
        self.crosswise_seen.add(both)
        return True


def batches(items, batch_max):
    """Groups neighbouring commands of one connection; yields (position, list of commands | special item)."""
    batch = []
    start = 0
    for position, item in enumerate(items):
        if batch and (not is_command(item) or item[0] != batch[0][0] or len(batch) >= batch_max):
            yield start, batch
            batch = []
        if not is_command(item):
            yield position, item
        else:
            if not batch:
                start = position
            batch.append(item)
    if batch:
        yield start, batch


def whole_scan(connection, side, options):
    """All keys that a complete scan of one server returns."""
    cursor = b"0"
    keys = set()
    for _ in range(SCAN_CALLS_MAX):
        (reply,) = connection.ask_one(side, [[b"SCAN", cursor, *options]])
        if not isinstance(reply, list):
            return keys, f"SCAN answered {reply!r}"
        cursor = reply[0]
        keys.update(reply[1])
        if cursor == b"0":
            return keys, None
    return keys, "the scan never ended"


def compare_database(control):
    """None, or (what differs, the oracle's, the subject's) for the selected database."""
    oracle_keys, subject_keys = (sorted(keys) for keys in control.ask("KEYS", "*"))
    if oracle_keys != subject_keys:
        missing = [key for key in oracle_keys if key not in set(subject_keys)]
        extra = [key for key in subject_keys if key not in set(oracle_keys)]
        return "the sets of keys differ", missing, extra
    questions = [[word, *rest] for key in oracle_keys for word, *rest in about(key)]
    if not questions:
        return None
    for question, oracle, subject in zip(questions, *control.exchange(questions)):
        if oracle != subject and not (question[0] == b"PTTL" and is_near(oracle, subject)):
            return b" ".join(question[:-1]).decode() + f" of {question[-1]!r}", oracle, subject
    return None


def about(key):
    return [b"TYPE", key], [b"OBJECT", b"ENCODING", key], [b"PTTL", key], [b"GET", key]


def is_near(oracle, subject):
    return NORMALIZERS[b"PTTL"](None, int(oracle[1:]), int(subject[1:]))


__all__ = ["CheckContents", "Mismatch", "Runner"]
