"""COMMAND: what clients and proxies read about each command agrees with the oracle, for every command both have."""

import re

import pytest

from pair import start_server
from support.resp import Map, Set
from support.server import oracle_path, subject_path

# Command or command|subcommand: (part, reason). A part is one of the keys that `facts` makes.
EXPLAINED = {}

# What this server must know; later families add theirs.
FAMILIES_PRESENT = """
    set get getex getdel getset setnx setex psetex mget mset msetnx append strlen setrange getrange substr
    incr decr incrby decrby incrbyfloat lcs setbit getbit bitcount bitpos bitop bitfield bitfield_ro del
    unlink exists touch type rename renamenx copy move expire pexpire expireat pexpireat ttl pttl expiretime
    pexpiretime persist keys randomkey scan dump restore object|encoding object|refcount object|idletime
    object|freq object|help multi exec discard watch unwatch select ping echo hello reset quit auth
    client|id client|info client|list client|kill client|setname client|getname client|no-evict client|reply
    client|pause client|unpause client|unblock client|getredir client|help command|count command|info
    command|docs command|list command|getkeys command|getkeysandflags command|help config|get config|set
    config|resetstat config|help info time lastsave save bgsave bgrewriteaof shutdown wait memory|usage
    memory|help slowlog|get slowlog|len slowlog|reset slowlog|help monitor latency|latest latency|history
    latency|reset latency|histogram latency|help lolwut flushdb flushall swapdb dbsize debug
""".split()


def facts(entry):
    """One element of COMMAND INFO as a dictionary; sets are compared as sets."""
    name, arity, flags, first, last, step, categories, _, specs, subcommands = entry
    return {
        "name": name,
        "arity": arity,
        "flags": set(flags),
        "keys": (first, last, step),
        "categories": set(categories),
        "key specs": sorted(repr(plain(spec)) for spec in specs),
        "subcommands": {sub[0] for sub in subcommands},
    }


def plain(value):
    """Without the types of RESP3 and without notes in prose."""
    if isinstance(value, Map):
        return {key: plain(each) for key, each in value if key != b"notes"}
    if isinstance(value, Set):
        return sorted(value)
    return [plain(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def tables():
    found = []
    for path in (oracle_path(), subject_path()):
        server = start_server(path)
        with server.client(protocol=3) as client:
            entries = client.call("COMMAND")
            docs = client.call("COMMAND", "DOCS").as_dict()
            names = client.call("COMMAND", "LIST")
            count = client.call("COMMAND", "COUNT")
        server.finish()
        server.clean()
        flat = {}
        for entry in entries:
            flat[entry[0].decode()] = facts(entry)
            flat.update({sub[0].decode(): facts(sub) for sub in entry[9]})
        found.append({"facts": flat, "docs": docs, "names": names, "count": count, "entries": entries})
    return found


@pytest.mark.parametrize("command", FAMILIES_PRESENT)
def test_facts_of_the_command_agree(tables, command):
    oracle, subject = (table["facts"] for table in tables)
    assert command in subject, f"COMMAND does not know {command}"
    for part, value in oracle[command].items():
        if part == "subcommands":
            continue
        if EXPLAINED.get(command, ("",))[0] == part:
            continue
        assert subject[command][part] == value, f"{command}: {part}"


def test_count_and_list_agree_with_the_table(tables):
    for table in tables:
        assert table["count"] == len(table["entries"])
        assert {name.encode() for name in table["facts"]} == set(
            table["names"]
        ), "COMMAND LIST names subcommands too"


def test_containers_have_no_key_positions_of_their_own(tables):
    oracle, subject = (table["facts"] for table in tables)
    for name in ("client", "config", "object", "command", "memory", "slowlog", "latency"):
        assert subject[name]["keys"] == oracle[name]["keys"]
        assert subject[name]["arity"] == oracle[name]["arity"]


@pytest.mark.parametrize("command", sorted({name.split("|")[0] for name in FAMILIES_PRESENT}))
def test_docs_say_what_a_client_needs(tables, command):
    """redis-cli builds its hints from these fields; the prose is our own."""
    oracle, subject = (table["docs"][command.encode()].as_dict() for table in tables)
    for field in (b"since", b"group"):
        assert subject[field] == oracle[field]
    assert subject[b"summary"]
    assert (b"subcommands" in subject) == (b"subcommands" in oracle)


def argument_shape(argument):
    """Type, token and flags of a documented argument, without names."""
    fields = argument.as_dict()
    shape = [fields[b"type"], fields.get(b"token"), sorted(fields.get(b"flags", []))]
    return shape + [[argument_shape(each) for each in fields.get(b"arguments", [])]]


@pytest.mark.parametrize(
    "command", "set get getex expire copy scan bitpos lcs restore msetnx incrbyfloat hello".split()
)
def test_documented_arguments_have_the_same_shape(tables, command):
    oracle, subject = (table["docs"][command.encode()].as_dict() for table in tables)
    wanted = [argument_shape(each) for each in oracle.get(b"arguments", [])]
    found = [argument_shape(each) for each in subject.get(b"arguments", [])]
    assert found == wanted


def test_names_are_lower_case(tables):
    for table in tables:
        assert all(re.fullmatch(rb"[a-z_|-]+[a-z0-9_|-]*", name) for name in table["names"])
