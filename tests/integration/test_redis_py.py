"""redis-py as people use it: plain calls, pipelines, optimistic locking, scans, locks."""

import datetime
import threading

import pytest
import redis

from support.server import wait_for


@pytest.fixture
def db(server):
    with redis.Redis(port=server.port) as db:
        yield db


@pytest.fixture
def text(server):
    with redis.Redis(port=server.port, decode_responses=True) as text:
        yield text


def test_values_come_back_as_they_were_set(db, text):
    assert db.set("greeting", "hello") is True
    assert db.get("greeting") == b"hello"
    assert text.get("greeting") == "hello"
    assert db.get("missing") is None
    assert db["greeting"] == b"hello"
    assert "greeting" in db
    db["number"] = 7
    assert db.incr("number", 3) == 10
    assert db.incrbyfloat("number", 0.5) == 10.5
    assert text.set("umlaut", "äöü€") and text.get("umlaut") == "äöü€"


def test_set_takes_all_its_options(db):
    assert db.set("k", "1", nx=True) is True
    assert db.set("k", "2", nx=True) is None
    assert db.set("k", "3", xx=True, get=True) == b"1"
    assert db.set("k", "4", ex=datetime.timedelta(hours=1)) is True
    assert 3590 <= db.ttl("k") <= 3600
    assert db.set("k", "5", keepttl=True) is True
    assert db.ttl("k") > 0
    assert db.set("k", "6", pxat=4102444800123) is True
    assert db.execute_command("PEXPIRETIME", "k") == 4102444800123
    assert db.getex("k", persist=True) == b"6"
    assert db.ttl("k") == -1
    assert db.getdel("k") == b"6"
    assert db.exists("k") == 0


def test_many_keys_at_once(db):
    assert db.mset({f"k{n}": n for n in range(1000)}) is True
    assert db.mget([f"k{n}" for n in range(1000)]) == [b"%d" % n for n in range(1000)]
    assert db.msetnx({"k1": "x", "new": "y"}) is False
    assert db.exists("new") == 0
    assert db.delete(*[f"k{n}" for n in range(500)]) == 500
    assert db.dbsize() == 500


def test_pipeline_keeps_order_and_reports_errors_in_place(db):
    with db.pipeline(transaction=False) as pipe:
        for number in range(5000):
            pipe.set(f"p{number}", number)
            pipe.get(f"p{number}")
        replies = pipe.execute()
    assert replies[0::2] == [True] * 5000
    assert replies[1::2] == [b"%d" % number for number in range(5000)]

    db.set("word", "abc")
    with db.pipeline(transaction=False) as pipe:
        pipe.incr("n").incr("word").incr("n")
        first, error, last = pipe.execute(raise_on_error=False)
    assert (first, last) == (1, 2)
    assert isinstance(error, redis.ResponseError)
    assert "not an integer" in str(error)


def test_pipeline_larger_than_every_socket_buffer(db):
    """redis-py writes the whole pipeline before it reads the first reply."""
    db.set("big", b"x" * 1000)
    with db.pipeline(transaction=False) as pipe:
        for _ in range(60000):
            pipe.get("big")
        replies = pipe.execute()
    assert len(replies) == 60000
    assert set(replies) == {b"x" * 1000}


def test_transaction_returns_all_replies(db):
    with db.pipeline() as pipe:
        replies = pipe.set("a", 1).incr("a").get("a").delete("a").exists("a").execute()
    assert replies == [True, 2, b"2", 1, 0]


def test_transaction_with_a_wrong_command_runs_nothing(db):
    with db.pipeline() as pipe:
        pipe.set("a", 1)
        pipe.execute_command("NOSUCHCOMMAND")
        with pytest.raises(redis.ResponseError):
            pipe.execute()
    assert db.exists("a") == 0


def test_watch_error_when_the_key_changed(db):
    db.set("k", 1)
    with db.pipeline() as pipe:
        pipe.watch("k")
        db.set("k", 2)
        pipe.multi()
        pipe.set("k", 3)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert db.get("k") == b"2"


def test_watch_retry_loops_of_many_clients_add_up(server):
    """The textbook loop: read, compute, write if nobody was faster."""

    def add(times):
        client = redis.Redis(port=server.port)
        for _ in range(times):

            def increment(pipe):
                current = int(pipe.get("sum") or 0)
                pipe.multi()
                pipe.set("sum", current + 1)

            client.transaction(increment, "sum")
        client.close()

    threads = [threading.Thread(target=add, args=(50,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with redis.Redis(port=server.port) as db:
        assert db.get("sum") == b"400"


def test_lock_excludes(db):
    """Without scripts: acquire by SET NX PX, release by WATCH."""
    token = b"me"
    assert db.set("lock", token, nx=True, px=10000)
    assert not db.set("lock", b"other", nx=True, px=10000)
    with db.pipeline() as pipe:
        pipe.watch("lock")
        assert pipe.get("lock") == token
        pipe.multi()
        pipe.delete("lock")
        assert pipe.execute() == [1]
    assert db.set("lock", b"other", nx=True, px=10000)


def test_scan_iter_finds_everything_once(db):
    names = {b"user:%d" % n for n in range(3000)} | {b"other:%d" % n for n in range(300)}
    db.mset({name: 1 for name in names})
    found = list(db.scan_iter(count=100))
    assert set(found) == names
    assert set(db.scan_iter(match="user:1*", count=50)) == {
        name for name in names if name.startswith(b"user:1")
    }
    assert set(db.scan_iter(match="nothing*")) == set()
    assert set(db.scan_iter(_type="string", match="other:*")) == {
        name for name in names if name.startswith(b"other:")
    }
    assert set(db.scan_iter(_type="list")) == set()
    assert set(db.keys("other:?")) == {b"other:%d" % n for n in range(10)}


def test_scan_never_misses_a_key_that_is_there_all_the_time(db):
    db.mset({f"stays:{n}": n for n in range(2000)})
    found, cursor, number = set(), 0, 0
    while True:
        cursor, keys = db.scan(cursor, count=20)
        found.update(keys)
        with db.pipeline(transaction=False) as pipe:
            for _ in range(200):
                pipe.set(f"comes:{number}", 1)
                number += 1
            pipe.execute()
        if number % 1000 == 0:
            db.delete(*[f"comes:{n}" for n in range(number - 1000, number)])
        if cursor == 0:
            break
    assert {b"stays:%d" % n for n in range(2000)} <= found


def test_expirations(db):
    db.set("short", 1, px=30)
    db.set("long", 1, ex=1000)
    assert db.pttl("short") <= 30
    wait_for(lambda: db.get("short") is None)
    assert db.ttl("short") == -2
    assert 990 < db.ttl("long") <= 1000
    assert db.persist("long") is True
    assert db.ttl("long") == -1
    assert db.expire("long", datetime.timedelta(days=1)) is True
    assert db.expireat("long", datetime.datetime.now() + datetime.timedelta(days=2)) is True
    assert db.ttl("long") > 86400
    assert db.pexpire("missing", 1000) is False


def test_databases_are_separate(server):
    with redis.Redis(port=server.port, db=0) as first, redis.Redis(port=server.port, db=5) as second:
        first.set("k", "zero")
        second.set("k", "five")
        assert first.get("k") == b"zero"
        assert first.copy("k", "k", destination_db=6)
        assert first.swapdb(5, 6)
        assert second.get("k") == b"zero"
        second.flushdb()
        assert second.dbsize() == 0
        assert first.dbsize() == 1


def test_binary_keys_and_values(db):
    key, value = bytes(range(256)), bytes(range(255, -1, -1)) * 100
    db.set(key, value)
    assert db.get(key) == value
    assert db.keys(b"*") == [key]
    assert db.rename(key, b"\r\n") is True
    assert db.get(b"\r\n") == value


def test_bits(db):
    assert db.setbit("b", 7, 1) == 0
    assert db.getbit("b", 7) == 1
    assert db.bitcount("b") == 1
    assert db.bitpos("b", 1) == 7
    db.set("a", b"\xff\x00")
    assert db.bitop("XOR", "c", "a", "b") == 2
    assert db.get("c") == b"\xfe\x00"
    assert db.bitfield("f").set("u8", "#1", 200).incrby("u8", "#1", 100, "SAT").get("u8", "#1").execute() == [
        0,
        255,
        255,
    ]


def test_dump_and_restore(db):
    db.set("k", "value" * 100, px=100000)
    payload = db.dump("k")
    db.restore("copy", 5000000, payload)
    assert db.get("copy") == b"value" * 100
    with pytest.raises(redis.ResponseError, match="BUSYKEY"):
        db.restore("copy", 0, payload)
    db.restore("copy", 0, payload, replace=True)
    assert db.ttl("copy") == -1
    with pytest.raises(redis.ResponseError, match="checksum"):
        db.restore("bad", 0, payload[:-1] + b"x")


def test_what_a_client_asks_about_the_server(db):
    info = db.info()
    assert info["redis_version"].count(".") == 2
    assert info["role"] == "master"
    assert db.info("keyspace") == {}
    db.set("k", 1)
    db.set("t", 1, ex=100)
    assert db.info("keyspace")["db0"]["keys"] == 2
    assert db.info("keyspace")["db0"]["expires"] == 1
    assert db.config_get("maxmemory") == {"maxmemory": "0"}
    assert db.config_set("maxmemory", "0") is True
    assert db.command()["get"]["arity"] == 2
    assert db.command_count() > 80
    assert db.time()[0] > 1_600_000_000
    assert db.client_setname("tester") is True
    assert db.client_getname() == "tester"
    assert any(client["name"] == "tester" for client in db.client_list())
    assert db.client_id() > 0
    assert db.object("encoding", "k") == b"int"
    assert db.memory_usage("k") > 0
    assert isinstance(db.slowlog_get(), list)
    assert db.echo("x") == b"x"
    assert db.ping() is True
    assert db.lastsave() is not None


def test_wrong_arguments_raise_what_users_catch(db):
    db.set("word", "abc")
    with pytest.raises(redis.ResponseError, match="value is not an integer or out of range"):
        db.incr("word")
    with pytest.raises(redis.ResponseError, match="wrong number of arguments"):
        db.execute_command("GET")
    with pytest.raises(redis.ResponseError, match="unknown command"):
        db.execute_command("NONSENSE")
    with pytest.raises(redis.ResponseError, match="no such key"):
        db.rename("missing", "x")


def test_connection_pool_from_many_threads(server):
    pool = redis.ConnectionPool(port=server.port, max_connections=20)

    def work(number):
        client = redis.Redis(connection_pool=pool)
        for step in range(100):
            client.set(f"t{number}", step)
            assert client.get(f"t{number}") == b"%d" % step

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with redis.Redis(connection_pool=pool) as client:
        assert client.mget([f"t{number}" for number in range(16)]) == [b"99"] * 16
    pool.disconnect()


def test_monitor_sees_commands(db, server):
    with redis.Redis(port=server.port).monitor() as monitor:
        db.set("watched", "value")
        for _ in range(50):
            event = monitor.next_command()
            if event["command"].startswith("SET watched"):
                assert event["command"] == "SET watched value"
                assert event["db"] == 0
                return
    pytest.fail("MONITOR did not show the command")


def test_url_with_database(server):
    with redis.from_url(f"redis://127.0.0.1:{server.port}/3") as db:
        assert db.client_info()["db"] == 3


def test_password(new_server):
    server = new_server(options={"requirepass": "secret"})
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=server.port).ping()
    with pytest.raises(
        (redis.AuthenticationError, redis.ResponseError), match="invalid username-password pair"
    ):
        redis.Redis(port=server.port, password="wrong").ping()
    assert redis.Redis(port=server.port, password="secret").ping() is True
    assert redis.Redis(port=server.port, username="default", password="secret").ping() is True
