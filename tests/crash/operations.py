"""The operations that crash tests send: every way of changing a string key, with its effect on a model.

Values start with `<writer>:<number of the operation>:`, so that whoever reads one knows which operation it has seen.
"""

import random
import time

from history import UNKNOWN, Operation, State
from support.resp import Status

REGISTERS = [b"r%d" % n for n in range(14)]
NUMBERS = [b"n%d" % n for n in range(4)]
EPHEMERALS = [b"e%d" % n for n in range(8)]
TOKENS = [b"t%d" % n for n in range(3)]
GROUPS = [[b"g%d.%d" % (group, member) for member in range(5)] for group in range(4)]
BIG = [b"big"]
ALL_NAMES = REGISTERS + NUMBERS + EPHEMERALS + TOKENS + [name for group in GROUPS for name in group] + BIG

HOUR_MS = 3600 * 1000
OK = Status(b"OK")
QUEUED = Status(b"QUEUED")


def now_ms():
    return time.time_ns() // 1_000_000


class Maker:
    """Draws operations for one writer. Keys are (database, name); names carry the writer's prefix on the wire."""

    def __init__(self, number, databases, dice, history):
        self.number = number
        self.databases = databases
        self.selected = databases[0]
        self.dice = dice
        self.history = history
        self.count = 0

    def prefix(self, name):
        return b"w%d:%b" % (self.number, name)

    def keys(self):
        """Every key this writer may ever have, as (database, name)."""
        return [(database, self.prefix(name)) for database in self.databases for name in ALL_NAMES]

    def begin_connection(self):
        """A new connection starts in the first database; the count goes on, so that no value is ever written twice."""
        self.selected = self.databases[0]

    def pick(self, names):
        return self.prefix(self.dice.choice(names))

    def state(self, name):
        """The state of a key in the selected database after everything sent; may be UNKNOWN."""
        return self.history.newest.get((self.selected, name))

    def text(self, size=None):
        size = self.dice.choice([0, 5, 30, 50, 200]) if size is None else size
        return b"%d:%d:" % (self.number, self.count) + b"x" * size

    def make(self):
        """The next operation; it must be sent."""
        self.count += 1
        while True:
            table = WITH_DATABASES if len(self.databases) > 1 else PLAIN
            operation = self.dice.choices(*table)[0](self)
            if operation is not None:
                return operation

    def change(self, commands, changes, expected=None, settle=None, note=None):
        effect = {(self.selected, name): state for name, state in changes.items()}
        return Operation(commands, effect, expected, settle, note)


def set_plain(maker):
    name, text = maker.pick(REGISTERS), maker.text()
    return maker.change([[b"SET", name, text]], {name: State(text)}, OK)


def set_with_deadline(maker):
    name, text = maker.pick(REGISTERS), maker.text()
    deadline = now_ms() + HOUR_MS + maker.dice.randrange(1000)
    return maker.change([[b"SET", name, text, b"PXAT", b"%d" % deadline]], {name: State(text, deadline)}, OK)


def set_keeping_deadline(maker):
    name, text = maker.pick(REGISTERS), maker.text()
    old = maker.state(name)
    if old is UNKNOWN:
        return None
    return maker.change(
        [[b"SET", name, text, b"KEEPTTL"]], {name: State(text, old.deadline if old else None)}, OK
    )


def getset(maker):
    name, text = maker.pick(REGISTERS), maker.text()
    old = maker.state(name)
    if old is UNKNOWN:
        return None
    return maker.change([[b"GETSET", name, text]], {name: State(text)}, old.value if old else None)


def append(maker):
    name = maker.pick(REGISTERS)
    old = maker.state(name)
    if old is UNKNOWN or old is None or len(old.value) > 2000:
        return None
    addition = b"|%d" % maker.count
    value = old.value + addition
    return maker.change([[b"APPEND", name, addition]], {name: State(value, old.deadline)}, len(value))


def setrange(maker):
    name = maker.pick(REGISTERS)
    old = maker.state(name)
    if old is UNKNOWN or old is None or len(old.value) > 2000:
        return None
    offset = len(old.value) + maker.dice.randrange(10)
    value = old.value.ljust(offset, b"\0") + b"#%d" % maker.count
    return maker.change(
        [[b"SETRANGE", name, b"%d" % offset, value[offset:]]], {name: State(value, old.deadline)}, len(value)
    )


def delete(maker):
    names = sorted({maker.pick(REGISTERS) for _ in range(maker.dice.randrange(1, 4))})
    states = [maker.state(name) for name in names]
    expected = None if UNKNOWN in states else sum(state is not None for state in states)
    verb = maker.dice.choice([b"DEL", b"UNLINK"])
    return maker.change([[verb, *names]], dict.fromkeys(names), expected)


def getdel(maker):
    name = maker.pick(REGISTERS)
    old = maker.state(name)
    if old is UNKNOWN:
        return None
    return maker.change([[b"GETDEL", name]], {name: None}, old.value if old else None)


def move_deadline(maker):
    name = maker.pick(REGISTERS)
    old = maker.state(name)
    if old is UNKNOWN or old is None:
        return None
    deadline = now_ms() + HOUR_MS + maker.dice.randrange(1000)
    return maker.change([[b"PEXPIREAT", name, b"%d" % deadline]], {name: State(old.value, deadline)}, 1)


def relative_deadline(maker):
    """The server's clock decides the deadline; asking for it in the same breath tells which it was."""
    name = maker.pick(REGISTERS)
    old = maker.state(name)
    if old is UNKNOWN or old is None:
        return None
    key = (maker.selected, name)
    return Operation(
        [[b"EXPIRE", name, b"3600"], [b"PEXPIRETIME", name]],
        {key: UNKNOWN},
        settle=lambda replies: {key: State(old.value, replies[-1])},
    )


def persist(maker):
    name = maker.pick(REGISTERS)
    old = maker.state(name)
    if old is UNKNOWN or old is None:
        return None
    return maker.change([[b"PERSIST", name]], {name: State(old.value)}, int(old.deadline is not None))


def rename(maker):
    source, target = maker.pick(REGISTERS), maker.pick(REGISTERS)
    old = maker.state(source)
    if old is UNKNOWN or old is None or source == target:
        return None
    return maker.change([[b"RENAME", source, target]], {source: None, target: old}, OK)


def copy(maker):
    source, target = maker.pick(REGISTERS), maker.pick(REGISTERS)
    old = maker.state(source)
    if old is UNKNOWN or old is None or source == target:
        return None
    return maker.change([[b"COPY", source, target, b"REPLACE"]], {target: old}, 1)


def add(maker):
    name = maker.pick(NUMBERS)
    old = maker.state(name)
    if old is UNKNOWN:
        return None
    step = maker.dice.choice([1, 1, -1, 1000, 10**12])
    value = int(old.value if old else 0) + step
    command = [b"INCR", name] if step == 1 else [b"INCRBY", name, b"%d" % step]
    return maker.change([command], {name: State(b"%d" % value)}, value)


def short_life(maker):
    name, text = maker.pick(EPHEMERALS), maker.text()
    deadline = now_ms() + maker.dice.randrange(1, 500)
    return maker.change([[b"SET", name, text, b"PXAT", b"%d" % deadline]], {name: State(text, deadline)}, OK)


def saved_from_a_short_life(maker):
    """Alive when it was written and persisted in time: replay must not look at the clock."""
    name, text = maker.pick(EPHEMERALS), maker.text()
    deadline = now_ms() + maker.dice.randrange(100, 400)
    key = (maker.selected, name)
    return Operation(
        [[b"SET", name, text, b"PXAT", b"%d" % deadline], [b"PERSIST", name]],
        {key: UNKNOWN},
        settle=lambda replies: {key: State(text) if replies[-1] == 1 else None},
    )


def end_short_life(maker):
    name = maker.pick(EPHEMERALS)
    return maker.change([[b"PEXPIRE", name, b"0"]], {name: None})


def write_group(maker):
    group = maker.dice.randrange(len(GROUPS))
    names = [maker.prefix(name) for name in GROUPS[group]]
    text = maker.text(10)
    if maker.dice.random() < 0.5:
        flat = [word for name in names for word in (name, text)]
        return maker.change([[b"MSET", *flat]], dict.fromkeys(names, State(text)), OK, note=("set", group))
    commands = [[b"MULTI"], *([b"SET", name, text] for name in names), [b"EXEC"]]
    return maker.change(commands, dict.fromkeys(names, State(text)), [OK] * len(names), note=("set", group))


def delete_group(maker):
    group = maker.dice.randrange(len(GROUPS))
    names = [maker.prefix(name) for name in GROUPS[group]]
    if maker.dice.random() < 0.5:
        return maker.change([[b"DEL", *names]], dict.fromkeys(names), note=("delete", group))
    commands = [[b"MULTI"], *([b"DEL", name] for name in names), [b"EXEC"]]
    return maker.change(commands, dict.fromkeys(names), note=("delete", group))


def mixed_block(maker):
    """A transaction with different commands on keys that live far apart."""
    register, number, text = maker.pick(REGISTERS), maker.pick(NUMBERS), maker.text()
    old = maker.state(number)
    if old is UNKNOWN:
        return None
    value = int(old.value if old else 0) + 5
    commands = [[b"MULTI"], [b"SET", register, text], [b"INCRBY", number, b"5"], [b"EXEC"]]
    return maker.change(commands, {register: State(text), number: State(b"%d" % value)}, [OK, value])


def pass_token(maker):
    """Exactly one of the token keys exists: it wanders by RENAME."""
    names = [maker.prefix(name) for name in TOKENS]
    states = [maker.state(name) for name in names]
    holder = next((name for name, state in zip(names, states) if state is not None), None)
    target = maker.dice.choice(names)
    if holder is None:
        text = maker.text(5)
        return maker.change([[b"SET", target, text]], {target: State(text)}, OK)
    if target == holder:
        return None
    return maker.change([[b"RENAMENX", holder, target]], {holder: None, target: maker.state(holder)}, 1)


def big_value(maker):
    name = maker.prefix(BIG[0])
    text = maker.text(maker.dice.randrange(20_000, 300_000))
    return maker.change([[b"SET", name, text]], {name: State(text)}, OK)


def select(maker):
    maker.selected = maker.dice.choice(maker.databases)
    return Operation([[b"SELECT", b"%d" % maker.selected]], {}, OK)


def flush(maker):
    effect = {key: None for key in maker.keys() if key[0] == maker.selected}
    return Operation([[b"FLUSHDB"]], effect, OK)


def swap(maker):
    first, second = maker.databases
    effect = {}
    for database, name in maker.keys():
        other = second if database == first else first
        effect[database, name] = maker.history.newest.get((other, name))
    return Operation([[b"SWAPDB", b"%d" % first, b"%d" % second]], effect, OK)


def move(maker):
    name = maker.pick(REGISTERS)
    other = next(database for database in maker.databases if database != maker.selected)
    here, there = (maker.selected, name), (other, name)
    mine, theirs = maker.history.newest.get(here), maker.history.newest.get(there)
    if UNKNOWN in (mine, theirs):
        return None
    moves = mine is not None and theirs is None
    return Operation([[b"MOVE", name, b"%d" % other]], {here: None, there: mine} if moves else {}, int(moves))


WEIGHTS = {
    set_plain: 20,
    set_with_deadline: 5,
    set_keeping_deadline: 3,
    getset: 3,
    append: 8,
    setrange: 4,
    delete: 8,
    getdel: 4,
    move_deadline: 4,
    relative_deadline: 2,
    persist: 4,
    rename: 6,
    copy: 5,
    add: 10,
    short_life: 8,
    saved_from_a_short_life: 3,
    end_short_life: 2,
    write_group: 14,
    delete_group: 3,
    mixed_block: 6,
    pass_token: 6,
    big_value: 0.5,
}
DATABASE_WEIGHTS = {select: 10, flush: 1, swap: 2, move: 8}


def as_table(weights):
    return list(weights), list(weights.values())


PLAIN = as_table(WEIGHTS)
WITH_DATABASES = as_table({**WEIGHTS, **DATABASE_WEIGHTS})


def make_dice(*parts):
    return random.Random(":".join(map(str, parts)))
