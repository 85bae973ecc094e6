#include "keyspace/watch.h"

#include "base/assert.h"
#include "base/memory.h"

enum { WATCH_BUCKETS = 64 };

/* Made when a shard is watched for the first time, kept from then on. */
struct watch {
    struct links buckets[WATCH_BUCKETS];
};

static struct links *bucket_of(struct watch *watch, uint64_t hash)
{
    return &watch->buckets[hash % WATCH_BUCKETS];
}

static bool is_for(const struct watch_node *node, uint32_t database, uint64_t hash,
                   struct bytes key)
{
    return node->hash == hash && node->database == database &&
           bytes_equal(bytes_of(node->key, node->key_bytes), key);
}

static bool exists(struct shard *shard, uint32_t database, const struct watch_node *node)
{
    return shard_find(shard, database, node->hash, bytes_of(node->key, node->key_bytes), NULL) !=
           NULL;
}

static struct watch *watch_of(struct shard *shard)
{
    if (shard->watch == NULL) {
        shard->watch = memory_alloc(sizeof(struct watch));
        for (int i = 0; i < WATCH_BUCKETS; i++) links_init(&shard->watch->buckets[i]);
    }
    return shard->watch;
}

struct watch_node *watch_add(struct shard *shard, uint32_t database, uint64_t hash,
                             struct bytes key, bool was_expired, _Atomic uint8_t *is_dirty)
{
    struct watch_node *node = memory_alloc(sizeof *node + key.size);
    node->next = NULL;
    node->shard = shard;
    node->hash = hash;
    node->database = database;
    node->was_expired = was_expired;
    node->is_dirty = is_dirty;
    node->key_bytes = (uint32_t)key.size;
    memcpy(node->key, key.data, key.size);
    links_push_back(bucket_of(watch_of(shard), hash), &node->link);
    shard->watch_count++;
    return node;
}

void watch_remove(struct watch_node *node)
{
    ASSERT(node->shard->watch_count > 0);
    links_remove(&node->link);
    node->shard->watch_count--;
    memory_free(node);
}

static void mark(struct watch_node *node)
{
    atomic_store_explicit(node->is_dirty, 1, memory_order_relaxed);
}

void watch_touch(struct shard *shard, uint32_t database, uint64_t hash, struct bytes key)
{
    LINKS_FOR_EACH (link, bucket_of(watch_of(shard), hash)) {
        struct watch_node *node = CONTAINER_OF(link, struct watch_node, link);
        if (is_for(node, database, hash, key)) mark(node);
    }
}

void watch_touch_expired(struct shard *shard, uint32_t database, uint64_t hash, struct bytes key)
{
    LINKS_FOR_EACH (link, bucket_of(watch_of(shard), hash)) {
        struct watch_node *node = CONTAINER_OF(link, struct watch_node, link);
        if (!is_for(node, database, hash, key)) continue;
        if (node->was_expired) {
            node->was_expired = false;
        } else {
            mark(node);
        }
    }
}

void watch_touch_database(struct shard *shard, uint32_t database, uint32_t first, uint32_t second)
{
    if (shard->watch_count == 0) return;
    for (int i = 0; i < WATCH_BUCKETS; i++) {
        LINKS_FOR_EACH (link, &shard->watch->buckets[i]) {
            struct watch_node *node = CONTAINER_OF(link, struct watch_node, link);
            if (node->database != database) continue;
            if (exists(shard, first, node) || exists(shard, second, node)) mark(node);
        }
    }
}

void watch_deinit(struct shard *shard)
{
    ASSERT(shard->watch_count == 0);
    memory_free(shard->watch);
    shard->watch = NULL;
}
