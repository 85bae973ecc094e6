/* One contiguous range of the key hash: a lock and what it guards, namely a table for each
 * database, the slab their entries live in and the timing wheel of their deadlines. The wheel is
 * kept here: storing a deadline files it. */
#ifndef KEYSPACE_SHARD_H
#define KEYSPACE_SHARD_H

#include "keyspace/entry.h"
#include "keyspace/expiry.h"
#include "keyspace/slab.h"
#include "keyspace/table.h"
#include "os/lock.h"

struct keyspace;
struct watch;

/* One database inside one shard. Once made it stays where it is until the keyspace ends, so that
 * unlocked readers may look at it at any time. */
struct CACHE_ALIGNED shard_table {
    struct table table;
    uint64_t deadline_count;  /* keys that expire */
    uint32_t database;        /* present index: keyspace_swap changes it */
    struct shard_table *next; /* all of the shard */
};

/* A flushed table on its way out. */
struct shard_dead {
    struct table table;
    uint64_t cursor; /* of table_drain */
    struct shard_dead *next;
};

/* A wheel being made anew from the entries, when the present one is mostly waste. */
struct shard_refiling {
    struct expiry expiry;
    struct shard_table *table; /* being walked; those after it in the list follow */
    uint64_t position;
};

enum shard_busy {
    SHARD_HAS_DEAD = 1,
    SHARD_REHASHES = 2,
    SHARD_REFILES = 4,
};

struct CACHE_ALIGNED shard {
    struct lock lock;
    uint32_t index;
    uint32_t watch_count; /* watched keys: a write looks further only when there are any */
    uint32_t busy;        /* enum shard_busy: something for idle time; a hint without the lock */
    uint64_t newest_gate; /* the newest gate epoch of any write here */
    struct shard_table **tables; /* by database index; NULL until used */
    struct keyspace *keyspace;
    /* second line */
    struct shard_table *first_table;
    struct shard_dead *dead;
    struct shard_refiling *refiling; /* NULL when none runs */
    struct watch *watch;
    uint64_t deadline_count; /* of all databases */
    size_t blob_bytes;
    struct expiry expiry;
    struct slab slab;
};

void shard_init(struct shard *shard, struct keyspace *keyspace, uint32_t index, int64_t now_ms);
void shard_deinit(struct shard *shard);

ALWAYS_INLINE void shard_acquire(struct shard *shard) ACQUIRES(shard->lock)
{
    lock_acquire(&shard->lock, LOCK_RANK_SHARD, shard->index);
}

ALWAYS_INLINE void shard_release(struct shard *shard) RELEASES(shard->lock)
{
    lock_release(&shard->lock);
}

/* All of these: the shard's lock is held; `hash` is hashing_bytes of the key; returned entries are
 * borrowed until the next change of the shard or the release of its lock. Deadlines are not looked
 * at: an entry past its deadline is found. */

ALWAYS_INLINE bool shard_key_is(const void *item, const void *key)
{
    const struct bytes *wanted = key;
    return entry_key_equals(item, *wanted);
}

/* NULL when absent; fills *out_slot (may be NULL) when present. */
static inline struct entry *shard_find(struct shard *shard, uint32_t database, uint64_t hash,
                                       struct bytes key, struct table_slot *out_slot)
{
    const struct shard_table *own = shard->tables[database];
    if (UNLIKELY(own == NULL)) return NULL;
    return table_find(&own->table, hash, shard_key_is, &key, out_slot);
}

/* Stores under `key`, replacing what `slot` (of shard_find, or NULL when absent) holds: in place
 * when the size class is the same. deadline_ms may be ENTRY_NO_DEADLINE; beyond ENTRY_DEADLINE_MAX
 * it is taken as that. `key` and value->string may point into the old entry. A STRING longer than
 * ENTRY_INLINE_VALUE_MAX is stored as a blob. Returns the entry. */
struct entry *shard_store(struct shard *shard, uint32_t database, uint64_t hash, struct bytes key,
                          const struct table_slot *slot, const struct entry_value *value,
                          int64_t deadline_ms);
/* Deletes the entry at `slot`, releasing its blob. */
void shard_remove(struct shard *shard, uint32_t database, uint64_t hash, struct table_slot slot);
/* Gives the entry at `slot` this deadline or takes it away; returns the entry (it may have moved;
 * the slot stays). */
struct entry *shard_set_deadline(struct shard *shard, uint32_t database, uint64_t hash,
                                 struct table_slot slot, int64_t deadline_ms);
/* Appends to, or writes into (zero-filling a gap), the string at `slot` (STRING, INTEGER or BLOB)
 * or, with slot NULL, a new one; keeps the deadline. `data` is not part of the entry; when it is
 * empty, nothing changes but that a new string is made. A string longer than ENTRY_INLINE_VALUE_MAX
 * becomes, and stays, a blob with spare room. The result is stored as text even when it looks like
 * a number (Redis: raw encoding). Returns the entry. */
struct entry *shard_write_range(struct shard *shard, uint32_t database, uint64_t hash,
                                struct bytes key, const struct table_slot *slot, size_t offset,
                                struct bytes data);
/* Makes room for `count` keys of a database at once (loading). */
void shard_reserve(struct shard *shard, uint32_t database, uint64_t count);

uint64_t shard_count(const struct shard *shard, uint32_t database);
uint64_t shard_deadline_count(const struct shard *shard, uint32_t database);
/* Any key of the database in this shard; NULL when none. */
struct entry *shard_random(struct shard *shard, uint32_t database, uint64_t random);
/* As table_scan over one database of the shard; positions are hashes; 0 when the shard is done. */
uint64_t shard_scan(struct shard *shard, uint32_t database, uint64_t position, unsigned bucket_max,
                    bool (*each)(void *context, struct entry *entry, uint64_t hash), void *context);
/* Each entry of `database` whose hash agrees with `hash` in its top 58 bits. For the wheel. `each`
 * returns true to have the entry removed. */
void shard_each_of_hash(struct shard *shard, uint32_t database, uint64_t hash,
                        bool (*each)(void *context, struct entry *entry), void *context);
/* Heap, slab and index bytes of this shard. */
size_t shard_memory_bytes(const struct shard *shard);
/* Frees up to `item_max` entries of flushed tables (and no fewer than one bucket), advances a
 * running rehash, and the making of a new wheel; false when nothing is left to do. */
bool shard_tidy(struct shard *shard, unsigned item_max);

/* For keyspace_flush and keyspace_swap: the part of one shard. */
void shard_flush(struct shard *shard, uint32_t database);
void shard_swap(struct shard *shard, uint32_t first, uint32_t second);

#endif
