"""The threads that work on a server until it dies: writers, readers, and the one that never says EXEC."""

import threading

from history import UNKNOWN, History
from operations import GROUPS, Maker, make_dice
from support.resp import Closed, Error, encode

COUNTERS = [b"counter:%d" % n for n in range(4)]
DEPTHS = [1, 1, 1, 2, 4, 8, 16]
SHARED_PROBABILITY = 0.15


class Counters:
    """Numbers that INCR handed out: never the same one twice, and none of them may be forgotten."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.handed_out = {name: set() for name in COUNTERS}
        self.highest = dict.fromkeys(COUNTERS, 0)
        self.sent = dict.fromkeys(COUNTERS, 0)
        self.start = dict.fromkeys(COUNTERS, 0)

    def note_sent(self, name):
        with self.lock:
            self.sent[name] += 1

    def note_answer(self, name, number):
        """True when the number is new."""
        with self.lock:
            is_new = number not in self.handed_out[name]
            self.handed_out[name].add(number)
            self.highest[name] = max(self.highest[name], number)
            return is_new

    def note_seen(self, name, number):
        with self.lock:
            self.highest[name] = max(self.highest[name], number)

    def judge(self, name, value):
        """None, or (kind of damage, sentence) for the value found after a restart."""
        if value < self.highest[name]:
            return "lost", f"{name!r} is {value} after {self.highest[name]} was handed out or read"
        if value > self.start[name] + self.sent[name]:
            return (
                "torn",
                f"{name!r} is {value}, but only {self.sent[name]} increments were sent after {self.start[name]}",
            )
        return None

    def continue_from(self, name, value):
        self.start[name] = value
        self.sent[name] = 0
        self.highest[name] = value


class Damage:
    """What went wrong, by kind."""

    KINDS = ("lost", "torn", "twice", "revived", "taken_back", "wrong", "refused")

    def __init__(self):
        self.lock = threading.Lock()
        self.found = {kind: [] for kind in self.KINDS}

    def add(self, kind, sentence):
        with self.lock:
            self.found[kind].append(sentence)

    @property
    def is_empty(self):
        return not any(self.found.values())

    def counts(self):
        return " ".join(f"{kind}={len(found)}" for kind, found in self.found.items())

    def lines(self, count_max=10):
        return [f"{kind}: {sentence}" for kind, found in self.found.items() for sentence in found[:count_max]]


class Writer:
    """One connection that changes its own keys and the shared counters, and writes down what was acknowledged."""

    def __init__(self, number, databases, seed, counters, damage):
        self.history = History()
        self.dice = make_dice(seed, "writer", number)
        self.maker = Maker(number, databases, self.dice, self.history)
        self.counters = counters
        self.damage = damage
        self.acknowledged_total = 0
        self.group_answers = {}
        self.may_be_refused = False

    def run(self, client, stop):
        """Works until told to stop or until the connection ends."""
        self.maker.begin_connection()
        self.group_answers = {}
        try:
            client.ok("SELECT", self.maker.selected)
            while not stop.is_set():
                self.send_batch(client)
        except (Closed, OSError):
            pass
        finally:
            client.close()

    def send_batch(self, client):
        """Each entry is either a shared counter's name or an operation of our own."""
        batch = []
        for _ in range(self.dice.choice(DEPTHS)):
            if self.dice.random() < SHARED_PROBABILITY:
                name = self.dice.choice(COUNTERS)
                self.counters.note_sent(name)
                batch.append((name, self.counter_commands(name)))
            else:
                operation = self.maker.make()
                self.history.send(operation)
                batch.append((operation, operation.commands))
        client.send_raw(b"".join(encode(command) for _, commands in batch for command in commands))
        for entry, commands in batch:
            replies = [client.read() for _ in commands]
            if isinstance(entry, bytes):
                self.take_number(entry, replies)
            else:
                self.take_answer(entry, replies)

    def counter_commands(self, name):
        """Counters live in the first database; a writer with several reaches them through a block."""
        if self.maker.selected == 0:
            return [[b"INCR", name]]
        return [[b"SELECT", b"0"], [b"INCR", name], [b"SELECT", b"%d" % self.maker.selected]]

    def take_number(self, name, replies):
        number = replies[len(replies) // 2]
        if not isinstance(number, int):
            self.refuse(f"INCR {name!r} answered {number!r}")
        elif not self.counters.note_answer(name, number):
            self.damage.add("twice", f"{name!r} handed out {number} again")
        self.acknowledged_total += 1

    def take_answer(self, operation, replies):
        error = next((reply for reply in replies if isinstance(reply, Error)), None)
        if error is not None:
            self.refuse(f"{operation!r} answered {error!r}")
        if operation.expected is not None and replies[-1] != operation.expected:
            self.damage.add(
                "wrong", f"{operation!r} answered {replies[-1]!r:.100} instead of {operation.expected!r:.100}"
            )
        self.history.acknowledge(replies)
        self.acknowledged_total += 1
        if operation.note is not None:
            verb, group = operation.note
            self.group_answers[group] = (self.history.acknowledged, verb)

    def refuse(self, sentence):
        """An error where none belongs. While the server shuts down it may refuse: then nobody knows what was done."""
        if not self.may_be_refused:
            self.damage.add("wrong", sentence)
        for operation in self.history.operations[self.history.acknowledged :]:
            operation.effect = dict.fromkeys(operation.effect, UNKNOWN)
            operation.settle = None
        raise Closed(sentence)


class Reader:
    """Reads groups that are always written as a whole, and remembers the newest it was shown."""

    def __init__(self, number, writers, seed, counters, damage):
        self.dice = make_dice(seed, "reader", number)
        self.writers = [writer for writer in writers if writer.maker.databases == [0]]
        self.counters = counters
        self.damage = damage
        self.reads = 0

    def run(self, client, stop):
        try:
            while not stop.is_set():
                self.read_group(client, self.dice.choice(self.writers))
                self.read_counter(client)
        except (Closed, OSError):
            pass
        finally:
            client.close()

    def read_group(self, client, writer):
        group = self.dice.randrange(len(GROUPS))
        names = [writer.maker.prefix(name) for name in GROUPS[group]]
        answered = writer.group_answers.get(group)
        values = client.call(b"MGET", *names)
        self.reads += 1
        if isinstance(values, Error):
            return
        if len(set(values)) != 1:
            self.damage.add("torn", f"MGET saw half of a write to {names[0]!r}...: {values!r:.300}")
        elif values[0] is not None:
            self.note_value(writer, values[0])
        elif answered is not None and answered[1] == "set":
            self.note_absence(writer, group, answered[0])

    def note_value(self, writer, value):
        """No value is written twice, so it tells which operation was seen; one of an earlier round is certain already."""
        operations = writer.history.operations
        for count in range(len(operations), 0, -1):
            operation = operations[count - 1]
            if operation.note and any(is_value(state, value) for state in operation.effect.values()):
                writer.history.note_seen(count)
                return

    def note_absence(self, writer, group, answered):
        """A group that was there is gone: some later delete has been seen, at least the first one sent."""
        operations = writer.history.operations
        for count in range(answered + 1, len(operations) + 1):
            if operations[count - 1].note == ("delete", group):
                writer.history.note_seen(count)
                return

    def read_counter(self, client):
        name = self.dice.choice(COUNTERS)
        value = client.call(b"GET", name)
        if isinstance(value, bytes) and not isinstance(value, Error):
            self.counters.note_seen(name, int(value))


def is_value(state, value):
    return state is not None and state is not UNKNOWN and state.value == value


class Undecided:
    """Queues commands in a MULTI block and never runs them: after a crash nothing of it may be there."""

    def __init__(self, seed):
        self.dice = make_dice(seed, "undecided")

    def run(self, client, stop):
        try:
            client.call(b"MULTI")
            while not stop.is_set():
                client.call(b"SET", b"undecided:%d" % self.dice.randrange(100), b"x" * 50)
                stop.wait(0.005)
        except (Closed, OSError):
            pass
        finally:
            client.close()
