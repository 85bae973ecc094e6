#!/usr/bin/env python3
"""Measures what a key and what a connection cost in resident memory; see ../README.md.

Each server starts anew for each measure, so that nothing freed earlier hides what is taken now.
"""

import argparse
import contextlib
import dataclasses
import pathlib
import tempfile
import time

import servers
from servers import Candidate, Data, Mode, Server, note
from table import markdown_table, ratio

SETTLE_SECONDS = 1.0
WARM_CONNECTIONS = 50


@dataclasses.dataclass
class Cost:
    """Bytes per key for each size of value, and bytes per connection."""

    label: str
    kind_name: str
    key_bytes: dict[int, float]
    connection_bytes: float


def settled_rss_bytes(server: Server) -> int:
    """Resident memory when it stands still: a server may go on for a while after its last reply."""
    before = server.rss_bytes()
    while True:
        time.sleep(SETTLE_SECONDS)
        now = server.rss_bytes()
        if abs(now - before) * 1000 <= before:
            return now
        before = now


def warm(server: Server) -> None:
    """Lets the server take what it takes once, before the first key or connection is counted."""
    with contextlib.ExitStack() as stack:
        for _ in range(WARM_CONNECTIONS):
            server.ping(stack.enter_context(server.connect()))


def bytes_per_key(candidate: Candidate, directory: pathlib.Path, data: Data) -> float:
    with servers.running(candidate, directory, value_bytes=data.value_bytes) as server:
        warm(server)
        before = settled_rss_bytes(server)
        server.fill(data)
        return (settled_rss_bytes(server) - before) / data.keys


def bytes_per_connection(candidate: Candidate, directory: pathlib.Path, count: int) -> float:
    with servers.running(candidate, directory) as server, contextlib.ExitStack() as stack:
        warm(server)
        before = settled_rss_bytes(server)
        for _ in range(count):
            server.ping(stack.enter_context(server.connect()))
        return (settled_rss_bytes(server) - before) / count


def measure(candidate: Candidate, directory: pathlib.Path,
            arguments: argparse.Namespace) -> Cost:
    note(f"measuring {candidate.label}")
    per_key = {}
    if candidate.kind.keeps_keys:
        for value_bytes in arguments.value_bytes:
            data = Data(arguments.keys, arguments.key_bytes, value_bytes)
            per_key[value_bytes] = bytes_per_key(candidate, directory, data)
    connection = bytes_per_connection(candidate, directory, arguments.connections)
    return Cost(candidate.label, candidate.kind.name, per_key, connection)


def row(cost: Cost, reference: Cost | None, arguments: argparse.Namespace) -> list[str]:
    cells = [cost.label]
    is_other = reference is not None and reference is not cost
    for value_bytes in arguments.value_bytes:
        ours = reference.key_bytes.get(value_bytes) if is_other else None
        theirs = cost.key_bytes.get(value_bytes)
        if theirs is None:
            cells += ["–", "–", "–"]
            continue
        overhead = theirs - arguments.key_bytes - value_bytes
        cells += [f"{theirs:.1f}", f"{overhead:.1f}", ratio(ours, theirs)]
    ours = reference.connection_bytes if is_other else None
    return [*cells, f"{cost.connection_bytes:.0f}", ratio(ours, cost.connection_bytes)]


def report(costs: list[Cost], arguments: argparse.Namespace) -> str:
    reference = next((cost for cost in costs if cost.kind_name == arguments.reference), None)
    header = ["server"]
    for value_bytes in arguments.value_bytes:
        header += [f"B/key {arguments.key_bytes}+{value_bytes}", "of it overhead",
                   f"{arguments.reference} has"]
    header += ["B/connection", f"{arguments.reference} has"]
    return markdown_table(header, [row(cost, reference, arguments) for cost in costs])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    servers.add_arguments(parser)
    parser.add_argument("--keys", type=int, default=5_000_000, help="default: 5000000")
    parser.add_argument("--key-bytes", type=int, default=16, help="default: 16")
    parser.add_argument("--value-bytes", type=int, nargs="+", default=[64, 8],
                        help="sizes to measure (default: 64 8)")
    parser.add_argument("--connections", type=int, default=2000, help="default: 2000")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    servers.prepare()
    candidates = [candidate for candidate in servers.find_candidates(arguments)
                  if candidate.mode is not Mode.DURABLE]
    arguments.dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="memory-", dir=arguments.dir) as directory:
        costs = [measure(candidate, pathlib.Path(directory), arguments)
                 for candidate in candidates]
    print(report(costs, arguments))


if __name__ == "__main__":
    main()
