"""Server commands that tools use, and the commands of Redis 7.2 that the 7.0 oracle does not know."""

import subprocess
import time

import pytest

from support.fixtures import only_cairn, subject_is_redis
from support.resp import Error, Map, Verbatim
from support.server import subject_path, wait_for


def test_time_is_the_clock(client):
    seconds, microseconds = map(int, client.call("TIME"))
    assert abs(seconds - time.time()) < 5
    assert 0 <= microseconds < 1_000_000


def test_debug_sleep_blocks_only_its_client(server):
    with server.client() as sleeper, server.client() as other:
        began = time.monotonic()
        sleeper.send("DEBUG", "SLEEP", "0.3")
        assert other.call("PING") == b"PONG"
        assert sleeper.read() == b"OK"
        assert time.monotonic() - began >= 0.25


def test_slowlog_remembers_slow_commands(client):
    client.ok("CONFIG", "SET", "slowlog-log-slower-than", 0)
    try:
        client.ok("SLOWLOG", "RESET")
        client.ok("SET", "k", "x" * 500)
        client.call("GET", "k")
        entries = client.call("SLOWLOG", "GET", 10)
        arguments = [entry[3] for entry in entries]
        assert [b"GET", b"k"] in arguments
        stored = next(entry for entry in entries if entry[3][0] == b"SET")
        number, moment, microseconds, words, address, name = stored
        assert number >= 0 and abs(moment - time.time()) < 60 and microseconds >= 0
        assert len(words[2]) < 200, "long arguments are cut"
        assert address.startswith(b"127.0.0.1:") and name == b""
        assert client.call("SLOWLOG", "LEN") >= 2
        numbers = [entry[0] for entry in entries]
        assert numbers == sorted(numbers, reverse=True)
        assert len(client.call("SLOWLOG", "GET", 1)) == 1
    finally:
        client.ok("CONFIG", "SET", "slowlog-log-slower-than", 10000)
    client.ok("SLOWLOG", "RESET")
    assert client.call("SLOWLOG", "LEN") == 0


def test_slowlog_is_bounded(client):
    client.ok("CONFIG", "SET", "slowlog-log-slower-than", 0, "slowlog-max-len", 10)
    try:
        client.pipeline([["PING"]] * 100)
        assert client.call("SLOWLOG", "LEN") <= 10
    finally:
        client.ok("CONFIG", "SET", "slowlog-log-slower-than", 10000, "slowlog-max-len", 128)


def test_slowlog_can_be_switched_off(client):
    client.ok("CONFIG", "SET", "slowlog-log-slower-than", -1)
    client.ok("SLOWLOG", "RESET")
    client.pipeline([["PING"]] * 10)
    assert client.call("SLOWLOG", "LEN") == 0
    client.ok("CONFIG", "SET", "slowlog-log-slower-than", 10000)


def test_memory_usage_follows_the_size(client):
    client.ok("SET", "small", "x")
    client.ok("SET", "large", "x" * 100_000)
    assert 8 <= client.call("MEMORY", "USAGE", "small") < 500
    assert 100_000 <= client.call("MEMORY", "USAGE", "large") < 200_000
    assert client.call("MEMORY", "USAGE", "missing") is None


def test_object_idletime_grows_or_is_said_to_be_unknown(client):
    client.ok("SET", "k", "v")
    if not subject_is_redis():
        assert client.call("OBJECT", "IDLETIME", "k") == Error(b"ERR idle times are not tracked by this server")
        return
    wait_for(lambda: client.call("OBJECT", "IDLETIME", "k") >= 1)
    client.call("GET", "k")
    assert client.call("OBJECT", "IDLETIME", "k") <= 1


def test_latency_commands_answer(client):
    assert isinstance(client.call("LATENCY", "LATEST"), list)
    assert client.call("LATENCY", "HISTORY", "command") == []
    assert isinstance(client.call("LATENCY", "RESET"), int)
    client.ok("SET", "k", "v")
    histogram = client.call("LATENCY", "HISTOGRAM", "set")
    assert histogram[0] == b"set" and histogram[1][0] == b"calls" and histogram[1][1] >= 1


def test_lolwut_says_its_version(client):
    assert b"ver." in client.call("LOLWUT")


def test_help_is_a_list_of_lines(client):
    for command in ("CLIENT", "COMMAND", "CONFIG", "OBJECT", "MEMORY", "SLOWLOG", "LATENCY"):
        lines = client.call(command, "HELP")
        assert len(lines) > 2 and lines[0].startswith(command.encode())


def test_swapdb_moves_clients_to_other_data(server):
    with server.client(database=1) as one, server.client(database=2) as two:
        one.ok("SET", "k", "one")
        two.ok("SET", "k", "two")
        one.ok("SWAPDB", 1, 2)
        assert (one.call("GET", "k"), two.call("GET", "k")) == (b"two", b"one")


def test_flushall_of_many_keys_leaves_others_responsive(server):
    with server.client() as client, server.client() as other:
        for start in range(0, 200_000, 20_000):
            client.pipeline(["SET", f"k{n}", n] for n in range(start, start + 20_000))
        client.send("FLUSHALL", "ASYNC")
        assert other.call("PING") == b"PONG"
        assert client.read() == b"OK"
        assert other.call("DBSIZE") == 0
        assert other.call("KEYS", "*") == []


def test_wait_without_replicas(client):
    client.ok("SET", "k", "v")
    assert client.call("WAIT", 0, 0) == 0
    assert client.call("WAIT", 1, 20) == 0


def test_waiting_client_can_be_unblocked(server):
    with server.client() as waiting, server.client() as admin:
        number = waiting.call("CLIENT", "ID")
        waiting.send("WAIT", 1, 0)
        wait_for(lambda: admin.call("CLIENT", "UNBLOCK", number) == 1)
        assert waiting.read() == 0
        waiting.send("WAIT", 1, 0)
        wait_for(lambda: admin.call("CLIENT", "UNBLOCK", number, "ERROR") == 1)
        assert waiting.read().code == b"UNBLOCKED"


def test_command_docs_are_maps_in_resp3(client3):
    docs = client3.call("COMMAND", "DOCS", "get", "nosuch", "SET")
    assert isinstance(docs, Map) and [name for name, _ in docs] == [b"get", b"set"]
    assert isinstance(docs[0][1], Map)


def test_lolwut_in_resp3_is_verbatim(client3):
    assert isinstance(client3.call("LOLWUT"), Verbatim)


# Redis 7.2


@only_cairn
def test_client_setinfo(client):
    client.ok("CLIENT", "SETINFO", "LIB-NAME", "redis-py")
    client.ok("client", "setinfo", "lib-ver", "5.0.8")
    assert b" lib-name=redis-py lib-ver=5.0.8" in client.call("CLIENT", "INFO")
    assert client.call("CLIENT", "SETINFO", "LIB-NAME", "two words") == (
        b"ERR LIB-NAME cannot contain spaces, newlines or special characters."
    )
    assert client.call("CLIENT", "SETINFO", "NONSENSE", "x") == b"ERR Unrecognized option 'NONSENSE'"
    assert (
        client.call("CLIENT", "SETINFO", "LIB-NAME")
        == b"ERR wrong number of arguments for 'client|setinfo' command"
    )
    client.ok("CLIENT", "SETINFO", "LIB-NAME", "")
    assert client.call("PING") == b"PONG"


@only_cairn
def test_a_refused_hello_changes_nothing(client):
    client.ok("CLIENT", "SETNAME", "before")
    assert isinstance(client.call("HELLO", 3, "SETNAME", "after", "NONSENSE"), Error)
    assert client.call("CLIENT", "GETNAME") == b"before"
    client.call("GET", "missing")
    assert client.last_raw == b"$-1\r\n", "the protocol is still version 2"


@only_cairn
def test_client_no_touch(client):
    client.ok("CLIENT", "NO-TOUCH", "ON")
    client.ok("CLIENT", "NO-TOUCH", "off")
    assert client.call("CLIENT", "NO-TOUCH", "x") == b"ERR syntax error"


@only_cairn
@pytest.mark.parametrize(
    "command",
    [
        ["BITCOUNT", "missing", "0"],
        ["BITCOUNT", "missing", "a", "b"],
        ["BITPOS", "missing", "0", "a"],
        ["BITCOUNT", "missing", "0", "1", "x"],
    ],
    ids=" ".join,
)
def test_bad_ranges_are_refused_even_without_the_key(client, command):
    assert isinstance(client.call(*command), Error)


@only_cairn
def test_module_list_is_empty(client):
    assert client.call("MODULE", "LIST") == []


@only_cairn
def test_a_wrong_option_stops_the_start_with_a_name(tmp_path):
    for arguments, told in (
        (["--maxmemroy", "100mb"], "maxmemroy"),
        (["--port", "abc"], "port"),
        (["--appendfsync", "sometimes"], "appendfsync"),
    ):
        done = subprocess.run(
            [subject_path(), *arguments, "--dir", str(tmp_path)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert told in done.stdout + done.stderr


@only_cairn
def test_version_and_help():
    version = subprocess.run([subject_path(), "--version"], capture_output=True, text=True, timeout=60)
    assert version.returncode == 0 and "v=" in version.stdout
    usage = subprocess.run([subject_path(), "--help"], capture_output=True, text=True, timeout=60)
    assert usage.returncode == 0 and "--port" in usage.stdout


@only_cairn
def test_a_port_in_use_is_exit_code_2(server, tmp_path):
    arguments = ["--port", str(server.port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    done = subprocess.run([subject_path(), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert str(server.port) in done.stdout + done.stderr
