#!/usr/bin/python3
"""Sends the same random commands to two servers and stops at the first reply that differs.

    differential.py --commands 1000000 --seed 7
    differential.py --server build/cairn-server --oracle redis-server --protocol 3
    differential.py --seed 7 --epoch 12            run one epoch again

A mismatch is printed with its seed, epoch and index, both replies, and a short list of commands that shows it again,
in the notation of cases/*.txt. The exit code is 0 when nothing differed, 1 when something did.
"""

import argparse
import pathlib
import random
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from items import CountKeys, Sleep, WholeScan  # noqa: E402
from notation import spell  # noqa: E402
from pair import Pair, start_server  # noqa: E402
from runner import Runner, is_command  # noqa: E402
from shrink import shrink  # noqa: E402
from stream import make_epoch  # noqa: E402
from support.server import oracle_path, subject_path  # noqa: E402

EPOCH_COMMANDS = 20000
SURVEY_MAX = 30
BLOCK_WORDS = (b"MULTI", b"EXEC", b"DISCARD", b"WATCH")
CONTAINERS = (
    b"CLIENT",
    b"CONFIG",
    b"OBJECT",
    b"COMMAND",
    b"MEMORY",
    b"SLOWLOG",
    b"LATENCY",
    b"DEBUG",
    b"SHUTDOWN",
)
PAYLOAD_VALUES = [
    b"",
    b"a",
    b"0",
    b"-1",
    b"127",
    b"128",
    b"32768",
    b"2147483648",
    b"-9223372036854775808",
    b"1.5",
    b"b" * 44,
    b"c" * 500,
]


class Failure(Exception):
    """The servers disagree; the text is the report."""


def compare_servers(options, say=lambda line: None):
    """Runs the random streams that the options describe; raises Failure with a report at the first mismatch."""
    oracle = start_server(options.oracle)
    subject = None
    try:
        subject = start_server(options.server, options.server_option)
        pair = Pair(oracle, subject, protocol=options.protocol)
        try:
            return run_epochs(pair, options, say)
        finally:
            pair.close()
    finally:
        for server in (oracle, subject):
            if server is not None:
                server.finish(check=False)
                server.clean()


def run_epochs(pair, options, say):
    runner = Runner(pair)
    payloads = make_payloads(pair.servers[0])
    numbers = [options.epoch] if options.epoch is not None else range(-(-options.commands // EPOCH_COMMANDS))
    began = time.monotonic()
    failures = []
    for number in numbers:
        count = (
            min(EPOCH_COMMANDS, options.commands - number * EPOCH_COMMANDS)
            if options.epoch is None
            else EPOCH_COMMANDS
        )
        made = make_epoch(options.seed, number, count, payloads)
        while True:
            items = [item for item in made if not is_left_out(item, options.without)]
            mismatch = runner.run(items)
            if mismatch is None:
                break
            failures.append(report(runner, options, number, items, mismatch))
            if not options.survey or len(failures) >= SURVEY_MAX:
                raise Failure("\n\n".join(failures))
            if not is_command(mismatch.item):
                break
            if mismatch.item[1] == [b"EXEC"]:
                break
            options.without.append(family_of(mismatch.item[1]))
        say(
            f"epoch {number}: {runner.command_count} commands, {runner.command_count / (time.monotonic() - began):.0f}/s"
        )
    if failures:
        raise Failure("\n\n".join(failures))
    return runner


def family_of(command):
    """The pattern that a survey leaves out from then on: the command, with its subcommand if it has one."""
    if command[0].upper() in BLOCK_WORDS:
        return f"^{re.escape(spell(command))}$"
    text = spell(command[:2]) if command[0].upper() in CONTAINERS else spell(command[:1])
    return f"^{re.escape(text)}( |$)"


def is_left_out(item, patterns):
    return is_command(item) and any(re.search(pattern, spell(item[1]), re.IGNORECASE) for pattern in patterns)


def make_payloads(oracle):
    """What DUMP makes of some values, for RESTORE; taken from the oracle, so both servers must read them."""
    payloads = []
    with oracle.client() as client:
        for value in PAYLOAD_VALUES:
            client.ok("SET", "payload", value)
            payloads.append(client.call("DUMP", "payload"))
        client.call("DEL", "payload")
    return payloads


def report(runner, options, number, items, mismatch):
    """Everything needed to see the mismatch again."""
    lines = [
        f"MISMATCH seed={options.seed} protocol={options.protocol} epoch={number} index={mismatch.position}",
        f"  again: differential.py --seed {options.seed} --protocol {options.protocol} --epoch {number}",
        *describe(mismatch),
    ]
    if not options.shrink:
        return "\n".join(lines)
    short = shrink(items, mismatch, runner.run)
    if short is None:
        lines.append(
            "  it did not happen again from a clean state: it depends on timing or on earlier epochs"
        )
        return "\n".join(lines)
    final = runner.run(short)
    lines.append(f"shrunk to {len(short)} commands (HELLO {options.protocol} first):")
    lines.extend("  " + spell_item(item) for item in short)
    if final is not None:
        lines.extend(describe(final))
    return "\n".join(lines)


def describe(mismatch):
    yield f"  item:    {spell_item(mismatch.item):.300}"
    yield f"  why:     {mismatch.why}"
    yield f"  oracle:  {mismatch.oracle!r:.500}"
    yield f"  subject: {mismatch.subject!r:.500}"


def spell_item(item):
    if isinstance(item, Sleep):
        return f"!sleep {item.milliseconds}"
    if isinstance(item, WholeScan):
        return f"!scan {item.connection + 1} {spell(item.options)}"
    if isinstance(item, CountKeys):
        return f"!count {item.connection + 1}"
    if not is_command(item):
        return "!contents"
    return f"{item[0] + 1}: {spell(item[1])}"


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", type=int, default=100000)
    parser.add_argument(
        "--seed", default=None, help="any text; a random one is chosen and printed when absent"
    )
    parser.add_argument("--epoch", type=int, default=None, help="run only this epoch")
    parser.add_argument("--protocol", type=int, choices=(2, 3), default=2)
    parser.add_argument("--server", default=subject_path())
    parser.add_argument("--oracle", default=oracle_path())
    parser.add_argument("--server-option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--without", action="append", default=[], metavar="REGEX", help="leave out commands that match"
    )
    parser.add_argument(
        "--survey", action="store_true", help="after a mismatch go on without that command, report all"
    )
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = str(random.SystemRandom().randrange(10**9))
    return options


def main():
    options = parse_arguments()
    print(
        f"seed={options.seed} protocol={options.protocol} server={options.server} oracle={options.oracle}",
        flush=True,
    )
    began = time.monotonic()
    try:
        runner = compare_servers(options, lambda line: print(line, flush=True))
    except Failure as failure:
        print(failure)
        return 1
    for reason, count in sorted(runner.judge.explanations.items()):
        print(f"explained {count} times: {reason}")
    print(f"commands={runner.command_count} seconds={time.monotonic() - began:.1f} differences=0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
