"""Starts, loads and stops the servers that the scripts compare, each alone on a loopback port.

A kind is a program that can be compared; a candidate is a kind with its settings; a server is a
candidate that runs. To compare one more program, write its command function and add a row to KINDS.
"""

import argparse
import dataclasses
import enum
import json
import os
import pathlib
import resource
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "bench"
GENERATOR = TOOLS / "cairn-bench"
RESPONDER = TOOLS / "responder"
TOOL_SOURCES = {GENERATOR: ROOT / "programs" / "cairn-bench.c",
                RESPONDER: ROOT / "bench" / "responder.c"}

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60
CONNECTIONS_MAX = 4096
MEMORY_MB_MAX = 8192


class Mode(enum.Enum):
    """What a server does with a write before it answers OK."""

    MEMORY = "memory"  # keeps it in memory
    NO_SYNC = "no fsync"  # and writes it to a log, which reaches the disk sometime
    DURABLE = "fsync always"  # and waits until the log is on the disk


@dataclasses.dataclass(frozen=True)
class Start:
    """All that a command line depends on."""

    path: str
    port: int
    directory: str
    mode: Mode
    threads: int
    value_bytes: int
    options: list[str]


def cairn_command(start: Start) -> list[str]:
    persistence = {
        Mode.MEMORY: ["--appendonly", "no"],
        Mode.NO_SYNC: ["--appendonly", "yes", "--appendfsync", "no"],
        Mode.DURABLE: ["--appendonly", "yes", "--appendfsync", "always"],
    }
    return [start.path, "--port", str(start.port), "--bind", "127.0.0.1", "--dir", start.directory,
            "--threads", str(start.threads), "--save", "", "--loglevel", "warning",
            *persistence[start.mode], *start.options]


def redis_command(start: Start) -> list[str]:
    """Also for Valkey. The log is never rewritten during a run, which favours them."""
    persistence = {
        Mode.MEMORY: ["--appendonly", "no"],
        Mode.NO_SYNC: ["--appendonly", "yes", "--appendfsync", "no"],
        Mode.DURABLE: ["--appendonly", "yes", "--appendfsync", "always"],
    }
    return [start.path, "--port", str(start.port), "--bind", "127.0.0.1", "--dir", start.directory,
            "--save", "", "--loglevel", "warning", "--auto-aof-rewrite-percentage", "0",
            *persistence[start.mode]]


def memcached_command(start: Start) -> list[str]:
    user = ["-u", "root"] if os.geteuid() == 0 else []
    return [start.path, "-l", "127.0.0.1", "-p", str(start.port), "-t", str(start.threads),
            "-m", str(MEMORY_MB_MAX), "-c", str(CONNECTIONS_MAX), *user]


def pogocache_command(start: Start) -> list[str]:
    return [start.path, "-h", "127.0.0.1", "-p", str(start.port), "--threads", str(start.threads),
            "--maxconns", str(CONNECTIONS_MAX), *start.options]


def responder_command(start: Start) -> list[str]:
    return [start.path, "--port", str(start.port), "--threads", str(start.threads),
            "--value-bytes", str(start.value_bytes)]


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    program: str  # where it is unless told: a path, or a name to find in PATH
    command: Callable[[Start], list[str]]
    protocol: str = "resp"
    modes: tuple[Mode, ...] = (Mode.MEMORY,)
    has_threads: bool = True
    keeps_keys: bool = True
    version_option: str | None = "--version"


ALL_MODES = (Mode.MEMORY, Mode.NO_SYNC, Mode.DURABLE)
REDIS_MODES = (Mode.MEMORY, Mode.DURABLE)

KINDS = [
    Kind("cairn", str(ROOT / "build" / "cairn-server"), cairn_command, modes=ALL_MODES),
    Kind("redis", "redis-server", redis_command, modes=REDIS_MODES, has_threads=False),
    Kind("valkey", "valkey-server", redis_command, modes=REDIS_MODES, has_threads=False),
    Kind("memcached", "memcached", memcached_command, protocol="memcache"),
    Kind("pogocache", "pogocache", pogocache_command),
    Kind("responder", str(RESPONDER), responder_command, keeps_keys=False, version_option=None),
]


@dataclasses.dataclass(frozen=True)
class Candidate:
    kind: Kind
    path: str
    mode: Mode
    options: tuple[str, ...]

    @property
    def label(self) -> str:
        if len(self.kind.modes) == 1 or (self.mode is Mode.MEMORY and self.kind.name != "cairn"):
            return self.kind.name
        return f"{self.kind.name} ({self.mode.value})"

    def version(self) -> str | None:
        if self.kind.version_option is None:
            return None
        command = [self.path, self.kind.version_option]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[0] if lines else "unknown"


@dataclasses.dataclass(frozen=True)
class Data:
    """The keys and values that a server is filled with."""

    keys: int
    key_bytes: int
    value_bytes: int

    def options(self) -> list[str]:
        return ["--keys", str(self.keys), "--key-bytes", str(self.key_bytes),
                "--value-bytes", str(self.value_bytes)]


@dataclasses.dataclass
class Server:
    candidate: Candidate
    port: int
    process: subprocess.Popen

    @property
    def label(self) -> str:
        return self.candidate.label

    def cpu_ns(self) -> int:
        """User and system time of all threads, those that ended included, to the nanosecond."""
        process_clock = (~self.process.pid << 3) | 2
        return time.clock_gettime_ns(process_clock)

    def rss_bytes(self) -> int:
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        line = next(line for line in rollup.splitlines() if line.startswith("Rss:"))
        return int(line.split()[1]) * 1024

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=START_SECONDS_MAX)

    def ping(self, connection: socket.socket) -> None:
        is_resp = self.candidate.kind.protocol == "resp"
        connection.sendall(b"*1\r\n$4\r\nPING\r\n" if is_resp else b"version\r\n")
        if not connection.recv(64):
            raise ConnectionError(f"{self.label} closed the connection")

    def load(self, *options: str) -> dict:
        """Runs the load generator against it and returns its report."""
        command = [GENERATOR, "--port", str(self.port), "--json",
                   "--protocol", self.candidate.kind.protocol, *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the load on {self.label} failed")
        return json.loads(done.stdout)

    def fill(self, data: Data) -> None:
        if not self.candidate.kind.keeps_keys:
            return
        report = self.load("--fill", *data.options())
        if report["errors"] > 0:
            raise RuntimeError(f"{self.label} refused {report['errors']} of the writes of a fill")

    def await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.label} did not start")
            try:
                with self.connect() as connection:
                    self.ping(connection)
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"{self.label} did not answer")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def confine(cpus: set[int] | None) -> None:
    """Runs in the new process before its program. Under valgrind, memcached starts only when the
    soft limit of open files is just what it would ask for."""
    if cpus:
        os.sched_setaffinity(0, cpus)
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(CONNECTIONS_MAX, hard_limit), hard_limit))


@contextmanager
def running(candidate: Candidate, directory: pathlib.Path, *, threads: int = 1,
            value_bytes: int = 64, cpus: set[int] | None = None,
            prefix: Sequence[str] = ()) -> Iterator[Server]:
    """Runs a server in a directory of its own; `prefix` is what to run it under."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix=candidate.kind.name + "-", dir=directory) as own:
        start = Start(candidate.path, port, own, candidate.mode, threads, value_bytes,
                      list(candidate.options))
        process = subprocess.Popen([*prefix, *candidate.kind.command(start)], cwd=own,
                                   preexec_fn=lambda: confine(cpus),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        server = Server(candidate, port, process)
        try:
            server.await_ready()
            yield server
        finally:
            server.stop()


@contextmanager
def running_all(candidates: list[Candidate], directory: pathlib.Path,
                **options) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running(candidate, directory, **options))
               for candidate in candidates]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for kind in KINDS:
        parser.add_argument(f"--{kind.name}", metavar="PATH", default=kind.program,
                            help=f"the program (default: {display_path(kind.program)})")
    parser.add_argument("--only", metavar="NAMES", help="compare only these, such as cairn,redis")
    parser.add_argument("--cairn-options", metavar="TEXT", default="", help="more for cairn-server")
    parser.add_argument("--pogocache-options", metavar="TEXT", default="",
                        help="more for pogocache")
    parser.add_argument("--reference", metavar="NAME", default="cairn",
                        help="the server that ratios are about (default: cairn)")
    parser.add_argument("--dir", metavar="PATH", type=pathlib.Path, default=ROOT / "build",
                        help="where servers keep their data, on a real disk (default: build)")


def display_path(path: str) -> str:
    return path.removeprefix(str(ROOT) + os.sep)


def find_candidates(arguments: argparse.Namespace) -> list[Candidate]:
    """Every mode of every program that is there; says which are not."""
    wanted = arguments.only.split(",") if arguments.only else [kind.name for kind in KINDS]
    unknown = set(wanted) - {kind.name for kind in KINDS}
    if unknown:
        sys.exit(f"--only: nothing is called {', '.join(sorted(unknown))}")

    candidates = []
    for kind in (kind for kind in KINDS if kind.name in wanted):
        path = shutil.which(getattr(arguments, kind.name))
        if path is None:
            note(f"{kind.name} is not there; give its path with --{kind.name}")
            continue
        options = shlex.split(getattr(arguments, f"{kind.name}_options", ""))
        candidates += [Candidate(kind, os.path.abspath(path), mode, tuple(options))
                       for mode in kind.modes]
    return candidates


def build_tools() -> None:
    """Compiles the generator and the responder, always optimised, when a source is newer."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    sources = [*TOOL_SOURCES.values(), *(ROOT / "bench").glob("*.[ch]")]
    newest = max(source.stat().st_mtime for source in sources)
    for tool, source in TOOL_SOURCES.items():
        if tool.exists() and tool.stat().st_mtime > newest:
            continue
        compiler = shlex.split(os.environ.get("CC", "cc"))
        subprocess.run([*compiler, "-std=gnu17", "-O2", "-pthread", "-o", tool, source], check=True)


def prepare() -> None:
    """Makes ready what all runs need: the tools, and as many open files as the system allows."""
    build_tools()
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
