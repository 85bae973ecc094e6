"""A slice of the kill rounds; the long run is kill_rounds.py itself. CRASH_ROUNDS and CRASH_SEED change it."""

import os

import pytest

import kill_rounds
from support.server import oracle_path

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "25"))
SEED = os.environ.get("CRASH_SEED", "cairn")


def run(*arguments):
    options = kill_rounds.parse_arguments(["--seed", SEED, *arguments])
    print(f"seed={options.seed}")
    return kill_rounds.run_rounds(options, print)


@pytest.mark.timeout(120 + 5 * ROUNDS)
def test_nothing_acknowledged_or_seen_is_lost_by_kills():
    """Random kills, pauses, checkpoints and kills during recovery under nine writers."""
    rounds = run("--rounds", str(ROUNDS))
    assert rounds.damage.is_empty, "\n".join(rounds.damage.lines())
    assert rounds.done == ROUNDS
    assert rounds.acknowledged > 20 * ROUNDS


def test_kills_during_recovery_change_nothing():
    rounds = run("--rounds", "6", "--recovery-kills", "0.8", "--rounds-per-directory", "6")
    assert rounds.damage.is_empty, "\n".join(rounds.damage.lines())


def test_kills_right_after_checkpoints_change_nothing():
    rounds = run("--rounds", "8", "--checkpoints", "1", "--seconds", "0.15")
    assert rounds.damage.is_empty, "\n".join(rounds.damage.lines())


def test_a_polite_end_under_load_keeps_everything():
    rounds = run("--rounds", "6", "--ways", "term")
    assert rounds.damage.is_empty, "\n".join(rounds.damage.lines())


def test_long_pauses_in_the_middle_of_commits_change_nothing():
    rounds = run("--rounds", "4", "--pause", "3", "--ways", "pause,resume")
    assert rounds.damage.is_empty, "\n".join(rounds.damage.lines())


@pytest.mark.skipif(
    not os.access(oracle_path(), os.X_OK),
    reason="needs a server that forgets: redis-server without persistence",
)
def test_the_rounds_notice_a_server_that_forgets(tmp_path):
    rounds = run("--rounds", "1", "--server", oracle_path(), "--forgetful", "--directory", str(tmp_path))
    assert rounds.damage.found["lost"]
