"""INFO and CONFIG: what tools read and operators set."""

import re
import time

import pytest

from support.fixtures import only_cairn
from support.resp import Error, Map, Verbatim
from support.server import parse_info, wait_for

SECTIONS = {
    "server": """
        redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds config_file
        hz
    """,
    "clients": """
        connected_clients blocked_clients maxclients tracking_clients
    """,
    "memory": """
        used_memory used_memory_human used_memory_rss used_memory_peak used_memory_dataset
        used_memory_overhead used_memory_startup used_memory_lua maxmemory maxmemory_human
        maxmemory_policy mem_fragmentation_ratio total_system_memory mem_allocator
        lazyfree_pending_objects
    """,
    "persistence": """
        loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time
        rdb_last_bgsave_status aof_enabled aof_rewrite_in_progress aof_last_bgrewrite_status
        aof_last_write_status
    """,
    "stats": """
        total_connections_received total_commands_processed instantaneous_ops_per_sec
        total_net_input_bytes total_net_output_bytes rejected_connections expired_keys evicted_keys
        keyspace_hits keyspace_misses pubsub_channels pubsub_patterns latest_fork_usec
        total_error_replies
    """,
    "replication": """
        role connected_slaves master_replid master_repl_offset repl_backlog_active repl_backlog_size
    """,
    "cpu": """
        used_cpu_sys used_cpu_user
    """,
    "cluster": """
        cluster_enabled
    """,
}

CONFIG_NAMES = """
    save appendonly appendfsync maxmemory maxmemory-policy maxmemory-samples maxclients databases
    timeout tcp-keepalive port bind dir dbfilename requirepass notify-keyspace-events
    slowlog-log-slower-than slowlog-max-len latency-monitor-threshold hz proto-max-bulk-len
    client-output-buffer-limit list-max-listpack-size list-max-ziplist-size hash-max-listpack-entries
    zset-max-listpack-value list-compress-depth set-max-intset-entries hll-sparse-max-bytes
    stream-node-max-bytes stream-node-max-entries lua-time-limit busy-reply-threshold cluster-enabled
    io-threads lazyfree-lazy-eviction lazyfree-lazy-user-del aof-use-rdb-preamble
    auto-aof-rewrite-percentage auto-aof-rewrite-min-size activedefrag replica-read-only slave-read-only
    loglevel logfile unixsocket protected-mode
""".split()


@pytest.mark.parametrize("section", SECTIONS)
def test_section_has_the_fields_that_tools_read(server, section):
    with server.client() as client:
        text = client.call("INFO", section).decode()
        fields = parse_info(client.call("INFO", section))
    assert text.startswith(f"# {section.capitalize() if section != 'cpu' else 'CPU'}\r\n")
    assert text.endswith("\r\n")
    missing = [name for name in SECTIONS[section].split() if name not in fields]
    assert not missing


def test_values_mean_something(server):
    info = server.info()
    assert re.fullmatch(r"\d+\.\d+\.\d+", info["redis_version"])
    assert info["redis_mode"] == "standalone"
    assert info["tcp_port"] == str(server.port)
    assert info["process_id"] == str(server.process.pid)
    assert re.fullmatch(r"[0-9a-f]{40}", info["run_id"])
    assert info["arch_bits"] == "64"
    assert info["role"] == "master"
    assert info["loading"] == "0"
    assert info["cluster_enabled"] == "0"
    assert int(info["used_memory"]) > 0
    assert int(info["used_memory_rss"]) > 1_000_000
    assert int(info["used_memory_peak"]) >= int(info["used_memory"])
    assert float(info["used_cpu_user"]) >= 0
    assert info["maxmemory_policy"] == "noeviction"
    assert int(info["total_system_memory"]) > 1 << 28


@only_cairn
def test_version_is_redis_7_2_4_beside_our_own(server):
    info = server.info("server")
    assert info["redis_version"] == "7.2.4"
    assert info["server_name"] == "cairn"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", info["cairn_version"])


def test_default_all_everything_and_several_sections(client):
    assert "# Server" in client.call("INFO").decode()
    assert "# Commandstats" not in client.call("INFO").decode()
    assert "# Commandstats" in client.call("INFO", "all").decode()
    assert "# Commandstats" in client.call("INFO", "everything").decode()
    assert client.call("INFO", "default").decode().count("# ") == client.call("INFO").decode().count("# ")
    both = client.call("INFO", "cpu", "KEYSPACE").decode()
    assert re.findall(r"# (\w+)", both) == ["CPU", "Keyspace"]
    assert client.call("INFO", "nosuch") == b""


def test_resp3_info_is_verbatim(client3):
    reply = client3.call("INFO", "server")
    assert isinstance(reply, Verbatim) and reply.format == b"txt"
    assert isinstance(client3.call("CONFIG", "GET", "maxmemory"), Map)


def test_keyspace_counts_keys_and_deadlines(server):
    with server.client() as client:
        client.pipeline(["SET", f"k{n}", n] for n in range(10))
        client.pipeline(["SET", f"t{n}", n, "EX", 100] for n in range(5))
        client.ok("SELECT", 3)
        client.ok("SET", "k", "v")
    keyspace = server.info("keyspace")
    assert re.fullmatch(r"keys=15,expires=5,avg_ttl=\d+", keyspace["db0"])
    assert keyspace["db3"].startswith("keys=1,expires=0,")
    assert set(keyspace) == {"db0", "db3"}


def test_counters_count(server):
    with server.client() as client:
        client.ok("CONFIG", "RESETSTAT")
        client.ok("SET", "k", "v")
        for _ in range(10):
            client.call("GET", "k")
            client.call("GET", "missing")
        client.call("NOSUCH")
        client.call("INCR", "k")
        stats = server.info("stats")
        assert stats["keyspace_hits"] == "10"
        assert stats["keyspace_misses"] == "10"
        assert stats["total_error_replies"] == "2"
        assert int(stats["total_commands_processed"]) >= 22
        assert int(stats["total_net_input_bytes"]) > 400
        assert int(stats["total_net_output_bytes"]) > 200
        commands = server.info("commandstats")
        assert re.match(
            r"calls=20,usec=\d+,usec_per_call=[\d.]+,rejected_calls=0,failed_calls=0", commands["cmdstat_get"]
        )
        assert "failed_calls=1" in commands["cmdstat_incr"]
        errors = server.info("errorstats")
        assert errors == {"errorstat_ERR": "count=2"}
        client.ok("CONFIG", "RESETSTAT")
        assert server.info("stats")["keyspace_hits"] == "0"
        assert "cmdstat_get" not in server.info("commandstats")
        assert server.info("errorstats") == {}


def test_subcommands_are_counted_by_their_full_name(server):
    with server.client() as client:
        client.ok("CONFIG", "RESETSTAT")
        client.call("CLIENT", "ID")
        client.call("client", "getname")
        client.call("SET", "only-two")
        commands = server.info("commandstats")
    assert commands["cmdstat_client|id"].startswith("calls=1,")
    assert commands["cmdstat_client|getname"].startswith("calls=1,")
    assert "rejected_calls=1" in commands["cmdstat_set"]


def test_memory_follows_the_data(server):
    with server.client() as client:
        before = int(server.info("memory")["used_memory"])
        client.ok("SET", "big", "x" * 20_000_000)
        assert int(server.info("memory")["used_memory"]) - before > 19_000_000
        client.call("DEL", "big")
        wait_for(lambda: int(server.info("memory")["used_memory"]) - before < 5_000_000)


def test_connected_clients_are_counted(server):
    def count():
        return int(server.info("clients")["connected_clients"])

    alone = count()
    clients = [server.client() for _ in range(7)]
    wait_for(lambda: count() == alone + 7)
    for client in clients:
        client.close()
    wait_for(lambda: count() == alone)


def test_changes_since_the_last_save(server):
    with server.client() as client:
        client.ok("SAVE")
        assert server.info("persistence")["rdb_changes_since_last_save"] == "0"
        client.pipeline(["SET", f"k{n}", n] for n in range(5))
        client.call("GET", "k1")
        assert int(server.info("persistence")["rdb_changes_since_last_save"]) == 5


def test_operations_per_second_are_sampled(server):
    with server.client() as client:
        deadline = time.monotonic() + 20
        while server.info("stats")["instantaneous_ops_per_sec"] == "0":
            client.pipeline([["PING"]] * 1000)
            assert time.monotonic() < deadline


@pytest.mark.parametrize("name", CONFIG_NAMES)
def test_config_knows_the_names_that_tools_ask_for(client, name):
    reply = client.call("CONFIG", "GET", name)
    assert len(reply) == 2 and reply[0] == name.encode(), reply


def test_config_get_patterns(client):
    flat = client.call("CONFIG", "GET", "*")
    names = flat[::2]
    assert len(names) == len(set(names)) > 60
    assert {b"maxmemory", b"maxmemory-policy", b"maxmemory-samples"} <= set(
        client.call("CONFIG", "GET", "maxmemory*")[::2]
    )
    assert set(client.call("CONFIG", "GET", "port", "d?r")[::2]) == {b"port", b"dir"}


def test_config_get_tells_what_the_server_was_started_with(server):
    with server.client() as client:
        assert client.call("CONFIG", "GET", "port")[1] == b"%d" % server.port
        assert client.call("CONFIG", "GET", "dir")[1] == server.directory.encode()
        assert client.call("CONFIG", "GET", "databases")[1] == b"16"
        assert client.call("CONFIG", "GET", "loglevel")[1] == b"notice"
        assert client.call("CONFIG", "GET", "save")[1] == b""


@pytest.mark.parametrize(
    "name, value, shown",
    [
        ("maxmemory", "100mb", b"104857600"),
        ("maxmemory", "0", b"0"),
        ("maxmemory-policy", "allkeys-lru", b"allkeys-lru"),
        ("maxmemory-policy", "noeviction", b"noeviction"),
        ("timeout", "300", b"300"),
        ("timeout", "0", b"0"),
        ("slowlog-max-len", "64", b"64"),
        ("slowlog-log-slower-than", "-1", b"-1"),
        ("slowlog-log-slower-than", "10000", b"10000"),
        ("appendfsync", "everysec", b"everysec"),
        ("appendfsync", "always", b"always"),
        ("loglevel", "verbose", b"verbose"),
        ("loglevel", "notice", b"notice"),
        ("lazyfree-lazy-user-del", "yes", b"yes"),
        ("hash-max-listpack-entries", "64", b"64"),
        ("save", "3600 1 300 100", b"3600 1 300 100"),
        ("save", "", b""),
        (
            "client-output-buffer-limit",
            "normal 32mb 16mb 10",
            b"normal 33554432 16777216 10 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
    ],
)
def test_config_set_is_shown_by_get(client, name, value, shown):
    client.ok("CONFIG", "SET", name, value)
    assert client.call("CONFIG", "GET", name)[1] == shown


def test_config_set_changes_all_or_nothing(client):
    client.ok("CONFIG", "SET", "slowlog-max-len", "128", "timeout", "0")
    for bad in (("timeout", "abc"), ("nosuch", "1"), ("databases", "4"), ("slowlog-max-len", "1")):
        assert isinstance(client.call("CONFIG", "SET", "slowlog-max-len", "77", *bad), Error)
        assert client.call("CONFIG", "GET", "slowlog-max-len")[1] == b"128"


def test_requirepass_can_be_set_while_running(new_server):
    server = new_server()
    with server.client() as old:
        old.ok("CONFIG", "SET", "requirepass", "secret")
        assert old.call("PING") == b"PONG", "a connection that is in stays in"
        with server.client() as fresh:
            assert fresh.call("PING").code == b"NOAUTH"
            fresh.ok("AUTH", "secret")
            assert fresh.call("PING") == b"PONG"
        old.ok("CONFIG", "SET", "requirepass", "")
        with server.client() as fresh:
            assert fresh.call("PING") == b"PONG"
