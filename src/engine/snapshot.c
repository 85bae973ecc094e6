#include "engine/snapshot.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/change.h"
#include "engine/engine_internal.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/messages.h"
#include "storage/checkpoint.h"

enum {
    SNAPSHOT_BUCKETS = 16,            /* walked in one lock hold: about 120 keys */
    SNAPSHOT_CHUNK_BYTES = 64 * 1024, /* past which a chunk ends early */
};
/* How long the log may take to become durable behind the walk (a disk that is full, or slow), and
 * how often one looks whether the engine is being closed. */
#define SNAPSHOT_WAIT_NS (100ull * 1000 * 1000)
enum { SNAPSHOT_WAIT_COUNT = 600 };

struct walker {
    struct engine *engine;
    struct checkpoint_writer *writer;
    struct buf records;
    uint64_t table;     /* of the database being walked */
    uint64_t hash_last; /* entries past it are left to the next chunk */
    uint32_t record_count;
    uint64_t keys;
};

static bool each_entry(void *context, struct entry *entry, uint64_t hash)
{
    struct walker *walker = context;
    if (hash > walker->hash_last) return false;
    change_append_entry(&walker->records, entry, walker->table);
    walker->record_count++;
    return walker->records.size < SNAPSHOT_CHUNK_BYTES;
}

/* All entries of one database with hashes in [first, walker->hash_last]. */
static void walk_database(struct walker *walker, struct shard *shard, uint32_t database,
                          uint64_t first)
{
    walker->table = walker->engine->keyspace->table_ids[database];
    uint64_t position = first;
    do {
        position = shard_scan(shard, database, position, 1, each_entry, walker);
    } while (position != 0 && position <= walker->hash_last);
}

static uint32_t largest_database(const struct keyspace *keyspace, const struct shard *shard)
{
    uint32_t largest = 0;
    for (uint32_t i = 1; i < keyspace->database_count; i++) {
        if (shard_count(shard, i) > shard_count(shard, largest)) largest = i;
    }
    return largest;
}

/* The database with most keys decides how far a chunk goes; the others follow over the same range
 * of hashes. */
static void walk_chunk(struct walker *walker, struct shard *shard, uint64_t first,
                       uint64_t partition_last)
{
    struct keyspace *keyspace = walker->engine->keyspace;
    uint32_t leader = largest_database(keyspace, shard);
    walker->hash_last = partition_last;
    walker->table = keyspace->table_ids[leader];
    uint64_t next = shard_scan(shard, leader, first, SNAPSHOT_BUCKETS, each_entry, walker);
    if (next != 0 && next <= partition_last) walker->hash_last = next - 1;
    for (uint32_t i = 0; i < keyspace->database_count; i++) {
        if (i != leader && shard_count(shard, i) > 0) walk_database(walker, shard, i, first);
    }
}

/* The engine is being closed: the checkpoint ends, the one before it and its log stay. */
static bool is_cancelled(const struct engine *engine)
{
    return atomic_load_explicit(&engine->is_checkpoint_cancelled, memory_order_relaxed);
}

static enum status walk_partition(struct walker *walker, uint32_t partition)
{
    struct keyspace *keyspace = walker->engine->keyspace;
    uint64_t first = (uint64_t)partition << (64 - HASHING_PARTITION_BITS);
    uint64_t last = first + (UINT64_MAX >> HASHING_PARTITION_BITS);
    struct shard *shard = keyspace_shard(keyspace, first);
    for (;;) {
        walker->records.size = 0;
        walker->record_count = 0;
        shard_acquire(shard);
        walk_chunk(walker, shard, first, last);
        uint64_t sequence = keyspace->sequences[partition];
        shard_release(shard);

        struct checkpoint_chunk chunk = {
            .partition = partition,
            .record_count = walker->record_count,
            .hash_first = first,
            .hash_last = walker->hash_last,
            .sequence = sequence,
            .records = buf_bytes(&walker->records),
        };
        enum status status = checkpoint_writer_append(walker->writer, &chunk);
        if (status != STATUS_OK) return status;
        walker->keys += walker->record_count;
        atomic_store_explicit(&walker->engine->checkpoint_keys_done, walker->keys,
                              memory_order_relaxed);
        if (is_cancelled(walker->engine)) return STATUS_STOPPED;
        if (walker->hash_last == last) return STATUS_OK;
        first = walker->hash_last + 1;
    }
}

/* The map of databases, all shards held still for a moment. */
static void copy_databases(struct engine *engine, struct manifest *manifest) NO_LOCK_ANALYSIS
{
    struct keyspace *keyspace = engine->keyspace;
    for (uint32_t i = 0; i < keyspace->shard_count; i++) shard_acquire(&keyspace->shards[i]);
    manifest->tables = memory_alloc(
        memory_size_mul(keyspace->database_count, sizeof *manifest->tables));
    memcpy(manifest->tables, keyspace->table_ids,
           keyspace->database_count * sizeof *manifest->tables);
    manifest->table_count = keyspace->database_count;
    manifest->next_table = keyspace->next_table_id;
    manifest->databases_version = engine->databases_version;
    for (uint32_t i = keyspace->shard_count; i > 0; i--) shard_release(&keyspace->shards[i - 1]);
}

/* Until everything that the walk can have seen is durable: otherwise the checkpoint could hold half
 * of a transaction whose records were lost. */
static enum status wait_for_log(struct engine *engine)
{
    if (engine->wal == NULL) return STATUS_OK;
    uint64_t epoch = wal_epoch(engine->wal);
    enum status status = STATUS_WOULD_BLOCK;
    for (int i = 0; i < SNAPSHOT_WAIT_COUNT && status == STATUS_WOULD_BLOCK; i++) {
        if (is_cancelled(engine)) return STATUS_STOPPED;
        status = wal_wait(engine->wal, epoch, SNAPSHOT_WAIT_NS);
    }
    return status;
}

/* Puts the new manifest in force, on disk and then in memory. */
static enum status name_checkpoint(struct engine *engine, struct manifest *next,
                                   bool *out_must_stop)
{
    bool is_renamed = false;
    enum status status = manifest_store(next, engine->options.disk, &is_renamed);
    if (status != STATUS_OK) {
        *out_must_stop = is_renamed;
        return status;
    }
    struct manifest old = engine->manifest;
    engine->manifest = *next;
    manifest_init(next);
    if (old.checkpoint[0] != '\0') snapshot_remove_file(engine->options.disk, old.checkpoint);
    manifest_deinit(&old);
    return STATUS_OK;
}

void snapshot_print_name(char *out, uint64_t generation)
{
    static_assert(SNAPSHOT_NAME_BYTES <= MANIFEST_CHECKPOINT_NAME_MAX + 1,
                  "the manifest can hold it");
    (void)snprintf(out, SNAPSHOT_NAME_BYTES, "checkpoint-%016llx.ckpt",
                   (unsigned long long)generation);
}

bool snapshot_is_name(const char *name)
{
    unsigned long long generation;
    char exact[SNAPSHOT_NAME_BYTES];
    if (sscanf(name, "checkpoint-%16llx", &generation) != 1) return false;
    snapshot_print_name(exact, generation);
    return strcmp(name, exact) == 0;
}

void snapshot_remove_file(struct disk *disk, const char *name)
{
    enum status status = disk->ops->remove(disk, name);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        message_warning("the checkpoint file %s is not needed and could not be removed: %s", name,
                        status_text(status));
    }
}

static enum status walk_all(struct walker *walker, const char *name, uint64_t *out_bytes)
{
    struct engine *engine = walker->engine;
    enum status status = checkpoint_writer_open(engine->options.disk, name, engine->manifest.log_id,
                                                &walker->writer);
    for (uint32_t i = 0; status == STATUS_OK && i < HASHING_PARTITION_COUNT; i++)
        status = walk_partition(walker, i);
    if (status == STATUS_OK) status = checkpoint_writer_finish(walker->writer, out_bytes);
    checkpoint_writer_destroy(walker->writer);
    buf_deinit(&walker->records);
    return status;
}

enum status snapshot_take(struct engine *engine, bool *out_must_stop)
{
    *out_must_stop = false;
    struct manifest next = engine->manifest;
    next.tables = NULL;
    next.generation++;
    next.checkpoint_wall_us = clock_wall_us(engine->options.clock);
    /* Read before the walk: what is published from now on is in this block or a later one. */
    next.has_log = engine->wal != NULL;
    next.first_block = next.has_log ? wal_next_block(engine->wal) : engine->log_end_block;
    snapshot_print_name(next.checkpoint, next.generation);

    struct walker walker = {.engine = engine};
    enum status status = walk_all(&walker, next.checkpoint, &next.checkpoint_bytes);
    if (status == STATUS_OK) {
        copy_databases(engine, &next);
        status = wait_for_log(engine);
    }
    uint64_t bytes = next.checkpoint_bytes;
    if (status == STATUS_OK) status = name_checkpoint(engine, &next, out_must_stop);
    if (status != STATUS_OK) {
        if (!*out_must_stop) snapshot_remove_file(engine->options.disk, next.checkpoint);
        manifest_deinit(&next);
        return status;
    }
    atomic_store_explicit(&engine->checkpoint_bytes, bytes, memory_order_relaxed);
    if (engine->wal != NULL) {
        /* The checkpoint is in force either way; segments that could not go will be tried again. */
        status = wal_trim(engine->wal, engine->manifest.first_block);
        if (status != STATUS_OK)
            message_warning("the log was not trimmed: %s", status_text(status));
    }
    return STATUS_OK;
}
