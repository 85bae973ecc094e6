/* Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB. */
#include "base/number.h"
#include "command/call.h"
#include "server/server_commands.h"

static void cmd_dbsize(struct call *call)
{
    reply_integer(call->reply, (int64_t)txn_database_size(call->txn));
}

/* That there is nothing to flush may be the work of a flush that is not durable yet: the reply
 * waits for it. */
static bool is_empty(struct txn *txn, uint32_t database)
{
    for (uint32_t i = 0; i < txn->keyspace->shard_count; i++) {
        const struct shard *shard = &txn->keyspace->shards[i];
        if (shard_count(shard, database) > 0) return false;
        txn_gate_shard(txn, shard);
    }
    return true;
}

/* ASYNC or SYNC: flushed tables are always freed in slices, so the words mean the same. */
static bool has_flush_words(struct call *call)
{
    bool is_valid = call->argument_count == 1 ||
                    (call->argument_count == 2 &&
                     (call_argument_is(call, 1, "async") || call_argument_is(call, 1, "sync")));
    if (!is_valid) reply_error_syntax(call->reply);
    return is_valid;
}

static void flush(struct call *call, uint32_t database)
{
    if (!is_empty(call->txn, database)) txn_flush(call->txn, database);
}

static void cmd_flushdb(struct call *call)
{
    if (!has_flush_words(call)) return;
    flush(call, call->txn->database);
    reply_ok(call->reply);
}

static void cmd_flushall(struct call *call)
{
    if (!has_flush_words(call)) return;
    for (uint32_t i = 0; i < call->txn->keyspace->database_count; i++) flush(call, i);
    reply_ok(call->reply);
}

static bool parse_database(struct call *call, uint32_t index, const char *complaint, int64_t *out)
{
    if (number_parse_i64(call_argument(call, index), out) && *out == (int32_t)*out) return true;
    reply_error(call->reply, complaint);
    return false;
}

static void cmd_swapdb(struct call *call)
{
    int64_t first;
    int64_t second;
    if (!parse_database(call, 1, "ERR invalid first DB index", &first)) return;
    if (!parse_database(call, 2, "ERR invalid second DB index", &second)) return;
    int64_t count = call->txn->keyspace->database_count;
    if (first < 0 || second < 0 || first >= count || second >= count) {
        reply_error(call->reply, "ERR DB index is out of range");
        return;
    }
    if (first != second) txn_swap(call->txn, (uint32_t)first, (uint32_t)second);
    reply_ok(call->reply);
}

/* clang-format off */
static const struct command commands[] = {
    {"dbsize", cmd_dbsize, 1, CMD_READ | CMD_FAST | CMD_TOUCHES_KEYS_ANYWHERE, {0, 0, 0, 0},
     "", "1.0.0", "Counts the keys of the chosen database.", "server", "O(1)", "@keyspace", NULL},
    {"flushall", cmd_flushall, -1, CMD_WRITE | CMD_ALL_SHARDS, {0, 0, 0, 0},
     "[ASYNC | SYNC]", "1.0.0", "Deletes all keys of all databases.", "server",
     "O(1); the memory is freed in slices afterwards", "@keyspace @dangerous", NULL},
    {"flushdb", cmd_flushdb, -1, CMD_WRITE | CMD_ALL_SHARDS, {0, 0, 0, 0},
     "[ASYNC | SYNC]", "1.0.0", "Deletes all keys of the chosen database.", "server",
     "O(1); the memory is freed in slices afterwards", "@keyspace @dangerous", NULL},
    {"swapdb", cmd_swapdb, 3, CMD_WRITE | CMD_FAST | CMD_ALL_SHARDS, {0, 0, 0, 0},
     "index1 index2", "4.0.0", "Exchanges two databases.", "server",
     "O(N) where N is the number of shards", "@keyspace @dangerous", NULL},
};
/* clang-format on */

const struct family database_family = FAMILY("database", commands);
