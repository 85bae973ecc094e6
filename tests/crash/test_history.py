"""The judge of crash tests: it must accept what may be, and name what must not be."""

import pytest

from history import UNKNOWN, Found, History, Operation, State

KEY, OTHER = (0, b"key"), (0, b"other")
NOW = 1_000_000


def found(**values):
    """What a restart shows: name=value or name=(value, deadline); None for absent."""
    entries = {}
    for name, value in values.items():
        value, deadline = value if isinstance(value, tuple) else (value, -1 if value is not None else -2)
        entries[0, name.encode()] = Found(value, deadline, NOW, NOW + 10)
    return entries


def history(*effects, acknowledged=0, seen=0, base=None):
    made = History()
    made.base = dict(base or {})
    made.newest = dict(made.base)
    for effect in effects:
        made.send(Operation([[b"SET"]], effect))
    for _ in range(acknowledged):
        made.acknowledge([b"OK"])
    made.note_seen(seen)
    return made


def sets(*numbers):
    return [{KEY: State(b"%d" % number)} for number in numbers]


@pytest.mark.parametrize("value", [b"2", b"3", b"4"])
def test_any_prefix_after_the_acknowledged_one_is_fine(value):
    assert history(*sets(1, 2, 3, 4), acknowledged=2).judge(found(key=value)) is None


def test_a_state_before_the_acknowledged_one_is_lost():
    assert history(*sets(1, 2, 3, 4), acknowledged=2).judge(found(key=b"1"))[0] == "lost"
    assert history(*sets(1, 2), acknowledged=1).judge(found(key=None))[0] == "lost"


def test_an_unacknowledged_write_may_vanish_unless_somebody_saw_it():
    assert history(*sets(1)).judge(found(key=None)) is None
    assert history(*sets(1, 2), acknowledged=1, seen=2).judge(found(key=b"1"))[0] == "taken_back"


def test_half_of_a_write_to_two_keys_is_torn():
    both = {KEY: State(b"new"), OTHER: State(b"new")}
    base = {KEY: State(b"old"), OTHER: State(b"old")}
    assert history(both, base=base).judge(found(key=b"new", other=b"new")) is None
    assert history(both, base=base).judge(found(key=b"old", other=b"old")) is None
    assert history(both, base=base).judge(found(key=b"new", other=b"old"))[0] == "torn"


def test_a_later_write_without_the_earlier_one_is_torn():
    effects = [{KEY: State(b"1")}, {OTHER: State(b"2")}]
    assert history(*effects).judge(found(key=None, other=b"2"))[0] == "torn"


def test_a_deleted_key_that_is_back_is_revived():
    effects = [{KEY: State(b"1"), OTHER: State(b"1")}, {KEY: None}, {OTHER: State(b"2")}]
    assert history(*effects, acknowledged=3).judge(found(key=b"1", other=b"2"))[0] == "revived"


def test_a_value_nobody_wrote_is_damage():
    assert history(*sets(1, 2), acknowledged=2).judge(found(key=b"7")) is not None


def test_deadlines_are_exact_and_absolute():
    effect = {KEY: State(b"v", NOW + 5000)}
    assert history(effect, acknowledged=1).judge(found(key=(b"v", NOW + 5000))) is None
    assert history(effect, acknowledged=1).judge(found(key=(b"v", NOW + 5001))) is not None
    assert history(effect, acknowledged=1).judge(found(key=b"v")) is not None
    assert history(effect, acknowledged=1).judge(found(key=None)) is not None


def test_a_key_past_its_deadline_is_gone():
    effect = {KEY: State(b"v", NOW - 5000)}
    assert history(effect, acknowledged=1).judge(found(key=None)) is None
    assert history(effect, acknowledged=1).judge(found(key=(b"v", NOW - 5000))) is not None
    edge = {KEY: State(b"v", NOW + 5)}
    assert history(edge, acknowledged=1).judge(found(key=None)) is None
    assert history(edge, acknowledged=1).judge(found(key=(b"v", NOW + 5))) is None


def test_what_only_the_reply_can_tell_fits_until_the_reply_came():
    made = History()
    made.send(
        Operation(
            [[b"PERSIST"]], {KEY: UNKNOWN}, settle=lambda replies: {KEY: State(b"v") if replies[-1] else None}
        )
    )
    assert made.judge(found(key=None)) is None
    assert made.judge(found(key=b"v")) is None
    made.acknowledge([1])
    assert made.judge(found(key=b"v")) is None
    assert made.judge(found(key=None)) is not None


def test_what_was_found_is_the_truth_of_the_next_round():
    made = history(*sets(1, 2, 3), acknowledged=1)
    made.continue_from(found(key=b"2", other=None))
    assert made.judge(found(key=b"2", other=None)) is None
    assert made.judge(found(key=b"3", other=None)) is not None
