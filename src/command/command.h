/* What a command is: one row of a family's table. Everything else (COMMAND DOCS, ACL categories,
 * key extraction, the differential generator, the fuzzers) reads the row. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "base/bytes.h"

struct call;

enum command_flags {
    CMD_WRITE = 1 << 0,        /* may change keys */
    CMD_READ = 1 << 1,         /* reads keys (COMMAND INFO: readonly) */
    CMD_GROWS_MEMORY = 1 << 2, /* refused when out of memory (denyoom) */
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NO_SCRIPT = 1 << 5,
    CMD_BLOCKING = 1 << 6,
    CMD_LOADING = 1 << 7, /* allowed while loading */
    CMD_STALE = 1 << 8,
    CMD_SKIP_MONITOR = 1 << 9,
    CMD_SKIP_SLOWLOG = 1 << 10,
    CMD_FAST = 1 << 11,
    CMD_NO_AUTH = 1 << 12,  /* allowed before AUTH */
    CMD_NO_MULTI = 1 << 13, /* refused inside MULTI */
    CMD_MOVABLE_KEYS = 1 << 14,
    CMD_ASKING = 1 << 15,
    CMD_MAY_REPLICATE = 1 << 16,
    CMD_TOUCHES_KEYS_ANYWHERE =
        1 << 17, /* keys unknown beforehand: locks every shard inside EXEC */
    CMD_TRANSACTION =
        1
        << 18, /* runs at once inside MULTI instead of being queued: EXEC DISCARD MULTI WATCH ... */
    CMD_NOT_IN_LIST = 1 << 19, /* an alias that COMMAND does not count */
    CMD_ALL_SHARDS = 1 << 20,  /* runs with every shard locked: FLUSHALL, SWAPDB */
    CMD_SECRET =
        1
        << 21, /* a password stands in it: not for MONITOR and the slow log; COMMAND does not tell */
};

/* Where the keys stand among the arguments: first, last (negative from the end), step; all 0: none.
 * With `count_at` > 0 the number of keys stands at that argument and the keys follow it. */
struct command_keys {
    int8_t first;
    int8_t last;
    int8_t step;
    int8_t count_at;
};

struct command {
    const char *name; /* lower case; "config|get" for a subcommand */
    void (*function)(struct call *call);
    int8_t arity; /* with the name; negative: at least */
    uint32_t flags;
    struct command_keys keys;
    const char *syntax;  /* Redis's notation: "key value [NX | XX] [GET] [EX seconds | ...]" */
    const char *since;   /* "1.0.0" */
    const char *summary; /* one line, our words */
    const char *group;   /* "string", "bitmap", "generic", "connection", "server", "transactions" */
    const char *complexity; /* "O(1)" */
    const char
        *acl; /* categories beside those that follow from the flags: "@keyspace @dangerous" */
    const struct command
        *subcommands; /* ends with a row whose name is NULL; names are "parent|sub" */
};

struct family {
    const char *name;
    const struct command *commands;
    size_t count;
};

/* Where the keys of one run stand: `count` of them, `step` apart. */
struct command_key_range {
    uint32_t first;
    uint32_t step;
    uint32_t count;
};

/* By the row's key spec; count 0 when there are none, or when the argument that should say how many
 * is no such number. */
struct command_key_range command_key_range(const struct command *command,
                                           const struct bytes *arguments, uint32_t argument_count);
/* False when this many arguments cannot be right. */
static inline bool command_takes(const struct command *command, uint32_t argument_count)
{
    int64_t count = argument_count;
    return command->arity >= 0 ? count == command->arity : count >= -command->arity;
}

enum { COMMAND_CATEGORY_COUNT = 21 };
/* The names of all ACL categories, without '@', in Redis's order. */
extern const char *const command_category_names[COMMAND_CATEGORY_COUNT];
/* Bit i: the command is in category i; from its flags and its `acl` words. */
uint32_t command_categories(const struct command *command);

#define FAMILY(family_name, table) \
    { \
        family_name, table, sizeof(table) / sizeof((table)[0]) \
    }

#endif
