"""The words of random commands, drawn from small sets so that commands meet on the same keys.

Every time-to-live is either past, or absurd, or so far in the future that it outlasts the run: two servers then agree
whatever their clocks say. Short lives are the business of one special generator that waits in between.
"""

import random

DATABASES = 4
SCRATCH_DATABASE = 15

KEYS = [b"k%d" % n for n in range(14)] + [
    b"",
    b"key with spaces",
    b"\x00\x01\xff\r\n",
    b"user:1000",
    b"user:[abc]",
    b"k*",
    b"\xc3\xa4\xc3\xb6",
    b"K0",
    b"x" * 300,
    b"counter",
]

# Lcs needs memory in proportion to the product of the lengths, so its keys hold short values only.
SHORT_KEYS = [b"lcs:%d" % n for n in range(4)]

INTEGERS = b"""
    0 1 -1 2 5 10 100 -100 9999 10000 127 128 255 256 32767 2147483647 -2147483648 4294967296
    9223372036854775806 9223372036854775807 -9223372036854775807 -9223372036854775808
""".split()

BAD_INTEGERS = [b"", b" 1", b"1 ", b"\x00", b"1\x00"] + b"""
    +1 01 -0 --1 1.0 0x10 1e3 abc nan 9223372036854775808 -9223372036854775809 18446744073709551615
    18446744073709551616 99999999999999999999999999
""".split()

FLOATS = b"""
    0 1 -1 0.1 -0.1 1.5 3.14159265358979 1e5 5.0e-3 1e17 -1e17 1e20 0.5 100.000 1e-17 0x10 1e100 .5 5. -.25e1
    123456789.123456789 9007199254740993
""".split()

BAD_FLOATS = [b"", b" 1", b"1 ", b"\x00"] + b"""
    abc nan -nan inf -inf +inf infinity 1e5000 1,5 1.5.5 1e --1 0x
""".split()

TEXTS = [
    *[b"", b"a", b"foo", b"bar", b"foobar", b"ohmytext", b"mynewtext", b"hello world"],
    *[b"\x00", b"\xff\xfe\x00\r\n", b"\x00" * 20, b"\xff" * 33, bytes(range(256))],
    *[b"a" * 43, b"b" * 44, b"c" * 45, b"d" * 64, b"e" * 200, b"0123456789" * 100],
    *[b"12345678901234567890", b"1.5", b"3.0e3", b"-0", b"007", b"1e3"],
]

PATTERNS = [b"", b"\x00*", b"*\xff*"] + rb"""
    * k* k? k[0-5] k[^0-5] k\* *:* user:* user:\[* [ k[ k[1 k[z-a] ? ?? ** *k \ x*x k[1- k[\1] [k]1
""".split()

TYPES = b"string list set zset hash stream STRING nonsense".split()

PAST_MOMENTS = [b"1", b"1000", b"1600000000"]
FAR_MOMENT_SECONDS = [b"4102444800", b"4102444801", b"7258118400"]
# Errors in every unit; moments that only some servers can store are the business of cases/expiry.txt.
BAD_EXPIRES = [b"0", b"-1", b"-1000", b"-9223372036854775808", b"9223372036854776000000", b"1x"]

# No small positive number: as a time to live in milliseconds it would be a race between the two servers.
JUNK = BAD_INTEGERS[:8] + [b"foo", b"-1", b"0", b"nx", b"EX", b"*", b"\xff", b"9223372036854775807"]


class Dice:
    """Random draws from the vocabulary, reproducible from a seed."""

    def __init__(self, seed, payloads):
        self.random = random.Random(seed)
        self.chance = self.random.random
        self.payloads = payloads

    def one(self, choices):
        return choices[int(self.chance() * len(choices))]

    def below(self, limit):
        return int(self.chance() * limit)

    def likely(self, probability):
        return self.chance() < probability

    def key(self):
        return KEYS[int(self.chance() * len(KEYS))]

    def keys(self, count_max):
        return [self.key() for _ in range(1 + self.below(count_max))]

    def short_key(self):
        return self.one(SHORT_KEYS)

    def value(self):
        roll = self.chance()
        if roll < 0.30:
            return b"%d" % self.random.randint(-1000, 20000)
        if roll < 0.42:
            return self.one(INTEGERS)
        if roll < 0.50:
            return self.one(FLOATS)
        if roll < 0.90:
            return self.one(TEXTS)
        return self.noise(60)

    def noise(self, size_max):
        return self.random.randbytes(self.below(size_max))

    def integer(self):
        roll = self.chance()
        if roll < 0.55:
            return b"%d" % self.random.randint(-20, 20)
        if roll < 0.93:
            return self.one(INTEGERS)
        return self.one(BAD_INTEGERS)

    def float(self):
        roll = self.chance()
        if roll < 0.2:
            return b"%.4f" % self.random.uniform(-100, 100)
        if roll < 0.9:
            return self.one(FLOATS)
        return self.one(BAD_FLOATS)

    def index(self):
        """A position inside, around or far outside of a value."""
        roll = self.chance()
        if roll < 0.75:
            return b"%d" % self.random.randint(-70, 70)
        if roll < 0.95:
            return self.one(INTEGERS)
        return self.one(BAD_INTEGERS)

    def offset(self):
        """Where to write: never so far that a value gets huge."""
        roll = self.chance()
        if roll < 0.7:
            return b"%d" % self.below(80)
        if roll < 0.9:
            return b"%d" % self.below(5000)
        return self.one(
            [b"-1", b"536870912", b"4294967296", b"9223372036854775807", b"-9223372036854775808", b"abc", b""]
        )

    def database(self):
        if self.likely(0.95):
            return b"%d" % self.below(DATABASES)
        return self.one([b"16", b"-1", b"abc", b"", b"9999999999999999999", b"1.0"])

    def far_seconds(self):
        """Never twice about the same: GT and LT must not depend on which server was a millisecond later."""
        return 1000 + self.below(10**9)

    def relative_seconds(self):
        roll = self.chance()
        if roll < 0.8:
            return b"%d" % self.far_seconds()
        return self.one(BAD_EXPIRES) if roll < 0.95 else self.one(BAD_INTEGERS)

    def relative_milliseconds(self):
        if self.likely(0.8):
            return b"%d%03d" % (self.far_seconds(), self.below(1000))
        return self.relative_seconds() if self.likely(0.1) else self.one(BAD_EXPIRES)

    def moment_seconds(self):
        roll = self.chance()
        if roll < 0.7:
            return self.one(FAR_MOMENT_SECONDS)
        if roll < 0.85:
            return self.one(PAST_MOMENTS)
        return self.one(BAD_EXPIRES) if roll < 0.95 else self.one(BAD_INTEGERS)

    def moment_milliseconds(self):
        roll = self.chance()
        if roll < 0.7:
            return self.one(FAR_MOMENT_SECONDS) + b"%03d" % self.below(1000)
        return self.moment_seconds() if roll < 0.9 else self.one(BAD_INTEGERS)

    def case(self, word):
        """The word as clients spell it: mostly upper case, now and then not."""
        roll = self.chance()
        if roll < 0.8:
            return word
        return word.lower() if roll < 0.95 else word.swapcase().capitalize()

    def some(self, choices, probability=0.5):
        """Each choice (a word, or a list of words) with the given probability, in random order."""
        picked = [choice for choice in choices if self.likely(probability)]
        if len(picked) > 1:
            self.random.shuffle(picked)
        flat = []
        for choice in picked:
            flat.extend(choice if isinstance(choice, (list, tuple)) else [choice])
        return flat
