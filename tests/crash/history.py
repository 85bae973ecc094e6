"""What one writer did, and which states the server may be in after a crash.

A writer owns its keys: nobody else changes them. Every operation it sends is written down before it is sent, with its
effect on the owned keys; replies move `acknowledged` forward. One connection's operations take effect in order, so
after a crash the owned keys must look as after some prefix of the operations:

    sent:    op0 op1 op2 op3 op4 op5 op6
             <- acknowledged -> <- ? ->        the prefix ends anywhere from `acknowledged` to the last one sent,
             <------ seen ------>              and not before anything that a reader has been shown

An operation on several keys (MSET, RENAME, a MULTI block) has one effect, so half of it fits no prefix.
"""

from typing import NamedTuple

# An effect that nobody can know before the reply comes: it fits whatever is found.
UNKNOWN = object()

# A server may judge a batch of commands by one look at the clock.
CLOCK_SLACK_MS = 20


class State(NamedTuple):
    """A key that exists: its value, and the millisecond of the epoch when it ends, if it ends."""

    value: bytes
    deadline: int | None = None


class Operation:
    """Commands sent together, what they do to the owned keys, and what the last reply must be."""

    def __init__(self, commands, effect, expected=None, settle=None, note=None):
        self.commands = commands
        self.effect = effect
        self.expected = expected
        self.settle = settle
        self.note = note

    def __repr__(self):
        return f"Operation({self.commands[0][:3]!r}...)"


class Found(NamedTuple):
    """What a key looked like after the restart, and the two moments between which it was looked at."""

    value: bytes | None
    deadline: int
    before_ms: int
    after_ms: int

    @property
    def state(self):
        if self.value is None:
            return None
        return State(self.value, self.deadline if self.deadline >= 0 else None)


class History:
    """The operations of one writer since the last verified state."""

    def __init__(self):
        self.base = {}
        self.operations = []
        self.acknowledged = 0
        self.seen = 0
        self.newest = {}

    def send(self, operation):
        """Writes an operation down; to be called before its bytes leave."""
        self.operations.append(operation)
        apply(self.newest, operation.effect)

    def acknowledge(self, replies):
        """The oldest unacknowledged operation was answered; its effect may be known better now."""
        operation = self.operations[self.acknowledged]
        if operation.settle is not None:
            operation.effect = operation.settle(replies)
            self.newest = self.state_after(len(self.operations))
        self.acknowledged += 1

    def note_seen(self, count):
        """A reader was shown the effect of operation number `count` (counting from one)."""
        self.seen = max(self.seen, count)

    def state_after(self, count):
        state = dict(self.base)
        for operation in self.operations[:count]:
            apply(state, operation.effect)
        return state

    def judge(self, found):
        """None when the found keys fit an allowed prefix; otherwise (what kind of damage, a sentence)."""
        lowest = max(self.acknowledged, self.seen)
        state = self.state_after(lowest)
        for count in range(lowest, len(self.operations) + 1):
            if count > lowest:
                apply(state, self.operations[count - 1].effect)
            if fits(state, found):
                return None
        return self.diagnose(found, lowest)

    def diagnose(self, found, lowest):
        state = dict(self.base)
        if lowest and fits(state, found):
            return "lost", self.sentence(0, found)
        for count in range(1, lowest):
            apply(state, self.operations[count - 1].effect)
            if fits(state, found):
                return ("taken_back" if count >= self.acknowledged else "lost"), self.sentence(count, found)
        state = self.state_after(lowest)
        wrong = [key for key in found if not fits_key(state.get(key), found[key])]
        kind = "revived" if any(self.is_revived(key, found[key], lowest) for key in wrong) else "torn"
        return kind, self.differences(state, found, wrong)

    def is_revived(self, key, found, lowest):
        """True for a key that was gone for good, and is there again as it once was."""
        if found.value is None or self.state_after(lowest).get(key) is not None:
            return False
        return not any(operation.effect.get(key) for operation in self.operations[lowest:])

    def sentence(self, count, found):
        missing = self.operations[count : max(self.acknowledged, self.seen)]
        return (
            f"the state is the one after {count} operations, but {self.acknowledged} were acknowledged and {self.seen} seen;"
            f" missing: {missing[:3]!r}"
        )

    def differences(self, state, found, wrong):
        shown = [
            f"{key!r}: expected {state.get(key)!r:.120}, found {found[key].state!r:.120}" for key in wrong[:5]
        ]
        return (
            f"no prefix of the operations fits ({self.acknowledged} acknowledged, {self.seen} seen, {len(self.operations)} sent);"
            " against the acknowledged state: " + "; ".join(shown)
        )

    def continue_from(self, found):
        """What was found is the truth for the next round."""
        self.base = {key: each.state for key, each in found.items() if each.state is not None}
        self.newest = dict(self.base)
        self.operations = []
        self.acknowledged = 0
        self.seen = 0


def apply(state, effect):
    for key, value in effect.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def fits(state, found):
    return all(fits_key(state.get(key), each) for key, each in found.items())


def fits_key(state, found):
    if state is UNKNOWN:
        return True
    if state is None:
        return found.value is None
    if state.deadline is None:
        return found.state == state
    if state.deadline < found.before_ms - CLOCK_SLACK_MS:
        return found.value is None
    if state.deadline > found.after_ms + CLOCK_SLACK_MS:
        return found.state == state
    return found.value in (None, state.value)
