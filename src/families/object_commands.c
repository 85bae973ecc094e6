/* OBJECT: what is known of a key beside its value. */
#include "families/families.h"
#include "families/lookup.h"

enum {
    EMBEDDED_BYTES_MAX = 44, /* longer strings are "raw", as in Redis */
    SHARED_INTEGERS = 10000, /* 0 to 9999: Redis has one object of each that never dies */
    SHARED_REFERENCES = INT32_MAX,
};

static const char *encoding(const struct entry *entry)
{
    if (entry_kind(entry) == ENTRY_INTEGER) return "int";
    bool is_embedded = entry_kind(entry) == ENTRY_STRING && !entry_is_raw(entry) &&
                       entry_string_length(entry) <= EMBEDDED_BYTES_MAX;
    return is_embedded ? "embstr" : "raw";
}

/* The key that the subcommand is about; NULL after replying nil. */
static const struct entry *find(struct call *call)
{
    const struct entry *entry = txn_read(call->txn, &call->keys[0]);
    if (!entry) reply_nil(call->reply);
    return entry;
}

static void cmd_object_encoding(struct call *call)
{
    const struct entry *entry = find(call);
    if (!entry) return;
    if (entry_is_string(entry))
        reply_text(call->reply, encoding(entry));
    else
        reply_text(call->reply, lookup_type(entry));
}

static void cmd_object_refcount(struct call *call)
{
    const struct entry *entry = find(call);
    if (!entry) return;
    bool is_shared = entry_kind(entry) == ENTRY_INTEGER && entry_integer(entry) >= 0 &&
                     entry_integer(entry) < SHARED_INTEGERS;
    reply_integer(call->reply, is_shared ? SHARED_REFERENCES : 1);
}

static void cmd_object_idletime(struct call *call)
{
    if (find(call)) reply_error(call->reply, "ERR idle times are not tracked by this server");
}

static void cmd_object_freq(struct call *call)
{
    if (!find(call)) return;
    reply_error(call->reply,
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                "Please note that when switching between policies at runtime LRU and LFU data will "
                "take some time to adjust.");
}

static void cmd_object_help(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>", "    How the value of a key is represented.",
        "FREQ <key>",     "    How often a key was used lately, on a logarithmic scale.",
        "IDLETIME <key>", "    How many seconds ago a key was last used.",
        "REFCOUNT <key>", "    How many references there are to the value of a key.",
    };
    reply_help(call->reply, "OBJECT", lines, sizeof lines / sizeof lines[0]);
}

/* clang-format off */
static const struct command object_commands[] = {
    {"object|encoding", cmd_object_encoding, 3, CMD_READ, {2, 2, 1, 0},
     "key", "2.2.3",
     "Says how the value of a key is represented.",
     "generic", "O(1)", "@keyspace", NULL},
    {"object|freq", cmd_object_freq, 3, CMD_READ, {2, 2, 1, 0},
     "key", "4.0.0",
     "Says how often a key was used lately.",
     "generic", "O(1)", "@keyspace", NULL},
    {"object|help", cmd_object_help, 2, CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "6.2.0",
     "Lists the subcommands.",
     "generic", "O(1)", "@keyspace", NULL},
    {"object|idletime", cmd_object_idletime, 3, CMD_READ, {2, 2, 1, 0},
     "key", "2.2.3",
     "Says how many seconds ago a key was last used.",
     "generic", "O(1)", "@keyspace", NULL},
    {"object|refcount", cmd_object_refcount, 3, CMD_READ, {2, 2, 1, 0},
     "key", "2.2.3",
     "Says how many references there are to the value of a key.",
     "generic", "O(1)", "@keyspace", NULL},
    {NULL, NULL, 0, 0, {0, 0, 0, 0}, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

static const struct command commands[] = {
    {"object", NULL, -2, 0, {0, 0, 0, 0},
     "", "2.2.3",
     "Tells what is known of a key beside its value.",
     "generic", "Depends on the subcommand.", "", object_commands},
};
/* clang-format on */

const struct family object_family = FAMILY("object", commands);
