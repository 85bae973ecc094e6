/* Which keys are due: a hierarchical timing wheel per shard (levels 1 ms x 256, 256 ms x 64, 16 s x
 * 64, 17 min x 64, 19 h x 64, 50 d x 64) of 8-byte items: the top 58 bits of the key's hash and 6
 * bits that tell databases apart. No pointers: entries may move or change without telling the
 * wheel. Invariant: a key with a deadline has an item at or before it; an item whose key has a
 * later deadline is filed again when it fires, one without a key is dropped. The truth is the
 * deadline in the entry. Guarded by the shard lock. */
#ifndef KEYSPACE_EXPIRY_H
#define KEYSPACE_EXPIRY_H

#include "base/attributes.h"
#include "base/bytes.h"

enum {
    EXPIRY_LEVELS = 6,
    EXPIRY_DATABASE_BITS = 6,
    EXPIRY_DATABASE_MASK = (1 << EXPIRY_DATABASE_BITS) - 1,
};

struct expiry_slot {
    uint64_t *items;
    uint32_t count;
    uint32_t capacity;
};

struct expiry {
    int64_t now_ms; /* everything before it has fired; never goes back */
    uint64_t item_count;
    size_t heap_bytes;
    struct expiry_slot *levels[EXPIRY_LEVELS]; /* allocated on first use */
    uint64_t occupied[EXPIRY_LEVELS][4];       /* a bit for each slot that has items */
};

void expiry_init(struct expiry *expiry, int64_t now_ms);
void expiry_deinit(struct expiry *expiry);
/* `database` counts modulo 64. A deadline that is past fires with the next advance. */
void expiry_add(struct expiry *expiry, uint64_t hash, uint32_t database, int64_t deadline_ms);

/* Fires items due at or before now_ms, at most `item_max`: `fire` returns the key's deadline when
 * it is later than now_ms (the item is filed again), else ENTRY_NO_DEADLINE (the key is gone or was
 * deleted by `fire`). `fire` gets the hash with its low 6 bits zero and the database modulo 64; it
 * may add items. Returns how many fired; more may be due when it is item_max. */
unsigned expiry_advance(struct expiry *expiry, int64_t now_ms, unsigned item_max,
                        int64_t (*fire)(void *context, uint64_t hash, uint32_t database),
                        void *context);
/* A time at or before the next item's due time (slot granularity), INT64_MAX when empty. */
int64_t expiry_next_ms(const struct expiry *expiry);
size_t expiry_memory_bytes(const struct expiry *expiry);

#endif
