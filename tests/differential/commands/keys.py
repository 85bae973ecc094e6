"""Random commands about keys whatever they hold."""

from commands.vocabulary import PATTERNS, TYPES
from items import CountKeys, Sleep, WholeScan
from notation import lines


def expire_family(name, time):
    def make(dice):
        arguments = [name, dice.key(), time(dice)]
        if dice.likely(0.5):
            arguments += [dice.case(option) for option in dice.some([b"NX", b"XX", b"GT", b"LT"], 0.3)]
            if dice.likely(0.02):
                arguments.append(b"FOO")
        return arguments

    return make


def copy(dice):
    arguments = [b"COPY", dice.key(), dice.key()]
    return arguments + dice.some([[dice.case(b"DB"), dice.database()], [dice.case(b"REPLACE")]], 0.45)


def restore(dice):
    payload = dice.one(dice.payloads)
    if dice.likely(0.08):
        place = dice.below(len(payload))
        payload = payload[:place] + bytes([payload[place] ^ 0x55]) + payload[place + 1 :]
    if dice.likely(0.02):
        payload = dice.noise(20)
    arguments = [
        b"RESTORE",
        dice.key(),
        dice.one([b"0", b"0", b"5000000", b"-1", b"abc", b"100000000"]),
        payload,
    ]
    options = [[dice.case(b"REPLACE")]]
    if dice.likely(0.3):
        # The moment and the word stay together: a time of 1 ms from now would be a race.
        if dice.likely(0.7):
            arguments[2] = dice.moment_milliseconds()
        arguments.append(dice.case(b"ABSTTL"))
    if dice.likely(0.1):
        options.append([b"IDLETIME", dice.one([b"0", b"1000", b"-1", b"x"])])
    if dice.likely(0.1):
        options.append([b"FREQ", dice.one([b"0", b"255", b"256", b"-1", b"x"])])
    return arguments + dice.some(options, 0.6)


def scan_in_one_go(dice):
    """A scan whose COUNT exceeds the number of keys, so that one call returns everything."""
    options = [[dice.case(b"MATCH"), dice.one(PATTERNS)], [dice.case(b"TYPE"), dice.one(TYPES)]]
    return [b"SCAN", b"0"] + dice.some(options, 0.4) + [dice.case(b"COUNT"), b"100000"]


BAD_SCANS = lines("""
    SCAN abc
    SCAN ""
    SCAN 18446744073709551616
    SCAN 1.5
    SCAN " 0"
    SCAN "0 "
    SCAN 0 COUNT
    SCAN 0 COUNT 0
    SCAN 0 COUNT -5
    SCAN 0 COUNT x
    SCAN 0 MATCH
    SCAN 0 TYPE
    SCAN 0 FOO 1
    """)


def whole_scan(dice):
    options = [
        [b"MATCH", dice.one(PATTERNS)],
        [b"COUNT", dice.one([b"1", b"3", b"10", b"100"])],
        [b"TYPE", dice.one(TYPES)],
    ]
    return [WholeScan(tuple(dice.some(options, 0.5)))]


def short_lives(dice):
    """Keys that really expire: set them, let both clocks pass the moment, touch them all."""
    keys = list(dict.fromkeys(dice.keys(4)))
    births = []
    for key in keys:
        births.append(
            dice.one(
                [
                    [b"SET", key, dice.value(), b"PX", b"1"],
                    [b"PSETEX", key, b"2", dice.value()],
                    [b"PEXPIRE", key, b"1"],
                    [b"GETEX", key, b"PX", b"3"],
                ]
            )
        )
    looks = [dice.one([[b"EXISTS"] + keys, [b"MGET"] + keys, [b"TYPE", keys[0]], [b"GET", keys[0]]])]
    return [Sleep(0), *births, Sleep(12), *looks, [b"EXISTS"] + keys]


def object_command(dice):
    name = dice.one([b"ENCODING", b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ"])
    return [b"OBJECT", dice.case(name), dice.key()]


GENERATORS = [
    (24, lambda dice: [b"DEL"] + dice.keys(3)),
    (8, lambda dice: [b"UNLINK"] + dice.keys(3)),
    (14, lambda dice: [b"EXISTS"] + dice.keys(4)),
    (6, lambda dice: [b"TOUCH"] + dice.keys(4)),
    (10, lambda dice: [b"TYPE", dice.key()]),
    (14, lambda dice: [b"RENAME", dice.key(), dice.key()]),
    (10, lambda dice: [b"RENAMENX", dice.key(), dice.key()]),
    (16, copy),
    (10, lambda dice: [b"MOVE", dice.key(), dice.database()]),
    (12, expire_family(b"EXPIRE", lambda dice: dice.relative_seconds())),
    (12, expire_family(b"PEXPIRE", lambda dice: dice.relative_milliseconds())),
    (10, expire_family(b"EXPIREAT", lambda dice: dice.moment_seconds())),
    (10, expire_family(b"PEXPIREAT", lambda dice: dice.moment_milliseconds())),
    (10, lambda dice: [b"TTL", dice.key()]),
    (10, lambda dice: [b"PTTL", dice.key()]),
    (8, lambda dice: [b"EXPIRETIME", dice.key()]),
    (8, lambda dice: [b"PEXPIRETIME", dice.key()]),
    (10, lambda dice: [b"PERSIST", dice.key()]),
    (5, lambda dice: [b"KEYS", dice.one(PATTERNS)]),
    (4, lambda dice: [b"RANDOMKEY"]),
    (8, scan_in_one_go),
    (3, lambda dice: dice.one(BAD_SCANS)),
    (10, lambda dice: [b"DUMP", dice.key()]),
    (12, restore),
    (10, object_command),
]

# These wait or look at both servers one after the other, so they cannot stand inside MULTI.
SPECIAL = [(0.5, whole_scan), (0.25, short_lives), (1, lambda dice: [CountKeys()])]
