"""Two servers that are told the same things: the oracle and the subject.

Commands go out in batches to both, while replies are collected from both, so that neither side ever waits for the
other to read. A batch ends when each has sent as many replies as there were commands.
"""

import os
import selectors
import socket
import time

from support import resp
from support.server import PATIENCE, Server, default_options, is_redis

REPLY_TIMEOUT_SECONDS = 30 * PATIENCE

SIDES = ("oracle", "subject")


class Silent(Exception):
    """A server owes replies and sends nothing, or has closed the connection."""

    def __init__(self, side, received, why):
        super().__init__(f"the {side} {why} after {received} replies")
        self.side = side
        self.received = received
        self.why = why


class Link:
    """One connection to one server, without blocking."""

    def __init__(self, side, port):
        self.side = side
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=REPLY_TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.incoming = bytearray()
        self.outgoing = memoryview(b"")
        self.ends = []

    def begin(self, payload, count):
        self.outgoing = memoryview(payload)
        self.ends = []
        self.count = count
        self.position = 0

    @property
    def is_done(self):
        return len(self.ends) >= self.count and not self.outgoing

    def write_some(self):
        try:
            self.outgoing = self.outgoing[self.socket.send(self.outgoing) :]
        except BlockingIOError:
            pass
        except OSError as problem:
            raise Silent(self.side, len(self.ends), f"broke the connection ({problem})") from problem

    def read_some(self):
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError as problem:
            raise Silent(self.side, len(self.ends), f"broke the connection ({problem})") from problem
        if not data:
            raise Silent(self.side, len(self.ends), "closed the connection")
        self.incoming += data
        self.find_ends()

    def find_ends(self):
        buffer, position, ends = self.incoming, self.position, self.ends
        try:
            while len(ends) < self.count:
                position = resp.skip(buffer, position)
                ends.append(position)
        except resp.Incomplete:
            pass
        self.position = position

    def take(self):
        """The replies of the batch as bytes."""
        data = bytes(self.incoming[: self.position])
        del self.incoming[: self.position]
        replies = []
        start = 0
        for end in self.ends:
            replies.append(data[start:end])
            start = end
        return replies

    def close(self):
        self.socket.close()


class Connection:
    """The same conversation with both servers."""

    def __init__(self, ports):
        self.links = []
        self.selector = selectors.DefaultSelector()
        for side, port in zip(SIDES, ports):
            self.links.append(Link(side, port))

    def exchange(self, commands):
        """Sends the commands to both; returns the two lists of raw replies."""
        payload = b"".join(map(encode, commands))
        return self.exchange_raw(payload, len(commands))

    def exchange_raw(self, payload, count):
        selector = self.selector
        for link in self.links:
            link.begin(payload, count)
            link.write_some()
            selector.register(
                link.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if link.outgoing else 0), link
            )
        waiting = len(self.links)
        try:
            while waiting:
                events = selector.select(REPLY_TIMEOUT_SECONDS)
                if not events:
                    late = next(link for link in self.links if not link.is_done)
                    raise Silent(late.side, len(late.ends), "stays silent")
                for key, mask in events:
                    link = key.data
                    if mask & selectors.EVENT_READ:
                        link.read_some()
                    if mask & selectors.EVENT_WRITE:
                        link.write_some()
                        if not link.outgoing:
                            selector.modify(link.socket, selectors.EVENT_READ, link)
                    if link.is_done:
                        selector.unregister(link.socket)
                        waiting -= 1
        finally:
            for key in list(selector.get_map().values()):
                selector.unregister(key.fileobj)
        return self.links[0].take(), self.links[1].take()

    def ask(self, *arguments):
        """One command to both; the two decoded replies."""
        first, second = self.exchange([[resp.to_bytes(each) for each in arguments]])
        return resp.parse(first[0])[0], resp.parse(second[0])[0]

    def ask_one(self, side, commands):
        """Commands for one server only; their decoded replies."""
        link = self.links[SIDES.index(side)]
        link.socket.setblocking(True)
        link.socket.settimeout(REPLY_TIMEOUT_SECONDS)
        try:
            link.socket.sendall(
                b"".join(encode([resp.to_bytes(each) for each in command]) for command in commands)
            )
            link.begin(b"", len(commands))
            link.find_ends()
            while not link.is_done:
                link.read_some()
        finally:
            link.socket.setblocking(False)
        return [resp.parse(raw)[0] for raw in link.take()]

    def close(self):
        self.selector.close()
        for link in self.links:
            link.close()


ENCODED = {}
ENCODED_MAX = 20000


def encode(command):
    """The multibulk form; arguments are remembered because streams repeat them."""
    parts = [b"*%d\r\n" % len(command)]
    for argument in command:
        text = ENCODED.get(argument)
        if text is None:
            text = b"$%d\r\n%b\r\n" % (len(argument), argument)
            if len(ENCODED) < ENCODED_MAX:
                ENCODED[argument] = text
        parts.append(text)
    return b"".join(parts)


class Pair:
    """Both servers, their connections, and the way back to a clean state."""

    def __init__(self, oracle, subject, protocol=2, connections=2):
        self.servers = (oracle, subject)
        self.protocol = protocol
        self.connection_count = connections
        self.connections = []
        self.control = None

    @property
    def ports(self):
        return [server.port for server in self.servers]

    def reset(self):
        """Fresh connections and empty databases; a server that died is started again."""
        self.close()
        for server in self.servers:
            if not server.is_running:
                if server.process is not None:
                    server.wait()
                server.start()
        self.control = Connection(self.ports)
        self.control.ask("FLUSHALL")
        self.connections = [self.connect() for _ in range(self.connection_count)]

    def connect(self):
        connection = Connection(self.ports)
        if self.protocol != 2:
            connection.ask("HELLO", self.protocol)
        return connection

    def close(self):
        for connection in self.connections:
            connection.close()
        if self.control is not None:
            self.control.close()
        self.connections = []
        self.control = None


def start_server(path, options=()):
    """A server for comparisons: no persistence to wait for, debug commands allowed."""
    extra = dict(option.split("=", 1) for option in options)
    is_durable = os.environ.get("DIFFERENTIAL_DURABLE", "0" if is_redis(path) else "1") == "1"
    return Server(path=path, options=extra, is_durable=is_durable).start()


def pause(milliseconds):
    time.sleep(milliseconds / 1000)


__all__ = ["Connection", "Pair", "Silent", "default_options", "pause", "start_server"]
