/* Who wants to know that a key changed (WATCH). A watcher is a node in the key's shard; a writer
 * who touches the key sets the watcher's flag, whatever thread it belongs to. Guarded by the shard
 * lock but for the flag, which is atomic and outlives the node. */
#ifndef KEYSPACE_WATCH_H
#define KEYSPACE_WATCH_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/links.h"
#include "keyspace/keyspace.h"

struct watch_node {
    struct links link;       /* in the shard's bucket */
    struct watch_node *next; /* the owner's list of its watches */
    struct shard *shard;
    uint64_t hash;
    uint32_t database;
    bool
        was_expired; /* past its deadline already when the watch began: its removal changes nothing */
    _Atomic uint8_t *is_dirty; /* borrowed from the owner */
    uint32_t key_bytes;
    char key[];
};

/* Begins a watch; the node is owned by the caller until watch_remove. */
struct watch_node *watch_add(struct shard *shard, uint32_t database, uint64_t hash,
                             struct bytes key, bool was_expired, _Atomic uint8_t *is_dirty);
/* Ends it and frees the node. */
void watch_remove(struct watch_node *node);

/* A writer changed this key. Call only when shard->watch_count > 0. */
void watch_touch(struct shard *shard, uint32_t database, uint64_t hash, struct bytes key);
/* The key is about to be removed because its deadline has passed: whoever saw it expired already
 * sees no change. */
void watch_touch_expired(struct shard *shard, uint32_t database, uint64_t hash, struct bytes key);
/* A database is about to be emptied or swapped: touches the watched keys of `database` that exist
 * in `first` or in `second` (which may be the same). */
void watch_touch_database(struct shard *shard, uint32_t database, uint32_t first, uint32_t second);
void watch_deinit(struct shard *shard);

#endif
