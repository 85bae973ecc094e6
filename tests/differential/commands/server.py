"""Random server commands that answer at once and disturb nobody else's connection."""

from commands.vocabulary import PATTERNS
from notation import lines

WITH_KEYS_TO_FIND = lines("""
    GET a
    SET a b
    SET a
    MSET a 1 b 2
    MSETNX a 1
    MGET a b c
    DEL a b
    RENAME a b
    COPY a b
    BITOP AND d a b
    BITFIELD k GET u8 0
    OBJECT ENCODING k
    MEMORY USAGE k
    LCS a b
    GETEX a PERSIST
    EXISTS a b
    TOUCH a
    WATCH a b
    RESTORE a 0 x
    SCAN 0
    CLIENT ID
    SELECT 0
    MULTI
    PING
    NOSUCH a
    """)

FIXED = lines("""
    TIME
    LASTSAVE
    LOLWUT
    COMMAND INFO nosuch
    COMMAND DOCS nosuch
    COMMAND NONSENSE
    COMMAND COUNT
    COMMAND LIST FILTERBY x y
    COMMAND LIST FILTERBY MODULE x
    COMMAND LIST FILTERBY PATTERN getr*
    CONFIG GET maxmemory
    CONFIG GET nosuch
    CONFIG GET
    CONFIG SET nosuch 1
    CONFIG SET a
    CONFIG SET slowlog-max-len 128
    CONFIG RESETSTAT
    CONFIG NONSENSE
    SLOWLOG LEN x
    SLOWLOG RESET
    SLOWLOG GET -2
    SLOWLOG NONSENSE
    LATENCY NONSENSE
    LATENCY HISTORY nosuch
    LATENCY RESET nosuch
    MEMORY NONSENSE
    WAIT 0 0
    WAIT x 0
    WAIT 0 -1
    WAIT 0 x
    DEBUG SLEEP 0
    SHUTDOWN NONSENSE
    SHUTDOWN ABORT
    SAVE x
    BGSAVE x
    BGSAVE SCHEDULE x
    FLUSHALL x
    FLUSHDB SYNC x
    INFO server
    INFO nosuch
    """)


def getkeys(dice):
    return [b"COMMAND", dice.one([b"GETKEYS", b"GETKEYSANDFLAGS"]), *dice.one(WITH_KEYS_TO_FIND)]


def with_key(dice):
    usage = [b"MEMORY", b"USAGE", dice.key()]
    return dice.one(
        [usage, usage + [b"SAMPLES", b"5"], usage + [b"SAMPLES", b"-1"], [b"KEYS", dice.one(PATTERNS), b"x"]]
    )


def flush(dice):
    name = b"FLUSHALL" if dice.likely(0.3) else b"FLUSHDB"
    return [name] + dice.one([[], [], [dice.case(b"SYNC")], [dice.case(b"ASYNC")]])


GENERATORS = [
    (3, getkeys),
    (7, lambda dice: dice.one(FIXED)),
    (1, with_key),
    (0.5, flush),
    (1.5, lambda dice: [b"SWAPDB", dice.database(), dice.database()]),
]
