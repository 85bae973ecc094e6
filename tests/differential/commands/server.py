"""Random server commands that answer at once and disturb nobody else's connection."""

from commands.vocabulary import PATTERNS


def getkeys(dice):
    inner = dice.one(
        [
            [b"GET", b"a"], [b"SET", b"a", b"b"], [b"MSET", b"a", b"1", b"b", b"2"], [b"MSETNX", b"a", b"1"], [b"MGET", b"a", b"b", b"c"],
            [b"DEL", b"a", b"b"], [b"RENAME", b"a", b"b"], [b"COPY", b"a", b"b"], [b"BITOP", b"AND", b"d", b"a", b"b"], [b"PING"],
            [b"NOSUCH", b"a"], [b"OBJECT", b"ENCODING", b"k"], [b"LCS", b"a", b"b"], [b"GETEX", b"a", b"PERSIST"], [b"SET", b"a"],
            [b"MEMORY", b"USAGE", b"k"], [b"EXISTS", b"a", b"b"], [b"SCAN", b"0"], [b"CLIENT", b"ID"], [b"RESTORE", b"a", b"0", b"x"],
            [b"BITFIELD", b"k", b"GET", b"u8", b"0"], [b"SELECT", b"0"], [b"MULTI"], [b"WATCH", b"a", b"b"], [b"TOUCH", b"a"],
        ]
    )
    return [b"COMMAND", dice.one([b"GETKEYS", b"GETKEYS", b"GETKEYSANDFLAGS"])] + inner


def misc(dice):
    return dice.one(
        [
            [b"TIME"], [b"LASTSAVE"], [b"COMMAND", b"INFO", b"nosuch"], [b"COMMAND", b"NONSENSE"], [b"COMMAND", b"DOCS", b"nosuch"],
            [b"COMMAND", b"LIST", b"FILTERBY", b"x", b"y"], [b"COMMAND", b"LIST", b"FILTERBY", b"MODULE", b"x"], [b"CONFIG", b"GET", b"nosuch"],
            [b"COMMAND", b"LIST", b"FILTERBY", b"PATTERN", b"getr*"], [b"COMMAND", b"COUNT"], [b"CONFIG", b"RESETSTAT"],
            [b"CONFIG", b"GET", b"maxmemory"], [b"CONFIG", b"SET", b"nosuch", b"1"], [b"CONFIG", b"NONSENSE"], [b"CONFIG", b"SET", b"a"],
            [b"CONFIG", b"GET"], [b"CONFIG", b"SET", b"slowlog-max-len", b"128"], [b"SLOWLOG", b"LEN", b"x"], [b"SLOWLOG", b"RESET"],
            [b"SLOWLOG", b"GET", b"-2"], [b"SLOWLOG", b"NONSENSE"], [b"LATENCY", b"NONSENSE"], [b"LATENCY", b"HISTORY", b"nosuch"],
            [b"LATENCY", b"RESET", b"nosuch"], [b"MEMORY", b"USAGE", dice.key()], [b"MEMORY", b"USAGE", dice.key(), b"SAMPLES", b"5"],
            [b"MEMORY", b"USAGE", dice.key(), b"SAMPLES", b"-1"], [b"MEMORY", b"NONSENSE"], [b"WAIT", b"0", b"0"], [b"WAIT", b"x", b"0"],
            [b"WAIT", b"0", b"-1"], [b"WAIT", b"0", b"x"], [b"DEBUG", b"SLEEP", b"0"], [b"SHUTDOWN", b"NONSENSE"], [b"SAVE", b"x"],
            [b"BGSAVE", b"x"], [b"SHUTDOWN", b"ABORT"], [b"FLUSHALL", b"x"], [b"FLUSHDB", b"SYNC", b"x"], [b"INFO", b"server"], [b"INFO", b"nosuch"],
            [b"LOLWUT"], [b"BGSAVE", b"SCHEDULE", b"x"], [b"KEYS", dice.one(PATTERNS), b"x"],
        ]
    )


def flush(dice):
    name = b"FLUSHALL" if dice.likely(0.3) else b"FLUSHDB"
    return [name] + dice.one([[], [], [dice.case(b"SYNC")], [dice.case(b"ASYNC")]])


GENERATORS = [
    (3, getkeys),
    (8, misc),
    (0.5, flush),
    (1.5, lambda dice: [b"SWAPDB", dice.database(), dice.database()]),
]
