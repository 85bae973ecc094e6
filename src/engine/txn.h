/* A transaction: the locks of its shards, the changes made under them, and what they wait for on disk. The only way to
 * read or change keys. One at a time a worker; never waits for disk.
 *
 *   begin -> lock the shards of the keys, ascending -> read and change items -> commit: publish the records to the log,
 *   note the gate epoch where it was written, unlock.
 *
 * Each change is applied in memory and recorded as an effect in the same call. What a transaction has seen or written may
 * be told to a client when epoch `gate` is durable (0: at once). */
#ifndef ENGINE_TXN_H
#define ENGINE_TXN_H

#include "keyspace/keyspace.h"

struct engine;
struct engine_worker;
struct wal_appender;

struct key {
    struct bytes name;
    uint64_t hash;
};

enum { TXN_INLINE_COUNT = 8, TXN_KEEP_DEADLINE = -1 };

struct txn {
    struct engine *engine;
    struct engine_worker *worker;
    struct keyspace *keyspace;
    uint32_t database;
    bool holds_all;     /* every shard is locked */
    bool has_written;
    bool has_written_all; /* whole databases were emptied or swapped */
    int64_t now_ms;     /* wall clock; deadlines before it are past */
    uint64_t durable;   /* a recent reading: older is safe */
    uint64_t gate;      /* newest epoch that what was seen or written waits for */
    uint32_t shard_count;
    uint32_t written_count;
    uint32_t shard_capacity;
    uint32_t written_capacity;
    struct shard **shards;     /* locked, ascending */
    uint64_t *written;         /* hashes of changed keys, for the gate slots */
    char *last_flags;          /* flags byte of the newest record, to set RECORD_MORE */
    struct shard *inline_shards[TXN_INLINE_COUNT];
    uint64_t inline_written[TXN_INLINE_COUNT];
};

/* A key inside a transaction. */
struct item {
    const struct key *key;
    struct shard *shard;
    struct entry *entry; /* NULL when absent; borrowed until the next change in this transaction or its commit */
    struct table_slot slot;
    uint32_t database;
};

struct key txn_key(const struct txn *txn, struct bytes name);

void txn_begin(struct txn *txn, struct engine_worker *worker, uint32_t database, int64_t now_ms);
/* Locks the shards of these keys. Once a transaction, before anything else. */
void txn_lock(struct txn *txn, const struct key *keys, uint32_t count);
void txn_lock_all(struct txn *txn);
/* Publishes, notes the gates, unlocks. txn->gate is final afterwards. */
void txn_commit(struct txn *txn);
/* What was seen in this shard (whole-keyspace reads) is waited for as well. */
void txn_gate_shard(struct txn *txn, const struct shard *shard);

/* Looks a key up to read it: counts a hit or a miss, waits for what is not durable, hides what has expired. */
struct entry *txn_read(struct txn *txn, const struct key *key);
/* The same without counting (EXISTS counts, TYPE and TTL do not). */
struct entry *txn_peek(struct txn *txn, const struct key *key);
/* Looks a key up to change it: an expired one is deleted first (and its deletion recorded). No counting. */
struct item txn_item(struct txn *txn, const struct key *key);
/* The same in another database (COPY ... DB, MOVE). */
struct item txn_item_in(struct txn *txn, uint32_t database, const struct key *key);

/* Changes. Each updates item->entry, records its effect, touches watchers. deadline_ms: ENTRY_NO_DEADLINE, an absolute
 * time, or TXN_KEEP_DEADLINE. A deadline that is past deletes the key (recorded as a deletion). */

/* A text: stored as an integer when it is one's canonical form, else inline or as a blob. */
void txn_set_text(struct txn *txn, struct item *item, struct bytes text, int64_t deadline_ms);
/* Bytes kept as they are, even when they look like an integer. */
void txn_set_bytes(struct txn *txn, struct item *item, struct bytes bytes, int64_t deadline_ms);
/* The same, and OBJECT ENCODING says "raw" (until a restart) however short they are. */
void txn_set_raw(struct txn *txn, struct item *item, struct bytes bytes, int64_t deadline_ms);
void txn_set_integer(struct txn *txn, struct item *item, int64_t value, int64_t deadline_ms);
/* Writes at `offset`, zero-filling a gap; keeps the deadline; creates the string when absent. */
void txn_write_range(struct txn *txn, struct item *item, size_t offset, struct bytes data);
void txn_set_deadline(struct txn *txn, struct item *item, int64_t deadline_ms); /* the item exists */
void txn_remove(struct txn *txn, struct item *item);                            /* the item exists */
/* Stores a copy of `source`'s value (any kind) under `target`, replacing what is there; with this deadline. */
void txn_copy(struct txn *txn, struct item *target, const struct entry *source, int64_t deadline_ms);

/* The wheel found `entry` (of a shard whose lock is held) past its deadline and removes it: records and counts that. */
void txn_note_expired(struct txn *txn, struct shard *shard, uint32_t database, const struct entry *entry);

/* These want txn_lock_all. */
void txn_flush(struct txn *txn, uint32_t database);
void txn_swap(struct txn *txn, uint32_t first, uint32_t second);

/* DBSIZE's number, KEYS, SCAN, RANDOMKEY: they lock shards one at a time unless the transaction holds all.
 * `each` runs under the shard's lock, gets only keys that have not expired, and returns false to stop after the running
 * bucket. The returned cursor is 0 at the end. */
uint64_t txn_database_size(struct txn *txn);
uint64_t txn_scan(struct txn *txn, uint64_t cursor, unsigned bucket_max,
                  bool (*each)(void *context, struct entry *entry), void *context);
/* Calls each(entry) under its shard's lock with a random live key; false when the database is empty. */
bool txn_random(struct txn *txn, void (*each)(void *context, struct entry *entry), void *context);

#endif
