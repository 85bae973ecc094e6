/* Idle work of a worker in its share of the shards: deleting what has expired, finishing rehashes,
 * freeing what FLUSHALL set aside; all in short holds of one shard lock at a time. */
#include "base/assert.h"
#include "engine/change.h"
#include "engine/engine_internal.h"
#include "engine/txn.h"
#include "keyspace/watch.h"

enum { TIDY_ITEMS_A_HOLD = 64 };

struct firing {
    struct txn txn; /* carries the record of each deletion; the shard is locked outside it */
    struct shard *shard;
    uint32_t database;
    int64_t later_ms; /* the earliest deadline of what is not due yet */
};

static bool each_due(void *context, struct entry *entry)
{
    struct firing *firing = context;
    int64_t deadline_ms = entry_deadline(entry);
    if (deadline_ms == ENTRY_NO_DEADLINE) return false;
    if (deadline_ms > firing->txn.now_ms) {
        if (firing->later_ms == ENTRY_NO_DEADLINE || deadline_ms < firing->later_ms)
            firing->later_ms = deadline_ms;
        return false;
    }
    txn_note_expired(&firing->txn, firing->shard, firing->database, entry);
    return true;
}

/* The wheel keeps the database's index modulo 64. */
static int64_t fire(void *context, uint64_t hash, uint32_t database)
{
    struct firing *firing = context;
    uint32_t database_count = firing->txn.keyspace->database_count;
    firing->later_ms = ENTRY_NO_DEADLINE;
    for (uint32_t i = database; i < database_count; i += 1u << EXPIRY_DATABASE_BITS) {
        firing->database = i;
        shard_each_of_hash(firing->shard, i, hash, each_due, firing);
    }
    return firing->later_ms;
}

/* Returns the time of the next deadline, or now when more is due. */
static int64_t tidy_shard(struct engine_worker *worker, struct shard *shard, int64_t now_ms,
                          unsigned *budget)
{
    if (!lock_try_acquire(&shard->lock, LOCK_RANK_SHARD, shard->index)) return now_ms;
    bool has_more = false;
    if (expiry_next_ms(&shard->expiry) <= now_ms && *budget > 0) {
        struct firing firing = {.shard = shard};
        txn_begin(&firing.txn, worker, 0, now_ms);
        unsigned item_max = *budget < TIDY_ITEMS_A_HOLD ? *budget : TIDY_ITEMS_A_HOLD;
        unsigned fired = expiry_advance(&shard->expiry, now_ms, item_max, fire, &firing);
        *budget -= fired;
        txn_commit(&firing.txn);
        has_more = fired == item_max;
    }
    if (shard->busy != 0 && *budget > 0 && shard_tidy(shard, TIDY_ITEMS_A_HOLD)) has_more = true;
    /* Read last: tidying may have put another wheel in place. */
    int64_t next_ms = has_more ? now_ms : expiry_next_ms(&shard->expiry);
    lock_release(&shard->lock);
    return next_ms;
}

int64_t engine_tidy(struct engine_worker *worker, int64_t now_ms, unsigned budget_keys)
{
    struct keyspace *keyspace = worker->engine->keyspace;
    int64_t next_ms = INT64_MAX;
    for (uint32_t i = worker->index; i < keyspace->shard_count;
         i += worker->engine->options.worker_count) {
        int64_t shard_next_ms = tidy_shard(worker, &keyspace->shards[i], now_ms, &budget_keys);
        if (shard_next_ms < next_ms) next_ms = shard_next_ms;
    }
    if (next_ms == INT64_MAX) return INT64_MAX;
    return next_ms > now_ms ? next_ms - now_ms : 0;
}
