"""redis-cli, unmodified: single commands, sessions through a pipe, its tools."""

import re
import subprocess

import pytest

from support.resp import encode


@pytest.fixture
def cli(server):
    """Runs redis-cli with arguments and returns what it prints; its exit code must be 0 unless told otherwise."""

    def run(*arguments, stdin=b"", code=0, timeout=60):
        done = subprocess.run(
            ["redis-cli", "-h", "127.0.0.1", "-p", str(server.port), *arguments],
            input=stdin,
            capture_output=True,
            timeout=timeout,
        )
        assert done.returncode == code, (done.returncode, done.stdout[-500:], done.stderr[-500:])
        return done.stdout.decode(errors="replace")

    return run


def test_one_command_per_call(cli):
    assert cli("SET", "k", "v w") == "OK\n"
    assert cli("GET", "k") == "v w\n"
    assert cli("GET", "missing") == "\n"
    assert cli("INCR", "n") == "1\n"
    assert cli("MGET", "k", "missing", "n") == "v w\n\n1\n"
    assert cli("PING") == "PONG\n"
    assert cli("-n", "3", "SET", "k", "three") == "OK\n"
    assert cli("-n", "3", "GET", "k") == "three\n"


def test_errors_are_shown(cli):
    assert cli("NOSUCH").startswith("ERR unknown command 'NOSUCH'")
    assert cli("-e", "GET", code=1) == ""
    assert "ERR wrong number of arguments for 'get' command" in cli("GET")


def test_output_for_people(cli):
    assert cli("--no-raw", "SET", "k", "v") == "OK\n"
    assert cli("--no-raw", "GET", "k") == '"v"\n'
    assert cli("--no-raw", "GET", "missing") == "(nil)\n"
    assert cli("--no-raw", "STRLEN", "k") == "(integer) 1\n"
    assert cli("--no-raw", "MGET", "k", "missing") == '1) "v"\n2) (nil)\n'
    assert cli("--no-raw", "NOSUCH").startswith("(error) ERR unknown command")


def test_csv_and_json(cli):
    cli("SET", "k", 'say "hi"')
    assert cli("--csv", "MGET", "k", "missing") == '"say \\"hi\\"",NULL\n'
    assert cli("--json", "MGET", "k", "missing").strip() == '["say \\"hi\\"",null]'
    assert '"maxmemory":"0"' in cli("-3", "--json", "CONFIG", "GET", "maxmemory")


def test_resp3(cli):
    assert cli("-3", "SET", "k", "v") == "OK\n"
    assert cli("-3", "--no-raw", "GET", "missing") == "(nil)\n"
    assert cli("-3", "--no-raw", "CONFIG", "GET", "maxmemory") == '1# "maxmemory" => "0"\n'
    assert '"proto" => (integer) 3' in cli("-3", "--no-raw", "HELLO")


def test_session_through_a_pipe(cli):
    script = b"""
        SET key "two words"
        GET key
        MULTI
        INCR a
        INCR a
        EXEC
        SELECT 2
        SET key 'in two'
        DBSIZE
        GET "\\x6bey"
    """
    assert cli(stdin=script).split("\n")[:-1] == [
        "OK",
        "two words",
        "OK",
        "QUEUED",
        "QUEUED",
        "1",
        "2",
        "OK",
        "OK",
        "1",
        "in two",
    ]


def test_repeat_and_interval(cli):
    assert cli("-r", "5", "INCR", "n") == "1\n2\n3\n4\n5\n"
    assert cli("-r", "2", "-i", "0.01", "PING") == "PONG\nPONG\n"


def test_value_from_standard_input(cli):
    cli("-x", "SET", "k", stdin=b"from\x00stdin\n")
    assert cli("GET", "k") == "from\x00stdin\n\n"
    assert cli("STRLEN", "k") == "11\n"


def test_mass_insertion(cli, server):
    commands = b"".join(encode(["SET", f"key:{number}", f"value:{number}"]) for number in range(50000))
    output = cli("--pipe", stdin=commands)
    assert "errors: 0, replies: 50000" in output
    with server.client() as client:
        assert client.call("DBSIZE") == 50000
        assert client.call("GET", "key:49999") == b"value:49999"


def test_mass_insertion_counts_errors(cli):
    commands = encode(["SET", "word", "abc"]) + encode(["INCR", "word"]) * 10 + encode(["SET", "k", "v"])
    assert "errors: 10, replies: 12" in cli("--pipe", stdin=commands, code=1)


def test_mass_insertion_of_inline_commands(cli):
    lines = b"".join(b"SET inline:%d %d\r\n" % (number, number) for number in range(5000))
    assert "errors: 0, replies: 5000" in cli("--pipe", stdin=lines)


def test_scan_lists_keys(cli, server):
    with server.client() as client:
        client.pipeline(["SET", f"a:{number}", number] for number in range(500))
        client.pipeline(["SET", f"b:{number}", number] for number in range(10))
    assert sorted(cli("--scan").split()) == sorted(
        [f"a:{n}" for n in range(500)] + [f"b:{n}" for n in range(10)]
    )
    assert sorted(cli("--scan", "--pattern", "b:*").split()) == sorted(f"b:{n}" for n in range(10))


def test_bigkeys(cli, server):
    with server.client() as client:
        client.pipeline(["SET", f"k:{number}", "x" * number] for number in range(200))
    output = cli("--bigkeys", timeout=120)
    assert "Sampled 200 keys in the keyspace!" in output
    assert re.search(r"Biggest string found .*k:199.* has 199 bytes", output)


def test_memkeys(cli, server):
    with server.client() as client:
        client.pipeline(["SET", f"k:{number}", "x" * 10] for number in range(50))
        client.call("SET", "huge", "x" * 100000)
    output = cli("--memkeys", timeout=120)
    assert "Sampled 51 keys in the keyspace!" in output
    assert re.search(r"Biggest string found .*huge", output)


def test_stat_prints_lines(server, cli):
    cli("SET", "k", "v")
    process = subprocess.Popen(
        ["redis-cli", "-h", "127.0.0.1", "-p", str(server.port), "-i", "0.1", "--stat"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        lines = [process.stdout.readline().decode() for _ in range(3)]
    finally:
        process.terminate()
        process.communicate()
    assert lines[1].split()[:3] == ["keys", "mem", "clients"]
    assert re.match(r"1 +\d+(\.\d+)?[KMG] ", lines[2]), lines


def test_latency_tool_runs(server):
    process = subprocess.Popen(
        ["redis-cli", "-h", "127.0.0.1", "-p", str(server.port), "--latency", "-i", "1", "--raw"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = process.communicate(timeout=60)[0].decode() if process.wait(60) is not None else ""
    assert re.match(r"\d+ \d+ \d+\.\d+ \d+", output.strip()), output


def test_password_on_the_command_line(new_server):
    server = new_server(options={"requirepass": "secret"})
    base = ["redis-cli", "-p", str(server.port)]

    def output(*arguments):
        return subprocess.run([*base, *arguments], capture_output=True, timeout=60).stdout.decode()

    assert "NOAUTH" in output("PING")
    assert output("-a", "secret", "--no-auth-warning", "PING") == "PONG\n"
    assert (
        output("-u", f"redis://default:secret@127.0.0.1:{server.port}", "--no-auth-warning", "PING")
        == "PONG\n"
    )


def test_info_and_help_texts(cli):
    assert "redis_version:" in cli("INFO", "server")
    assert "# Keyspace" in cli("INFO", "keyspace")
    assert cli("CLIENT", "HELP").strip()
    assert "ver." in cli("LOLWUT")


def test_interactive_start_reads_the_command_table(cli):
    """What redis-cli asks for its hints when a person starts it."""
    output = cli("--json", "-3", "COMMAND", "DOCS", "get", "set")
    assert '"get"' in output and '"summary"' in output and '"arguments"' in output
