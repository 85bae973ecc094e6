"""A slice of the random streams; the long run is differential.py itself.

DIFFERENTIAL_COMMANDS sets how many commands (default 100000, half in each protocol), DIFFERENTIAL_SEED the seed.
"""

import os

import pytest

import differential

COMMANDS = int(os.environ.get("DIFFERENTIAL_COMMANDS", "100000"))
SEED = os.environ.get("DIFFERENTIAL_SEED", "cairn")


@pytest.mark.timeout(120 + COMMANDS // 500)
@pytest.mark.parametrize("protocol", ["2", "3"])
def test_random_commands_are_answered_alike(protocol):
    options = differential.parse_arguments(
        ["--commands", str(COMMANDS // 2), "--seed", SEED, "--protocol", protocol]
    )
    print(f"seed={SEED} protocol={protocol} commands={COMMANDS // 2}")
    try:
        runner = differential.compare_servers(options, print)
    except differential.Failure as failure:
        pytest.fail(str(failure), pytrace=False)
    assert runner.command_count >= 0.9 * COMMANDS / 2
