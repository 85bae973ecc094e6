/* Keys to values: shards, each a contiguous range of the 64-bit key hash with its own lock, tables
 * (one a database), slab and timing wheel. Nothing here knows of disks, clients or commands;
 * engine/txn.c is the one caller that changes keys. */
#ifndef KEYSPACE_KEYSPACE_H
#define KEYSPACE_KEYSPACE_H

#include "base/hashing.h"
#include "keyspace/shard.h"

struct reclaim;

enum {
    KEYSPACE_SHARDS_MIN = 64,
    KEYSPACE_SHARDS_MAX = 2048, /* a power of two, at most HASHING_PARTITION_COUNT */
    KEYSPACE_DATABASES_MAX = 16384,
    KEYSPACE_GATE_SLOTS = 65536,
    KEYSPACE_CURSOR_BITS = 52,
};

struct keyspace {
    struct hashing hashing;
    uint32_t shard_count;
    uint32_t shard_bits;
    uint32_t database_count;
    struct shard *shards;
    uint64_t *sequences; /* per partition; guarded by the lock of the partition's shard */
    uint64_t *gates;     /* newest gate epoch by the top 16 bits of the hash; guarded likewise */
    uint64_t *table_ids; /* by database index; changed under all shard locks, read under any */
    uint64_t next_table_id;
    struct slab_arenas *arenas;
    struct reclaim *reclaim;
};

struct keyspace_options {
    uint32_t shard_count;
    uint32_t database_count;
    uint32_t reader_count; /* threads that prefetch */
    int64_t now_ms;
    const struct hashing *hashing;
};

struct keyspace *keyspace_create(const struct keyspace_options *options);
void keyspace_destroy(struct keyspace *keyspace);

/* The place of a hash in `gates`. */
ALWAYS_INLINE uint32_t keyspace_gate_slot(uint64_t hash)
{
    return (uint32_t)(hash / (UINT64_MAX / KEYSPACE_GATE_SLOTS + 1));
}

ALWAYS_INLINE struct shard *keyspace_shard(const struct keyspace *keyspace, uint64_t hash)
{
    return &keyspace->shards[hash >> (64 - keyspace->shard_bits)];
}

/* The next two want all shard locks. */
/* Empties `database` at once: the table is set aside and freed by shard_tidy; the database gets a
 * new table id. */
void keyspace_flush(struct keyspace *keyspace, uint32_t database);
void keyspace_swap(struct keyspace *keyspace, uint32_t first, uint32_t second);

/* Unlocked, exact only when nothing changes: DBSIZE. */
uint64_t keyspace_count(const struct keyspace *keyspace, uint32_t database);

/* SCAN: the cursor is a 52-bit position in hash order, 0 at start and end; takes shard locks
 * itself, one at a time (not when `holds_all`). Each element that is there during the whole scan is
 * given exactly once. About `bucket_max` buckets are walked, empty shards not counted. `each` runs
 * under the shard's lock and returns false to stop after the running bucket. Gate of what was seen:
 * *in_out_gate rises to the newest gate of the shards walked. Returns the next cursor. */
uint64_t keyspace_scan(struct keyspace *keyspace, uint32_t database, uint64_t cursor,
                       unsigned bucket_max, bool holds_all,
                       bool (*each)(void *context, struct entry *entry), void *context,
                       uint64_t *in_out_gate);

/* Unlocked hints for a batch: first the shard and bucket lines, then the entry lines. The thread is
 * inside keyspace->reclaim. */
void keyspace_prefetch_bucket(const struct keyspace *keyspace, uint32_t database, uint64_t hash);
void keyspace_prefetch_entry(const struct keyspace *keyspace, uint32_t database, uint64_t hash);

#endif
