"""Starts, stops, kills and restarts the server under test.

The environment chooses the program: CAIRN_SERVER (default build/cairn-server) is the server under test, and
ORACLE_SERVER (default redis-server) is the one to compare with. Both take Redis-style options. A redis-server may
also be the server under test: that is how the tests themselves are tested.

    with Server(options={"appendfsync": "always"}) as server:
        with server.client() as client:
            ...
        server.kill()               # SIGKILL
        server.start()              # the same port and directory again
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from support.resp import Client, Closed

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY_LINE = "Ready to accept connections"

# Slow builds (sanitizers, valgrind) multiply every wait by this.
PATIENCE = float(os.environ.get("CAIRN_TEST_PATIENCE", "1"))
START_TIMEOUT_SECONDS = 30 * PATIENCE
STOP_TIMEOUT_SECONDS = 30 * PATIENCE

# What a sanitizer, an assertion or a crash leaves in the log.
ALARMS = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:"
    r"|assertion failed|ASSERT(ION)? ?[A-Z]*FAILED|BUG REPORT",
    re.IGNORECASE,
)


class StartFailed(Exception):
    """The server ended, or stayed silent, before it was ready."""


def subject_path():
    """The program under test."""
    chosen = os.environ.get("CAIRN_SERVER", "build/cairn-server")
    return find_program(chosen)


def oracle_path():
    """The redis-server to compare with."""
    return find_program(os.environ.get("ORACLE_SERVER", "redis-server"))


def find_program(name):
    if os.sep in name:
        return str(name if os.path.isabs(name) else REPOSITORY / name)
    return shutil.which(name) or name


def is_redis(path):
    return os.path.basename(path).startswith(("redis", "valkey"))


def free_port():
    """A TCP port that was free a moment ago on both 127.0.0.1 and ::1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def default_options(path, is_durable):
    """Quiet options that suit both servers; a durable redis-server needs its log switched on."""
    options = {"bind": "127.0.0.1", "loglevel": "notice", "save": "", "enable-debug-command": "yes"}
    if is_redis(path):
        options["appendonly"] = "yes" if is_durable else "no"
    else:
        options["threads"] = os.environ.get("CAIRN_THREADS", "2")
    options["appendfsync"] = "always" if is_durable else "no"
    return options


def command_line(path, options):
    line = [path]
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        line.append(f"--{name}")
        line.extend(str(each) for each in values)
    return line


class Server:
    """One server process with its own port and data directory. Durable (`appendfsync always`) unless told otherwise.

    A `directory` that the caller gives is kept; everything else vanishes with the object.
    """

    def __init__(
        self, options=None, path=None, directory=None, is_durable=True, arguments=(), file_limit=None
    ):
        self.path = path or subject_path()
        self.is_redis = is_redis(self.path)
        self.scratch = tempfile.mkdtemp(prefix="cairn-test-")
        self.directory = str(directory or os.path.join(self.scratch, "data"))
        os.makedirs(self.directory, exist_ok=True)
        self.port = free_port()
        self.options = default_options(self.path, is_durable)
        self.options.update(options or {})
        self.arguments = list(arguments)
        self.file_limit = file_limit
        self.process = None
        self.log_path = os.path.join(self.scratch, "log")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.clean()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            self.finish(check=kind is None)
        finally:
            self.clean()

    # Life and death

    def start(self, wait=True):
        """Starts the process on the directory; returns when it accepts connections, unless told not to wait."""
        assert self.process is None, "the server already runs"
        options = {"port": self.port, "dir": self.directory, **self.options}
        log = open(self.log_path, "ab")
        self.log_start = log.tell()
        try:
            self.process = subprocess.Popen(
                command_line(self.path, options) + self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.scratch,
                preexec_fn=self.limit_files if self.file_limit else None,
            )
        except OSError as problem:
            raise StartFailed(f"{self.path}: {problem}") from problem
        finally:
            log.close()
        if wait:
            self.wait_until_ready()
        return self

    def limit_files(self):
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (self.file_limit, self.file_limit))

    def wait_until_ready(self, timeout=None):
        deadline = time.monotonic() + (timeout or START_TIMEOUT_SECONDS)
        while READY_LINE not in self.log():
            if self.process.poll() is not None:
                code = self.process.returncode
                self.process = None
                raise StartFailed(f"the server ended with {code} before it was ready:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise StartFailed(f"the server was not ready in time:\n{self.log_tail()}")
            time.sleep(0.002)

    def kill(self):
        """SIGKILL: nothing gets a chance to be written any more."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def terminate(self):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def restart(self):
        """A clean stop and a start on the same directory."""
        code = self.terminate()
        assert code == 0, f"SIGTERM made the server exit with {code}:\n{self.log_tail()}"
        return self.start()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=None):
        """The exit code of a process that is ending."""
        try:
            code = self.process.wait(timeout or STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process = None
            raise AssertionError(f"the server did not end in time:\n{self.log_tail()}") from None
        self.process = None
        return code

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def finish(self, check=True):
        """Stops what still runs. With `check`, a server that died or complained by itself is a failure."""
        if self.process is None:
            return
        died = self.process.poll()
        if died is None:
            code = self.terminate() if check else self.kill()
        else:
            code = died
            self.process = None
        if check:
            assert died is None, f"the server ended by itself with {died}:\n{self.log_tail()}"
            assert code == 0, f"SIGTERM made the server exit with {code}:\n{self.log_tail()}"
            assert not self.alarms(), f"the server complained:\n{self.log_tail(100)}"

    def clean(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        shutil.rmtree(self.scratch, ignore_errors=True)

    # Talking

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def client(self, **options):
        return Client(self.address, **options)

    def call(self, *arguments):
        """One command over a connection of its own."""
        with self.client() as client:
            return client.call(*arguments)

    def info(self, section="everything"):
        """INFO as a dictionary of strings."""
        return parse_info(self.call("INFO", section))

    # Looking

    def log(self):
        """What this run of the process has printed."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def log_tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def alarms(self):
        with open(self.log_path, "r", errors="replace") as file:
            return [line for line in file if ALARMS.search(line)]

    def cpu_seconds(self):
        """User and system time that the process has used."""
        with open(f"/proc/{self.process.pid}/stat", "rb") as file:
            fields = file.read().rsplit(b")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def parse_info(text):
    assert isinstance(text, bytes), f"INFO answered {text!r}"
    lines = text.decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if line and not line.startswith("#"))


def wait_for(condition, timeout=20.0, step=0.01):
    """Waits until `condition()` holds and returns its value; a guard against hanging, not a measurement."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"this never became true: {condition}"
        time.sleep(step)


def is_refusing_connections(server):
    try:
        with server.client(timeout=1):
            return False
    except (OSError, Closed):
        return True
