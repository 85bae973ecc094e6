/* A transaction: the locks of its shards, the changes made under them, and what they wait for on
 * disk. The only way to read or change keys. One at a time a worker; never waits for disk.
 *
 *   begin -> lock the shards of the keys, ascending -> read and change items -> commit: publish the records to the log,
 *   note the gate epoch where it was written, unlock.
 *
 * Each change is applied in memory and recorded as an effect in the same call. What a transaction
 * has seen or written may be told to a client when epoch `gate` is durable (0: at once). */
#ifndef ENGINE_TXN_H
#define ENGINE_TXN_H

#include "engine/engine.h"
#include "keyspace/keyspace.h"

struct key {
    struct bytes name;
    uint64_t hash;
};

enum { TXN_INLINE_COUNT = 8, TXN_KEEP_DEADLINE = -1 };

struct txn {
    struct engine_worker *worker;
    struct keyspace *keyspace;
    uint32_t database;
    bool holds_all; /* every shard is locked */
    bool has_written;
    bool has_written_all; /* whole databases were emptied or swapped */
    int64_t now_ms;       /* wall clock; deadlines before it are past */
    uint64_t durable;     /* a recent reading: older is safe */
    uint64_t gate;        /* newest epoch that what was seen or written waits for */
    char *last_flags;     /* flags byte of the newest record, to set RECORD_MORE */
    uint32_t shard_count;
    uint32_t written_count;
    uint32_t written_capacity;
    struct shard **shards; /* locked, ascending; inline_shards, or on the heap when they are many */
    uint64_t *written;     /* hashes of changed keys, for the gate slots; likewise */
    struct shard *inline_shards[TXN_INLINE_COUNT];
    uint64_t inline_written[TXN_INLINE_COUNT];
};

/* A key inside a transaction. */
struct item {
    const struct key *key;
    struct shard *shard;
    struct entry *
        entry; /* NULL when absent; borrowed until the next change in this transaction or its commit */
    struct table_slot slot; /* txn.c's; no bucket: not looked up yet */
    uint32_t database;
};

static inline struct key txn_key(const struct txn *txn, struct bytes name)
{
    return (struct key){name, hashing_bytes(&txn->keyspace->hashing, name)};
}

ALWAYS_INLINE void txn_begin(struct txn *txn, struct engine_worker *worker, uint32_t database,
                             int64_t now_ms)
{
    txn->worker = worker;
    txn->keyspace = worker->keyspace;
    txn->database = database;
    txn->holds_all = false;
    txn->has_written = false;
    txn->has_written_all = false;
    txn->now_ms = now_ms;
    txn->durable = engine_worker_durable(worker);
    txn->gate = 0;
    txn->last_flags = NULL;
    txn->shard_count = 0;
    txn->written_count = 0;
    txn->written_capacity = TXN_INLINE_COUNT;
    txn->shards = txn->inline_shards;
    txn->written = txn->inline_written;
}

/* Locks the shard of one key. Once a transaction, before anything else. */
ALWAYS_INLINE void txn_lock_one(struct txn *txn, const struct key *key) NO_LOCK_ANALYSIS
{
    struct shard *shard = keyspace_shard(txn->keyspace, key->hash);
    shard_acquire(shard);
    txn->inline_shards[0] = shard;
    txn->shard_count = 1;
}

/* Locks the shards of all these keys, ascending. Likewise. */
void txn_lock(struct txn *txn, const struct key *keys, uint32_t count);
void txn_lock_all(struct txn *txn);

/* The halves of txn_commit that are out of the straight line. */
void txn_publish(struct txn *txn);
void txn_unlock_many(struct txn *txn);

/* Publishes, notes the gates, unlocks. txn->gate is final afterwards. */
ALWAYS_INLINE void txn_commit(struct txn *txn) NO_LOCK_ANALYSIS
{
    if (txn->has_written) txn_publish(txn);
    if (LIKELY(txn->shard_count == 1)) {
        shard_release(txn->shards[0]);
    } else if (txn->shard_count > 1) {
        txn_unlock_many(txn);
    }
    txn->shard_count = 0;
}

/* What was seen in this shard (whole-keyspace reads) is waited for as well. */
void txn_gate_shard(struct txn *txn, const struct shard *shard);

static inline void txn_raise_gate(struct txn *txn, uint64_t gate)
{
    if (gate > txn->gate) txn->gate = gate;
}

ALWAYS_INLINE void txn_gate_read(struct txn *txn, const struct shard *shard, uint64_t hash)
{
    /* The first test is in the lock's cache line: when nothing here is undurable, reads pay no more
     * than it. */
    if (LIKELY(shard->newest_gate <= txn->durable)) return;
    uint64_t gate = txn->keyspace->gates[keyspace_gate_slot(hash)];
    if (gate > txn->durable) txn_raise_gate(txn, gate);
}

ALWAYS_INLINE bool txn_is_past(const struct txn *txn, const struct entry *entry)
{
    int64_t deadline_ms = entry_deadline(entry);
    return UNLIKELY(deadline_ms != ENTRY_NO_DEADLINE) && deadline_ms <= txn->now_ms;
}

/* Looks a key up to read it: waits for what is not durable, hides what has expired. Counts nothing
 * (TYPE, TTL). */
ALWAYS_INLINE struct entry *txn_peek(struct txn *txn, const struct key *key)
{
    struct shard *shard = keyspace_shard(txn->keyspace, key->hash);
    struct entry *entry = shard_find(shard, txn->database, key->hash, key->name, NULL);
    txn_gate_read(txn, shard, key->hash);
    if (entry == NULL || txn_is_past(txn, entry)) return NULL;
    return entry;
}

/* The same, and counts a hit or a miss. */
static inline struct entry *txn_read(struct txn *txn, const struct key *key)
{
    struct entry *entry = txn_peek(txn, key);
    engine_worker_count(entry != NULL ? &txn->worker->hits : &txn->worker->misses);
    return entry;
}

/* Looks a key up to change it: an expired one is deleted first (and its deletion recorded). No
 * counting. */
struct item txn_item(struct txn *txn, const struct key *key);
/* The same in another database (COPY ... DB, MOVE). */
struct item txn_item_in(struct txn *txn, uint32_t database, const struct key *key);

/* Changes. Each updates item->entry, records its effect, touches watchers. deadline_ms:
 * ENTRY_NO_DEADLINE, an absolute time, or TXN_KEEP_DEADLINE. A deadline that is past deletes the
 * key (recorded as a deletion). */

/* A text: stored as an integer when it is one's canonical form, else inline or as a blob. */
void txn_set_text(struct txn *txn, struct item *item, struct bytes text, int64_t deadline_ms);
/* Bytes kept as they are, even when they look like an integer. */
void txn_set_bytes(struct txn *txn, struct item *item, struct bytes bytes, int64_t deadline_ms);
/* The same, and OBJECT ENCODING says "raw" (until a restart) however short they are. */
void txn_set_raw(struct txn *txn, struct item *item, struct bytes bytes, int64_t deadline_ms);
void txn_set_integer(struct txn *txn, struct item *item, int64_t value, int64_t deadline_ms);
/* Writes at `offset`, zero-filling a gap; keeps the deadline; creates the string when absent. */
void txn_write_range(struct txn *txn, struct item *item, size_t offset, struct bytes data);
/* The same, but no watcher is told (BITFIELD makes room even when it then writes nothing);
 * txn_touch tells them. */
void txn_write_range_quietly(struct txn *txn, struct item *item, size_t offset, struct bytes data);
void txn_touch(struct txn *txn, const struct item *item);
/* OBJECT ENCODING says "raw" of the string from now on (until a restart); nothing that is recorded
 * changes. */
void txn_make_raw(struct txn *txn, struct item *item);
void txn_set_deadline(struct txn *txn, struct item *item,
                      int64_t deadline_ms);          /* the item exists */
void txn_remove(struct txn *txn, struct item *item); /* the item exists */
/* Stores a copy of `source`'s value (any kind) under `target`, replacing what is there; with this
 * deadline. */
void txn_copy(struct txn *txn, struct item *target, const struct entry *source,
              int64_t deadline_ms);

/* The wheel found `entry` (of a shard whose lock is held) past its deadline and removes it: records
 * and counts that. */
void txn_note_expired(struct txn *txn, struct shard *shard, uint32_t database,
                      const struct entry *entry);

/* These want txn_lock_all. */
void txn_flush(struct txn *txn, uint32_t database);
void txn_swap(struct txn *txn, uint32_t first, uint32_t second);

/* DBSIZE's number, KEYS, SCAN, RANDOMKEY: they lock shards one at a time unless the transaction
 * holds all. `each` runs under the shard's lock, gets only keys that have not expired, and returns
 * false to stop after the running bucket. The returned cursor is 0 at the end. */
uint64_t txn_database_size(struct txn *txn);
uint64_t txn_scan(struct txn *txn, uint64_t cursor, unsigned bucket_max,
                  bool (*each)(void *context, struct entry *entry), void *context);
/* Calls each(entry) under its shard's lock with a random live key; false when the database is
 * empty. */
bool txn_random(struct txn *txn, void (*each)(void *context, struct entry *entry), void *context);

#endif
