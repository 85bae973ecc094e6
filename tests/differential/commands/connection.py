"""Random connection commands that leave the connection usable."""


def hello(dice):
    roll = dice.chance()
    if roll < 0.6:
        return [b"HELLO", dice.one([b"2", b"3"])]
    return [b"HELLO"] + dice.one(
        [
            [], [b"4"], [b"1"], [b"abc"], [b""], [b"3", b"AUTH"], [b"3", b"AUTH", b"a"], [b"2", b"AUTH", b"a", b"b"],
            [b"3", b"SETNAME"], [b"3", b"SETNAME", b"a b"], [b"3", b"FOO"], [b"2", b"setname", b"worker"], [b"2", b"SETNAME", b""],
            [b"9223372036854775808"],
        ]
    )


def client(dice):
    return [b"CLIENT"] + dice.one(
        [
            [b"GETNAME"], [b"GETNAME"], [b"SETNAME", b"worker-1"], [b"SETNAME", b""], [b"SETNAME", b"two words"],
            [b"SETNAME", b"line\nbreak"], [b"setname", b"\xc3\xa4"], [b"ID"], [b"INFO"], [b"LIST"], [b"LIST", b"TYPE", b"normal"],
            [b"LIST", b"TYPE", b"nonsense"], [b"LIST", b"ID", b"abc"], [b"LIST", b"ID"], [b"LIST", b"FOO"], [b"GETREDIR"],
            [b"NO-EVICT", b"on"], [b"NO-EVICT", b"off"], [b"NO-EVICT", b"x"], [b"UNBLOCK", b"1000000"], [b"UNBLOCK", b"abc"],
            [b"UNBLOCK", b"1000000", b"TIMEOUT"], [b"UNBLOCK", b"1000000", b"ERROR"], [b"UNBLOCK", b"1000000", b"x"],
            [b"KILL", b"1.2.3.4:5"], [b"KILL", b"ID", b"1000000"], [b"KILL", b"ID", b"abc"], [b"KILL", b"ID", b"0"],
            [b"KILL", b"TYPE", b"nonsense"], [b"KILL", b"TYPE", b"replica"], [b"KILL", b"ADDR", b"1.2.3.4:5"],
            [b"KILL", b"LADDR", b"1.2.3.4:5"], [b"KILL", b"USER", b"nobody"], [b"KILL", b"SKIPME", b"x"], [b"KILL", b"ID"],
            [b"KILL", b"ADDR", b"1.2.3.4:5", b"ID", b"1000000"], [b"KILL", b"ID", b"1000000", b"SKIPME", b"no"],
            [b"REPLY", b"ON"], [b"REPLY", b"x"], [b"PAUSE", b"abc"], [b"PAUSE", b"-1"], [b"PAUSE", b"0", b"x"], [b"UNPAUSE"],
            [b"NONSENSE"], [], [b"PAUSE"], [b"GETNAME", b"x"], [b"ID", b"x"], [b"SETNAME"],
        ]
    )


GENERATORS = [
    (6, lambda dice: [b"SELECT", dice.database()]),
    (5, lambda dice: [b"PING"] if dice.likely(0.6) else [b"PING", dice.value()]),
    (5, lambda dice: [b"ECHO", dice.value()]),
    (2, hello),
    (0.6, lambda dice: [b"RESET"]),
    (6, client),
    (1, lambda dice: [b"AUTH"] + dice.one([[b"x"], [b"default", b"x"], [b"nobody", b"x"], [b"a", b"b", b"c"], [], [b"default", b""]])),
]
