"""The comparing tool itself: it must see a difference, make it short, and not invent any."""

import re

import pytest

import differential
from compare import Judge
from explained import explain
from stream import make_epoch
from support.server import oracle_path

PAYLOADS = [b"\x00\x01a\x0a\x00aaaaaaaa", b"\x00\xc0\x01\x0a\x00bbbbbbbb"]


def run(*arguments):
    oracle = oracle_path()
    options = differential.parse_arguments(
        ["--server", oracle, "--oracle", oracle, "--seed", "tool", *arguments]
    )
    return differential.compare_servers(options)


def test_two_equal_servers_do_not_differ():
    assert run("--commands", "20000").command_count > 18000


def test_a_planted_difference_is_found_and_shrunk():
    with pytest.raises(differential.Failure) as failure:
        run("--commands", "20000", "--server-option", "databases=3")
    report = str(failure.value)
    size = int(re.search(r"shrunk to (\d+) commands", report)[1])
    assert 1 <= size <= 3, report
    assert "DB index is out of range" in report


def test_a_server_that_loses_contents_is_found():
    with pytest.raises(differential.Failure) as failure:
        run(
            "--commands",
            "20000",
            "--server-option",
            "maxmemory=1mb",
            "--server-option",
            "maxmemory-policy=allkeys-random",
        )
    assert "MISMATCH seed=tool" in str(failure.value)


def test_a_server_that_refuses_a_payload_is_found():
    judge = Judge(restore_crosswise=lambda oracle, subject: False)
    assert judge.judge([b"DUMP", b"k"], b"$12\r\nabcdefghijkl\r\n", b"$12\r\nABCDEFGHIJKL\r\n") is not None


@pytest.mark.parametrize(
    "command, oracle, subject",
    [
        ([b"GET", b"k"], b"$-1\r\n", b"*-1\r\n"),
        ([b"GET", b"k"], b"$1\r\na\r\n", b"+a\r\n"),
        ([b"TTL", b"k"], b":100\r\n", b":-1\r\n"),
        ([b"TTL", b"k"], b":100\r\n", b":100000\r\n"),
        ([b"PTTL", b"k"], b":100000\r\n", b":100\r\n"),
        ([b"KEYS", b"*"], b"*1\r\n$1\r\na\r\n", b"*1\r\n$1\r\nb\r\n"),
        ([b"KEYS", b"*"], b"*2\r\n$1\r\na\r\n$1\r\na\r\n", b"*1\r\n$1\r\na\r\n"),
        ([b"RANDOMKEY"], b"$-1\r\n", b"$1\r\na\r\n"),
        ([b"DUMP", b"k"], b"$-1\r\n", b"$1\r\na\r\n"),
        (
            [b"SCAN", b"0", b"COUNT", b"100000"],
            b"*2\r\n$1\r\n0\r\n*0\r\n",
            b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n",
        ),
        ([b"BITCOUNT", b"k"], b":0\r\n", b":1\r\n"),
        ([b"SET", b"k", b"v"], b"-ERR syntax error\r\n", b"-ERR Syntax error\r\n"),
        ([b"CLIENT", b"INFO"], b"$4\r\na=1\n\r\n", b"$-1\r\n"),
        (
            [b"HELLO"],
            b"*4\r\n$5\r\nproto\r\n:2\r\n$1\r\na\r\n:1\r\n",
            b"*4\r\n$5\r\nproto\r\n:3\r\n$1\r\na\r\n:1\r\n",
        ),
    ],
)
def test_wrong_replies_are_not_explained_away(command, oracle, subject):
    assert Judge().judge(command, oracle, subject) is not None


def test_a_wrong_element_of_exec_is_found():
    judge = Judge()
    for command, reply in (
        ([b"MULTI"], b"+OK\r\n"),
        ([b"GET", b"a"], b"+QUEUED\r\n"),
        ([b"TTL", b"a"], b"+QUEUED\r\n"),
    ):
        assert judge.follow(0, command, reply) is None
    block = judge.follow(0, [b"EXEC"], b"*2\r\n$1\r\nx\r\n:100\r\n")
    assert block == [[b"GET", b"a"], [b"TTL", b"a"]]
    right = b"*2\r\n$1\r\nx\r\n:100\r\n"
    assert judge.judge([b"EXEC"], right, b"*2\r\n$1\r\nx\r\n:99\r\n", block) is None
    assert judge.judge([b"EXEC"], right, b"*2\r\n$1\r\ny\r\n:100\r\n", block) is not None
    assert judge.judge([b"EXEC"], right, b"*2\r\n+x\r\n:100\r\n", block) is not None
    assert judge.judge([b"EXEC"], right, b"*1\r\n$1\r\nx\r\n", block) is not None


def test_only_the_wanted_difference_is_explained():
    assert explain(
        [b"BITCOUNT", b"missing", b"a", b"b"], b":0\r\n", b"-ERR value is not an integer or out of range\r\n"
    )
    assert (
        explain(
            [b"BITCOUNT", b"k", b"a", b"b"], b":5\r\n", b"-ERR value is not an integer or out of range\r\n"
        )
        is None
    )
    assert explain([b"BITCOUNT", b"missing"], b":0\r\n", b"-ERR no\r\n") is None


def test_epochs_depend_on_nothing_but_seed_and_number():
    assert make_epoch("a", 3, 2000, PAYLOADS) == make_epoch("a", 3, 2000, PAYLOADS)
    assert make_epoch("a", 3, 2000, PAYLOADS) != make_epoch("a", 4, 2000, PAYLOADS)
    assert make_epoch("a", 3, 2000, PAYLOADS) != make_epoch("b", 3, 2000, PAYLOADS)


def test_random_streams_contain_every_command():
    seen = set()
    for number in range(5):
        for item in make_epoch("coverage", number, 20000, PAYLOADS):
            if type(item) is tuple and item[1]:
                seen.add(item[1][0].upper().decode(errors="replace"))
    wanted = """
        SET GET GETEX GETDEL GETSET SETNX SETEX PSETEX MGET MSET MSETNX APPEND STRLEN SETRANGE GETRANGE
        SUBSTR INCR DECR INCRBY DECRBY INCRBYFLOAT LCS SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD
        BITFIELD_RO DEL UNLINK EXISTS TOUCH TYPE RENAME RENAMENX COPY MOVE EXPIRE PEXPIRE EXPIREAT
        PEXPIREAT TTL PTTL EXPIRETIME PEXPIRETIME PERSIST KEYS RANDOMKEY SCAN DUMP RESTORE OBJECT MULTI
        EXEC DISCARD WATCH UNWATCH SELECT PING ECHO HELLO RESET CLIENT AUTH TIME LASTSAVE COMMAND CONFIG
        SLOWLOG LATENCY MEMORY WAIT DEBUG INFO LOLWUT FLUSHDB FLUSHALL SWAPDB
    """
    assert set(wanted.split()) <= seen
