#!/usr/bin/python3
"""Kills the server again and again under load, restarts it on the same directory, and checks that nothing is missing.

    kill_rounds.py --rounds 500 --seed 7
    kill_rounds.py --rounds 100 --server-option log-segment-bytes=1048576

Each round: writers, readers and a client with an open MULTI work; at a random moment the process is killed (SIGKILL,
also out of a SIGSTOP, now and then a SIGTERM); it is started again, sometimes killed during its recovery; then every
key must look as after some prefix of its writer's operations that holds all acknowledged ones and everything that a
reader was shown. Checkpoints (BGSAVE) run in between. The last line sums up:

    rounds=500 acked=1234567 reads=234567 lost=0 torn=0 twice=0 revived=0 taken_back=0 wrong=0 refused=0

The exit code is 0 when all these are 0. After damage the directory is kept and its path printed.
"""

import argparse
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from clients import COUNTERS, Counters, Damage, Reader, Undecided, Writer  # noqa: E402
from history import Found  # noqa: E402
from operations import make_dice, now_ms  # noqa: E402
from support.resp import Client, Error  # noqa: E402
from support.server import Server, StartFailed, subject_path  # noqa: E402

READ_BATCH = 500


class Rounds:
    """The server, its clients, and what they know; lives through many crashes."""

    def __init__(self, options):
        self.options = options
        self.dice = make_dice(options.seed, "rounds")
        self.damage = Damage()
        self.counters = Counters()
        self.directory = None
        self.server = None
        self.acknowledged = 0
        self.reads = 0
        self.story = []

    # A directory and its clients

    def begin_directory(self):
        """A new data directory, with clients that know it is empty."""
        self.end_directory()
        self.directory = tempfile.mkdtemp(prefix="cairn-crash-", dir=self.options.directory)
        extra = dict(option.split("=", 1) for option in self.options.server_option)
        self.server = Server(
            path=self.options.server,
            directory=self.directory,
            options=extra,
            is_durable=not self.options.forgetful,
        )
        seed = f"{self.options.seed}:{self.dice.random()}"
        self.counters.reset()
        self.writers = [
            Writer(n, [0], seed, self.counters, self.damage) for n in range(self.options.writers - 1)
        ]
        self.writers.append(Writer(len(self.writers), [1, 2], seed, self.counters, self.damage))
        self.readers = [Reader(n, self.writers, seed, self.counters, self.damage) for n in range(2)]
        self.undecided = Undecided(seed)
        self.story = []
        self.server.start()

    def end_directory(self):
        if self.directory is None:
            return
        if self.server.process is not None:
            self.server.kill()
        self.server.clean()
        self.collect()
        if self.damage.is_empty:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.directory = None

    def collect(self):
        for writer in self.writers:
            self.acknowledged += writer.acknowledged_total
            writer.acknowledged_total = 0
        for reader in self.readers:
            self.reads += reader.reads
            reader.reads = 0

    # One round

    def run(self, number):
        """One life and death of the server; False when going on makes no sense."""
        if number % self.options.rounds_per_directory == 0:
            self.begin_directory()
        if self.dice.random() < 0.05:
            self.flush_everything()
        ways = self.options.ways
        way = self.dice.choices(ways, [WAYS_TO_DIE[way][0] for way in ways])[0]
        self.story.append(f"round {number}: {way}")
        self.live_and_die(WAYS_TO_DIE[way][1], way == "term")
        if not self.recover():
            return False
        self.verify()
        self.collect()
        return self.damage.is_empty

    def flush_everything(self):
        with self.server.client() as client:
            client.ok("FLUSHALL", self.dice.choice(["SYNC", "ASYNC"]))
        self.story.append("FLUSHALL")
        self.counters.reset()
        for writer in self.writers:
            writer.history.continue_from({})

    def live_and_die(self, way, may_be_refused):
        stop = threading.Event()
        threads = []
        for worker in [*self.writers, *self.readers, self.undecided]:
            worker.may_be_refused = may_be_refused
            client = Client(self.server.address, timeout=60)
            threads.append(threading.Thread(target=worker.run, args=(client, stop), daemon=True))
        for thread in threads:
            thread.start()
        try:
            self.live()
            way(self)
        finally:
            stop.set()
            for thread in threads:
                thread.join(90)
        if any(thread.is_alive() for thread in threads):
            self.damage.add("wrong", "a client still waits for the dead server")

    def live(self):
        """A random time under load, perhaps with a checkpoint in the middle."""
        seconds = self.dice.uniform(0.01, self.options.seconds)
        if self.dice.random() < self.options.checkpoints:
            part = self.dice.random() * seconds
            time.sleep(part)
            with self.server.client(timeout=60) as client:
                client.call("BGSAVE")
            self.story.append(f"BGSAVE {seconds - part:.3f} s before the end")
            time.sleep(seconds - part)
        else:
            time.sleep(seconds)

    def recover(self):
        """Starts the server again, sometimes killing it before it is ready; False when it refuses."""
        try:
            while self.dice.random() < self.options.recovery_kills:
                self.server.start(wait=False)
                time.sleep(self.dice.uniform(0, 0.06))
                self.server.kill()
                self.story.append("killed during recovery")
            self.server.start()
            return True
        except StartFailed as problem:
            self.damage.add("refused", str(problem))
            return False

    # Looking

    def verify(self):
        with self.server.client(timeout=60) as client:
            for writer in self.writers:
                found = look_at(client, writer.maker.keys())
                damage = writer.history.judge(found)
                if damage is not None:
                    self.damage.add(damage[0], f"writer {writer.maker.number}: {damage[1]}")
                writer.history.continue_from(found)
            for alarm in self.server.alarms()[:3]:
                self.damage.add("wrong", f"the log says: {alarm.strip()}")
            client.ok("SELECT", 0)
            self.verify_counters(client)
            self.verify_strangers(client)

    def verify_counters(self, client):
        for name in COUNTERS:
            value = int(client.call("GET", name) or 0)
            damage = self.counters.judge(name, value)
            if damage is not None:
                self.damage.add(*damage)
            self.counters.continue_from(name, value)

    def verify_strangers(self, client):
        """No key may exist that nobody wrote; above all none out of an unfinished MULTI."""
        for database in range(3):
            client.ok("SELECT", database)
            known = {
                name for writer in self.writers for place, name in writer.maker.keys() if place == database
            }
            if database == 0:
                known.update(COUNTERS)
            strangers = set(client.call("KEYS", "*")) - known
            if strangers:
                self.damage.add(
                    "revived", f"keys that nobody committed in database {database}: {sorted(strangers)[:5]!r}"
                )


def look_at(client, keys):
    """The state of (database, name) keys as Found entries."""
    found = {}
    database = None
    for start in range(0, len(keys), READ_BATCH):
        portion = keys[start : start + READ_BATCH]
        for place in sorted({place for place, _ in portion}):
            if place != database:
                client.ok("SELECT", place)
                database = place
            names = [name for where, name in portion if where == place]
            before = now_ms()
            replies = client.pipeline(
                command for name in names for command in ((b"GET", name), (b"PEXPIRETIME", name))
            )
            after = now_ms()
            for name, value, deadline in zip(names, replies[::2], replies[1::2]):
                assert not isinstance(value, Error), f"GET {name!r} answered {value!r}"
                found[place, name] = Found(value, deadline, before, after)
    return found


def die_at_once(rounds):
    rounds.server.kill()


def die_out_of_a_pause(rounds):
    rounds.server.signal(signal.SIGSTOP)
    time.sleep(rounds.dice.uniform(0.01, rounds.options.pause))
    rounds.server.kill()


def die_after_a_pause(rounds):
    rounds.server.signal(signal.SIGSTOP)
    time.sleep(rounds.dice.uniform(0.01, rounds.options.pause))
    rounds.server.signal(signal.SIGCONT)
    time.sleep(rounds.dice.uniform(0.01, 0.1))
    rounds.server.kill()


def end_politely(rounds):
    code = rounds.server.terminate()
    if code != 0:
        rounds.damage.add(
            "wrong", f"SIGTERM under load ended with exit code {code}:\n{rounds.server.log_tail()}"
        )


# weight, how
WAYS_TO_DIE = {
    "kill": (75, die_at_once),
    "pause": (7, die_out_of_a_pause),
    "resume": (8, die_after_a_pause),
    "term": (10, end_politely),
}


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument(
        "--seed", default=None, help="any text; a random one is chosen and printed when absent"
    )
    parser.add_argument("--writers", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3, help="the longest life of a round")
    parser.add_argument("--pause", type=float, default=0.15, help="the longest SIGSTOP")
    parser.add_argument(
        "--ways", type=lambda text: text.split(","), default=list(WAYS_TO_DIE), help=",".join(WAYS_TO_DIE)
    )
    parser.add_argument("--checkpoints", type=float, default=0.3, help="probability of a BGSAVE in a round")
    parser.add_argument(
        "--recovery-kills", type=float, default=0.2, help="probability of a kill during recovery"
    )
    parser.add_argument("--rounds-per-directory", type=int, default=25)
    parser.add_argument("--server", default=subject_path())
    parser.add_argument("--server-option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--directory", default=None, help="where to make data directories")
    parser.add_argument(
        "--forgetful", action="store_true", help="without durability, to see the damage reported"
    )
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = str(random.SystemRandom().randrange(10**9))
    return options


def run_rounds(options, say=lambda line: None):
    """Runs the rounds; returns them with their damage. Stops at the first damage."""
    rounds = Rounds(options)
    done = 0
    try:
        for number in range(options.rounds):
            is_fine = rounds.run(number)
            done += 1
            if not is_fine:
                break
            if number % 25 == 24:
                say(f"{done} rounds, {rounds.acknowledged} operations acknowledged")
    finally:
        directory = rounds.directory
        rounds.end_directory()
        if not rounds.damage.is_empty:
            say("\n".join(rounds.damage.lines()))
            say("story of this directory: " + "; ".join(rounds.story))
            say(f"kept: {directory}")
    rounds.done = done
    return rounds


def summary(rounds):
    return f"rounds={rounds.done} acked={rounds.acknowledged} reads={rounds.reads} {rounds.damage.counts()}"


def main():
    options = parse_arguments()
    print(f"seed={options.seed} server={options.server}", flush=True)
    began = time.monotonic()
    rounds = run_rounds(options, lambda line: print(line, flush=True))
    print(f"{summary(rounds)} seconds={time.monotonic() - began:.0f}")
    return 0 if rounds.damage.is_empty else 1


if __name__ == "__main__":
    sys.exit(main())
