"""Random command streams, made of epochs.

An epoch starts from empty servers and fresh connections and depends on nothing but the seed and its number, so a
mismatch is reproduced by making the same epoch again.
"""

import bisect
import itertools

from commands import bitmaps, connection, keys, server, strings, transactions
from commands.vocabulary import JUNK, Dice
from items import CheckContents, CountKeys, Other, Sleep, WholeScan

FAMILIES = [strings, bitmaps, keys, connection, server]
TRANSACTIONS = transactions.GENERATORS

MUTATION_PROBABILITY = 0.05
CHECK_EVERY = 4000
SWITCH_CONNECTION_PROBABILITY = 0.003

# A random change could make these stop the server, wait for ever, or answer with what is each server's own.
UNTOUCHABLE = frozenset(b"""
    MULTI EXEC DISCARD WATCH UNWATCH WAIT CLIENT HELLO CONFIG DEBUG LCS COMMAND SHUTDOWN SAVE BGSAVE INFO
    SLOWLOG LATENCY
    """.split())
SIZE_LIMIT = 1 << 20


class Weighted:
    """Draws from a table of (weight, thing)."""

    def __init__(self, table):
        self.things = [thing for _, thing in table]
        self.sums = list(itertools.accumulate(weight for weight, _ in table))

    def draw(self, dice):
        return self.things[bisect.bisect_right(self.sums, dice.chance() * self.sums[-1])]


PLAIN_TABLE = [row for family in FAMILIES for row in family.GENERATORS]
SPECIAL_TABLE = [row for family in FAMILIES for row in getattr(family, "SPECIAL", [])]
PLAIN = Weighted(PLAIN_TABLE)


def plain_commands(dice):
    """A list of commands that any connection may send at any moment."""
    made = PLAIN.draw(dice)(dice)
    if isinstance(made[0], bytes):
        made = [made]
    return [mutate(dice, command) if dice.likely(MUTATION_PROBABILITY) else command for command in made]


def in_transaction(generator):
    return lambda dice: generator(dice, plain_commands)


EVERYTHING = Weighted(
    [(sum(weight for weight, _ in PLAIN_TABLE), plain_commands)]
    + SPECIAL_TABLE
    + [(weight, in_transaction(generator)) for weight, generator in TRANSACTIONS]
)


def make_epoch(seed, number, count, payloads, connections=2):
    """The items of one epoch: about `count` commands and checks of the contents."""
    dice = Dice(f"{seed}:{number}", payloads)
    items = []
    current = 0
    next_check = CHECK_EVERY
    while len(items) < count:
        for made in EVERYTHING.draw(dice)(dice):
            if isinstance(made, list):
                items.append((current, made))
            elif isinstance(made, Other):
                other = (current + 1) % connections
                items.extend((other, command) for command in made.commands)
            elif isinstance(made, (CountKeys, WholeScan)):
                items.append(made._replace(connection=current))
            else:
                assert isinstance(made, Sleep), f"a generator made {made!r}"
                items.append(made)
        if dice.likely(SWITCH_CONNECTION_PROBABILITY):
            current = dice.below(connections)
        if len(items) >= next_check:
            items.append(CheckContents())
            next_check += CHECK_EVERY
    items.append(CheckContents())
    return items


def mutate(dice, command):
    """Breaks a command a little: arity, order, case, junk, an unknown name."""
    if command[0] in UNTOUCHABLE:
        return command
    changed = list(command)
    place = 1 + dice.below(len(changed) - 1) if len(changed) > 1 else 0
    roll = dice.below(7)
    if roll == 0 and len(changed) > 1:
        changed.pop()
    elif roll == 1:
        changed.append(dice.one(JUNK))
    elif roll == 2 and place:
        changed[place] = dice.one(JUNK)
    elif roll == 3 and place:
        other = 1 + dice.below(len(changed) - 1)
        changed[place], changed[other] = changed[other], changed[place]
    elif roll == 4:
        changed[0] = dice.case(changed[0].swapcase())
    elif roll == 5 and dice.likely(0.3):
        changed[0] += b"x"
    elif place:
        changed.insert(place, changed[place])
    return changed if is_harmless(changed) else command


def is_harmless(command):
    """False for the few commands that would make one value enormous."""
    if command[0].upper() not in (b"SETRANGE", b"SETBIT", b"BITFIELD"):
        return True
    return not any(is_enormous_offset(argument) for argument in command[2:])


def is_enormous_offset(argument):
    try:
        value = int(argument.lstrip(b"#") or b"0")
    except ValueError:
        return False
    if argument.startswith(b"#"):
        value *= 64
    return SIZE_LIMIT < value < 1 << 32
