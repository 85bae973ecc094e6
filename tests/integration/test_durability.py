"""What was acknowledged is there after a restart: every kind of effect, every way to stop, every mode."""

import os
import signal
import subprocess
import threading
import time

import pytest

from support.fixtures import only_cairn
from support.resp import Closed, Error, encode
from support.server import Server, command_line, free_port, wait_for

# Commands and what must be there afterwards: key -> (value, PEXPIRETIME). None: no such key.
FAR = 4_102_444_800_123
EFFECTS = {
    "set": ([["SET", "k", "v"]], {"k": (b"v", -1)}),
    "empty key and value": ([["SET", "", ""]], {"": (b"", -1)}),
    "bytes": ([["SET", b"\x00\xff\r\n", bytes(range(256))]], {b"\x00\xff\r\n": (bytes(range(256)), -1)}),
    "integers": (
        [["SET", "a", 2**63 - 1], ["SET", "b", -(2**63)], ["SET", "c", "007"]],
        {"a": (b"9223372036854775807", -1), "b": (b"-9223372036854775808", -1), "c": (b"007", -1)},
    ),
    "long value": ([["SET", "k", "x" * 3_000_000]], {"k": (b"x" * 3_000_000, -1)}),
    "overwrite": ([["SET", "k", "old", "PXAT", FAR], ["SET", "k", "new"]], {"k": (b"new", -1)}),
    "keepttl": ([["SET", "k", "old", "PXAT", FAR], ["SET", "k", "new", "KEEPTTL"]], {"k": (b"new", FAR)}),
    "getset": ([["SET", "k", "old", "PXAT", FAR], ["GETSET", "k", "new"]], {"k": (b"new", -1)}),
    "mset": ([["MSET", "a", 1, "b", 2]], {"a": (b"1", -1), "b": (b"2", -1)}),
    "msetnx": (
        [["MSETNX", "a", 1, "b", 2], ["MSETNX", "b", 3, "c", 4]],
        {"a": (b"1", -1), "b": (b"2", -1), "c": None},
    ),
    "append": ([["APPEND", "k", "a"], ["APPEND", "k", "b"]], {"k": (b"ab", -1)}),
    "setrange": ([["SETRANGE", "k", 3, "x"], ["SETRANGE", "k", 0, "y"]], {"k": (b"y\0\0x", -1)}),
    "setbit": ([["SETBIT", "k", 9, 1]], {"k": (b"\0\x40", -1)}),
    "bitfield": ([["BITFIELD", "k", "SET", "u8", 0, 65, "INCRBY", "u8", 8, 66]], {"k": (b"AB", -1)}),
    "bitop": ([["SET", "a", "\x01"], ["BITOP", "NOT", "k", "a"]], {"k": (b"\xfe", -1)}),
    "bitop deletes": ([["SET", "k", "x"], ["BITOP", "AND", "k", "none"]], {"k": None}),
    "incr": ([["INCR", "k"], ["INCRBY", "k", 41], ["DECR", "k"]], {"k": (b"41", -1)}),
    "incrbyfloat": ([["INCRBYFLOAT", "k", "0.1"], ["INCRBYFLOAT", "k", "0.2"]], {"k": (b"0.3", -1)}),
    "del": ([["MSET", "a", 1, "b", 2], ["DEL", "a"], ["UNLINK", "b"]], {"a": None, "b": None}),
    "getdel": ([["SET", "k", "v"], ["GETDEL", "k"]], {"k": None}),
    "expire": ([["SET", "k", "v"], ["PEXPIREAT", "k", FAR]], {"k": (b"v", FAR)}),
    "expire in the past": ([["SET", "k", "v"], ["EXPIRE", "k", -1]], {"k": None}),
    "persist": ([["SET", "k", "v", "PXAT", FAR], ["PERSIST", "k"]], {"k": (b"v", -1)}),
    "getex": ([["SET", "k", "v"], ["GETEX", "k", "PXAT", FAR]], {"k": (b"v", FAR)}),
    "getex persist": ([["SET", "k", "v", "PXAT", FAR], ["GETEX", "k", "PERSIST"]], {"k": (b"v", -1)}),
    "incr keeps the deadline": ([["SET", "k", 1, "PXAT", FAR], ["INCR", "k"]], {"k": (b"2", FAR)}),
    "rename": (
        [["SET", "a", "v", "PXAT", FAR], ["SET", "b", "w"], ["RENAME", "a", "b"]],
        {"a": None, "b": (b"v", FAR)},
    ),
    "renamenx": ([["SET", "a", "v"], ["RENAMENX", "a", "b"]], {"a": None, "b": (b"v", -1)}),
    "copy": ([["SET", "a", "v", "PXAT", FAR], ["COPY", "a", "b"]], {"a": (b"v", FAR), "b": (b"v", FAR)}),
    "restore": ([["RESTORE", "k", FAR, "@dump", "ABSTTL"]], {"k": (b"payload", FAR)}),
    "exec": (
        [["MULTI"], ["SET", "a", 1], ["INCR", "a"], ["DEL", "b"], ["EXEC"]],
        {"a": (b"2", -1), "b": None},
    ),
    "discard": ([["MULTI"], ["SET", "a", 1], ["DISCARD"]], {"a": None}),
    "a key that expired": (
        [["SET", "k", "v", "PX", 1], ["SET", "other", "w"]],
        {"k": None, "other": (b"w", -1)},
    ),
    "born again after expiry": (
        [["SET", "k", "v", "PX", 1], ["@sleep"], ["SETNX", "k", "w"]],
        {"k": (b"w", -1)},
    ),
    "set and deleted and set": ([["SET", "k", 1], ["DEL", "k"], ["SET", "k", 3]], {"k": (b"3", -1)}),
}


def perform(client, commands, payload):
    for command in commands:
        if command == ["@sleep"]:
            time.sleep(0.02)
            continue
        reply = client.call(*[payload if word == "@dump" else word for word in command])
        assert not isinstance(reply, Error), (command, reply)


@pytest.fixture(scope="module")
def payload():
    with Server() as server, server.client() as client:
        client.ok("SET", "x", "payload")
        return client.call("DUMP", "x")


WAYS = [
    "kill",
    "terminate",
    "shutdown",
    "save, kill",
    "bgsave, kill",
    "save in the middle, kill",
    "bgsave in the middle, kill",
]


# Each effect lives in a key space of its own: its number goes before every key and picks the database.
@pytest.fixture(scope="module", params=WAYS)
def survivors(request, payload):
    """A server that did everything above, was stopped in one way, and started again."""
    way = request.param
    with Server() as server:
        with server.client() as client:
            for is_last in (False, True):
                for number, (commands, _) in enumerate(EFFECTS.values()):
                    client.ok("SELECT", number % 16)
                    perform(client, prefixed(number, part_of(commands, is_last)), payload)
                if "middle" in way and not is_last:
                    save(client, way)
            if way in ("save, kill", "bgsave, kill"):
                save(client, way)
        stop(server, way)
        server.start()
        yield server


def part_of(commands, is_last):
    """The last command of each effect comes after a checkpoint in the middle; blocks stay whole."""
    if commands[0] == ["MULTI"]:
        return [] if is_last else commands
    return commands[-1:] if is_last else commands[:-1]


def save(client, way):
    reply = client.call("BGSAVE" if way.startswith("bgsave") else "SAVE")
    assert not isinstance(reply, Error), reply


def prefixed(number, commands):
    keyless = ("MULTI", "EXEC", "DISCARD", "@sleep")
    return [command if command[0] in keyless else with_prefix(number, command) for command in commands]


def with_prefix(number, command):
    places = {
        "MSET": slice(1, None, 2),
        "MSETNX": slice(1, None, 2),
        "RENAME": slice(1, 3),
        "RENAMENX": slice(1, 3),
        "COPY": slice(1, 3),
    }
    places |= {"DEL": slice(1, None), "UNLINK": slice(1, None), "BITOP": slice(2, None)}
    made = list(command)
    where = places.get(command[0], slice(1, 2))
    made[where] = [key_name(number, key) for key in made[where]]
    return made


def key_name(number, key):
    return b"%d/" % number + (key if isinstance(key, bytes) else key.encode())


def stop(server, way):
    if way == "terminate":
        assert server.terminate() == 0
    elif way == "shutdown":
        with server.client() as client:
            client.send("SHUTDOWN")
            assert client.is_closed_by_server(30)
        assert server.wait() == 0
    else:
        server.kill()


@pytest.mark.parametrize("name", EFFECTS)
def test_effect_survives(survivors, name):
    number = list(EFFECTS).index(name)
    with survivors.client(database=number % 16) as client:
        for key, expected in EFFECTS[name][1].items():
            found = client.call("GET", key_name(number, key)), client.call(
                "PEXPIRETIME", key_name(number, key)
            )
            assert found == (expected or (None, -2)), key


def test_whole_databases_survive():
    """FLUSHALL, FLUSHDB, SWAPDB and MOVE, in an order that would show a replay in another order."""
    with Server() as server:
        with server.client() as client:
            client.ok("SET", "gone", 1)
            client.ok("FLUSHALL")
            client.ok("SET", "k", "zero")
            client.ok("SELECT", 1)
            client.ok("SET", "k", "one")
            client.ok("SET", "m", "moved")
            client.ok("SWAPDB", 0, 1)
            client.ok("SET", "after", "swap")
            assert client.call("MOVE", "after", 2) == 1
            client.ok("SELECT", 3)
            client.ok("SET", "k", "three")
            client.ok("FLUSHDB")
            client.ok("SET", "l", "three")
            client.ok("SWAPDB", 3, 4)
            client.ok("SWAPDB", 4, 5)
        for _ in range(2):
            server.kill()
            server.start()
            found = {}
            for database in range(16):
                with server.client(database=database) as client:
                    keys = client.call("KEYS", "*")
                    if keys:
                        found[database] = {key: client.call("GET", key) for key in keys}
            assert found == {
                0: {b"k": b"one", b"m": b"moved"},
                1: {b"k": b"zero"},
                2: {b"after": b"swap"},
                5: {b"l": b"three"},
            }


def test_many_restarts_accumulate(new_server):
    server = new_server()
    for number in range(8):
        with server.client() as client:
            assert client.call("INCR", "starts") == number + 1
            client.ok("SET", f"run:{number}", "x" * 100)
        if number % 2:
            server.kill()
            server.start()
        else:
            server.restart()
    with server.client() as client:
        assert client.call("DBSIZE") == 9
        assert client.call("GET", "starts") == b"8"


def test_a_hundred_thousand_keys_survive(new_server):
    server = new_server()
    with server.client() as client:
        for start in range(0, 100_000, 10_000):
            client.pipeline(["SET", f"key:{n}", f"value:{n}"] for n in range(start, start + 10_000))
            if start == 50_000:
                client.call("BGSAVE")
    server.kill()
    server.start()
    with server.client() as client:
        assert client.call("DBSIZE") == 100_000
        values = client.call("MGET", *[f"key:{n}" for n in range(100_000)])
        assert values == [b"value:%d" % n for n in range(100_000)]


def test_deadlines_pass_while_the_server_is_down(new_server):
    server = new_server()
    with server.client() as client:
        client.ok("SET", "dies", "v", "PX", 300)
        client.ok("SET", "saved", "v", "PX", 300)
        client.call("PERSIST", "saved")
        client.ok("SET", "stays", "v", "PX", 1_000_000)
        deadline = client.call("PEXPIRETIME", "stays")
    server.kill()
    time.sleep(0.4)
    server.start()
    with server.client() as client:
        assert client.call("MGET", "dies", "saved", "stays") == [None, b"v", b"v"]
        assert client.call("PEXPIRETIME", "stays") == deadline
        wait_for(lambda: client.call("DBSIZE") == 2)


def test_an_expired_key_does_not_come_back_by_a_restart(new_server):
    server = new_server()
    with server.client() as client:
        client.pipeline(["SET", f"k{n}", "v", "PX", 1 + n % 50] for n in range(1000))
        wait_for(lambda: client.call("DBSIZE") == 0)
        client.call("BGSAVE")
    server.kill()
    server.start()
    assert server.call("DBSIZE") == 0
    assert server.call("KEYS", "*") == []


def test_queued_but_not_executed_leaves_nothing(new_server):
    """Case 20."""
    server = new_server()
    with server.client() as client:
        client.ok("SET", "before", 1)
        client.send_raw(encode(["MULTI"]) + encode(["SET", "a", 1]) + encode(["SET", "before", 2]))
        client.read_replies(3)
        server.kill()
    server.start()
    assert server.call("MGET", "a", "before") == [None, b"1"]


@pytest.mark.parametrize("mode", ["always", "everysec", "no"])
def test_every_sync_mode_survives_a_clean_stop(new_server, mode):
    server = new_server(options={"appendfsync": mode})
    with server.client() as client:
        client.pipeline(["SET", f"k{n}", n] for n in range(5000))
    server.restart()
    assert server.call("DBSIZE") == 5000


@pytest.mark.parametrize("mode", ["everysec", "no"])
def test_weaker_modes_lose_only_the_end_in_a_kill(new_server, mode):
    """What was written two seconds before the kill has long left the process."""
    server = new_server(options={"appendfsync": mode})
    with server.client() as client:
        client.pipeline(["SET", f"k{n}", n] for n in range(2000))
        time.sleep(2.2)
        client.pipeline(["SET", f"later{n}", n] for n in range(2000))
    server.kill()
    server.start()
    with server.client() as client:
        assert client.call("EXISTS", *[f"k{n}" for n in range(2000)]) == 2000
        there = [client.call("EXISTS", f"later{n}") for n in range(0, 2000, 100)]
        assert there == sorted(
            there, reverse=True
        ), "a later write survived an earlier one of the same connection"


def test_sync_mode_can_be_changed_while_running(new_server):
    server = new_server()
    with server.client() as client:
        for mode in ("no", "everysec", "always", "no", "always"):
            client.ok("CONFIG", "SET", "appendfsync", mode)
            client.pipeline(["SET", f"{mode}:{n}", n] for n in range(500))
        client.ok("SET", "last", "word")
    server.kill()
    server.start()
    assert server.call("GET", "last") == b"word"
    assert server.call("DBSIZE") == 1501


def test_save_and_lastsave(new_server):
    server = new_server()
    with server.client() as client:
        before = client.call("LASTSAVE")
        client.ok("SET", "k", "v")
        time.sleep(1.1)
        client.ok("SAVE")
        assert client.call("LASTSAVE") > before
        time.sleep(1.1)
        middle = client.call("LASTSAVE")
        reply = client.call("BGSAVE")
        assert reply.startswith(b"Background saving ") and not isinstance(reply, Error)
        wait_for(lambda: client.call("LASTSAVE") > middle)
        wait_for(lambda: server.info("persistence")["rdb_bgsave_in_progress"] == "0")
        assert server.info("persistence")["rdb_last_bgsave_status"] == "ok"
        wait_for(lambda: not isinstance(client.call("BGREWRITEAOF"), Error))


@pytest.mark.parametrize(
    "way",
    [
        ["SHUTDOWN"],
        ["SHUTDOWN", "SAVE"],
        ["SHUTDOWN", "NOSAVE"],
        ["SHUTDOWN", "NOW"],
        ["SHUTDOWN", "NOW", "FORCE"],
    ],
    ids=" ".join,
)
def test_shutdown_ends_with_code_0_and_keeps_everything(new_server, way):
    server = new_server()
    with server.client() as client, server.client() as idle:
        client.ok("SET", "k", "v")
        client.send(*way)
        assert client.is_closed_by_server(30)
        assert idle.is_closed_by_server(30)
    assert server.wait() == 0
    server.start()
    assert server.call("GET", "k") == b"v"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_signal_under_load_exits_0_and_keeps_what_was_acknowledged(new_server, number):
    """Case 26."""
    server = new_server()
    acknowledged = [0] * 8

    def work(place):
        try:
            with server.client() as client:
                while True:
                    replies = client.pipeline([["INCR", f"n{place}"]] * 10)
                    acknowledged[place] = max(
                        [acknowledged[place]] + [reply for reply in replies if isinstance(reply, int)]
                    )
        except (Closed, OSError):
            pass

    threads = [threading.Thread(target=work, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: min(acknowledged) > 50)
    with server.client() as blocked:
        blocked.send("WAIT", 1, 0)
        server.signal(number)
        assert server.wait() == 0, server.log_tail()
    for thread in threads:
        thread.join()
    server.start()
    for place in range(8):
        assert int(server.call("GET", f"n{place}")) >= acknowledged[place]


@only_cairn
def test_a_second_server_on_the_same_directory_is_refused(new_server):
    """Case 29: at once, with a reason, and without harm to the first."""
    server = new_server()
    server.call("SET", "k", "v")
    second = Server(directory=server.directory)
    try:
        options = {"port": second.port, "dir": second.directory, **second.options}
        done = subprocess.run(
            command_line(second.path, options), capture_output=True, text=True, timeout=60, cwd=second.scratch
        )
    finally:
        second.clean()
    assert done.returncode == 2, done.stdout + done.stderr
    assert server.directory in done.stdout + done.stderr
    server.call("SET", "after", "w")
    server.kill()
    server.start()
    assert server.call("MGET", "k", "after") == [b"v", b"w"]


@only_cairn
def test_a_directory_that_cannot_be_used_is_refused(tmp_path):
    """Exit code 2 and a line that names the directory."""
    path = tmp_path / "file"
    path.write_text("not a directory")
    for directory in (path, path / "below"):
        done = subprocess.run(
            command_line(Server().path, {"port": free_port(), "dir": str(directory)}),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )
        assert done.returncode in (1, 2)
        assert str(directory) in done.stdout + done.stderr


@only_cairn
def test_wait_and_waitaof_tell_what_is_durable(new_server):
    server = new_server()
    with server.client() as client:
        client.ok("SET", "k", "v")
        assert client.call("WAITAOF", 1, 0, 1000) == [1, 0]
        assert client.call("WAITAOF", 0, 0, 0) == [1, 0]
        assert client.call("WAIT", 0, 0) == 0
        assert client.call("WAIT", 1, 50) == 0
        assert isinstance(client.call("WAITAOF", 2, 0, 0), Error)
        assert isinstance(client.call("WAITAOF", 1, 0, -1), Error)


@only_cairn
def test_waitaof_in_a_weaker_mode_waits_for_the_disk(new_server):
    server = new_server(options={"appendfsync": "no"})
    with server.client() as client:
        client.ok("CONFIG", "SET", "appendfsync", "everysec")
        client.ok("SET", "k", "v")
        assert client.call("WAITAOF", 1, 0, 20_000) == [1, 0]
    server.kill()
    server.start()
    assert server.call("GET", "k") == b"v"


@only_cairn
def test_save_lets_the_log_be_trimmed(new_server):
    """Overwriting the same keys for long must not fill the disk: checkpoints replace old log."""
    server = new_server()
    with server.client() as client:
        for step in range(12):
            client.pipeline(["SET", f"k{n}", b"%d" % step * 5000] for n in range(1000))
            client.ok("SAVE")
        used = sum(
            os.path.getsize(os.path.join(folder, name))
            for folder, _, names in os.walk(server.directory)
            for name in names
        )
        assert used < 300 * (1 << 20), f"60 MB of writes to 10 MB of data left {used} bytes on disk"
    server.kill()
    server.start()
    assert server.call("DBSIZE") == 1000


def test_memory_only_mode_still_serves(new_server):
    server = new_server(is_durable=False)
    assert server.call("SET", "k", "v") == b"OK"
    assert server.call("GET", "k") == b"v"
