"""ioredis as applications use it: node/session.js, run against the server. Version 5 speaks RESP2, version 6 RESP3."""

import pathlib
import shutil
import subprocess

import pytest

MODULES = ["ioredis5", "ioredis6"]
FOLDER = pathlib.Path(__file__).resolve().parent / "node"


@pytest.fixture(scope="module")
def node():
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed (Debian: apt install nodejs npm)")
    if not all((FOLDER / "node_modules" / module).is_dir() for module in MODULES):
        install()
    return program


def install():
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(
            "ioredis is not installed and npm is missing: run `npm install` in tests/integration/node"
        )
    done = subprocess.run(
        [npm, "install", "--no-save"], cwd=FOLDER, capture_output=True, text=True, timeout=240
    )
    if done.returncode != 0:
        pytest.skip(f"npm could not install ioredis (no network?): {done.stderr.strip()[-300:]}")


@pytest.mark.parametrize("module", MODULES)
def test_session(node, server, module):
    done = subprocess.run(
        [node, "session.js", module, str(server.port)], cwd=FOLDER, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ok"
