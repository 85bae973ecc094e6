"""Every case of cases/*.txt: both servers answer each command alike and end with the same contents."""

import pytest

import notation
from cases import load_cases
from pair import Pair, start_server
from runner import Runner, is_command
from support.server import oracle_path, subject_path

CASES = list(load_cases())


@pytest.fixture(scope="module")
def servers():
    oracle, subject = start_server(oracle_path()), start_server(subject_path())
    yield oracle, subject
    for server in (oracle, subject):
        server.finish()
        server.clean()


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_is_answered_alike(servers, case, protocol):
    pair = Pair(*servers, protocol=protocol, connections=case.connections)
    runner = Runner(pair, batch_max=1)
    try:
        mismatches = all_mismatches(runner, case.items)
    finally:
        pair.close()
    report = [describe(case, each) for each in mismatches]
    assert not report, f"{len(report)} differences in {case.name} (RESP{protocol})\n" + "\n".join(report)


def describe(case, mismatch):
    """The command and what both said, with the commands that came shortly before."""
    before = "; ".join(spell(item) for item in case.items[max(0, mismatch.position - 4) : mismatch.position])
    return (
        f"{spell(mismatch.item)}        (after {before:.200})\n    {mismatch.why}\n"
        f"    oracle:  {mismatch.oracle!r:.600}\n    subject: {mismatch.subject!r:.600}"
    )


def all_mismatches(runner, items):
    """Goes on after a difference, so that one run shows all of them."""
    runner.begin()
    return [
        found for found in (runner.run_one(position, item) for position, item in enumerate(items)) if found
    ]


def spell(item):
    return notation.spell(item[1]) if is_command(item) else repr(item)


def test_notation_reads_back_what_it_writes():
    for command in (
        [b"SET", b"", b"a b"],
        [b"\x00\xff\r\n\"\\'", b"{x*3}"],
        [b"GET", b"x" * 100],
        [b"{", b"}", b"#"],
    ):
        assert notation.split(notation.spell(command)) == command
