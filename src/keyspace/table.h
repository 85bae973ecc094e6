/* c9: a hash-ordered open-addressing table of 64-byte buckets, each one cache line:
 *
 *   byte 0       overflow  entries homed here or earlier whose probe passed over this bucket;
 *                          saturates at 255 and then stays until the next rehash
 *   byte 1..9    tags      0 = free, else the low byte of the hash (0 becomes 0x80)
 *   byte 10..63  items     9 pointers of 48 bits, little endian; items are 8-byte aligned, the 3
 *                          low bits are `marks` that belong to the caller (access frequency) and
 *                          change without touching the item
 *
 * The home bucket is a fastrange of the hash, so buckets, and with them SCAN and checkpoints, go in
 * hash order. Resizing moves home buckets one by one behind a frontier: a key is in exactly one of
 * the two arrays and one is probed. Growth at 82 % load by about a quarter (by half while small),
 * shrinking below 30 %. Items never move; the table never frees them.
 *
 * A table covers the hashes that begin with `prefix` in their top `shift` bits (shift 0: all).
 * Guarded by the owner's lock; table_prefetch_* may be called without it. */
#ifndef KEYSPACE_TABLE_H
#define KEYSPACE_TABLE_H

#include "base/attributes.h"
#include "base/bytes.h"

enum {
    TABLE_BUCKET_ITEMS = 9,
    TABLE_MARKS_MASK = 7,
    TABLE_SHIFT_MAX = 16,
};

struct table_bucket {
    uint8_t overflow;
    uint8_t tags[TABLE_BUCKET_ITEMS];
    uint8_t items[TABLE_BUCKET_ITEMS * 6];
};

struct table_type {
    /* The full 64-bit hash, for rehashing and scans. */
    uint64_t (*hash)(const void *context, const void *item);
    /* Memory for the buckets: zeroed, 64-byte aligned. Freed arrays may still be read by
     * table_prefetch_* callers: the owner delays the free until they have passed. */
    void *(*allocate)(void *context, size_t size);
    void (*release)(void *context, void *memory, size_t size);
};

struct table_array {
    struct table_bucket *buckets;
    uint64_t home_count; /* buckets that hashes map to; a tail of overflow buckets follows */
    uint64_t tail_count;
};

struct table {
    /* All that finding needs is in the first cache line. */
    struct table_array current;
    struct table_array old; /* buckets NULL when no rehash runs */
    uint64_t frontier;      /* home buckets of `old` that have moved */
    uint32_t generation;    /* odd while the arrays change: unlocked readers look twice */
    uint32_t shift;
    uint64_t prefix; /* the top `shift` bits, in place */
    uint64_t count;  /* stored atomically: counting all keys takes no lock */
    uint64_t grow_at;
    uint64_t shrink_at;
    const struct table_type *type;
    void *context;
};

/* Where an item stands; valid until the next insert or remove. */
struct table_slot {
    struct table_bucket *bucket;
    unsigned index;
};

void table_init(struct table *table, const struct table_type *type, void *context, unsigned shift,
                uint64_t prefix);
/* Frees the buckets, not the items; the table is empty afterwards and may be used again. */
void table_deinit(struct table *table);
/* Hands everything over to `out` (uninitialised memory) and leaves the table empty. */
void table_move(struct table *table, struct table *out);

/* Inserts an item whose key is known to be absent. */
void table_insert(struct table *table, uint64_t hash, void *item);
void table_remove(struct table *table, uint64_t hash, struct table_slot slot);
/* Makes room for `count` items at once (loading). */
void table_reserve(struct table *table, uint64_t count);
/* Moves up to `bucket_max` home buckets of a running rehash; false when none runs (any more). For
 * idle time. */
bool table_rehash_step(struct table *table, unsigned bucket_max);
size_t table_memory_bytes(const struct table *table);

/* Walks items in hash order from the hash `position` on, whole home buckets at a time, at least
 * one, until `bucket_max` buckets are done or `each` returns false (it finishes the running
 * bucket). Returns the hash to go on from, 0 at the end of the table. An item that is in the table
 * during the whole scan is given exactly once, whatever else is inserted or removed and however
 * often the table is resized: a call gives the items from `position` up to what it returns, no
 * others. `each` must not insert or remove. */
uint64_t table_scan(const struct table *table, uint64_t position, unsigned bucket_max,
                    bool (*each)(void *context, void *item, uint64_t hash), void *context);

/* A scan that is steered more finely: positions are multiples of 2^granule_bits, and the bounds
 * carry on over several tables. */
struct table_walk {
    bool (*each)(void *context, void *item, uint64_t hash);
    void *context;
    unsigned granule_bits;
    unsigned bucket_max; /* counts down to 0; at least one bucket is done all the same */
    bool is_stopped;     /* `each` returned false */
};
uint64_t table_walk(const struct table *table, uint64_t position, struct table_walk *walk);

/* Gives the items with first <= hash <= last, in hash order of buckets; `each` must not insert or
 * remove; its result is ignored. */
void table_each_between(const struct table *table, uint64_t first, uint64_t last,
                        bool (*each)(void *context, void *item, uint64_t hash), void *context);

/* Takes the items out of a table that is used for nothing else any more, at most `bucket_max`
 * buckets a call. `*cursor` is 0 at first. True when it is empty; then deinit it. */
bool table_drain(struct table *table, uint64_t *cursor, unsigned bucket_max,
                 void (*each)(void *context, void *item), void *context);

/* Any item, nearly uniformly; NULL when empty. `random` is a fresh 64-bit random number. */
void *table_random_item(const struct table *table, uint64_t random);

/* Unlocked hints: what they read may be stale, never unmapped. */
ALWAYS_INLINE void table_prefetch_bucket(const struct table *table, uint64_t hash);
void table_prefetch_item(const struct table *table, uint64_t hash);

/* table_find and the slot accessors are inline, with `equal` inlined into the probe loop:
 *
 *   void *table_find(const struct table *table, uint64_t hash,
 *                    bool (*equal)(const void *item, const void *key), const void *key,
 *                    struct table_slot *out_slot);      NULL when absent; out_slot may be NULL
 *   void *table_slot_item(struct table_slot slot);
 *   void table_slot_replace(struct table_slot slot, void *item);   the same key; marks stay
 *   unsigned table_slot_marks(struct table_slot slot);
 *   void table_slot_set_marks(struct table_slot slot, unsigned marks); */
#include "keyspace/table_find.h"

#endif
