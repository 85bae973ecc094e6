#!/usr/bin/env python3
"""Counts the user instructions of an operation, by valgrind; see ../README.md.

The same stream of commands runs twice, with few and with many operations. What the second run
took more, divided by how many more they were, is the price of one: start-up, filling and the
accepting of connections are in both and cancel. What else the machine does hardly matters.
"""

import argparse
import dataclasses
import pathlib
import re
import shutil
import sys
import tempfile

import servers
from servers import Candidate, Data, Mode, note
from table import markdown_table, ratio

WORKLOADS = ("get", "set")


@dataclasses.dataclass(frozen=True)
class Stream:
    """What a server is asked: a fill, then operations."""

    data: Data
    pipeline: int
    connections: int


@dataclasses.dataclass
class Price:
    label: str
    kind_name: str
    instructions: dict[str, float]  # per operation of a workload


def read_total(profile: pathlib.Path) -> int:
    """The instructions of the whole process, from the end of a profile."""
    totals = re.findall(r"^totals: (\d+)", profile.read_text(), re.MULTILINE)
    if not totals:
        raise RuntimeError(f"{profile.name} has no totals")
    return int(totals[-1])


def count_run(candidate: Candidate, directory: pathlib.Path, stream: Stream, workload: str,
              operations: int) -> int:
    """Instructions of a server from its start to its end."""
    profile = directory / "profile"
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}"]
    with servers.running(candidate, directory, prefix=valgrind,
                         value_bytes=stream.data.value_bytes) as server:
        server.fill(stream.data)
        report = server.load("--workload", workload, "--pipeline", str(stream.pipeline),
                             "--connections", str(stream.connections),
                             "--requests", str(operations), *stream.data.options())
        if report["errors"] or report["misses"]:
            note(f"{server.label}: {report['errors']} errors, {report['misses']} misses")
    total = read_total(profile)
    profile.unlink()
    return total


def price(candidate: Candidate, directory: pathlib.Path, stream: Stream,
          operations: tuple[int, int]) -> Price:
    per_operation = {}
    few, many = operations
    for workload in WORKLOADS:
        note(f"counting {candidate.label} {workload}")
        more = (count_run(candidate, directory, stream, workload, many) -
                count_run(candidate, directory, stream, workload, few))
        per_operation[workload] = more / (many - few)
    return Price(candidate.label, candidate.kind.name, per_operation)


def report_table(prices: list[Price], reference_name: str) -> str:
    reference = next((price for price in prices if price.kind_name == reference_name), None)
    header = ["server"]
    for workload in WORKLOADS:
        header += [f"instructions/{workload.upper()}", f"{reference_name} has"]
    rows = []
    for each in prices:
        row = [each.label]
        for workload in WORKLOADS:
            ours = reference.instructions[workload] if reference not in (None, each) else None
            row += [f"{each.instructions[workload]:.0f}", ratio(ours, each.instructions[workload])]
        rows.append(row)
    return markdown_table(header, rows)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    servers.add_arguments(parser)
    parser.add_argument("--keys", type=int, default=20_000, help="default: 20000")
    parser.add_argument("--key-bytes", type=int, default=16, help="default: 16")
    parser.add_argument("--value-bytes", type=int, default=64, help="default: 64")
    parser.add_argument("--operations", type=int, nargs=2, default=(20_000, 220_000),
                        metavar=("FEW", "MANY"), help="default: 20000 220000")
    parser.add_argument("--pipeline", type=int, default=16, help="default: 16")
    parser.add_argument("--connections", type=int, default=50, help="default: 50")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not there; its package is called valgrind")
    few, many = arguments.operations
    if few >= many:
        sys.exit("--operations takes the smaller number first")

    servers.prepare()
    candidates = [candidate for candidate in servers.find_candidates(arguments)
                  if candidate.mode is not Mode.DURABLE]
    stream = Stream(Data(arguments.keys, arguments.key_bytes, arguments.value_bytes),
                    arguments.pipeline, arguments.connections)
    arguments.dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="instructions-", dir=arguments.dir) as directory:
        prices = [price(candidate, pathlib.Path(directory), stream, (few, many))
                  for candidate in candidates]
    print(report_table(prices, arguments.reference))


if __name__ == "__main__":
    main()
