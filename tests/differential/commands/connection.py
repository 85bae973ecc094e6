"""Random connection commands that leave the connection usable."""

from notation import lines

HELLO = lines("""
    HELLO
    HELLO 4
    HELLO 1
    HELLO abc
    HELLO ""
    HELLO 3 AUTH
    HELLO 3 AUTH a
    HELLO 2 AUTH a b
    HELLO 3 SETNAME
    HELLO 3 SETNAME "a b"
    HELLO 3 FOO
    HELLO 2 setname worker
    HELLO 2 SETNAME ""
    HELLO 9223372036854775808
    """)

CLIENT = lines("""
    CLIENT
    CLIENT GETNAME
    CLIENT GETNAME
    CLIENT GETNAME x
    CLIENT SETNAME worker-1
    CLIENT SETNAME ""
    CLIENT SETNAME "two words"
    CLIENT SETNAME "line\\nbreak"
    CLIENT setname "\\xc3\\xa4"
    CLIENT SETNAME
    CLIENT ID
    CLIENT ID x
    CLIENT INFO
    CLIENT LIST
    CLIENT LIST TYPE normal
    CLIENT LIST TYPE nonsense
    CLIENT LIST ID abc
    CLIENT LIST ID
    CLIENT LIST FOO
    CLIENT GETREDIR
    CLIENT NO-EVICT on
    CLIENT NO-EVICT off
    CLIENT NO-EVICT x
    CLIENT UNBLOCK 1000000
    CLIENT UNBLOCK abc
    CLIENT UNBLOCK 1000000 TIMEOUT
    CLIENT UNBLOCK 1000000 ERROR
    CLIENT UNBLOCK 1000000 x
    CLIENT KILL 1.2.3.4:5
    CLIENT KILL ID 1000000
    CLIENT KILL ID abc
    CLIENT KILL ID 0
    CLIENT KILL ID
    CLIENT KILL TYPE nonsense
    CLIENT KILL TYPE replica
    CLIENT KILL ADDR 1.2.3.4:5
    CLIENT KILL LADDR 1.2.3.4:5
    CLIENT KILL USER nobody
    CLIENT KILL SKIPME x
    CLIENT KILL ADDR 1.2.3.4:5 ID 1000000
    CLIENT KILL ID 1000000 SKIPME no
    CLIENT REPLY ON
    CLIENT REPLY x
    CLIENT PAUSE
    CLIENT PAUSE abc
    CLIENT PAUSE -1
    CLIENT PAUSE 0 x
    CLIENT UNPAUSE
    CLIENT NONSENSE
    """)

AUTH = lines("""
    AUTH
    AUTH x
    AUTH default x
    AUTH default ""
    AUTH nobody x
    AUTH a b c
    """)


def hello(dice):
    return [b"HELLO", dice.one([b"2", b"3"])] if dice.likely(0.6) else dice.one(HELLO)


GENERATORS = [
    (6, lambda dice: [b"SELECT", dice.database()]),
    (5, lambda dice: [b"PING"] if dice.likely(0.6) else [b"PING", dice.value()]),
    (5, lambda dice: [b"ECHO", dice.value()]),
    (2, hello),
    (0.6, lambda dice: [b"RESET"]),
    (6, lambda dice: dice.one(CLIENT)),
    (1, lambda dice: dice.one(AUTH)),
]
