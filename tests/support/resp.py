"""A small client of the Redis serialization protocol, versions 2 and 3, that hides nothing.

Client libraries turn replies into what their users like. Tests want to know what was on the wire, so here every
reply keeps its type, errors are values, and the exact bytes of the last reply stay available.

    with Client(("127.0.0.1", port)) as client:
        client.call("SET", "key", "value")      # Status(b'OK')
        client.call("GET", "missing")           # None; client.last_raw tells $-1 from *-1 and _
        client.call("NONSENSE")                 # Error(b"ERR unknown command ...")
        client.pipeline([("INCR", "n")] * 3)    # [1, 2, 3]
"""

import socket
import time


class Status(bytes):
    """A simple string: +OK."""

    def __repr__(self):
        return f"Status({bytes(self)!r})"


class Error(bytes):
    """An error reply, as a value: -ERR text, or !length text in RESP3."""

    @property
    def code(self):
        return self.split(b" ", 1)[0]

    def __repr__(self):
        return f"Error({bytes(self)!r})"


class Double(float):
    """A RESP3 double that remembers how it was spelled."""

    text = b""


class BigNumber(int):
    """A RESP3 big number."""


class Verbatim(bytes):
    """A RESP3 verbatim string; `format` holds its three letters."""

    format = b""


class Map(list):
    """A RESP3 map as a list of pairs, in the order of the wire."""

    def as_dict(self):
        return {key: value for key, value in self}


class Set(list):
    """A RESP3 set, in the order of the wire."""


class Push(list):
    """A RESP3 out-of-band message."""


class Incomplete(Exception):
    """More bytes are needed before the next reply is whole."""


class ProtocolViolation(Exception):
    """The server sent something that is no reply."""


class Closed(Exception):
    """The server closed the connection before the reply was whole."""


def encode(arguments):
    """The multibulk form of one command. Arguments are bytes, str, int or float."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = to_bytes(argument)
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def to_bytes(argument):
    if isinstance(argument, bytes):
        return argument
    if isinstance(argument, str):
        return argument.encode()
    return repr(argument).encode()


def parse(buffer, position=0):
    """Parses one reply that starts at `position`; returns (value, position after it) or raises Incomplete."""
    end = buffer.find(b"\r\n", position)
    if end < 0:
        raise Incomplete
    line = bytes(buffer[position + 1 : end])
    reader = READERS.get(buffer[position])
    if reader is None:
        raise ProtocolViolation(f"a reply starts with {bytes(buffer[position:end])[:80]!r}")
    return reader(buffer, line, end + 2)


def read_sized(buffer, line, position):
    size = int(line)
    if len(buffer) < position + size + 2:
        raise Incomplete
    data = bytes(buffer[position : position + size])
    if buffer[position + size : position + size + 2] != b"\r\n":
        raise ProtocolViolation("a sized reply does not end where its size says")
    return data, position + size + 2


def read_bulk(buffer, line, position):
    if line == b"-1":
        return None, position
    return read_sized(buffer, line, position)


def read_bulk_error(buffer, line, position):
    data, position = read_sized(buffer, line, position)
    return Error(data), position


def read_verbatim(buffer, line, position):
    data, position = read_sized(buffer, line, position)
    value = Verbatim(data[4:])
    value.format = data[:3]
    return value, position


def read_elements(buffer, count, position):
    elements = []
    for _ in range(count):
        element, position = parse(buffer, position)
        elements.append(element)
    return elements, position


def read_array(buffer, line, position):
    if line == b"-1":
        return None, position
    return read_elements(buffer, int(line), position)


def read_map(buffer, line, position):
    flat, position = read_elements(buffer, 2 * int(line), position)
    return Map(zip(flat[::2], flat[1::2])), position


def read_set(buffer, line, position):
    elements, position = read_elements(buffer, int(line), position)
    return Set(elements), position


def read_push(buffer, line, position):
    elements, position = read_elements(buffer, int(line), position)
    return Push(elements), position


def read_double(buffer, line, position):
    value = Double(line)
    value.text = line
    return value, position


def read_boolean(buffer, line, position):
    if line not in (b"t", b"f"):
        raise ProtocolViolation(f"a boolean says {line!r}")
    return line == b"t", position


READERS = {
    ord("+"): lambda buffer, line, position: (Status(line), position),
    ord("-"): lambda buffer, line, position: (Error(line), position),
    ord(":"): lambda buffer, line, position: (int(line), position),
    ord("$"): read_bulk,
    ord("*"): read_array,
    ord("_"): lambda buffer, line, position: (None, position),
    ord("#"): read_boolean,
    ord(","): read_double,
    ord("("): lambda buffer, line, position: (BigNumber(line), position),
    ord("!"): read_bulk_error,
    ord("="): read_verbatim,
    ord("%"): read_map,
    ord("~"): read_set,
    ord(">"): read_push,
}


def skip(buffer, position):
    """The position after the reply at `position`, without building its value. Raises Incomplete."""
    remaining = 1
    while remaining:
        end = buffer.find(b"\r\n", position)
        if end < 0:
            raise Incomplete
        kind = buffer[position]
        remaining -= 1
        if kind in SIZED_KINDS:
            size = int(buffer[position + 1 : end])
            position = end + 2 if size < 0 else end + 4 + size
            if position > len(buffer):
                raise Incomplete
        else:
            if kind in ELEMENTS_PER_COUNT:
                remaining += max(0, int(buffer[position + 1 : end])) * ELEMENTS_PER_COUNT[kind]
            position = end + 2
    return position


SIZED_KINDS = frozenset(b"$!=")
ELEMENTS_PER_COUNT = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2}


class Client:
    """One connection. Every wait is bounded by `timeout` seconds."""

    def __init__(self, address, timeout=20.0, protocol=2, database=0):
        self.timeout = timeout
        self.socket = connect(address, timeout)
        self.buffer = bytearray()
        self.last_raw = b""
        if protocol != 2:
            self.expect_map(self.call("HELLO", protocol))
        if database:
            self.call("SELECT", database)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    @staticmethod
    def expect_map(reply):
        if isinstance(reply, Error):
            raise ProtocolViolation(f"HELLO was refused: {reply!r}")

    def send(self, *arguments):
        self.socket.sendall(encode(arguments))

    def send_raw(self, data):
        self.socket.sendall(data)

    def call(self, *arguments):
        """Sends one command and returns its reply."""
        self.send(*arguments)
        return self.read()

    def ok(self, *arguments):
        """Sends one command that must be answered by +OK."""
        reply = self.call(*arguments)
        assert reply == b"OK" and isinstance(reply, Status), f"{arguments[:4]!r} was answered by {reply!r}"

    def pipeline(self, commands):
        """Sends all commands at once and returns their replies."""
        commands = list(commands)
        self.send_raw(b"".join(encode(command) for command in commands))
        return [self.read() for _ in commands]

    def read(self, timeout=None):
        """The next reply. Raises Closed at the end of the stream and TimeoutError when nothing comes."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                value, end = parse(self.buffer)
            except Incomplete:
                self.fill(deadline)
                continue
            self.last_raw = bytes(self.buffer[:end])
            del self.buffer[:end]
            return value

    def read_replies(self, count):
        """The next `count` replies; cheaper than `count` reads when they are many and small."""
        replies = []
        deadline = time.monotonic() + self.timeout
        position = 0
        while len(replies) < count:
            try:
                value, position = parse(self.buffer, position)
                replies.append(value)
            except Incomplete:
                del self.buffer[:position]
                position = 0
                self.fill(deadline)
        del self.buffer[:position]
        return replies

    def fill(self, deadline):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError(
                f"no whole reply in time; {len(self.buffer)} bytes waiting: {bytes(self.buffer[:60])!r}"
            )
        self.socket.settimeout(remaining)
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError as problem:
            raise Closed("the connection was reset") from problem
        finally:
            self.socket.settimeout(self.timeout)
        if not data:
            raise Closed(f"the server closed the connection; left over: {bytes(self.buffer[:60])!r}")
        self.buffer += data

    def is_closed_by_server(self, timeout=10.0):
        """True when the server ends the stream within `timeout` seconds; replies before the end are discarded."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.fill(deadline)
            except Closed:
                return True
            except TimeoutError:
                return False

    def has_nothing_to_read(self, seconds=0.1):
        """True when no byte arrives within `seconds`."""
        try:
            self.read(timeout=seconds)
        except TimeoutError:
            return not self.buffer
        return False


def connect(address, timeout):
    """A connected stream socket; `address` is (host, port) or the path of a Unix socket."""
    if isinstance(address, str):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        connection.connect(address)
        return connection
    connection = socket.create_connection(address, timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
