/* What a key costs in memory and in time, without network and log: one thread fills a keyspace and
 * looks keys up in random order. Time is CPU time of the thread.
 *
 *   bench_table [keys [value bytes]]        5000000 keys of 16 bytes and values of 64 by default
 *
 * Built by hand:
 *   make && gcc -O2 -march=x86-64-v2 -std=gnu17 -D_GNU_SOURCE -Isrc bench/micro/bench_table.c \
 *       build/libcairn_core.a -ljemalloc -lm -pthread -o build/bench_table */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "keyspace/keyspace.h"
#include "keyspace/reclaim.h"
#include "os/thread.h"

enum {
    SHARDS = 64,
    KEY_BYTES = 16,
    BATCH = 16,
    VALUE_BYTES_MAX = ENTRY_INLINE_VALUE_MAX,
    LOOKUPS = 2 * 1000 * 1000,
};

struct bench {
    struct keyspace *keyspace;
    struct random random;
    uint64_t key_count;
    size_t value_bytes;
};

struct wanted {
    char text[KEY_BYTES + 1];
    struct bytes key;
    uint64_t hash;
};

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%*s %zu", &pages) != 1) pages = 0;
    if (file != NULL) fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void want(struct bench *bench, struct wanted *wanted, uint64_t number)
{
    /* Hexadecimal by hand: printing would take longer than the lookup. */
    for (unsigned i = 0; i < KEY_BYTES; i++) {
        wanted->text[i] = "0123456789abcdef"[number >> (4 * (KEY_BYTES - 1 - i)) & 15];
    }
    wanted->key = bytes_of(wanted->text, KEY_BYTES);
    wanted->hash = hashing_bytes(&bench->keyspace->hashing, wanted->key);
}

static void report(const char *what, uint64_t start_ns, uint64_t count)
{
    double ns = (double)(thread_cpu_ns() - start_ns) / (double)count;
    printf("%-28s %7.1f ns\n", what, ns);
}

static void fill(struct bench *bench)
{
    char value[VALUE_BYTES_MAX];
    memset(value, 'v', sizeof(value));
    uint64_t start_ns = thread_cpu_ns();
    for (uint64_t i = 0; i < bench->key_count; i++) {
        struct wanted wanted;
        want(bench, &wanted, i);
        struct shard *shard = keyspace_shard(bench->keyspace, wanted.hash);
        struct entry_value text = {
            ENTRY_STRING, .string = {value, bench->value_bytes}
        };
        shard_acquire(shard);
        struct table_slot slot;
        struct entry *entry = shard_find(shard, 0, wanted.hash, wanted.key, &slot);
        shard_store(shard, 0, wanted.hash, wanted.key, entry != NULL ? &slot : NULL, &text, 0);
        shard_release(shard);
    }
    report("insert", start_ns, bench->key_count);
}

static bool has(struct bench *bench, const struct wanted *wanted)
{
    struct shard *shard = keyspace_shard(bench->keyspace, wanted->hash);
    shard_acquire(shard);
    struct entry *entry = shard_find(shard, 0, wanted->hash, wanted->key, NULL);
    shard_release(shard);
    return entry != NULL;
}

/* Numbers from key_count on are misses. */
static void look_up(struct bench *bench, const char *what, uint64_t first, bool is_batched)
{
    uint64_t found = 0;
    uint64_t start_ns = thread_cpu_ns();
    for (uint64_t i = 0; i < LOOKUPS; i += BATCH) {
        struct wanted batch[BATCH];
        for (unsigned j = 0; j < BATCH; j++) {
            want(bench, &batch[j], first + random_below(&bench->random, bench->key_count));
            if (is_batched) keyspace_prefetch_bucket(bench->keyspace, 0, batch[j].hash);
        }
        for (unsigned j = 0; is_batched && j < BATCH; j++) {
            keyspace_prefetch_entry(bench->keyspace, 0, batch[j].hash);
        }
        for (unsigned j = 0; j < BATCH; j++) found += has(bench, &batch[j]);
    }
    report(what, start_ns, LOOKUPS);
    if (found != (first == 0 ? LOOKUPS : 0)) abort();
}

static void report_memory(const struct bench *bench, size_t resident_before)
{
    double keys = (double)bench->key_count;
    size_t index_bytes = 0;
    size_t page_bytes = 0;
    size_t object_bytes = 0;
    unsigned rehashing = 0;
    for (uint32_t i = 0; i < SHARDS; i++) {
        const struct shard *shard = &bench->keyspace->shards[i];
        index_bytes += table_memory_bytes(&shard->tables[0]->table);
        rehashing += shard->tables[0]->table.old.buckets != NULL;
        page_bytes += shard->slab.page_bytes;
        object_bytes += shard->slab.object_bytes;
    }
    printf("%-28s %7.2f B (%u of %u shards in a rehash)\n", "index a key",
           (double)index_bytes / keys, rehashing, SHARDS);
    printf("%-28s %7.2f B (%.2f B in objects)\n", "slab pages a key", (double)page_bytes / keys,
           (double)object_bytes / keys);
    printf("%-28s %7.2f B\n", "slab arenas a key",
           (double)slab_arenas_bytes(bench->keyspace->arenas) / keys);
    printf("%-28s %7.2f B\n", "resident a key",
           (double)(resident_bytes() - resident_before) / keys);
}

int main(int argc, char **argv)
{
    struct bench bench = {
        .key_count = argc > 1 ? strtoull(argv[1], NULL, 10) : 5 * 1000 * 1000,
        .value_bytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 64,
    };
    if (bench.key_count == 0 || bench.value_bytes > VALUE_BYTES_MAX) return 1;
    struct hashing hashing;
    random_init(&bench.random, 1);
    for (unsigned i = 0; i < HASHING_SECRET_BYTES; i++) {
        hashing.secret[i] = (uint8_t)random_next(&bench.random);
    }
    struct keyspace_options options = {
        .shard_count = SHARDS, .database_count = 16, .reader_count = 1, .hashing = &hashing};
    size_t resident_before = resident_bytes();
    bench.keyspace = keyspace_create(&options);
    reclaim_enter(bench.keyspace->reclaim, 0);
    fill(&bench);
    reclaim_enter(bench.keyspace->reclaim, 0);
    reclaim_enter(bench.keyspace->reclaim, 0);
    report_memory(&bench, resident_before);
    look_up(&bench, "hit", 0, false);
    look_up(&bench, "hit, prefetched 16 deep", 0, true);
    look_up(&bench, "miss", bench.key_count, false);
    look_up(&bench, "miss, prefetched 16 deep", bench.key_count, true);
    reclaim_leave(bench.keyspace->reclaim, 0);
    keyspace_destroy(bench.keyspace);
    return 0;
}
