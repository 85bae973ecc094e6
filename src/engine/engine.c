/* The engine's life: opening a directory, the housekeeper, closing. The work itself is in txn.c
 * (changes), load.c (recovery), snapshot.c (checkpoints) and tidy.c (expiry). */
#include "engine/engine.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/engine_internal.h"
#include "engine/load.h"
#include "engine/snapshot.h"
#include "keyspace/reclaim.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/entropy.h"
#include "os/messages.h"
#include "storage/segment.h"

enum { ENGINE_SHARDS_A_WORKER = 32, ENGINE_EXIT_IO = 74 };
#define ENGINE_HOUSEKEEPING_NS (100ull * 1000 * 1000)

/* ----------------------------------------------------------------------------------------------------------
 * the gate */

uint64_t engine_durable(const struct engine *engine)
{
    return engine_worker_durable(&engine->workers[0]);
}

/* Points the workers to what they wait by. */
static void choose_durable(struct engine *engine)
{
    bool waits = engine->wal != NULL &&
                 atomic_load_explicit(&engine->sync, memory_order_relaxed) == WAL_SYNC_ALWAYS;
    const _Atomic uint64_t *durable = waits ? &engine->wal->durable : &engine->never;
    for (uint32_t i = 0; i < engine->options.worker_count; i++)
        atomic_store(&engine->workers[i].durable, durable);
}

uint64_t engine_synced(const struct engine *engine)
{
    return engine->wal != NULL ? wal_durable(engine->wal) : 0;
}

uint64_t engine_epoch(const struct engine *engine)
{
    return engine->wal != NULL ? wal_epoch(engine->wal) : 0;
}

void engine_kick(struct engine *engine)
{
    if (engine->wal != NULL) wal_kick(engine->wal);
}

bool engine_commit(struct engine *engine)
{
    enum status status;
    /* A failure closes the gate and is told by on_log_failure. */
    return engine->wal != NULL && wal_commit(engine->wal, &status);
}

bool engine_is_backlogged(const struct engine *engine)
{
    return engine->wal != NULL && wal_pending_bytes(engine->wal) > WAL_BACKLOG_BYTES_MAX;
}

const char *engine_refusal(const struct engine *engine)
{
    switch (atomic_load_explicit(&engine->refusal, memory_order_relaxed)) {
    case ENGINE_REFUSAL_FULL:
        return "MISCONF The disk that holds the log is full: writes are refused until there is room again";
    case ENGINE_REFUSAL_FAILED:
        return "MISCONF Writing the log failed: writes are refused until the server is restarted on a healthy disk";
    default: return NULL;
    }
}

void engine_set_sync(struct engine *engine, enum wal_sync sync)
{
    if (engine->wal != NULL) wal_set_sync(engine->wal, sync);
    atomic_store(&engine->sync, (uint32_t)sync);
    choose_durable(engine);
}

enum wal_sync engine_sync(const struct engine *engine)
{
    return (enum wal_sync)atomic_load_explicit(&engine->sync, memory_order_relaxed);
}

static void on_log_durable(void *context, uint64_t durable)
{
    struct engine *engine = context;
    if (engine->options.on_durable != NULL)
        engine->options.on_durable(engine->options.context, durable);
}

static void on_log_failure(void *context, enum status status, const char *what)
{
    struct engine *engine = context;
    atomic_store_explicit(&engine->refusal, ENGINE_REFUSAL_FAILED, memory_order_seq_cst);
    message_warning(
        "%s: %s. No reply that waits for the disk will leave; writes are refused; reads of what is durable "
        "go on. Restart on a healthy disk: everything acknowledged is there.",
        what, status_text(status));
    /* Whoever waits must look again: its gate will never be reached. The log may fail before
     * wal_open has returned. */
    on_log_durable(engine, engine_synced(engine));
}

static void on_log_full(void *context, bool is_full)
{
    struct engine *engine = context;
    uint32_t expected = is_full ? ENGINE_REFUSAL_NONE : ENGINE_REFUSAL_FULL;
    uint32_t wanted = is_full ? ENGINE_REFUSAL_FULL : ENGINE_REFUSAL_NONE;
    if (!atomic_compare_exchange_strong(&engine->refusal, &expected, wanted)) return;
    if (is_full) {
        message_warning("no room for the next log segment: writes are refused until there is");
    } else {
        message_notice("there is room for the log again: writes are welcome");
    }
}

/* ------------------------------------------------------------------------------------------------------
 * checkpoints */

static enum status take_checkpoint(struct engine *engine) REQUIRES(engine->checkpointing)
{
    if (engine->options.disk == NULL) return STATUS_NOT_FOUND;
    int64_t began_us = clock_wall_us(engine->options.clock);
    uint64_t changes = engine_changes(engine);
    atomic_store(&engine->checkpoint_began_us, began_us);
    atomic_store(&engine->checkpoint_running, true);
    bool must_stop = false;
    bool is_closed = engine->wal != NULL &&
                     wal_has_failed(engine->wal); /* what a walk saw could not be waited for */
    enum status status = is_closed ? STATUS_STOPPED : snapshot_take(engine, &must_stop);
    if (must_stop) {
        message_warning(
            "the new manifest could not be made durable after its rename: what a restart would find is "
            "uncertain while this process runs, so it stops");
        _Exit(ENGINE_EXIT_IO);
    }
    int64_t ended_us = clock_wall_us(engine->options.clock);
    atomic_store(&engine->checkpoint_last_failed, status != STATUS_OK);
    if (status == STATUS_OK) {
        atomic_fetch_add(&engine->checkpoint_count, 1);
        atomic_store(&engine->checkpoint_last_us, ended_us);
        atomic_store(&engine->changes_at_checkpoint, changes);
        message_notice("checkpoint %s: %llu keys, %llu bytes", engine->manifest.checkpoint,
                       (unsigned long long)atomic_load(&engine->checkpoint_keys_done),
                       (unsigned long long)atomic_load(&engine->checkpoint_bytes));
    } else {
        message_warning("the checkpoint failed: %s; the one before it stays in force",
                        status_text(status));
    }
    atomic_store(&engine->checkpoint_last_seconds, (ended_us - began_us) / 1000000);
    atomic_fetch_add(&engine->checkpoint_attempts, 1);
    atomic_store(&engine->checkpoint_running, false);
    return status;
}

enum status engine_checkpoint(struct engine *engine)
{
    if (!mutex_try_acquire(&engine->checkpointing)) return STATUS_IN_USE;
    enum status status = take_checkpoint(engine);
    mutex_release(&engine->checkpointing);
    return status;
}

enum status engine_request_checkpoint(struct engine *engine)
{
    if (engine->options.disk == NULL) return STATUS_NOT_FOUND;
    if (atomic_load(&engine->checkpoint_running)) return STATUS_IN_USE;
    mutex_acquire(&engine->housekeeping);
    bool is_new = !engine->is_requested;
    engine->is_requested = true;
    condition_signal(&engine->work);
    mutex_release(&engine->housekeeping);
    return is_new ? STATUS_OK : STATUS_IN_USE;
}

/* Enough log has gathered since the last checkpoint that the next one pays: as much as the data, or
 * the option. */
static bool is_checkpoint_due(struct engine *engine)
{
    if (engine->wal == NULL || wal_has_failed(engine->wal)) return false;
    struct wal_statistics log;
    wal_statistics(engine->wal, &log);
    uint64_t threshold = engine->options.checkpoint_log_bytes;
    uint64_t data = atomic_load_explicit(&engine->checkpoint_bytes, memory_order_relaxed);
    if (data > threshold) threshold = data;
    if (log.bytes_written - engine->log_bytes_at_checkpoint >= threshold) return true;
    /* By the files too, for what earlier lives of this process left: each start begins a
     * segment. */
    uint64_t least = 2 * engine->options.segment_bytes;
    uint64_t before = engine->log_files_at_checkpoint;
    return log.disk_bytes >= (before > least ? before : least) + threshold;
}

static void checkpoint_in_turn(struct engine *engine)
{
    struct wal_statistics log = {0};
    if (engine->wal != NULL) wal_statistics(engine->wal, &log);
    /* A failed one is not tried again before as much log has gathered once more, or somebody
     * asks. */
    engine->log_bytes_at_checkpoint = log.bytes_written;
    enum status status = engine_checkpoint(engine);
    if (engine->wal != NULL) wal_statistics(engine->wal, &log);
    engine->log_files_at_checkpoint = log.disk_bytes;
    if (status != STATUS_OK) message_verbose("checkpoint: %s", status_text(status));
}

static void housekeep(void *context)
{
    struct engine *engine = context;
    thread_set_nice(5);
    mutex_acquire(&engine->housekeeping);
    while (!engine->is_stopping) {
        bool is_requested = engine->is_requested;
        mutex_release(&engine->housekeeping);
        if (is_requested || is_checkpoint_due(engine)) checkpoint_in_turn(engine);
        mutex_acquire(&engine->housekeeping);
        if (is_requested) engine->is_requested = false;
        if (!engine->is_stopping && !engine->is_requested) {
            (void)condition_wait_for(&engine->work, &engine->housekeeping, ENGINE_HOUSEKEEPING_NS);
        }
    }
    mutex_release(&engine->housekeeping);
}

/* ----------------------------------------------------------------------------------------------------------
 * opening */

static uint32_t shards_for(const struct engine_options *options)
{
    uint32_t wanted = options->shard_count != 0 ? options->shard_count
                                                : options->worker_count * ENGINE_SHARDS_A_WORKER;
    uint32_t shards = KEYSPACE_SHARDS_MIN;
    while (shards < wanted && shards < KEYSPACE_SHARDS_MAX) shards *= 2;
    return shards;
}

static void create_keyspace(struct engine *engine, const struct hashing *hashing, int64_t now_ms)
{
    struct keyspace_options options = {
        .shard_count = shards_for(&engine->options),
        .database_count = engine->options.database_count,
        .reader_count = engine->options.worker_count,
        .now_ms = now_ms,
        .hashing = hashing,
    };
    engine->keyspace = keyspace_create(&options);
    for (uint32_t i = 0; i < engine->options.worker_count; i++)
        engine->workers[i].keyspace = engine->keyspace;
}

static void create_workers(struct engine *engine)
{
    uint32_t count = engine->options.worker_count;
    engine->workers = memory_alloc_aligned(CACHE_LINE_BYTES, count * sizeof *engine->workers);
    memset(engine->workers, 0, count * sizeof *engine->workers);
    for (uint32_t i = 0; i < count; i++) {
        engine->workers[i].engine = engine;
        engine->workers[i].index = i;
        random_init(&engine->workers[i].random, entropy_u64());
    }
}

/* Databases beyond those of the manifest are new: while the log is replayed their tables have names
 * that no record says. */
static enum status adopt_databases(struct engine *engine, struct buf *message)
{
    struct manifest *manifest = &engine->manifest;
    struct keyspace *keyspace = engine->keyspace;
    if (manifest->table_count > keyspace->database_count) {
        buf_printf(message, "the directory holds %u databases: start with --databases %u or more",
                   manifest->table_count, manifest->table_count);
        return STATUS_INVALID;
    }
    if (manifest->table_count == 0) return STATUS_OK;
    memcpy(keyspace->table_ids, manifest->tables, manifest->table_count * sizeof *manifest->tables);
    keyspace->next_table_id = manifest->next_table;
    for (uint32_t i = manifest->table_count; i < keyspace->database_count; i++) {
        keyspace->table_ids[i] = UINT64_MAX - i;
    }
    return STATUS_OK;
}

/* After the replay, which may have used up table ids: the new databases get theirs. */
static void name_new_databases(struct engine *engine)
{
    struct keyspace *keyspace = engine->keyspace;
    if (engine->manifest.table_count == 0) return;
    for (uint32_t i = engine->manifest.table_count; i < keyspace->database_count; i++) {
        keyspace->table_ids[i] = keyspace->next_table_id++;
    }
}

/* The map as it is now, so that a restart begins from it; with the log durable up to here. */
static enum status store_manifest(struct engine *engine)
{
    struct manifest *manifest = &engine->manifest;
    struct keyspace *keyspace = engine->keyspace;
    size_t bytes = keyspace->database_count * sizeof *manifest->tables;
    manifest->tables = memory_realloc(manifest->tables, bytes);
    memcpy(manifest->tables, keyspace->table_ids, bytes);
    manifest->table_count = keyspace->database_count;
    manifest->next_table = keyspace->next_table_id;
    manifest->databases_version = engine->databases_version;
    manifest->generation++;
    bool is_renamed;
    return manifest_store(manifest, engine->options.disk, &is_renamed);
}

struct stray_files {
    const struct manifest *manifest;
    struct buf names; /* NUL-terminated, one after the other */
    bool has_segments;
};

static void each_file(void *context, const char *name)
{
    struct stray_files *stray = context;
    uint64_t first_block;
    if (segment_parse_name(name, &first_block)) stray->has_segments = true;
    if (snapshot_is_name(name) && strcmp(name, stray->manifest->checkpoint) != 0) {
        buf_append(&stray->names, name, strlen(name) + 1);
    }
}

/* Checkpoints that were not finished, or not yet removed, when the process ended. */
static enum status remove_strays(struct engine *engine, bool *out_has_segments)
{
    struct disk *disk = engine->options.disk;
    struct stray_files stray = {.manifest = &engine->manifest};
    enum status status = disk->ops->list(disk, each_file, &stray);
    for (size_t i = 0; status == STATUS_OK && i < stray.names.size;
         i += strlen(stray.names.data + i) + 1) {
        snapshot_remove_file(disk, stray.names.data + i);
    }
    buf_deinit(&stray.names);
    *out_has_segments = stray.has_segments;
    return status;
}

static enum status found_directory(struct engine *engine, struct buf *message)
{
    bool has_segments = false;
    enum status status = remove_strays(engine, &has_segments);
    if (status != STATUS_OK) return status;
    if (has_segments) {
        buf_append_text(
            message,
            "there are log segments but no MANIFEST: restore the MANIFEST, or move the segments "
            "away to begin anew");
        return STATUS_CORRUPT;
    }
    engine->manifest.log_id = entropy_u64();
    entropy_fill(engine->manifest.secret, sizeof engine->manifest.secret);
    engine->manifest.first_block = 1;
    engine->manifest.has_log = true;
    return STATUS_OK;
}

static enum status load(struct engine *engine, struct recovery_result *log, struct buf *message)
{
    struct load_options options = {
        .disk = engine->options.disk,
        .keyspace = engine->keyspace,
        .manifest = &engine->manifest,
        .now_ms = engine_wall_ms(engine),
        .context = engine->options.context,
        .on_progress = engine->options.on_progress,
    };
    struct load_result result = {0};
    enum status status = load_run(&options, &result, message);
    if (status != STATUS_OK) return status;
    engine->databases_version = result.databases_version;
    engine->loaded_keys = result.keys;
    engine->load_ms = engine_wall_ms(engine) - options.now_ms;
    *log = result.log;
    message_notice(
        "loaded %llu keys in %lld ms: %llu records of log replayed, %llu passed over (in the checkpoint "
        "already, or of emptied databases), %llu keys had expired, %llu unacknowledged bytes dropped at "
        "the tail",
        (unsigned long long)result.keys, (long long)engine->load_ms,
        (unsigned long long)result.records, (unsigned long long)result.skipped,
        (unsigned long long)result.expired, (unsigned long long)result.log.torn_bytes);
    return STATUS_OK;
}

static enum status open_log(struct engine *engine, const struct recovery_result *log)
{
    struct wal_options options = {
        .disk = engine->options.disk,
        .clock = engine->options.clock,
        .log_id = engine->manifest.log_id,
        .term = 1,
        .appender_count = engine->options.worker_count,
        .segment_bytes = engine->options.segment_bytes,
        .first_block = log->next_block,
        .first_epoch = log->next_epoch,
        .flush_ms = engine->options.flush_ms,
        .sync = engine->options.sync,
        .has_thread = engine->options.has_threads,
        .context = engine,
        .on_durable = on_log_durable,
        .on_failure = on_log_failure,
        .on_full = on_log_full,
    };
    enum status status = wal_open(&options, &engine->wal);
    if (status != STATUS_OK) return status;
    for (uint32_t i = 0; i < engine->options.worker_count; i++) {
        engine->workers[i].wal = engine->wal;
        engine->workers[i].appender = wal_appender_at(engine->wal, i);
    }
    choose_durable(engine);
    return STATUS_OK;
}

static enum status open_directory(struct engine *engine, struct buf *message)
{
    struct disk *disk = engine->options.disk;
    enum status status = disk->ops->lock_root(disk);
    if (status == STATUS_IN_USE) buf_append_text(message, "another process uses this directory");
    if (status != STATUS_OK) return status;
    status = manifest_load(&engine->manifest, disk, message);
    bool is_new = status == STATUS_NOT_FOUND;
    if (is_new) status = found_directory(engine, message);
    if (status != STATUS_OK) return status;

    struct hashing hashing;
    memcpy(hashing.secret, engine->manifest.secret, sizeof hashing.secret);
    create_keyspace(engine, &hashing, engine_wall_ms(engine));
    status = adopt_databases(engine, message);
    if (status != STATUS_OK) return status;

    struct recovery_result log = {.next_block = 1, .next_epoch = 1};
    if (!is_new) status = load(engine, &log, message);
    if (status != STATUS_OK) return status;
    name_new_databases(engine);
    engine->log_end_block = log.next_block;
    atomic_store(&engine->checkpoint_bytes, engine->manifest.checkpoint_bytes);
    status = store_manifest(engine);
    /* Only now: the manifest that was found may have been renamed into place without its directory
     * having been synced, and after a power cut the one before it, with its checkpoint, would count
     * again. */
    bool has_segments;
    if (status == STATUS_OK && !is_new) status = remove_strays(engine, &has_segments);
    if (status == STATUS_OK && engine->options.has_log) status = open_log(engine, &log);
    return status;
}

static enum status start_housekeeper(struct engine *engine)
{
    if (!engine->options.has_threads || engine->options.disk == NULL) return STATUS_OK;
    enum status status = thread_start(&engine->housekeeper, "housekeeper", housekeep, engine);
    engine->has_housekeeper = status == STATUS_OK;
    return status;
}

static void destroy(struct engine *engine)
{
    if (engine->keyspace != NULL) keyspace_destroy(engine->keyspace);
    manifest_deinit(&engine->manifest);
    condition_deinit(&engine->work);
    mutex_deinit(&engine->housekeeping);
    mutex_deinit(&engine->checkpointing);
    memory_free(engine->workers);
    memory_free(engine);
}

enum status engine_open(const struct engine_options *options, struct engine **out,
                        struct buf *message)
{
    ASSERT(options->worker_count > 0);
    ASSERT(options->database_count > 0);
    struct engine *engine = memory_zalloc(sizeof *engine);
    engine->options = *options;
    manifest_init(&engine->manifest);
    mutex_init(&engine->checkpointing, LOCK_RANK_CHECKPOINT);
    mutex_init(&engine->housekeeping, LOCK_RANK_HOUSEKEEPING);
    condition_init(&engine->work);
    atomic_store(&engine->sync, (uint32_t)options->sync);
    atomic_store(&engine->checkpoint_last_us, clock_wall_us(options->clock));
    atomic_store(&engine->never, UINT64_MAX);
    create_workers(engine);
    choose_durable(engine);

    enum status status = STATUS_OK;
    if (options->disk != NULL) {
        status = open_directory(engine, message);
    } else {
        struct hashing hashing;
        entropy_fill(hashing.secret, sizeof hashing.secret);
        create_keyspace(engine, &hashing, engine_wall_ms(engine));
    }
    if (status == STATUS_OK) status = start_housekeeper(engine);
    if (status != STATUS_OK) {
        if (message->size == 0) buf_printf(message, "%s", status_text(status));
        if (engine->wal != NULL) (void)!wal_close(engine->wal);
        destroy(engine);
        return status;
    }
    *out = engine;
    return STATUS_OK;
}

static void stop_housekeeper(struct engine *engine)
{
    if (!engine->has_housekeeper) return;
    mutex_acquire(&engine->housekeeping);
    engine->is_stopping = true;
    condition_signal(&engine->work);
    mutex_release(&engine->housekeeping);
    atomic_store(&engine->is_checkpoint_cancelled, true);
    thread_join(&engine->housekeeper);
    atomic_store(&engine->is_checkpoint_cancelled,
                 false); /* the last one, while closing, is wanted */
    engine->has_housekeeper = false;
}

enum status engine_close(struct engine *engine, bool has_checkpoint)
{
    stop_housekeeper(engine);
    enum status status = has_checkpoint ? engine_checkpoint(engine) : STATUS_OK;
    if (engine->wal != NULL) {
        enum status closed = wal_close(engine->wal);
        if (status == STATUS_OK) status = closed;
    }
    destroy(engine);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------
 * looking in */

struct engine_worker *engine_worker_at(struct engine *engine, uint32_t index)
{
    ASSERT(index < engine->options.worker_count);
    return &engine->workers[index];
}

struct keyspace *engine_keyspace(struct engine *engine)
{
    return engine->keyspace;
}

struct wal *engine_wal(struct engine *engine)
{
    return engine->wal;
}

static uint64_t sum(const struct engine *engine, size_t offset)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < engine->options.worker_count; i++) {
        const char *worker = (const char *)&engine->workers[i];
        total += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(worker + offset),
                                      memory_order_relaxed);
    }
    return total;
}

uint64_t engine_changes(const struct engine *engine)
{
    return sum(engine, offsetof(struct engine_worker, changes));
}

void engine_sample_memory(struct engine *engine)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < engine->keyspace->shard_count; i++) {
        struct shard *shard = &engine->keyspace->shards[i];
        shard_acquire(shard);
        total += shard_memory_bytes(shard);
        shard_release(shard);
    }
    atomic_store_explicit(&engine->keyspace_bytes, total, memory_order_relaxed);
}

void engine_checkpoint_state(struct engine *engine, struct engine_checkpoint_state *out)
{
    out->changes = engine_changes(engine) - atomic_load(&engine->changes_at_checkpoint);
    out->last_wall_s = atomic_load(&engine->checkpoint_last_us) / 1000000;
    out->is_running = atomic_load(&engine->checkpoint_running);
}

void engine_statistics(struct engine *engine, struct engine_statistics *out)
{
    *out = (struct engine_statistics){.has_log = engine->wal != NULL};
    if (engine->wal != NULL) wal_statistics(engine->wal, &out->wal);
    uint32_t refusal = atomic_load(&engine->refusal);
    out->is_full = refusal == ENGINE_REFUSAL_FULL;
    out->has_failed = refusal == ENGINE_REFUSAL_FAILED;
    out->checkpoint_running = atomic_load(&engine->checkpoint_running);
    out->checkpoint_last_failed = atomic_load(&engine->checkpoint_last_failed);
    out->checkpoint_count = atomic_load(&engine->checkpoint_count);
    out->checkpoint_attempts = atomic_load(&engine->checkpoint_attempts);
    out->checkpoint_keys_done = atomic_load(&engine->checkpoint_keys_done);
    out->checkpoint_bytes = atomic_load(&engine->checkpoint_bytes);
    out->checkpoint_last_wall_s = atomic_load(&engine->checkpoint_last_us) / 1000000;
    out->checkpoint_last_seconds = atomic_load(&engine->checkpoint_last_seconds);
    out->checkpoint_running_seconds = -1;
    if (out->checkpoint_running) {
        int64_t since_us = clock_wall_us(engine->options.clock) -
                           atomic_load(&engine->checkpoint_began_us);
        out->checkpoint_running_seconds = since_us / 1000000;
    }
    out->changes_since_checkpoint = engine_changes(engine) -
                                    atomic_load(&engine->changes_at_checkpoint);
    out->hits = sum(engine, offsetof(struct engine_worker, hits));
    out->misses = sum(engine, offsetof(struct engine_worker, misses));
    out->expired = sum(engine, offsetof(struct engine_worker, expired));
    out->keyspace_bytes = atomic_load_explicit(&engine->keyspace_bytes, memory_order_relaxed);
    out->loaded_keys = engine->loaded_keys;
    out->load_ms = engine->load_ms;
}
