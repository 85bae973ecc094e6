"""Transactions under concurrency: EXEC is isolated from every thread, WATCH never misses a write."""

import random
import threading

import pytest

from support.resp import Error, encode


def run_threads(workers):
    failures = []

    def guarded(worker):
        try:
            worker()
        except BaseException as problem:  # noqa: BLE001 - reported by the test
            failures.append(repr(problem))

    threads = [threading.Thread(target=guarded, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]


def test_exec_is_never_seen_half_done(server):
    """Writers move amounts between accounts in EXEC; readers see the same total at every moment."""
    accounts = [f"account:{n}" for n in range(8)]
    with server.client() as client:
        client.ok("MSET", *[word for name in accounts for word in (name, 1000)])
    stop = threading.Event()

    def transfer(seed):
        dice = random.Random(seed)
        with server.client() as client:
            for _ in range(400):
                source, target = dice.sample(accounts, 2)
                amount = dice.randrange(1, 100)
                replies = client.pipeline(
                    [["MULTI"], ["DECRBY", source, amount], ["INCRBY", target, amount], ["EXEC"]]
                )
                assert isinstance(replies[-1], list) and len(replies[-1]) == 2

    def audit(by_exec):
        with server.client() as client:
            while not stop.is_set():
                if by_exec:
                    values = client.pipeline([["MULTI"], *[["GET", name] for name in accounts], ["EXEC"]])[-1]
                else:
                    values = client.call("MGET", *accounts)
                assert sum(map(int, values)) == 8000, values

    auditors = [
        threading.Thread(target=collect, args=(lambda kind=kind: audit(kind), problems := []))
        for kind in (True, False)
    ]
    for auditor in auditors:
        auditor.start()
    try:
        run_threads([lambda seed=seed: transfer(seed) for seed in range(6)])
    finally:
        stop.set()
        for auditor in auditors:
            auditor.join()
    assert not problems


def collect(work, problems):
    try:
        work()
    except BaseException as problem:  # noqa: BLE001 - the test looks at the list
        problems.append(problem)


def test_commands_of_others_do_not_get_between(server):
    """SET and GET inside EXEC belong together, whatever six other clients write to the same key."""

    def work(number):
        with server.client() as client:
            for step in range(300):
                mine = f"{number}:{step}".encode()
                replies = client.pipeline(
                    [
                        ["MULTI"],
                        ["SET", "shared", mine],
                        ["APPEND", "shared", "!"],
                        ["GET", "shared"],
                        ["EXEC"],
                    ]
                )
                assert replies[-1] == [b"OK", len(mine) + 1, mine + b"!"]

    run_threads([lambda number=number: work(number) for number in range(6)])


def test_watched_counters_lose_no_increment(server):
    """Read, add, write back under WATCH; the sum tells whether any write slipped through unnoticed."""

    def work():
        with server.client() as client:
            done = 0
            while done < 60:
                client.ok("WATCH", "counter")
                value = int(client.call("GET", "counter") or 0)
                replies = client.pipeline([["MULTI"], ["SET", "counter", value + 1], ["EXEC"]])
                assert replies[-1] is None or replies[-1] == [b"OK"]
                done += replies[-1] is not None

    run_threads([work] * 8)
    assert server.call("GET", "counter") == b"480"


@pytest.mark.parametrize("count", [2, 10, 50])
def test_watch_of_many_keys_notices_any_of_them(server, count):
    """Every EXEC that succeeds saw a consistent set of keys: all had the same version."""
    keys = [f"part:{n}" for n in range(count)]
    with server.client() as client:
        client.ok("MSET", *[word for key in keys for word in (key, 0)])

    def work():
        with server.client() as client:
            done = 0
            while done < 20:
                client.ok("WATCH", *keys)
                values = client.call("MGET", *keys)
                assert len(set(values)) == 1, "MGET was torn"
                version = int(values[0]) + 1
                replies = client.pipeline([["MULTI"], *[["SET", key, version] for key in keys], ["EXEC"]])
                done += replies[-1] is not None

    run_threads([work] * 4)
    assert server.call("MGET", *keys) == [b"80"] * count


def test_watch_sees_a_write_that_came_just_before_exec(server):
    """The write is acknowledged before EXEC is sent: the EXEC must fail, every time."""
    with server.client() as watcher, server.client() as writer:
        for number in range(500):
            watcher.ok("WATCH", "k")
            watcher.ok("MULTI")
            watcher.call("SET", "k", "from the block")
            writer.ok("SET", "k", number)
            assert watcher.call("EXEC") is None
            assert writer.call("GET", "k") == b"%d" % number


def test_a_closed_connection_forgets_its_watches_and_queue(server):
    for _ in range(100):
        with server.client() as client:
            client.send_raw(encode(["WATCH", "k"]) + encode(["MULTI"]) + encode(["SET", "k", "ghost"]))
    with server.client() as client:
        client.ok("SET", "k", "real")
        assert client.call("GET", "k") == b"real"


def test_errors_inside_do_not_undo_the_rest(client):
    client.ok("SET", "word", "abc")
    replies = client.pipeline([["MULTI"], ["SET", "a", 1], ["INCR", "word"], ["SET", "b", 2], ["EXEC"]])
    assert replies[-1][0] == b"OK" and replies[-1][2] == b"OK"
    assert isinstance(replies[-1][1], Error)
    assert client.call("MGET", "a", "b") == [b"1", b"2"]


def test_flush_and_swap_are_atomic_for_blocks(server):
    """A block reads its marker and writes; FLUSHALL and SWAPDB come between blocks only."""
    stop = threading.Event()

    def disturb():
        with server.client() as client:
            while not stop.is_set():
                client.call("SWAPDB", 0, 1)
                client.call("FLUSHALL")

    def work():
        with server.client() as client:
            for step in range(300):
                replies = client.pipeline(
                    [
                        ["MULTI"],
                        ["SET", "x", step],
                        ["SET", "y", step],
                        ["MGET", "x", "y"],
                        ["DBSIZE"],
                        ["EXEC"],
                    ]
                )
                assert replies[-1][2] == [b"%d" % step] * 2
                assert replies[-1][3] >= 2

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        run_threads([work] * 3)
    finally:
        stop.set()
        disturber.join()
