#!/usr/bin/env python3
"""Compares Cairn with its peers and with the bare responder; see ../README.md.

The servers of a section run at the same time, idle but for the one that is under load. They take
turns, one short run each, for several rounds; what counts is the median over the rounds.
"""

import argparse
import dataclasses
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable

import chart
import servers
from servers import Candidate, Data, Mode, Server, note
from table import markdown_table, ratio, thousands

WARM_SECONDS_MAX = 1.0
CLIENT_BOUND_PERCENT = 97

IN_MEMORY = (Mode.MEMORY, Mode.NO_SYNC)
ON_DISK = (Mode.DURABLE,)


@dataclasses.dataclass(frozen=True)
class Section:
    name: str  # how --sections calls it
    workload: str
    pipeline: int
    modes: tuple[Mode, ...] = IN_MEMORY
    connections: int | None = None  # None: as --connections says
    threads: int = 1

    def is_called(self, start: str) -> bool:
        """Whether its name is `start` or goes on with a dash."""
        return f"{self.name}-".startswith(f"{start}-")

    def title(self, connections: int) -> str:
        pipelined = f"pipeline {self.pipeline}" if self.pipeline > 1 else "not pipelined"
        durable = "durable " if self.modes is ON_DISK else ""
        workers = f", {self.threads} workers" if self.threads > 1 else ""
        count = self.connections or connections
        plural = "connection" if count == 1 else "connections"
        return f"{durable}{self.workload.upper()}, {pipelined}, {count} {plural}{workers}"

    def short_title(self, connections: int) -> str:
        durable = "durable " if self.modes is ON_DISK else ""
        workers = f", {self.threads} workers" if self.threads > 1 else ""
        return (f"{durable}{self.workload.upper()}{workers}\n"
                f"P={self.pipeline}, C={self.connections or connections}")


SECTIONS = [
    Section("p16-get", "get", 16),
    Section("p16-set", "set", 16),
    Section("p64-get", "get", 64),
    Section("p64-set", "set", 64),
    Section("p1-get", "get", 1),
    Section("p1-set", "set", 1),
    Section("durable-p16-c50", "set", 16, ON_DISK, 50),
    Section("durable-p1-c1", "set", 1, ON_DISK, 1),
    Section("durable-p1-c50", "set", 1, ON_DISK, 50),
    Section("durable-p1-c500", "set", 1, ON_DISK, 500),
    Section("workers2-p64-get", "get", 64, threads=2),
]


@dataclasses.dataclass(frozen=True)
class Run:
    ops_per_second: float
    server_us_per_op: float
    p50_us: float
    p99_us: float
    p99_9_us: float
    client_busy_percent: float
    errors: int
    misses: int


@dataclasses.dataclass
class Outcome:
    """All runs of one candidate in one section."""

    label: str
    kind_name: str
    runs: list[Run] = dataclasses.field(default_factory=list)

    def median(self, field: str) -> float:
        return statistics.median(getattr(run, field) for run in self.runs)

    def total(self, field: str) -> int:
        return sum(getattr(run, field) for run in self.runs)


@dataclasses.dataclass(frozen=True)
class Setup:
    """How to measure."""

    data: Data
    connections: int
    seconds: float
    runs: int
    server_cpus: set[int]
    client_cpu: int | None
    directory: pathlib.Path


def measure(server: Server, section: Section, setup: Setup, seconds: float) -> Run:
    options = ["--workload", section.workload, "--pipeline", str(section.pipeline),
               "--connections", str(section.connections or setup.connections),
               "--seconds", str(seconds), *setup.data.options()]
    if section.threads == 1 and setup.client_cpu is not None:
        options += ["--cpu", str(setup.client_cpu)]
    cpu_before_ns = server.cpu_ns()
    report = server.load(*options)
    cpu_ns = server.cpu_ns() - cpu_before_ns
    return Run(report["ops_per_second"], cpu_ns / 1000 / max(report["requests"], 1),
               report["p50_us"], report["p99_us"], report["p99_9_us"],
               report["client_busy_percent"], report["errors"], report["misses"])


def rotated(items: list, by: int) -> Iterable:
    """The same items from another start: nobody is always the first of a round."""
    by %= max(len(items), 1)
    return items[by:] + items[:by]


def run_section(section: Section, fleet: list[Server], setup: Setup) -> list[Outcome]:
    outcomes = {server.label: Outcome(server.label, server.candidate.kind.name)
                for server in fleet}
    for server in fleet:
        measure(server, section, setup, min(setup.seconds, WARM_SECONDS_MAX))
    for round_index in range(setup.runs):
        for server in rotated(fleet, round_index):
            run = measure(server, section, setup, setup.seconds)
            outcomes[server.label].runs.append(run)
            note(f"  {section.name} {round_index + 1}/{setup.runs}  {server.label:24}"
                 f" {run.ops_per_second:12,.0f} ops/s  {run.server_us_per_op:7.3f} us/op")
    return list(outcomes.values())


def fleet_candidates(candidates: list[Candidate], section: Section) -> list[Candidate]:
    return [candidate for candidate in candidates
            if candidate.mode in section.modes
            and (section.threads == 1 or candidate.kind.has_threads)]


def run_sections(sections: list[Section], candidates: list[Candidate],
                 setup: Setup) -> dict[Section, list[Outcome]]:
    """Sections that need the same servers share them, so a fill serves several sections."""
    results: dict[Section, list[Outcome]] = {}
    for needs in dict.fromkeys((section.modes, section.threads) for section in sections):
        group = [section for section in sections if (section.modes, section.threads) == needs]
        chosen = fleet_candidates(candidates, group[0])
        cpus = setup.server_cpus if group[0].threads == 1 else None
        with servers.running_all(chosen, setup.directory, threads=group[0].threads, cpus=cpus,
                                 value_bytes=setup.data.value_bytes) as fleet:
            for server in fleet:
                note(f"filling {server.label}")
                server.fill(setup.data)
            for section in group:
                results[section] = run_section(section, fleet, setup)
    return {section: results[section] for section in sections}


def find_reference(outcomes: list[Outcome], name: str) -> Outcome | None:
    return next((outcome for outcome in outcomes if outcome.kind_name == name), None)


def section_row(outcome: Outcome, reference: Outcome | None) -> list[str]:
    is_client_bound = outcome.median("client_busy_percent") >= CLIENT_BOUND_PERCENT
    rates = [run.ops_per_second for run in outcome.runs]
    ratios = ["–", "–"]
    if reference is not None and reference is not outcome:
        ratios = [ratio(reference.median(field), outcome.median(field))
                  for field in ("ops_per_second", "server_us_per_op")]
    return [outcome.label + (" †" if is_client_bound else ""),
            thousands(outcome.median("ops_per_second")),
            f"{thousands(min(rates))} … {thousands(max(rates))}",
            f"{outcome.median('server_us_per_op'):.3f}",
            *(f"{outcome.median(field):.1f}" for field in ("p50_us", "p99_us", "p99_9_us")),
            *ratios]


def section_report(section: Section, outcomes: list[Outcome], reference_name: str,
                   connections: int) -> str:
    reference = find_reference(outcomes, reference_name)
    about = reference.label if reference else reference_name
    header = ["server", "ops/s", "lowest … highest", "CPU µs/op", "p50 µs", "p99 µs", "p99.9 µs",
              f"ops/s of {about}", "its CPU/op"]
    table = markdown_table(header, [section_row(outcome, reference) for outcome in outcomes])
    title = section.title(connections)
    troubles = [f"{outcome.label}: {outcome.total('errors')} errors, "
                f"{outcome.total('misses')} misses" for outcome in outcomes
                if outcome.total("errors") or outcome.total("misses")]
    warning = "\n\n**Not all replies were good:** " + "; ".join(troubles) if troubles else ""
    return f"## {title[0].upper()}{title[1:]}\n\n{table}{warning}\n"


def machine_line() -> str:
    cpu = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return f"{cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def file_system_of(directory: pathlib.Path) -> str:
    """Its type; what is durable in memory is fast and proves nothing."""
    done = subprocess.run(["stat", "--file-system", "--format=%T", directory],
                          capture_output=True, text=True, check=True)
    name = done.stdout.strip()
    if name in ("tmpfs", "ramfs"):
        note(f"WARNING: {directory} is in memory ({name}); give a real disk with --dir")
    return name


def version_lines(candidates: list[Candidate]) -> list[str]:
    versions = {candidate.kind.name: candidate.version() for candidate in candidates}
    return [f"- {name}: {version}" for name, version in versions.items() if version]


def report_head(date: str, candidates: list[Candidate], setup: Setup, disk: str,
                reference: str) -> str:
    data = setup.data
    pinned = ("the server on CPU " + ",".join(map(str, sorted(setup.server_cpus))) +
              f", the generator on CPU {setup.client_cpu}" if setup.server_cpus else "not pinned")
    return "\n".join([
        f"# Side by side, {date}", "",
        f"- machine: {machine_line()}",
        f"- data: {thousands(data.keys)} keys of {data.key_bytes} bytes, "
        f"values of {data.value_bytes} bytes, chosen uniformly",
        f"- runs: medians of {setup.runs} rounds of {setup.seconds:g} s; {pinned}; "
        "with several workers not pinned",
        f"- disk: {disk}, for the durable sections",
        *version_lines(candidates), "",
        f"The last two columns are the figures of {reference} divided by those of the row: more is "
        "better for ops/s, less for CPU time. † marks rows in which the generator was busy all the "
        "time: there the server could do more.", "",
    ])


def ratios_of(field: str, results: dict[Section, list[Outcome]], reference_name: str,
              connections: int, is_less_better: bool) -> dict[str, dict[str, float]]:
    """For each section the advantage of the reference over each other server; above 1 is good."""
    groups = {}
    for section, outcomes in results.items():
        reference = find_reference(outcomes, reference_name)
        if reference is None:
            continue
        group = {}
        for outcome in outcomes:
            ours, theirs = reference.median(field), outcome.median(field)
            if outcome.kind_name in (reference_name, "responder") or ours <= 0 or theirs <= 0:
                continue
            group[outcome.kind_name] = theirs / ours if is_less_better else ours / theirs
        groups[section.short_title(connections)] = group
    return groups


def write_chart(path: pathlib.Path, date: str, results: dict[Section, list[Outcome]],
                reference: str, connections: int) -> None:
    def panel(title: str, field: str, is_less_better: bool) -> chart.Panel:
        ratios = ratios_of(field, results, reference, connections, is_less_better)
        return chart.Panel(title, ratios)

    title = f"{reference.capitalize()} beside its peers, {date}"
    legend = ("P: requests sent at once, C: connections. What is not called durable keeps nothing "
              f"on disk. Bars above the line: {reference} is ahead.")
    path.write_text(chart.bars_svg(title, legend, [
        panel(f"Throughput: operations per second of {reference} ÷ peer", "ops_per_second", False),
        panel(f"Thrift: server CPU time per operation of peer ÷ {reference}", "server_us_per_op",
              True),
        panel(f"Latency: 99th percentile of peer ÷ {reference}", "p99_us", True),
    ]))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    servers.add_arguments(parser)
    names = ", ".join(section.name for section in SECTIONS)
    parser.add_argument("--sections", default="",
                        help=f"only these, by name or start of name, with commas between: {names}")
    parser.add_argument("--seconds", type=float, default=4, help="length of a run (default: 4)")
    parser.add_argument("--runs", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--connections", type=int, default=50, help="default: 50")
    parser.add_argument("--keys", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument("--key-bytes", type=int, default=16, help="default: 16")
    parser.add_argument("--value-bytes", type=int, default=64, help="default: 64")
    parser.add_argument("--server-cpus", default="1", help="CPUs of one-worker servers, such as 1,2"
                        " or none for no pinning (default: 1)")
    parser.add_argument("--client-cpu", type=int, default=0, help="default: 0")
    parser.add_argument("--out", type=pathlib.Path, default=servers.ROOT / "bench" / "results",
                        help="where the report goes (default: bench/results)")
    parser.add_argument("--label", default="", help="what to add to the name of the report")
    return parser.parse_args()


def choose_sections(text: str) -> list[Section]:
    if not text:
        return SECTIONS
    starts = text.split(",")
    for start in starts:
        if not any(section.is_called(start) for section in SECTIONS):
            sys.exit(f"--sections: none is called {start}")
    return [section for section in SECTIONS if any(map(section.is_called, starts))]


def make_setup(arguments: argparse.Namespace, directory: str) -> Setup:
    is_pinned = arguments.server_cpus != "none" and (os.cpu_count() or 1) > 1
    cpus = {int(cpu) for cpu in arguments.server_cpus.split(",")} if is_pinned else set()
    return Setup(Data(arguments.keys, arguments.key_bytes, arguments.value_bytes),
                 arguments.connections, arguments.seconds, arguments.runs, cpus,
                 arguments.client_cpu if is_pinned else None, pathlib.Path(directory))


def main() -> None:
    arguments = parse_arguments()
    sections = choose_sections(arguments.sections)
    servers.prepare()
    candidates = servers.find_candidates(arguments)
    arguments.dir.mkdir(parents=True, exist_ok=True)
    disk = file_system_of(arguments.dir)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.dir) as directory:
        setup = make_setup(arguments, directory)
        results = run_sections(sections, candidates, setup)

    date = datetime.date.today().isoformat()
    name = date + (f"-{arguments.label}" if arguments.label else "")
    parts = [report_head(date, candidates, setup, disk, arguments.reference)]
    parts += [section_report(section, outcomes, arguments.reference, setup.connections)
              for section, outcomes in results.items()]
    arguments.out.mkdir(parents=True, exist_ok=True)
    if any(find_reference(outcomes, arguments.reference) for outcomes in results.values()):
        write_chart(arguments.out / f"{name}.svg", date, results, arguments.reference,
                    setup.connections)
        parts.insert(1, f"![ratios]({name}.svg)\n")
    (arguments.out / f"{name}.md").write_text("\n".join(parts))
    print("\n".join(parts))


if __name__ == "__main__":
    main()
