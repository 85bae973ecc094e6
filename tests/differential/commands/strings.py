"""Random string commands."""


def expire_option(dice):
    """EX, PX, EXAT or PXAT with a time."""
    roll = dice.below(4)
    if roll == 0:
        return [dice.case(b"EX"), dice.relative_seconds()]
    if roll == 1:
        return [dice.case(b"PX"), dice.relative_milliseconds()]
    if roll == 2:
        return [dice.case(b"EXAT"), dice.moment_seconds()]
    return [dice.case(b"PXAT"), dice.moment_milliseconds()]


def set_command(dice):
    arguments = [b"SET", dice.key(), dice.value()]
    if dice.likely(0.5):
        return arguments
    condition = [dice.case(dice.one([b"NX", b"XX"]))]
    life = [dice.case(b"KEEPTTL")] if dice.likely(0.2) else expire_option(dice)
    arguments += dice.some([condition, life, [dice.case(b"GET")]], 0.4)
    if dice.likely(0.03):
        arguments += dice.one(
            [[b"NX"], [b"XX"], [b"EX"], [b"PX", b"1000000"], [b"KEEPTTL"], [b"foo"], [b"PERSIST"]]
        )
    return arguments


def getex(dice):
    arguments = [b"GETEX", dice.key()]
    roll = dice.chance()
    if roll < 0.5:
        arguments += expire_option(dice)
    elif roll < 0.7:
        arguments.append(dice.case(b"PERSIST"))
    elif roll < 0.75:
        arguments += [b"PERSIST"] + expire_option(dice)
    elif roll < 0.78:
        arguments.append(dice.one([b"KEEPTTL", b"EX", b"NX", b"foo"]))
    return arguments


def pairs(dice, name):
    arguments = [name]
    for key in dice.keys(5):
        arguments += [key, dice.value()]
    return arguments


def lcs(dice):
    """Sets two short values first, so that every kind of overlap occurs."""
    first, second = dice.short_key(), dice.short_key()
    alphabet = dice.one([b"ab", b"abc", b"0123456789", b"\x00\xff"])
    commands = [
        [b"SET", key, bytes(dice.one(alphabet) for _ in range(dice.below(40)))] for key in (first, second)
    ]
    if dice.likely(0.1):
        commands.append([b"DEL", first])
    options = [[dice.case(b"LEN")], [dice.case(b"IDX")], [dice.case(b"WITHMATCHLEN")]]
    options.append([dice.case(b"MINMATCHLEN"), dice.one([b"0", b"1", b"2", b"4", b"-1", b"100", b"x", b""])])
    commands.append([b"LCS", first, second] + dice.some(options, 0.45))
    return commands


# weight, what it makes: one command, or a list of commands for one connection
GENERATORS = [
    (90, set_command),
    (60, lambda dice: [b"GET", dice.key()]),
    (14, getex),
    (10, lambda dice: [b"GETDEL", dice.key()]),
    (10, lambda dice: [b"GETSET", dice.key(), dice.value()]),
    (12, lambda dice: [b"SETNX", dice.key(), dice.value()]),
    (10, lambda dice: [b"SETEX", dice.key(), dice.relative_seconds(), dice.value()]),
    (10, lambda dice: [b"PSETEX", dice.key(), dice.relative_milliseconds(), dice.value()]),
    (14, lambda dice: [b"MGET"] + dice.keys(6)),
    (12, lambda dice: pairs(dice, b"MSET")),
    (10, lambda dice: pairs(dice, b"MSETNX")),
    (22, lambda dice: [b"APPEND", dice.key(), dice.value()]),
    (14, lambda dice: [b"STRLEN", dice.key()]),
    (18, lambda dice: [b"SETRANGE", dice.key(), dice.offset(), dice.value()]),
    (16, lambda dice: [b"GETRANGE", dice.key(), dice.index(), dice.index()]),
    (6, lambda dice: [b"SUBSTR", dice.key(), dice.index(), dice.index()]),
    (20, lambda dice: [b"INCR", dice.key()]),
    (14, lambda dice: [b"DECR", dice.key()]),
    (18, lambda dice: [b"INCRBY", dice.key(), dice.integer()]),
    (14, lambda dice: [b"DECRBY", dice.key(), dice.integer()]),
    (20, lambda dice: [b"INCRBYFLOAT", dice.key(), dice.float()]),
    (8, lcs),
]
