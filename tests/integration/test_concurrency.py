"""Many clients at once: no increment is lost, no snapshot is torn, no key is there twice."""

import random
import threading

import pytest

from support.resp import Error, encode
from test_transactions import run_threads

CLIENTS = 10


def with_client(server, work):
    def run():
        with server.client(timeout=60) as client:
            work(client)

    return run


@pytest.mark.parametrize("depth", [1, 50])
def test_increments_add_up(server, depth):
    answers = [[] for _ in range(CLIENTS)]

    def work(number):
        def count(client):
            for _ in range(1000 // depth):
                answers[number] += client.pipeline([["INCR", "n"]] * depth)

        return count

    run_threads([with_client(server, work(number)) for number in range(CLIENTS)])
    given = [answer for each in answers for answer in each]
    assert sorted(given) == list(range(1, CLIENTS * 1000 + 1)), "a number was handed out twice or never"
    assert all(each == sorted(each) for each in answers)


def test_every_counting_command_adds_up(server):
    def work(client):
        for _ in range(300):
            client.pipeline(
                [
                    ["INCRBY", "a", 3],
                    ["DECR", "a"],
                    ["INCRBYFLOAT", "f", "0.5"],
                    ["APPEND", "text", "x"],
                    ["BITFIELD", "bits", "INCRBY", "u32", "0", "1"],
                    ["SETRANGE", "other", 5, "y"],
                ]
            )

    run_threads([with_client(server, work) for _ in range(CLIENTS)])
    with server.client() as client:
        total = CLIENTS * 300
        assert client.call("GET", "a") == b"%d" % (2 * total)
        assert float(client.call("GET", "f")) == total / 2
        assert client.call("STRLEN", "text") == total
        assert client.call("BITFIELD", "bits", "GET", "u32", "0") == [total]


def test_every_bit_that_is_set_stays_set(server):
    def work(number):
        def set_bits(client):
            client.pipeline(["SETBIT", "bits", CLIENTS * step + number, 1] for step in range(1000))

        return set_bits

    run_threads([with_client(server, work(number)) for number in range(CLIENTS)])
    assert server.call("BITCOUNT", "bits") == CLIENTS * 1000


def test_mset_is_never_seen_torn(server):
    keys = [f"part:{n}" for n in range(20)]
    stop = threading.Event()
    problems = []

    def write(client):
        for step in range(300):
            value = f"{id(client)}:{step}"
            client.ok("MSET", *[word for key in keys for word in (key, value)])

    def read():
        with server.client() as client:
            while not stop.is_set():
                values = client.call("MGET", *keys)
                if len(set(values)) != 1:
                    problems.append(values)
                    return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        run_threads([with_client(server, write) for _ in range(5)])
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert not problems


def test_deleting_many_keys_is_never_seen_half_done(server):
    keys = [f"part:{n}" for n in range(20)]
    stop = threading.Event()
    problems = []

    def read():
        with server.client() as client:
            while not stop.is_set():
                count = client.call("EXISTS", *keys)
                if count not in (0, len(keys)):
                    problems.append(count)
                    return

    def write(client):
        for _ in range(300):
            client.ok("MSET", *[word for key in keys for word in (key, 1)])
            client.call("DEL", *keys)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        run_threads([with_client(server, write) for _ in range(3)])
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert not problems


def test_msetnx_has_one_winner(server):
    wins = []

    def race(number):
        def run(client):
            for step in range(200):
                keys = [f"race:{step}:{n}" for n in range(5)]
                random.Random(number * 1000 + step).shuffle(keys)
                if client.call("MSETNX", *[word for key in keys for word in (key, number)]) == 1:
                    wins.append(step)

        return run

    run_threads([with_client(server, race(number)) for number in range(6)])
    assert sorted(wins) == list(range(200))
    with server.client() as client:
        for step in range(200):
            assert len(set(client.call("MGET", *[f"race:{step}:{n}" for n in range(5)]))) == 1


def test_set_nx_has_one_winner(server):
    wins = []

    def race(client):
        for step in range(500):
            if client.call("SET", f"lock:{step}", "x", "NX") == b"OK":
                wins.append(step)

    run_threads([with_client(server, race) for _ in range(6)])
    assert sorted(wins) == list(range(500))


def test_a_value_is_taken_once(server):
    """GETDEL as a mailbox: each letter is delivered to exactly one taker."""
    with server.client() as client:
        client.pipeline(["SET", f"letter:{n}", n] for n in range(1000))
    taken = []

    def take(client):
        for reply in client.pipeline(["GETDEL", f"letter:{n}"] for n in range(1000)):
            if reply is not None:
                taken.append(int(reply))

    run_threads([with_client(server, take) for _ in range(6)])
    assert sorted(taken) == list(range(1000))


def test_a_storm_of_renames_keeps_exactly_the_tokens(server):
    """Tokens wander among places by RENAMENX; none is lost and none is doubled."""
    places = [f"place:{n}" for n in range(30)]
    tokens = [b"token-%d" % n for n in range(10)]
    with server.client() as client:
        for place, token in zip(places, tokens):
            client.ok("SET", place, token)

    def shuffle(seed):
        def run(client):
            dice = random.Random(seed)
            for _ in range(600):
                source, target = dice.sample(places, 2)
                reply = client.call("RENAMENX", source, target)
                assert reply in (0, 1) or isinstance(reply, Error) and reply == b"ERR no such key"

        return run

    run_threads([with_client(server, shuffle(seed)) for seed in range(6)])
    left = [value for value in server.call("MGET", *places) if value is not None]
    assert sorted(left) == sorted(tokens)


def test_a_storm_of_moves_keeps_exactly_the_tokens(server):
    names = [f"traveller:{n}" for n in range(10)]
    with server.client() as client:
        client.pipeline(["SET", name, name] for name in names)

    def travel(seed):
        def run(client):
            dice = random.Random(seed)
            for _ in range(300):
                client.call("SELECT", dice.randrange(4))
                client.call("MOVE", dice.choice(names), dice.randrange(4))

        return run

    run_threads([with_client(server, travel(seed)) for seed in range(6)])
    found = []
    for database in range(4):
        with server.client(database=database) as client:
            found += [value for value in client.call("MGET", *names) if value is not None]
    assert sorted(found) == sorted(name.encode() for name in names)


def test_a_storm_of_copies_never_mixes_values(server):
    places = [f"copy:{n}" for n in range(10)]

    def run_copies(seed):
        def run(client):
            dice = random.Random(seed)
            for step in range(300):
                source, target = dice.sample(places, 2)
                letter = b"%d-%d;" % (seed, step)
                client.send_raw(
                    encode(["SET", source, letter * 200])
                    + encode(["COPY", source, target, "REPLACE"])
                    + encode(["GET", target])
                )
                value = client.read_replies(3)[2]
                assert value is None or value == value[: value.index(b";") + 1] * 200

        return run

    run_threads([with_client(server, run_copies(seed)) for seed in range(6)])


def test_readers_never_see_a_value_that_nobody_wrote(server):
    stop = threading.Event()
    problems = []

    def read():
        with server.client() as client:
            while not stop.is_set():
                value = client.call("GET", "k")
                if value is not None and len(set(value)) > 1:
                    problems.append(value[:100])
                    return

    def write(letter):
        def run(client):
            for step in range(400):
                client.ok("SET", "k", letter * (1 + step * 37 % 5000))
                if step % 10 == 0:
                    client.call("DEL", "k")

        return run

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        run_threads([with_client(server, write(letter)) for letter in "abcde"])
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert not problems


def test_scans_are_complete_while_others_write(server):
    """Keys that stay are found by every scan, whatever grows, shrinks and expires around them."""
    with server.client() as client:
        client.pipeline(["SET", f"stays:{n}", n] for n in range(500))
    stays = {b"stays:%d" % n for n in range(500)}
    stop = threading.Event()

    def churn(number):
        with server.client() as client:
            step = 0
            while not stop.is_set():
                step += 1
                client.pipeline(["SET", f"churn:{number}:{step}:{n}", n, "PX", 1 + n] for n in range(200))
                client.pipeline(["DEL", f"churn:{number}:{step}:{n}"] for n in range(0, 200, 2))

    churners = [threading.Thread(target=churn, args=(number,)) for number in range(3)]
    for churner in churners:
        churner.start()
    try:
        with server.client() as client:
            for _ in range(5):
                cursor, found = b"0", set()
                while True:
                    cursor, keys = client.call("SCAN", cursor, "COUNT", 50)
                    found.update(keys)
                    if cursor == b"0":
                        break
                assert stays <= found
    finally:
        stop.set()
        for churner in churners:
            churner.join()


def test_what_one_connection_wrote_another_sees_at_once(server):
    """The write was acknowledged, so every other connection must see it, on whatever thread it lives."""
    others = [server.client() for _ in range(8)]
    with server.client() as writer:
        for step in range(300):
            writer.ok("SET", "k", step)
            assert others[step % len(others)].call("GET", "k") == b"%d" % step
    for other in others:
        other.close()
