"""Long pipelines: order, size, and clients that write everything before they read anything."""

import threading

import pytest

from support.resp import encode


def test_a_hundred_thousand_commands_before_the_first_read(client):
    """Small replies: 100,000 INCRs are sent by one call, and only then the replies are read."""
    client.send_raw(encode(["INCR", "n"]) * 100_000)
    assert client.read_replies(100_000) == list(range(1, 100_001))


def test_replies_that_exceed_every_buffer_before_the_first_read(client):
    """20 MB of replies to 3 MB of requests: the server must keep reading while nobody takes its replies."""
    client.ok("SET", "k", "x" * 200)
    client.timeout = 60
    client.socket.settimeout(60)
    client.send_raw(encode(["GET", "k"]) * 100_000)
    assert client.read_replies(100_000) == [b"x" * 200] * 100_000


def test_large_values_in_both_directions_before_the_first_read(client):
    value = b"v" * 1_000_000
    client.send_raw(b"".join(encode(["SET", f"k{n}", value]) + encode(["GET", f"k{n}"]) for n in range(30)))
    assert client.read_replies(60) == [b"OK", value] * 30


def test_order_holds_across_kinds_of_commands(client):
    commands, expected = [], []
    for number in range(5000):
        commands += [["SET", "k", number], ["GET", "k"], ["NOSUCH"], ["INCR", "k"], ["PING", number]]
        expected += [b"OK", b"%d" % number, b"ERR", number + 1, b"%d" % number]
    client.send_raw(b"".join(encode(command) for command in commands))
    replies = client.read_replies(len(commands))
    assert [reply[:3] if wanted == b"ERR" else reply for reply, wanted in zip(replies, expected)] == expected


def test_reads_see_the_writes_before_them(client):
    client.send_raw(
        b"".join(encode(["SET", f"k{n % 7}", n]) + encode(["GET", f"k{n % 7}"]) for n in range(20_000))
    )
    replies = client.read_replies(40_000)
    assert replies[1::2] == [b"%d" % n for n in range(20_000)]


def test_many_connections_with_deep_pipelines(server):
    failures = []

    def work(number):
        with server.client(timeout=60) as client:
            for _ in range(5):
                client.send_raw(b"".join(encode(["APPEND", f"log:{number}", "x"]) for _ in range(2000)))
                client.read_replies(2000)
            if client.call("STRLEN", f"log:{number}") != 10_000:
                failures.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_transaction_of_fifty_thousand_commands(client):
    client.timeout = 60
    client.send_raw(encode(["MULTI"]) + encode(["INCR", "n"]) * 50_000 + encode(["EXEC"]))
    replies = client.read_replies(50_002)
    assert set(replies[1:-1]) == {b"QUEUED"}
    assert replies[-1] == list(range(1, 50_001))


@pytest.mark.parametrize("count", [1000, 100_000])
def test_one_command_with_many_keys(client, count):
    pairs = [word for number in range(count) for word in (f"m{number}", number)]
    client.timeout = 60
    client.ok("MSET", *pairs)
    assert client.call("MGET", *pairs[::2]) == [b"%d" % number for number in range(count)]
    assert client.call("EXISTS", *pairs[::2]) == count
    assert client.call("DEL", *pairs[::2]) == count


def test_a_value_of_a_hundred_megabytes(client):
    client.timeout = 60
    client.socket.settimeout(60)
    value = b"0123456789" * 10_000_000
    client.ok("SET", "huge", value)
    assert client.call("STRLEN", "huge") == 100_000_000
    assert client.call("GETRANGE", "huge", 99_999_990, -1) == b"0123456789"
    assert client.call("GET", "huge") == value
    assert client.call("DEL", "huge") == 1


def test_pipeline_cut_off_by_the_client(server):
    """A client that leaves in the middle of its pipeline harms nobody; what was received whole was done in order."""
    with server.client() as client:
        client.send_raw(
            b"".join(encode(["SET", "cut", n]) for n in range(1000)) + encode(["SET", "cut", "never"])[:-3]
        )
    with server.client() as client:
        assert client.call("GET", "cut") != b"never"
        assert client.call("PING") == b"PONG"
