"""Random bitmap commands."""


def bit_offset(dice):
    roll = dice.chance()
    if roll < 0.7:
        return b"%d" % dice.below(400)
    if roll < 0.88:
        return b"%d" % dice.below(50000)
    return dice.one(
        [b"-1", b"4294967296", b"9223372036854775807", b"18446744073709551616", b"abc", b"", b"1.0"]
    )


def bit_value(dice):
    return dice.one([b"0", b"1"]) if dice.likely(0.95) else dice.one([b"2", b"-1", b"", b"x", b"01"])


def bitcount(dice):
    arguments = [b"BITCOUNT", dice.key()]
    if dice.likely(0.7):
        arguments += [dice.index(), dice.index()]
        if dice.likely(0.6):
            arguments.append(range_unit(dice))
    elif dice.likely(0.1):
        arguments.append(dice.index())
    return arguments


def bitpos(dice):
    arguments = [b"BITPOS", dice.key(), bit_value(dice)]
    if dice.likely(0.7):
        arguments.append(dice.index())
        if dice.likely(0.8):
            arguments.append(dice.index())
            if dice.likely(0.6):
                arguments.append(range_unit(dice))
    return arguments


def range_unit(dice):
    return dice.case(dice.one([b"BIT", b"BYTE"])) if dice.likely(0.96) else dice.one([b"bits", b"", b"x"])


def bitop(dice):
    operation = dice.one([b"AND", b"OR", b"XOR", b"NOT", b"and", b"Not"]) if dice.likely(0.97) else b"NAND"
    sources = [dice.key()] if operation.upper() == b"NOT" and dice.likely(0.9) else dice.keys(4)
    return [b"BITOP", operation, dice.key()] + sources


def field_type(dice):
    roll = dice.chance()
    if roll < 0.93:
        sign = dice.one([b"i", b"u"])
        width_max = 64 if sign == b"i" else 63
        width = dice.one([1, 2, 3, 5, 7, 8, 9, 13, 16, 31, 32, 33, 57, 63, width_max])
        return sign + b"%d" % width
    return dice.one(
        [b"u64", b"i65", b"u0", b"i0", b"i", b"x8", b"8", b"", b"i8x", b"I8", b"i-1", b"i 8", b"u08"]
    )


def field_offset(dice):
    roll = dice.chance()
    if roll < 0.6:
        return b"%d" % dice.below(200)
    if roll < 0.9:
        return b"#%d" % dice.below(30)
    return dice.one(
        [
            b"-1",
            b"#-1",
            b"#",
            b"",
            b"abc",
            b"4294967296",
            b"9223372036854775807",
            b"##1",
            b"#9223372036854775807",
        ]
    )


def bitfield(dice):
    arguments = [b"BITFIELD", dice.key()]
    for _ in range(dice.below(5)):
        roll = dice.chance()
        if roll < 0.3:
            arguments += [dice.case(b"OVERFLOW"), dice.case(dice.one([b"WRAP", b"SAT", b"FAIL"]))]
            if dice.likely(0.03):
                arguments[-1] = b"nonsense"
        name = dice.one([b"GET", b"SET", b"INCRBY"])
        arguments += [dice.case(name), field_type(dice), field_offset(dice)]
        if name != b"GET":
            arguments.append(dice.integer())
    return arguments


def bitfield_ro(dice):
    arguments = [b"BITFIELD_RO", dice.key()]
    for _ in range(dice.below(4)):
        arguments += [dice.case(b"GET"), field_type(dice), field_offset(dice)]
    if dice.likely(0.05):
        arguments += dice.one([[b"SET", b"u8", b"0", b"1"], [b"OVERFLOW", b"WRAP"], [b"GET", b"u8"], [b"x"]])
    return arguments


GENERATORS = [
    (20, lambda dice: [b"SETBIT", dice.key(), bit_offset(dice), bit_value(dice)]),
    (14, lambda dice: [b"GETBIT", dice.key(), bit_offset(dice)]),
    (16, bitcount),
    (16, bitpos),
    (14, bitop),
    (22, bitfield),
    (8, bitfield_ro),
]
