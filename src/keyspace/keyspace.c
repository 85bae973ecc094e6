#include "keyspace/keyspace.h"

#include "base/memory.h"
#include "keyspace/reclaim.h"

enum { CURSOR_SHIFT = 64 - KEYSPACE_CURSOR_BITS };

static_assert((int)KEYSPACE_SHARDS_MAX <= (int)HASHING_PARTITION_COUNT,
              "a partition lies within one shard");
static_assert((int)KEYSPACE_SHARDS_MAX <= 1 << TABLE_SHIFT_MAX,
              "tables know the prefix of a shard");

static void create_shards(struct keyspace *keyspace, int64_t now_ms)
{
    size_t size = memory_size_mul(keyspace->shard_count, sizeof(struct shard));
    keyspace->shards = memory_alloc_aligned(CACHE_LINE_BYTES, size);
    for (uint32_t i = 0; i < keyspace->shard_count; i++) {
        shard_init(&keyspace->shards[i], keyspace, i, now_ms);
    }
}

struct keyspace *keyspace_create(const struct keyspace_options *options)
{
    ASSERT(options->shard_count >= KEYSPACE_SHARDS_MIN);
    ASSERT(options->shard_count <= KEYSPACE_SHARDS_MAX);
    ASSERT((options->shard_count & (options->shard_count - 1)) == 0);
    ASSERT(options->database_count >= 1);
    ASSERT(options->database_count <= KEYSPACE_DATABASES_MAX);

    struct keyspace *keyspace = memory_zalloc(sizeof(*keyspace));
    keyspace->hashing = *options->hashing;
    keyspace->shard_count = options->shard_count;
    keyspace->shard_bits = (uint32_t)__builtin_ctz(options->shard_count);
    keyspace->database_count = options->database_count;
    keyspace->sequences = memory_zalloc(HASHING_PARTITION_COUNT * sizeof(uint64_t));
    keyspace->gates = memory_zalloc(KEYSPACE_GATE_SLOTS * sizeof(uint64_t));
    keyspace->table_ids = memory_zalloc(options->database_count * sizeof(uint64_t));
    for (uint32_t i = 0; i < options->database_count; i++) keyspace->table_ids[i] = i;
    keyspace->next_table_id = options->database_count;
    keyspace->arenas = slab_arenas_create();
    keyspace->reclaim = reclaim_create(options->reader_count);
    create_shards(keyspace, options->now_ms);
    return keyspace;
}

void keyspace_destroy(struct keyspace *keyspace)
{
    if (keyspace == NULL) return;
    for (uint32_t i = 0; i < keyspace->shard_count; i++) shard_deinit(&keyspace->shards[i]);
    memory_free(keyspace->shards);
    reclaim_destroy(keyspace->reclaim);
    slab_arenas_destroy(keyspace->arenas);
    memory_free(keyspace->table_ids);
    memory_free(keyspace->gates);
    memory_free(keyspace->sequences);
    memory_free(keyspace);
}

void keyspace_flush(struct keyspace *keyspace, uint32_t database)
{
    ASSERT(database < keyspace->database_count);
    for (uint32_t i = 0; i < keyspace->shard_count; i++)
        shard_flush(&keyspace->shards[i], database);
    keyspace->table_ids[database] = keyspace->next_table_id++;
}

void keyspace_swap(struct keyspace *keyspace, uint32_t first, uint32_t second)
{
    ASSERT(first < keyspace->database_count);
    ASSERT(second < keyspace->database_count);
    if (first == second) return;
    for (uint32_t i = 0; i < keyspace->shard_count; i++) {
        shard_swap(&keyspace->shards[i], first, second);
    }
    uint64_t table_id = keyspace->table_ids[first];
    keyspace->table_ids[first] = keyspace->table_ids[second];
    keyspace->table_ids[second] = table_id;
}

static const struct shard_table *table_unlocked(const struct shard *shard, uint32_t database)
{
    return __atomic_load_n(&shard->tables[database], __ATOMIC_ACQUIRE);
}

uint64_t keyspace_count(const struct keyspace *keyspace, uint32_t database)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < keyspace->shard_count; i++) {
        const struct shard_table *own = table_unlocked(&keyspace->shards[i], database);
        if (own != NULL) count += __atomic_load_n(&own->table.count, __ATOMIC_RELAXED);
    }
    return count;
}

struct scan_visitor {
    bool (*each)(void *context, struct entry *entry);
    void *context;
};

static bool visit_item(void *context, void *item, uint64_t hash)
{
    (void)hash;
    const struct scan_visitor *visitor = context;
    return visitor->each(visitor->context, item);
}

/* Returns where to go on in the shard, 0 at its end. */
static uint64_t walk_shard(struct shard *shard, uint32_t database, uint64_t position,
                           struct table_walk *walk, uint64_t *in_out_gate)
{
    /* That a key is absent may be as undurable as that one is there: empty shards count too. */
    if (shard->newest_gate > *in_out_gate) *in_out_gate = shard->newest_gate;
    const struct shard_table *own = shard->tables[database];
    if (own == NULL || own->table.count == 0) return 0;
    return table_walk(&own->table, position, walk);
}

uint64_t keyspace_scan(struct keyspace *keyspace, uint32_t database, uint64_t cursor,
                       unsigned bucket_max, bool holds_all,
                       bool (*each)(void *context, struct entry *entry), void *context,
                       uint64_t *in_out_gate) NO_LOCK_ANALYSIS
{
    if (cursor >> KEYSPACE_CURSOR_BITS != 0) return 0; /* no cursor of ours */
    struct scan_visitor visitor = {each, context};
    struct table_walk walk = {
        .each = visit_item,
        .context = &visitor,
        .granule_bits = CURSOR_SHIFT,
        .bucket_max = bucket_max > 0 ? bucket_max : 1,
    };
    uint64_t position = cursor << CURSOR_SHIFT;
    do {
        struct shard *shard = keyspace_shard(keyspace, position);
        if (!holds_all) shard_acquire(shard);
        uint64_t next = walk_shard(shard, database, position, &walk, in_out_gate);
        if (!holds_all) shard_release(shard);

        if (next == 0 && shard->index == keyspace->shard_count - 1) return 0;
        uint64_t behind = (uint64_t)(shard->index + 1) << (64 - keyspace->shard_bits);
        position = next != 0 ? next : behind;
    } while (walk.bucket_max > 0 && !walk.is_stopped);
    return position >> CURSOR_SHIFT;
}

void keyspace_prefetch_bucket(const struct keyspace *keyspace, uint32_t database, uint64_t hash)
{
    const struct shard *shard = keyspace_shard(keyspace, hash);
    __builtin_prefetch(&shard->lock, 1);
    const struct shard_table *own = table_unlocked(shard, database);
    if (LIKELY(own != NULL)) table_prefetch_bucket(&own->table, hash);
}

void keyspace_prefetch_entry(const struct keyspace *keyspace, uint32_t database, uint64_t hash)
{
    const struct shard *shard = keyspace_shard(keyspace, hash);
    const struct shard_table *own = table_unlocked(shard, database);
    if (LIKELY(own != NULL)) table_prefetch_item(&own->table, hash);
}
