"""Connections: many of them, bad ones, silent ones, and the commands that look after them."""

import os
import resource
import select
import socket
import threading
import time

import pytest

from support.fixtures import only_cairn, subject_is_redis
from support.resp import Client, Closed, Error, Push, encode
from support.server import PATIENCE, is_refusing_connections, wait_for

MIB = 1 << 20


# Addresses


def test_unix_socket(new_server, tmp_path):
    path = str(tmp_path / "cairn.sock")
    server = new_server(options={"unixsocket": path, "unixsocketperm": "700"})
    with Client(path) as client:
        client.ok("SET", "k", "v")
        assert b"addr=" + path.encode()[:30] in client.call("CLIENT", "INFO"), "long paths may be cut"
    assert os.stat(path).st_mode & 0o777 == 0o700
    assert server.call("GET", "k") == b"v"


def test_unix_socket_of_a_killed_server_is_replaced(new_server, tmp_path):
    path = str(tmp_path / "cairn.sock")
    server = new_server(options={"unixsocket": path})
    server.kill()
    server.start()
    with Client(path) as client:
        assert client.call("PING") == b"PONG"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback address")
def test_ipv6(new_server):
    server = new_server(options={"bind": ["127.0.0.1", "::1"]})
    with Client(("::1", server.port)) as client:
        assert client.call("PING") == b"PONG"
        assert b"addr=[::1]:" in client.call("CLIENT", "INFO")
    assert server.call("PING") == b"PONG"


def test_optional_address_that_does_not_exist_is_skipped(new_server):
    server = new_server(options={"bind": ["127.0.0.1", "-192.0.2.77"]})
    assert server.call("PING") == b"PONG"


# CLIENT commands


def test_client_list_shows_every_connection(server):
    with server.client() as one, server.client() as two, server.client(protocol=3) as three:
        one.ok("CLIENT", "SETNAME", "one")
        two.ok("CLIENT", "SETNAME", "two")
        two.ok("SELECT", 7)
        two.ok("MULTI")
        two.call("PING")
        three.ok("CLIENT", "SETNAME", "three")
        lines = one.call("CLIENT", "LIST").decode().splitlines()
        fields = {
            entry["name"]: entry
            for entry in (dict(word.split("=", 1) for word in line.split()) for line in lines)
        }
        assert {"one", "two", "three"} <= set(fields)
        assert fields["two"]["db"] == "7"
        assert fields["two"]["multi"] == "1"
        assert fields["one"]["multi"] == "-1"
        assert fields["three"]["resp"] == "3"
        assert fields["one"]["cmd"] == "client|list"
        assert fields["two"]["user"] == "default"
        host, port = fields["one"]["addr"].rsplit(":", 1)
        assert (host, int(port)) == one.socket.getsockname()
        assert fields["one"]["laddr"] == f"127.0.0.1:{server.port}"
        assert int(fields["one"]["id"]) == one.call("CLIENT", "ID")


def test_client_ids_grow_and_are_not_used_again(server):
    seen = []
    for _ in range(5):
        with server.client() as client:
            seen.append(client.call("CLIENT", "ID"))
    assert seen == sorted(set(seen))


def test_client_list_by_id(server):
    with server.client() as one, server.client() as two:
        ids = [one.call("CLIENT", "ID"), two.call("CLIENT", "ID")]
        text = one.call("CLIENT", "LIST", "ID", *ids, 999999)
        assert [line.split()[0] for line in text.decode().splitlines()] == [f"id={each}" for each in ids]


@pytest.mark.parametrize(
    "how", ["old form", "ADDR", "ID", "LADDR SKIPME", "USER TYPE"], ids=lambda how: how.replace(" ", "-")
)
def test_client_kill(server, how):
    with server.client() as killer, server.client() as victim:
        number = victim.call("CLIENT", "ID")
        host, port = victim.socket.getsockname()
        if how == "old form":
            killer.ok("CLIENT", "KILL", f"{host}:{port}")
        elif how == "ADDR":
            assert killer.call("CLIENT", "KILL", "ADDR", f"{host}:{port}") == 1
        elif how == "ID":
            assert killer.call("CLIENT", "KILL", "ID", number) == 1
        elif how == "LADDR SKIPME":
            assert killer.call("CLIENT", "KILL", "LADDR", f"127.0.0.1:{server.port}", "SKIPME", "yes") >= 1
        else:
            assert killer.call("CLIENT", "KILL", "USER", "default", "TYPE", "normal", "ID", number) == 1
        assert victim.is_closed_by_server()
        assert killer.call("PING") == b"PONG"


def test_client_kills_itself_after_the_reply(server):
    with server.client() as client:
        number = client.call("CLIENT", "ID")
        assert client.call("CLIENT", "KILL", "ID", number, "SKIPME", "no") == 1
        assert client.is_closed_by_server()


def test_kill_in_the_middle_of_a_pipeline(server):
    """The victim is busy while it is killed, over and over; everybody else lives on."""
    with server.client() as killer:
        for _ in range(30):
            with server.client() as victim:
                number = victim.call("CLIENT", "ID")
                victim.send_raw(encode(["INCR", "n"]) * 5000)
                assert killer.call("CLIENT", "KILL", "ID", number) in (0, 1)
                assert victim.is_closed_by_server()
        assert killer.call("PING") == b"PONG"


def test_killed_client_loses_its_transaction(server):
    with server.client() as killer, server.client() as victim:
        victim.ok("MULTI")
        victim.call("SET", "k", "v")
        killer.call("CLIENT", "KILL", "ID", victim_id(killer, victim))
        assert victim.is_closed_by_server()
        assert killer.call("EXISTS", "k") == 0


def victim_id(client, victim):
    address = "addr=%s:%d " % victim.socket.getsockname()
    line = next(line for line in client.call("CLIENT", "LIST").decode().splitlines() if address in line)
    return int(line.split()[0].split("=")[1])


def test_pause_holds_writes_and_lets_reads_pass(server):
    with server.client() as admin, server.client() as writer, server.client() as reader:
        admin.ok("CLIENT", "PAUSE", 60_000, "WRITE")
        writer.send("SET", "k", "v")
        assert reader.call("GET", "k") is None
        assert writer.has_nothing_to_read(0.2)
        admin.ok("CLIENT", "UNPAUSE")
        assert writer.read() == b"OK"
        assert reader.call("GET", "k") == b"v"


def test_pause_holds_a_transaction_that_writes(server):
    with server.client() as admin, server.client() as writer:
        admin.ok("CLIENT", "PAUSE", 60_000, "WRITE")
        writer.send_raw(encode(["MULTI"]) + encode(["SET", "k", "v"]) + encode(["EXEC"]))
        assert writer.has_nothing_to_read(0.2) or server.call("EXISTS", "k") == 0
        admin.ok("CLIENT", "UNPAUSE")
        wait_for(lambda: server.call("GET", "k") == b"v")


def test_pause_of_everything_ends_by_itself(server):
    with server.client() as admin, server.client() as other:
        began = time.monotonic()
        admin.ok("CLIENT", "PAUSE", 300)
        assert other.call("PING") == b"PONG"
        assert time.monotonic() - began >= 0.25


def test_reply_off_skip_on(server):
    with server.client() as client:
        client.send("CLIENT", "REPLY", "OFF")
        for number in range(100):
            client.send("SET", f"k{number}", number)
        client.send("CLIENT", "REPLY", "ON")
        assert client.read() == b"OK"
        assert client.call("GET", "k99") == b"99"
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("SET", "k0", "skipped")
        assert client.call("GET", "k0") == b"skipped"


def test_reset_makes_a_connection_like_new(server):
    with server.client(protocol=3) as client, server.client() as other:
        client.ok("SELECT", 5)
        client.ok("CLIENT", "SETNAME", "me")
        client.ok("WATCH", "k")
        client.ok("MULTI")
        assert client.call("RESET") == b"RESET"
        fields = dict(word.split("=", 1) for word in client.call("CLIENT", "INFO").decode().split())
        assert (fields["db"], fields["name"], fields["resp"], fields["multi"]) == ("0", "", "2", "-1")
        other.ok("SET", "k", "changed")
        client.ok("MULTI")
        client.call("PING")
        assert client.call("EXEC") == [b"PONG"]


def test_monitor_shows_what_others_do(server):
    with server.client() as monitor, server.client() as client:
        monitor.ok("MONITOR")
        client.ok("SELECT", 3)
        client.ok("SET", "k", 'quote " and \n')
        client.call("AUTH", "secret-password")
        client.call("GET", "k")
        lines = []
        while not lines or b'"GET"' not in lines[-1]:
            lines.append(monitor.read())
        text = b"\n".join(lines)
        assert b'"SET" "k" "quote \\" and \\n"' in text
        assert b"[3 127.0.0.1:" in text
        assert b"secret-password" not in text
        assert monitor.call("RESET") == b"RESET"
        client.call("GET", "k")
        assert monitor.call("PING") == b"PONG"


def test_push_data_is_not_mixed_into_replies(server):
    with server.client(protocol=3) as client:
        assert not any(isinstance(client.call("GET", "k"), Push) for _ in range(10))


# Limits


def test_maxclients_refuses_politely(new_server):
    server = new_server(options={"maxclients": 20})
    clients = [server.client() for _ in range(20)]
    assert all(client.call("PING") == b"PONG" for client in clients)
    with server.client() as refused:
        try:
            reply = refused.read()
            assert isinstance(reply, Error) and reply == b"ERR max number of clients reached"
        except Closed:
            pass
        assert refused.is_closed_by_server()
    assert clients[0].call("PING") == b"PONG"
    clients.pop().close()
    wait_for(lambda: accepts(server))
    for client in clients:
        client.close()


def accepts(server):
    try:
        with server.client() as client:
            return client.call("PING") == b"PONG"
    except (Closed, OSError):
        return False


def test_maxclients_can_be_changed_while_running(new_server):
    server = new_server(options={"maxclients": 100})
    with server.client() as client:
        client.ok("CONFIG", "SET", "maxclients", 2)
        with server.client() as second:
            second.call("PING")
            wait_for(lambda: not accepts(server))
        client.ok("CONFIG", "SET", "maxclients", 100)
        wait_for(lambda: accepts(server))


def test_idle_connections_end_after_the_timeout(new_server):
    server = new_server(options={"timeout": 1})
    with server.client() as idle, server.client() as busy:
        idle.call("PING")
        deadline = time.monotonic() + 30 * PATIENCE
        while not has_ended(idle):
            assert busy.call("PING") == b"PONG"
            assert time.monotonic() < deadline, "the idle connection was never closed"
            time.sleep(0.05)


def has_ended(client):
    readable, _, _ = select.select([client.socket], [], [], 0)
    return bool(readable) and client.is_closed_by_server(1)


def test_before_auth_little_is_accepted(new_server):
    """Case 42: few arguments, short ones, bounded buffers, and nothing of it stays."""
    server = new_server(options={"requirepass": "secret"})
    before = server.resident_bytes()
    refused = []
    for head in (
        b"*11\r\n",
        b"*1\r\n$16385\r\n",
        b"*1000000\r\n",
        b"*2\r\n$4\r\nAUTH\r\n$100000000\r\n",
        b"x" * 70_000,
    ):
        client = server.client()
        client.send_raw(head)
        reply = client.read()
        assert isinstance(reply, Error) and b"Protocol error" in reply
        assert client.is_closed_by_server()
        refused.append(client)
    pending = [server.client() for _ in range(200)]
    for client in pending:
        client.send_raw(b"*10\r\n" + b"$16384\r\n" + b"x" * 10_000)
    with server.client() as honest:
        honest.ok("AUTH", "secret")
        assert honest.call("PING") == b"PONG"
        assert server.resident_bytes() < before + 64 * MIB
    for client in pending + refused:
        client.close()


def test_before_auth_replies_do_not_pile_up(new_server):
    """Case 42: a client without a password that never reads cannot make the server collect replies."""
    server = new_server(options={"requirepass": "secret"})
    before = server.resident_bytes()
    with server.client() as client:
        client.socket.settimeout(1)
        sent = flood(client.socket, encode(["GET", "k"]) * 1000, 100 * MIB)
        with server.client() as honest:
            honest.ok("AUTH", "secret")
            assert honest.call("PING") == b"PONG"
        growth = server.resident_bytes() - before
        assert (
            growth < 128 * MIB
        ), f"{sent} bytes of requests before AUTH made the server grow by {growth} bytes"


def flood(connection, block, size_max):
    """Writes blocks until the other side stops taking them, closes, or the limit is reached."""
    sent = 0
    try:
        while sent < size_max:
            sent += connection.send(block)
    except (TimeoutError, OSError):
        pass
    return sent


@pytest.mark.parametrize("value_bytes", [100, 100_000])
def test_a_client_that_never_reads_is_bounded(new_server, value_bytes):
    """Case 43: gigabytes of replies are asked for and never fetched; memory stays bounded and others are served."""
    server = new_server(options=bounded_output())
    with server.client() as client:
        client.ok("SET", "k", "x" * value_bytes)
        before = server.resident_bytes()
        with server.client() as glutton:
            glutton.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            glutton.socket.settimeout(1)
            block = encode(["GET", "k"]) * 1000
            flood(glutton.socket, block, max(20 * MIB, 2_000 * MIB // value_bytes * len(block) // 1000))
            peak = 0
            for _ in range(50):
                assert client.call("PING") == b"PONG"
                peak = max(peak, server.resident_bytes())
                time.sleep(0.01)
            assert (
                peak - before < 256 * MIB
            ), f"a client that never reads made the server grow by {peak - before} bytes"
        wait_for(lambda: server.resident_bytes() < before + 128 * MIB)


def bounded_output():
    """redis-server has no bound unless told; ours has one by default."""
    return {"client-output-buffer-limit": ["normal", "32mb", "16mb", "10"]} if subject_is_redis() else {}


def test_a_client_that_sends_forever_without_a_newline_is_bounded(server):
    before = server.resident_bytes()
    with server.client() as client:
        client.socket.settimeout(1)
        flood(client.socket, b"x" * 65536, 256 * MIB)
        assert server.call("PING") == b"PONG"
        assert server.resident_bytes() - before < 64 * MIB


# Crowds


def open_many(server, count):
    connections = []
    for _ in range(count):
        try:
            connections.append(socket.create_connection(server.address, timeout=20))
        except OSError:
            break
    return connections


def close_all(connections):
    for connection in connections:
        connection.close()


def file_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@pytest.mark.skipif(file_limit() < 11_000, reason="needs a limit of 11,000 open files: ulimit -n")
def test_ten_thousand_idle_connections(new_server):
    """Case 44, first half: they cost little and slow nobody down."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (file_limit(), file_limit()))
    server = new_server(options={"maxclients": 15_000})
    with server.client() as client:
        before = server.resident_bytes()
        crowd = open_many(server, 10_000)
        try:
            assert len(crowd) == 10_000
            wait_for(lambda: int(server.info("clients")["connected_clients"]) >= 10_001)
            per_connection = (server.resident_bytes() - before) / len(crowd)
            for connection in crowd[::100]:
                connection.sendall(b"PING\r\n")
            assert all(connection.recv(100) == b"+PONG\r\n" for connection in crowd[::100])
            client.ok("SET", "k", "v")
            cpu = server.cpu_seconds()
            time.sleep(1)
            assert server.cpu_seconds() - cpu < 0.8, "idle connections keep the server busy"
            assert per_connection < 32_768, f"an idle connection costs {per_connection:.0f} bytes"
        finally:
            close_all(crowd)
        wait_for(lambda: int(server.info("clients")["connected_clients"]) < 50, timeout=60)
        assert client.call("GET", "k") == b"v"


def test_a_crowd_larger_than_the_file_limit(new_server):
    """Case 44, second half: started with few file descriptors, the server keeps its old clients."""
    check_crowd(new_server(file_limit=300), 500)


@only_cairn
def test_accept_fails_with_emfile_while_running(new_server):
    """Case 44, second half: accept itself fails; redis-server spins here and fills its log."""
    server = new_server()
    open_now = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (open_now + 30, hard))
    check_crowd(server, 200)
    assert len(server.log()) < 100_000, "the server fills its log while it cannot accept"


def check_crowd(server, size):
    """Old clients are served, nothing spins, and when the crowd leaves new clients come in."""
    with server.client() as client:
        client.ok("SET", "k", "v")
        crowd = open_many(server, size)
        try:
            for _ in range(20):
                assert client.call("GET", "k") == b"v"
                client.ok("SET", "k", "v")
            cpu = server.cpu_seconds()
            time.sleep(1.5)
            assert server.cpu_seconds() - cpu < 1.0, "the server spins while it cannot accept"
            assert client.call("GET", "k") == b"v"
        finally:
            close_all(crowd)
        wait_for(lambda: accepts(server))
        assert client.call("GET", "k") == b"v"


def test_connections_come_and_go(server):
    """Five thousand short connections from several threads leave nothing behind."""

    def visit():
        for number in range(600):
            with server.client() as client:
                if number % 3 == 0:
                    client.send("GET", "k")
                elif number % 3 == 1:
                    assert client.call("INCR", "visits") > 0

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.call("GET", "visits") == b"1600"
    wait_for(lambda: int(server.info("clients")["connected_clients"]) <= 2)


def test_connections_that_vanish_without_goodbye(server):
    """RST instead of FIN, in the middle of requests and replies."""
    server.call("SET", "big", "x" * 1_000_000)
    for number in range(50):
        connection = socket.create_connection(server.address)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(encode(["GET", "big"]) * 5 + encode(["SET", "k", "v"])[: number % 20])
        connection.close()
    wait_for(lambda: int(server.info("clients")["connected_clients"]) <= 2)
    assert server.call("PING") == b"PONG"


def test_half_closed_connection_still_gets_its_replies(server):
    """The client says that it sends no more and waits: with QUIT as the last word every reply arrives."""
    with server.client() as client:
        client.send_raw(encode(["INCR", "n"]) * 100 + encode(["QUIT"]))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read_replies(101) == list(range(1, 101)) + [b"OK"]
        assert client.is_closed_by_server()


def test_stopped_server_refuses_connections(new_server):
    server = new_server()
    assert server.terminate() == 0
    assert is_refusing_connections(server)
    server.start()
