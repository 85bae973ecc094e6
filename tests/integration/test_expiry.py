"""Expiry: milliseconds count, dead keys leave by themselves, and every option does what it says."""

import time

import pytest

from support.server import wait_for


def now_ms():
    return time.time_ns() // 1_000_000


def test_a_key_lives_until_its_millisecond(client):
    """Never dead too early; asked again and again it dies without further help."""
    deadline = now_ms() + 150
    client.ok("SET", "k", "v", "PXAT", deadline)
    while now_ms() < deadline - 20:
        assert client.call("GET", "k") == b"v"
    wait_for(lambda: client.call("GET", "k") is None)
    assert now_ms() >= deadline


@pytest.mark.parametrize("milliseconds", [1, 7, 50, 333])
def test_pttl_counts_down_from_what_was_set(client, milliseconds):
    client.ok("SET", "k", "v", "PX", milliseconds)
    left = client.call("PTTL", "k")
    assert left == -2 or 0 <= left <= milliseconds


def test_ttl_rounds_to_the_nearest_second(client):
    client.ok("SET", "k", "v", "PX", 1_000_499)
    assert client.call("TTL", "k") == 1000
    client.ok("SET", "k", "v", "PX", 1_000_900)
    assert client.call("TTL", "k") == 1001


def test_relative_and_absolute_times_agree_with_the_clock(client):
    before = now_ms()
    client.ok("SET", "k", "v", "EX", 100)
    after = now_ms()
    assert before + 100_000 - 5 <= client.call("PEXPIRETIME", "k") <= after + 100_000 + 5
    client.call("PEXPIREAT", "k", before + 50_000)
    assert client.call("PEXPIRETIME", "k") == before + 50_000
    assert 0 < client.call("PTTL", "k") <= 50_000


def test_dead_keys_leave_without_being_touched(client):
    client.pipeline(["SET", f"dies:{n}", "v", "PX", 1 + n % 100] for n in range(5000))
    client.pipeline(["SET", f"stays:{n}", "v", "EX", 1000] for n in range(500))
    wait_for(lambda: client.call("DBSIZE") == 500)
    assert client.call("EXISTS", *[f"stays:{n}" for n in range(500)]) == 500


def test_dead_keys_give_their_memory_back(server, client):
    """Ten generations of ten megabytes do not add up to a hundred."""
    client.ok("SET", "warm", "up")
    before = server.resident_bytes()
    for generation in range(10):
        for start in range(0, 1000, 100):
            keys = [f"big:{generation}:{n}" for n in range(start, start + 100)]
            client.pipeline(["SET", key, "x" * 10_000, "PX", 200] for key in keys)
        wait_for(lambda: client.call("DBSIZE") == 1)
    assert server.resident_bytes() - before < 60_000_000


def test_expired_keys_are_counted(server, client):
    client.ok("CONFIG", "RESETSTAT")
    client.pipeline(["SET", f"k{n}", "v", "PX", 1] for n in range(100))
    wait_for(lambda: server.info("stats")["expired_keys"] == "100")


def test_a_rewritten_key_outlives_its_old_deadline(client):
    deadline = now_ms() + 60
    client.ok("SET", "k", "old", "PXAT", deadline)
    client.ok("SET", "k", "new")
    client.ok("SET", "kept", "old", "PXAT", deadline)
    client.call("PERSIST", "kept")
    client.ok("SET", "longer", "old", "PXAT", deadline)
    client.call("PEXPIREAT", "longer", deadline + 1_000_000)
    client.ok("SET", "moved", "old", "PXAT", deadline)
    client.call("PERSIST", "moved")
    client.ok("RENAME", "moved", "elsewhere")
    time.sleep(0.3)
    assert client.call("MGET", "k", "kept", "longer", "elsewhere") == [b"new", b"old", b"old", b"old"]


def test_a_shortened_life_ends_early(client):
    client.ok("SET", "k", "v", "EX", 1000)
    client.call("PEXPIRE", "k", 20)
    wait_for(lambda: client.call("EXISTS", "k") == 0)


def test_a_renamed_key_takes_its_deadline_along(client):
    client.ok("SET", "a", "v", "PX", 60)
    client.ok("RENAME", "a", "b")
    client.call("COPY", "b", "c")
    wait_for(lambda: client.call("EXISTS", "b", "c") == 0)


def test_a_key_born_again_is_not_haunted_by_its_old_deadline(client):
    client.ok("SET", "k", "v", "PX", 50)
    client.call("DEL", "k")
    client.ok("SET", "k", "w", "EX", 1000)
    time.sleep(0.2)
    assert client.call("GET", "k") == b"w"


@pytest.mark.parametrize(
    "old, option, new, is_set",
    [
        (None, "NX", 100, True),
        (200, "NX", 100, False),
        (None, "XX", 100, False),
        (200, "XX", 100, True),
        (None, "GT", 100, False),
        (200, "GT", 100, False),
        (200, "GT", 300, True),
        (200, "GT", 200, False),
        (None, "LT", 100, True),
        (200, "LT", 100, True),
        (200, "LT", 300, False),
        (200, "LT", 200, False),
    ],
)
@pytest.mark.parametrize("command, unit", [("EXPIREAT", 1), ("PEXPIREAT", 1000)])
def test_options_of_expire(client, command, unit, old, option, new, is_set):
    base = 4_102_444_800
    client.ok("SET", "k", "v", *(["EXAT", base + old] if old else []))
    assert client.call(command, "k", (base + new) * unit, option) == int(is_set)
    expected = base + new if is_set else (base + old if old else -1)
    assert client.call("EXPIRETIME", "k") == expected


def test_expiry_inside_a_transaction_uses_one_clock(client):
    replies = client.pipeline([["MULTI"], ["SET", "k", "v", "PX", 5], *[["GET", "k"]] * 5000, ["EXEC"]])
    values = replies[-1][1:]
    assert values == sorted(values, key=lambda value: value is None), "a dead key came back to life"


def test_a_million_milliseconds_far_and_near(client):
    """Deadlines of every distance next to each other: only the near ones end."""
    for power in range(0, 13):
        client.ok("SET", f"k{power}", "v", "PX", 10**power)
    wait_for(lambda: client.call("EXISTS", "k0", "k1", "k2") == 0)
    assert client.call("EXISTS", *[f"k{power}" for power in range(5, 13)]) == 8


def test_keys_and_scan_do_not_show_the_dead(client):
    client.pipeline(["SET", f"dead{n}", "v", "PX", 1] for n in range(100))
    client.ok("SET", "alive", "v")
    time.sleep(0.02)
    assert client.call("KEYS", "*") == [b"alive"]
    cursor, found = b"0", []
    while True:
        cursor, keys = client.call("SCAN", cursor, "COUNT", 1000)
        found += keys
        if cursor == b"0":
            break
    assert found == [b"alive"]
    assert client.call("RANDOMKEY") == b"alive"
