"""Fixtures that every folder of Python tests shares; each conftest.py imports them."""

import os

import pytest

from support.server import Server, find_program, is_redis, subject_path


def subject_is_redis():
    return is_redis(subject_path())


only_cairn = pytest.mark.skipif(
    subject_is_redis(), reason="Cairn behaves differently from redis-server here on purpose"
)


@pytest.fixture(scope="session", autouse=True)
def subject_exists():
    path = find_program(subject_path())
    assert os.access(path, os.X_OK), f"there is no server to test at {path}: run make, or set CAIRN_SERVER"


@pytest.fixture(scope="module")
def shared_server():
    """One server for all tests of a file."""
    with Server() as server:
        yield server


@pytest.fixture
def server(shared_server):
    """The shared server, emptied; it must still run and be silent after the test."""
    with shared_server.client() as client:
        client.ok("FLUSHALL")
    yield shared_server
    assert shared_server.is_running, f"the server died:\n{shared_server.log_tail()}"


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def client3(server):
    """A connection that speaks RESP3."""
    with server.client(protocol=3) as client:
        yield client


@pytest.fixture
def new_server():
    """Makes servers with options of their own: new_server(options={...}). All are stopped and checked at the end."""
    servers = []

    def make(**keywords):
        server = Server(**keywords)
        servers.append(server)
        return server.start()

    yield make
    problems = []
    for each in servers:
        try:
            each.finish()
        except AssertionError as problem:
            problems.append(str(problem))
        finally:
            each.clean()
    assert not problems, "\n".join(problems)
