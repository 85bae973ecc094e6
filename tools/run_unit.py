#!/usr/bin/env python3
"""Runs unit-test programs and prints one line a test, then "N passed, N failed".

A program speaks TAP: "ok 1 - name" or "not ok 2 - name". One that dies or hangs counts as one failed test more.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys

TIMEOUT_SECONDS = 300
RESULT = re.compile(r"^(ok|not ok) \d+ - (.*)$")
ENVIRONMENT = {
    "CMOCKA_MESSAGE_OUTPUT": "TAP",
    "LC_ALL": "C",
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def run(program, prefix):
    """Returns (output, why it ended badly or None)."""
    environment = {**ENVIRONMENT, **os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    try:
        done = subprocess.run([*prefix, program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), f"no end after {TIMEOUT_SECONDS} s"
    output = done.stdout.decode(errors="replace")
    return output, None if done.returncode == 0 else f"exit code {done.returncode}"


def report(program, output, bad_end):
    """Prints the tests of one program; returns (passed, failed)."""
    name = re.sub(r"^.*tests/unit/", "", program)
    passed = failed = 0
    for line in output.splitlines():
        match = RESULT.match(line)
        if match is None:
            continue
        if match.group(1) == "ok":
            passed += 1
            print(f"PASS {name}: {match.group(2)}")
        else:
            failed += 1
            print(f"FAIL {name}: {match.group(2)}")
    if bad_end is not None and failed == 0:
        failed += 1
        print(f"FAIL {name}: {bad_end}")
    elif bad_end is None and passed + failed == 0:
        failed += 1
        print(f"FAIL {name}: no test ran")
    if failed > 0:
        print("".join(f"    {line}\n" for line in output.splitlines()), end="")
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixed-addresses", action="store_true",
                        help="without address randomization, which older thread sanitizers cannot bear")
    parser.add_argument("programs", nargs="*")
    arguments = parser.parse_args()

    prefix = []
    if arguments.fixed_addresses and shutil.which("setarch"):
        prefix = ["setarch", platform.machine(), "--addr-no-randomize"]
    passed_total = failed_total = 0
    for program in arguments.programs:
        passed, failed = report(program, *run(program, prefix))
        passed_total += passed
        failed_total += failed
        sys.stdout.flush()
    print(f"{passed_total} passed, {failed_total} failed")
    return 1 if failed_total > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
