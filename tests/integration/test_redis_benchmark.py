"""redis-benchmark, unmodified: every option that people use ends with exit code 0 and no error."""

import re
import subprocess

import pytest

KEEPALIVE_ADVICE = "WARNING: Keepalive disabled."
TESTS = "ping_inline,ping_mbulk,set,get,incr,mset"


@pytest.fixture
def benchmark(server):
    def run(*arguments, timeout=120):
        done = subprocess.run(
            ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output[-1000:]
        output = output.replace(KEEPALIVE_ADVICE, "")
        assert not re.search(r"error|warning|fail", output, re.IGNORECASE), output[-1000:]
        return done.stdout

    return run


@pytest.mark.parametrize(
    "options",
    [
        ["-n", "3000"],
        ["-n", "300", "-c", "1"],
        ["-n", "20000", "-P", "16"],
        ["-n", "20000", "-P", "64", "-c", "10"],
        ["-n", "20000", "-P", "16", "--threads", "2"],
        ["-n", "3000", "-3"],
        ["-n", "3000", "-r", "100000"],
        ["-n", "3000", "-d", "1000"],
        ["-n", "500", "-d", "100000"],
        ["-n", "3000", "-k", "0"],
        ["-n", "3000", "--dbnum", "5"],
        ["-n", "3000", "-c", "200"],
    ],
    ids=" ".join,
)
def test_quiet_run(benchmark, options):
    output = benchmark("-q", "-t", TESTS, *options)
    assert len(re.findall(r"requests per second", output)) == 6, output


def test_csv(benchmark):
    lines = [line for line in benchmark("--csv", "-n", "2000", "-t", TESTS).splitlines() if line]
    assert lines[0].startswith('"test","rps"')
    assert [line.split(",")[0] for line in lines[1:]] == [
        '"PING_INLINE"',
        '"PING_MBULK"',
        '"SET"',
        '"GET"',
        '"INCR"',
        '"MSET (10 keys)"',
    ]


def test_full_report(benchmark):
    output = benchmark("-n", "2000", "-t", "set,get")
    assert output.count("throughput summary") == 2


def test_own_command(benchmark, server):
    benchmark("-q", "-n", "2000", "-r", "1000", "SET", "key:__rand_int__", "value")
    with server.client() as client:
        assert 0 < client.call("DBSIZE") <= 1000


def test_set_really_sets(benchmark, server):
    benchmark("-q", "-n", "5000", "-r", "1000000", "-t", "set", "-P", "8")
    with server.client() as client:
        assert 4500 < client.call("DBSIZE") <= 5000


def test_incr_counts_every_request(benchmark, server):
    benchmark("-q", "-n", "5000", "-t", "incr", "-P", "10", "-c", "20")
    with server.client() as client:
        assert 5000 <= int(client.call("GET", "counter:__rand_int__")) <= 5200
