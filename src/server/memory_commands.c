#include <inttypes.h>

#include "base/memory.h"
#include "base/number.h"
#include "command/call.h"
#include "command/services.h"
#include "engine/engine.h"
#include "os/process.h"
#include "server/server_commands.h"
#include "server/server_state.h"
#include "value/blob.h"

/* ---- USAGE ---- */

enum { INDEX_BYTES_A_KEY = 12 }; /* slot and fingerprint, at the usual load of a bucket */

static bool has_usage_words(struct call *call)
{
    for (uint32_t i = 3; i < call->argument_count; i += 2) {
        int64_t samples;
        if (!call_argument_is(call, i, "samples") || i + 1 >= call->argument_count) {
            reply_error_syntax(call->reply);
            return false;
        }
        if (!call_integer(call, i + 1, &samples)) return false;
        if (samples < 0) {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    return true;
}

/* Exact for strings, whatever SAMPLES says. */
static void cmd_memory_usage(struct call *call)
{
    if (!has_usage_words(call)) return;
    const struct entry *entry = txn_peek(call->txn, &call->keys[0]);
    if (entry == NULL) {
        reply_nil(call->reply);
        return;
    }
    size_t size = entry_size(entry);
    size_t bytes = INDEX_BYTES_A_KEY + (size <= SLAB_OBJECT_MAX ? slab_class_bytes(size) : size);
    if (entry_kind(entry) == ENTRY_BLOB) bytes += blob_memory_bytes(entry_blob(entry));
    reply_integer(call->reply, (int64_t)bytes);
}

/* ---- STATS ---- */

/* What MEMORY STATS and DOCTOR look at. */
struct usage {
    uint64_t used;
    uint64_t peak;
    uint64_t resident;
    uint64_t startup;
    uint64_t dataset;
    uint64_t keys;
};

static uint64_t count_shard(const struct shard *shard, uint32_t database_count)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < database_count; i++) count += shard_count(shard, i);
    return count;
}

static uint64_t count_keys(const struct txn *txn)
{
    const struct keyspace *keyspace = txn->keyspace;
    uint64_t count = 0;
    for (uint32_t i = 0; i < keyspace->shard_count; i++) {
        struct shard *shard = &keyspace->shards[i];
        if (txn->holds_all) {
            count += count_shard(shard, keyspace->database_count);
        } else {
            shard_acquire(shard);
            count += count_shard(shard, keyspace->database_count);
            shard_release(shard);
        }
    }
    return count;
}

static struct usage measure(struct call *call)
{
    const struct server_state *state = server_state_of(call->services);
    struct engine_statistics engine;
    engine_statistics(call->services->engine, &engine);
    uint64_t used = server_state_used_bytes(state);
    return (struct usage){
        .used = used,
        .peak = state->peak_bytes > used ? state->peak_bytes : used,
        .resident = process_resident_bytes(),
        .startup = state->startup_bytes,
        .dataset = engine.keyspace_bytes < used ? engine.keyspace_bytes : used,
        .keys = count_keys(call->txn),
    };
}

static void reply_count(struct reply *reply, const char *name, uint64_t value)
{
    reply_text(reply, name);
    reply_integer(reply, (int64_t)value);
}

static void reply_ratio(struct reply *reply, const char *name, double value)
{
    reply_text(reply, name);
    reply_real(reply, value);
}

static double divide(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

static void cmd_memory_stats(struct call *call)
{
    struct usage usage = measure(call);
    struct reply *reply = call->reply;
    uint64_t net = usage.used > usage.startup ? usage.used - usage.startup : usage.used;
    reply_map(reply, 18);
    reply_count(reply, "peak.allocated", usage.peak);
    reply_count(reply, "total.allocated", usage.used);
    reply_count(reply, "startup.allocated", usage.startup);
    reply_count(reply, "replication.backlog", 0);
    reply_count(reply, "clients.slaves", 0);
    reply_count(reply, "clients.normal", 0);
    reply_count(reply, "cluster.links", 0);
    reply_count(reply, "aof.buffer", 0);
    reply_count(reply, "lua.caches", 0);
    reply_count(reply, "functions.caches", 0);
    reply_count(reply, "overhead.total", usage.used - usage.dataset);
    reply_count(reply, "keys.count", usage.keys);
    reply_count(reply, "keys.bytes-per-key", usage.keys > 0 ? usage.dataset / usage.keys : 0);
    reply_count(reply, "dataset.bytes", usage.dataset);
    reply_ratio(reply, "dataset.percentage",
                100 * divide(usage.dataset < net ? usage.dataset : net, net));
    reply_ratio(reply, "peak.percentage", 100 * divide(usage.used, usage.peak));
    reply_ratio(reply, "fragmentation", divide(usage.resident, usage.used));
    reply_text(reply, "fragmentation.bytes");
    reply_integer(reply, (int64_t)(usage.resident - usage.used));
}

/* ---- the rest ---- */

static void cmd_memory_doctor(struct call *call)
{
    enum { SMALL_BYTES = 5 * 1024 * 1024 };
    struct usage usage = measure(call);
    struct buf text = {0};
    if (usage.used < SMALL_BYTES) {
        buf_append_text(&text, "There is too little in memory to say anything about it.\n");
    } else {
        if (usage.peak > usage.used + usage.used / 2) {
            buf_printf(
                &text,
                "The peak was %.1f times what is used now: freed memory may not have been given back to the "
                "system.\n",
                divide(usage.peak, usage.used));
        }
        if (usage.resident > usage.used + usage.used / 2) {
            buf_printf(&text,
                       "The process holds %.1f times what it uses: its memory is fragmented.\n",
                       divide(usage.resident, usage.used));
        }
        if (text.size == 0)
            buf_append_text(&text, "Nothing is wrong with the memory of this server.\n");
    }
    call->reply->ops->verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

/* The allocator gives unused pages back by itself. */
static void cmd_memory_purge(struct call *call)
{
    reply_ok(call->reply);
}

static void cmd_memory_malloc_stats(struct call *call)
{
    struct buf text = {0};
    buf_printf(&text, "%s: %zu bytes allocated\n", memory_allocator_name(), memory_heap_bytes());
    call->reply->ops->verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static void cmd_memory_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Say in words whether something is wrong with the memory.",
        "MALLOC-STATS",
        "    Return what the allocator says of itself.",
        "PURGE",
        "    Ask the allocator to give memory back.",
        "STATS",
        "    Return how the memory is used.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return the bytes that a key and its value take.",
    };
    reply_help(call->reply, "MEMORY", lines, sizeof(lines) / sizeof(lines[0]));
}

/* clang-format off */
static const struct command memory_commands[] = {
    {"memory|doctor", cmd_memory_doctor, 2, CMD_TOUCHES_KEYS_ANYWHERE, {0, 0, 0, 0},
     "", "4.0.0", "Says in words whether something is wrong with the memory.", "server", "O(1)",
     "", NULL},
    {"memory|help", cmd_memory_help, 2, CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "4.0.0", "Explains the subcommands.", "server", "O(1)", "", NULL},
    {"memory|malloc-stats", cmd_memory_malloc_stats, 2, 0, {0, 0, 0, 0},
     "", "4.0.0", "Tells what the allocator says of itself.", "server", "O(1)", "", NULL},
    {"memory|purge", cmd_memory_purge, 2, 0, {0, 0, 0, 0},
     "", "4.0.0", "Asks the allocator to give memory back.", "server", "O(1)", "", NULL},
    {"memory|stats", cmd_memory_stats, 2, CMD_TOUCHES_KEYS_ANYWHERE, {0, 0, 0, 0},
     "", "4.0.0", "Tells how the memory is used.", "server",
     "O(N) where N is the number of shards", "", NULL},
    {"memory|usage", cmd_memory_usage, -3, CMD_READ, {2, 2, 1, 0},
     "key [SAMPLES count]", "4.0.0", "Tells how many bytes a key and its value take.", "server",
     "O(1)", "", NULL},
    {0},
};

static const struct command commands[] = {
    {"memory", NULL, -2, 0, {0, 0, 0, 0},
     "", "4.0.0", "Commands about memory.", "server", "Depends on subcommand.", "",
     memory_commands},
};
/* clang-format on */

const struct family memory_family = FAMILY("memory", commands);
