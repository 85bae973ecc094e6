/* Keys whatever they hold: delete, look, rename, copy, move. */
#include "base/assert.h"
#include "families/families.h"
#include "families/lookup.h"

static void cmd_del(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < call->key_count; i++) {
        struct item item = txn_item(call->txn, &call->keys[i]);
        if (!item.entry) continue;
        txn_remove(call->txn, &item);
        count++;
    }
    reply_integer(call->reply, count);
}

static void cmd_exists(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < call->key_count; i++)
        count += txn_read(call->txn, &call->keys[i]) != NULL;
    reply_integer(call->reply, count);
}

static void cmd_type(struct call *call)
{
    const char *type = lookup_type(txn_read(call->txn, &call->keys[0]));
    reply_simple(call->reply, bytes_of_text(type));
}

/* Where a value goes from and to. */
struct pair {
    struct item source;
    struct item target;
};

/* Looks both keys up so that both items hold: a lookup deletes a key that has expired, after which
 * older items are void; the second round finds nothing left to delete. */
static struct pair find_pair(struct call *call, const struct key *target_key,
                             uint32_t target_database)
{
    struct pair pair;
    for (unsigned round = 0; round < 2; round++) {
        pair.source = txn_item(call->txn, &call->keys[0]);
        pair.target = txn_item_in(call->txn, target_database, target_key);
    }
    return pair;
}

static void copy_pair(struct call *call, struct pair *pair)
{
    ASSERT(pair->source.entry);
    int64_t deadline_ms = entry_deadline(pair->source.entry);
    txn_copy(call->txn, &pair->target, pair->source.entry, deadline_ms);
}

static void move_pair(struct call *call, struct pair *pair)
{
    copy_pair(call, pair);
    struct item source = txn_item(call->txn,
                                  &call->keys[0]); /* the old item is void after a change */
    ASSERT(source.entry);
    txn_remove(call->txn, &source);
}

static void cmd_rename(struct call *call)
{
    struct pair pair = find_pair(call, &call->keys[1], call->txn->database);
    if (!pair.source.entry) {
        reply_error_no_key(call->reply);
        return;
    }
    if (!bytes_equal(call->keys[0].name, call->keys[1].name)) move_pair(call, &pair);
    reply_ok(call->reply);
}

static void cmd_renamenx(struct call *call)
{
    struct pair pair = find_pair(call, &call->keys[1], call->txn->database);
    if (!pair.source.entry) {
        reply_error_no_key(call->reply);
        return;
    }
    bool is_free = !pair.target.entry;
    if (is_free) move_pair(call, &pair);
    reply_integer(call->reply, is_free);
}

/* The number of a database; false after an error reply. */
static bool database_argument(struct call *call, uint32_t index, uint32_t *out)
{
    int64_t number;
    if (!call_integer(call, index, &number)) return false;
    if (number < INT32_MIN || number > INT32_MAX) {
        reply_error(call->reply,
                    "ERR value is out of range, value must between -2147483648 and 2147483647");
        return false;
    }
    if (number < 0 || number >= call->txn->keyspace->database_count) {
        reply_error(call->reply, "ERR DB index is out of range");
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

struct copy_options {
    uint32_t database;
    bool has_replace;
};

static bool parse_copy_options(struct call *call, struct copy_options *options)
{
    for (uint32_t i = 3; i < call->argument_count; i++) {
        if (call_argument_is(call, i, "replace")) {
            options->has_replace = true;
        } else if (call_argument_is(call, i, "db") && i + 1 < call->argument_count) {
            i++;
            if (!database_argument(call, i, &options->database)) return false;
        } else {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    return true;
}

static void refuse_same(struct call *call)
{
    reply_error(call->reply, "ERR source and destination objects are the same");
}

static void cmd_copy(struct call *call)
{
    struct copy_options options = {.database = call->txn->database};
    if (!parse_copy_options(call, &options)) return;
    if (options.database == call->txn->database &&
        bytes_equal(call->keys[0].name, call->keys[1].name)) {
        refuse_same(call);
        return;
    }
    bool is_there = txn_read(call->txn, &call->keys[0]) != NULL; /* counts as a read */
    struct pair pair = find_pair(call, &call->keys[1], options.database);
    bool is_copied = is_there && (!pair.target.entry || options.has_replace);
    if (is_copied) copy_pair(call, &pair);
    reply_integer(call->reply, is_copied);
}

static void cmd_move(struct call *call)
{
    uint32_t database;
    if (!database_argument(call, 2, &database)) return;
    if (database == call->txn->database) {
        refuse_same(call);
        return;
    }
    struct pair pair = find_pair(call, &call->keys[0], database);
    bool is_moved = pair.source.entry && !pair.target.entry;
    if (is_moved) move_pair(call, &pair);
    reply_integer(call->reply, is_moved);
}

/* clang-format off */
static const struct command commands[] = {
    {"copy", cmd_copy, -3, CMD_WRITE | CMD_GROWS_MEMORY, {1, 2, 1, 0},
     "source destination [DB destination-db] [REPLACE]", "6.2.0",
     "Copies what a key holds, and when it expires, to another key.",
     "generic", "O(1) for strings, O(N) for others where N is the number of elements",
     "@keyspace", NULL},
    {"del", cmd_del, -2, CMD_WRITE, {1, -1, 1, 0},
     "key [key ...]", "1.0.0",
     "Deletes keys.",
     "generic", "O(N) where N is the number of keys", "@keyspace", NULL},
    {"exists", cmd_exists, -2, CMD_READ | CMD_FAST, {1, -1, 1, 0},
     "key [key ...]", "1.0.0",
     "Counts how many of the keys are there; one that is named twice counts twice.",
     "generic", "O(N) where N is the number of keys", "@keyspace", NULL},
    {"move", cmd_move, 3, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key db", "1.0.0",
     "Moves a key to another database where it is not there yet.",
     "generic", "O(1)", "@keyspace", NULL},
    {"rename", cmd_rename, 3, CMD_WRITE, {1, 2, 1, 0},
     "key newkey", "1.0.0",
     "Gives a key another name, replacing what has that name.",
     "generic", "O(1)", "@keyspace", NULL},
    {"renamenx", cmd_renamenx, 3, CMD_WRITE | CMD_FAST, {1, 2, 1, 0},
     "key newkey", "1.0.0",
     "Gives a key another name if nothing has that name yet.",
     "generic", "O(1)", "@keyspace", NULL},
    {"touch", cmd_exists, -2, CMD_READ | CMD_FAST, {1, -1, 1, 0},
     "key [key ...]", "3.2.1",
     "Marks keys as used just now and counts those that are there.",
     "generic", "O(N) where N is the number of keys", "@keyspace", NULL},
    {"type", cmd_type, 2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key", "1.0.0",
     "Says what kind of value a key holds.",
     "generic", "O(1)", "@keyspace", NULL},
    {"unlink", cmd_del, -2, CMD_WRITE | CMD_FAST, {1, -1, 1, 0},
     "key [key ...]", "4.0.0",
     "Deletes keys and frees what they held later.",
     "generic", "O(1) for each key", "@keyspace", NULL},
};
/* clang-format on */

const struct family key_family = FAMILY("key", commands);
