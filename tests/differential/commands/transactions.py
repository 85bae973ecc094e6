"""Random transactions: blocks on one connection, and watchers disturbed by another."""

from items import Other


def block(dice, plain):
    """MULTI, some commands, EXEC or DISCARD, with and without a WATCH before."""
    commands = []
    if dice.likely(0.3):
        commands.append([b"WATCH"] + dice.keys(3))
        if dice.likely(0.3):
            commands += plain(dice)
    commands.append([b"MULTI"])
    for _ in range(dice.below(6)):
        commands += plain(dice)
    if dice.likely(0.06):
        commands.append(
            dice.one([[b"MULTI"], [b"WATCH", dice.key()], [b"NOSUCHCOMMAND", b"x"], [b"GET"], [b"UNWATCH"]])
        )
        commands += plain(dice)
    commands.append([b"DISCARD"] if dice.likely(0.15) else [b"EXEC"])
    return commands


def disturbed_watch(dice, plain):
    """A watcher; another connection acts, perhaps on a watched key; then the watcher's EXEC shows whether it mattered."""
    watched = dice.keys(3)
    commands = [[b"WATCH"] + watched]
    if dice.likely(0.1):
        commands.append([b"UNWATCH"])
    if dice.likely(0.3):
        commands.append([b"MULTI"])
        commands += plain(dice)
    commands.append(Other(tuple(disturbance(dice, watched, plain))))
    if [b"MULTI"] not in commands:
        commands.append([b"MULTI"])
    commands += plain(dice)
    commands.append([b"EXEC"])
    return commands


def disturbance(dice, watched, plain):
    roll = dice.chance()
    key = dice.one(watched)
    if roll < 0.6:
        return [
            dice.one(
                [
                    [b"SET", key, dice.value()],
                    [b"DEL", key],
                    [b"EXPIRE", key, dice.one([b"1000", b"-1"])],
                    [b"PERSIST", key],
                    [b"APPEND", key, b""],
                    [b"APPEND", key, b"x"],
                    [b"SETRANGE", key, b"0", b""],
                    [b"RENAME", key, dice.key()],
                    [b"RENAME", dice.key(), key],
                    [b"COPY", dice.key(), key, b"REPLACE"],
                    [b"MOVE", key, dice.database()],
                    [b"GETEX", key, b"PERSIST"],
                    [b"GETDEL", key],
                    [b"SETBIT", key, b"0", b"0"],
                    [b"SET", key, b"x", b"NX"],
                    [b"SWAPDB", dice.database(), dice.database()],
                    [b"FLUSHDB"],
                    [b"FLUSHALL"],
                ]
            )
        ]
    return plain(dice)


def stray(dice, plain):
    """One transaction command where nobody expects it."""
    return [
        dice.one(
            [[b"EXEC"], [b"DISCARD"], [b"UNWATCH"], [b"WATCH"] + dice.keys(2), [b"WATCH"], [b"EXEC", b"x"]]
        )
    ]


# These take the generator of plain commands as a second argument.
GENERATORS = [(14, block), (1.2, disturbed_watch), (4, stray)]
