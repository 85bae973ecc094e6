/* Loading a fuzzy checkpoint and replaying the log over it.
 *
 * A chunk of the checkpoint holds a range of keys as they were when their partition's sequence
 * number was q; a record of that range is replayed if and only if its number is above q. Within an
 * epoch the runs of different workers are unordered among each other, so they are merged: the next
 * record of a partition is the one with the next number. When no run can go on, a record is
 * missing, and that is damage: numbers are gapless by construction.
 *
 * Records name tables, not databases. A table that the map no longer knows is dead and its records
 * are passed over; a table with a number not given out yet waits for the record of the map that
 * introduces it. */
#include "engine/load.h"

#include "base/assert.h"
#include "base/memory.h"
#include "engine/change.h"
#include "keyspace/keyspace.h"
#include "storage/checkpoint.h"
#include "storage/manifest.h"

enum { LOAD_DATABASE_NONE = -1, LOAD_PROGRESS_EVERY = 1024 };

/* What the checkpoint holds of one partition: ranges in hash order, each with its sequence
 * number. */
struct covered_range {
    uint64_t hash_last;
    uint64_t sequence;
};

struct partition_state {
    struct covered_range *ranges; /* owned */
    uint32_t range_count;
    uint32_t range_capacity;
    uint64_t sequence_low;  /* every range holds the records up to here */
    uint64_t sequence_high; /* some range has seen this one: the log must reach it */
    uint64_t sequence;      /* of the newest record replayed; sequence_low before the first one */
};

struct run {
    struct bytes rest;
    struct record next;
    bool has_next;
};

struct loader {
    const struct load_options *options;
    struct load_result result;
    struct buf *message;
    struct partition_state *partitions;
    /* The epoch being gathered: copies of its runs. */
    struct buf epoch_bytes;
    struct buf epoch_offsets; /* size_t ends of runs */
    uint64_t epoch;
    uint64_t block;
};

static struct keyspace *keyspace_of(struct loader *loader)
{
    return loader->options->keyspace;
}

static int database_of_table(const struct keyspace *keyspace, uint64_t table)
{
    for (uint32_t i = 0; i < keyspace->database_count; i++) {
        if (keyspace->table_ids[i] == table) return (int)i;
    }
    return LOAD_DATABASE_NONE;
}

static uint64_t hash_of(const struct keyspace *keyspace, struct bytes key)
{
    return hashing_bytes(&keyspace->hashing, key);
}

/* ------------------------------------------------------------------------------------------------------
 * checkpoint */

static void note_range(struct partition_state *partition, const struct checkpoint_chunk *chunk)
{
    if (partition->range_count == partition->range_capacity) {
        partition->range_capacity = partition->range_capacity * 2 + 1;
        partition->ranges = memory_realloc(partition->ranges,
                                           partition->range_capacity * sizeof *partition->ranges);
    }
    bool is_first = partition->range_count == 0;
    if (is_first || chunk->sequence < partition->sequence_low)
        partition->sequence_low = chunk->sequence;
    if (chunk->sequence > partition->sequence_high) partition->sequence_high = chunk->sequence;
    partition->ranges[partition->range_count++] = (struct covered_range){chunk->hash_last,
                                                                         chunk->sequence};
}

static enum status load_chunk(struct loader *loader, const struct checkpoint_chunk *chunk)
{
    struct keyspace *keyspace = keyspace_of(loader);
    struct bytes input = chunk->records;
    struct record record;
    enum status status;
    while ((status = record_next(&input, &record)) == STATUS_OK) {
        int database = database_of_table(keyspace, record.table);
        if (database == LOAD_DATABASE_NONE) continue;
        uint64_t hash = hash_of(keyspace, record.key);
        if (hash < chunk->hash_first || hash > chunk->hash_last) return STATUS_CORRUPT;
        status = change_apply(keyspace, (uint32_t)database, hash, &record);
        if (status != STATUS_OK) return status;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void report(struct loader *loader, const char *stage, uint64_t done, uint64_t total)
{
    if (loader->options->on_progress != NULL)
        loader->options->on_progress(loader->options->context, stage, done, total);
}

static enum status load_chunks(struct loader *loader, struct checkpoint_reader *reader)
{
    struct checkpoint_chunk chunk;
    enum status status;
    for (unsigned i = 0;
         (status = checkpoint_reader_next(reader, &chunk, loader->message)) == STATUS_OK; i++) {
        ASSERT(chunk.partition <
               HASHING_PARTITION_COUNT); /* the reader has checked it against the hashes */
        note_range(&loader->partitions[chunk.partition], &chunk);
        status = load_chunk(loader, &chunk);
        if (status != STATUS_OK) {
            buf_printf(loader->message,
                       "checkpoint %s: the records of partition %u do not follow their grammar",
                       loader->options->manifest->checkpoint, chunk.partition);
            return status;
        }
        if (i % LOAD_PROGRESS_EVERY == 0) {
            uint64_t done, total;
            checkpoint_reader_progress(reader, &done, &total);
            report(loader, "checkpoint", done, total);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status load_checkpoint(struct loader *loader)
{
    const struct manifest *manifest = loader->options->manifest;
    if (manifest->checkpoint[0] == '\0') return STATUS_OK;
    struct checkpoint_reader *reader = NULL;
    enum status status = checkpoint_reader_open(loader->options->disk, manifest->checkpoint,
                                                manifest->log_id, &reader, loader->message);
    if (status == STATUS_NOT_FOUND) {
        buf_append_text(loader->message, " The manifest names it: restore it from a backup.");
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) status = load_chunks(loader, reader);
    checkpoint_reader_destroy(reader);
    return status;
}

/* ----------------------------------------------------------------------------------------------------------
 * replay */

/* The checkpoint holds this record's effect already. */
static bool is_covered(const struct partition_state *partition, uint64_t hash, uint64_t sequence)
{
    for (uint32_t i = 0; i < partition->range_count; i++) {
        if (hash <= partition->ranges[i].hash_last)
            return sequence <= partition->ranges[i].sequence;
    }
    return false;
}

enum run_step {
    RUN_ADVANCED,
    RUN_WAITS, /* for a record of another run */
    RUN_ENDED,
    RUN_BROKEN,
};

static enum run_step replay_databases(struct loader *loader, const struct record *record)
{
    struct keyspace *keyspace = keyspace_of(loader);
    struct change_databases map;
    if (change_parse_databases(record, keyspace->database_count, &map) != STATUS_OK)
        return RUN_BROKEN;
    if (map.version <= loader->result.databases_version) return RUN_ADVANCED;
    if (map.version != loader->result.databases_version + 1) return RUN_WAITS;

    for (uint32_t i = 0; i < map.count; i++) {
        uint64_t table = 0;
        bool taken = record_take_varint(&map.tables, &table);
        ASSERT(taken);
        if (keyspace->table_ids[i] == table) continue;
        /* Another table comes in: from another database (a swap) or, new and empty, in place of a
         * flushed one. */
        int from = database_of_table(keyspace, table);
        if (from == LOAD_DATABASE_NONE) {
            keyspace_flush(keyspace, i);
            keyspace->table_ids[i] = table;
        } else {
            keyspace_swap(keyspace, i, (uint32_t)from);
        }
    }
    keyspace->next_table_id = map.next_table;
    loader->result.databases_version = map.version;
    return RUN_ADVANCED;
}

/* The full number whose low half is `low` and which is nearest to `near`. */
static uint64_t widen(uint32_t low, uint64_t near)
{
    return near + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)near);
}

static enum run_step replay_record(struct loader *loader, const struct record *record)
{
    if (record->op == CHANGE_DATABASES) return replay_databases(loader, record);
    struct keyspace *keyspace = keyspace_of(loader);
    if (record->table >= keyspace->next_table_id) return RUN_WAITS;

    uint64_t hash = hash_of(keyspace, record->key);
    struct partition_state *partition = &loader->partitions[hashing_partition(hash)];
    uint64_t sequence = widen(record->sequence, partition->sequence);
    if (sequence <= partition->sequence_low) {
        loader->result.skipped++; /* in any order: the log begins somewhat before the walk */
        return RUN_ADVANCED;
    }
    if (sequence != partition->sequence + 1) return RUN_WAITS;
    partition->sequence = sequence;

    int database = database_of_table(keyspace, record->table);
    if (database == LOAD_DATABASE_NONE || is_covered(partition, hash, sequence)) {
        loader->result.skipped++;
        return RUN_ADVANCED;
    }
    if (change_apply(keyspace, (uint32_t)database, hash, record) != STATUS_OK) return RUN_BROKEN;
    loader->result.records++;
    return RUN_ADVANCED;
}

/* Goes on in one run as far as its records are next in line. */
static enum run_step replay_run(struct loader *loader, struct run *run)
{
    bool has_advanced = false;
    for (;;) {
        if (!run->has_next) {
            enum status status = record_next(&run->rest, &run->next);
            if (status == STATUS_NOT_FOUND) return has_advanced ? RUN_ADVANCED : RUN_ENDED;
            if (status != STATUS_OK) return RUN_BROKEN;
            run->has_next = true;
        }
        enum run_step step = replay_record(loader, &run->next);
        if (step != RUN_ADVANCED) return has_advanced && step == RUN_WAITS ? RUN_ADVANCED : step;
        run->has_next = false;
        has_advanced = true;
    }
}

static enum status complain(struct loader *loader, const char *what)
{
    buf_printf(loader->message, "log: epoch %llu, block %llu: %s",
               (unsigned long long)loader->epoch, (unsigned long long)loader->block, what);
    return STATUS_CORRUPT;
}

static enum status replay_runs(struct loader *loader, struct run *runs, size_t run_count)
{
    for (bool has_advanced = true; has_advanced;) {
        has_advanced = false;
        size_t ended = 0;
        for (size_t i = 0; i < run_count; i++) {
            switch (replay_run(loader, &runs[i])) {
            case RUN_ADVANCED: has_advanced = true; break;
            case RUN_ENDED: ended++; break;
            case RUN_WAITS: break;
            case RUN_BROKEN: return complain(loader, "a record does not follow its grammar");
            }
        }
        if (ended == run_count) return STATUS_OK;
    }
    return complain(loader, "a record is missing: the sequence numbers have a gap");
}

static enum status replay_epoch(struct loader *loader)
{
    size_t run_count = loader->epoch_offsets.size / sizeof(size_t);
    if (run_count == 0) return STATUS_OK;
    struct run *runs = memory_zalloc(run_count * sizeof *runs);
    size_t start = 0;
    for (size_t i = 0; i < run_count; i++) {
        size_t end;
        memcpy(&end, loader->epoch_offsets.data + i * sizeof end, sizeof end);
        runs[i].rest = bytes_of(loader->epoch_bytes.data + start, end - start);
        start = end;
    }
    enum status status = replay_runs(loader, runs, run_count);
    memory_free(runs);
    loader->epoch_bytes.size = 0;
    loader->epoch_offsets.size = 0;
    return status;
}

static enum status on_records(void *context, uint64_t epoch, uint64_t block, int64_t wall_us,
                              struct bytes records)
{
    struct loader *loader = context;
    (void)wall_us;
    if (epoch != loader->epoch) {
        enum status status = replay_epoch(loader);
        if (status != STATUS_OK) return status;
    }
    loader->epoch = epoch;
    loader->block = block;
    buf_append_bytes(&loader->epoch_bytes, records);
    buf_append(&loader->epoch_offsets, &loader->epoch_bytes.size, sizeof(size_t));
    return STATUS_OK;
}

static void on_log_progress(void *context, uint64_t done, uint64_t total)
{
    report(context, "log", done, total);
}

static enum status replay_log(struct loader *loader)
{
    struct recovery_options options = {
        .disk = loader->options->disk,
        .log_id = loader->options->manifest->log_id,
        .first_block = loader->options->manifest->first_block,
        .context = loader,
        .on_records = on_records,
        .on_progress = on_log_progress,
    };
    enum status status = recovery_run(&options, &loader->result.log, loader->message);
    if (status != STATUS_OK) return status;
    return replay_epoch(loader);
}

/* Where replay goes on. Behind a checkpoint that was taken without a log nothing was recorded
 * while it walked: the next record, written by a later run, follows the newest change that it
 * has seen. */
static void begin_sequences(struct loader *loader)
{
    for (uint32_t i = 0; i < HASHING_PARTITION_COUNT; i++) {
        struct partition_state *partition = &loader->partitions[i];
        if (!loader->options->manifest->has_log) partition->sequence_low = partition->sequence_high;
        partition->sequence = partition->sequence_low;
    }
}

/* The checkpoint saw changes whose records had to be durable before it was named: they must have
 * been there. */
static enum status finish_sequences(struct loader *loader)
{
    for (uint32_t i = 0; i < HASHING_PARTITION_COUNT; i++) {
        const struct partition_state *partition = &loader->partitions[i];
        if (partition->sequence < partition->sequence_high) {
            return complain(loader, "the log ends before what the checkpoint has seen");
        }
        keyspace_of(loader)->sequences[i] = partition->sequence;
    }
    return STATUS_OK;
}

/* ----------------------------------------------------------------------------------------------------------
 * expiry */

struct expired_scan {
    int64_t now_ms;
    struct buf keys; /* struct bytes of keys that are past */
};

static bool each_entry(void *context, struct entry *entry, uint64_t hash)
{
    struct expired_scan *scan = context;
    (void)hash;
    int64_t deadline_ms = entry_deadline(entry);
    if (deadline_ms != ENTRY_NO_DEADLINE && deadline_ms <= scan->now_ms) {
        struct bytes key = entry_key(entry);
        buf_append(&scan->keys, &key, sizeof key);
    }
    return true;
}

static uint64_t drop_expired_in(struct keyspace *keyspace, struct shard *shard, uint32_t database,
                                int64_t now_ms)
{
    struct expired_scan scan = {.now_ms = now_ms};
    uint64_t position = (uint64_t)shard->index << (64 - keyspace->shard_bits);
    do {
        position = shard_scan(shard, database, position, UINT32_MAX, each_entry, &scan);
    } while (position != 0);

    size_t key_count = scan.keys.size / sizeof(struct bytes);
    for (size_t i = 0; i < key_count; i++) {
        struct bytes key;
        memcpy(&key, scan.keys.data + i * sizeof key, sizeof key);
        uint64_t hash = hash_of(keyspace, key);
        struct table_slot slot;
        struct entry *entry = shard_find(shard, database, hash, key, &slot);
        ASSERT(entry != NULL);
        shard_remove(shard, database, hash, slot);
    }
    buf_deinit(&scan.keys);
    return key_count;
}

/* The clock may have gone back since: what had expired by the newest block's time stays expired. */
static void drop_expired(struct loader *loader)
{
    int64_t now_ms = loader->options->now_ms;
    if (loader->result.log.last_wall_us / 1000 > now_ms)
        now_ms = loader->result.log.last_wall_us / 1000;
    struct keyspace *keyspace = keyspace_of(loader);
    for (uint32_t i = 0; i < keyspace->shard_count; i++) {
        struct shard *shard = &keyspace->shards[i];
        for (uint32_t database = 0; database < keyspace->database_count; database++) {
            if (shard_deadline_count(shard, database) > 0) {
                loader->result.expired += drop_expired_in(keyspace, shard, database, now_ms);
            }
            loader->result.keys += shard_count(shard, database);
        }
    }
}

enum status load_run(const struct load_options *options, struct load_result *out,
                     struct buf *message)
{
    struct loader loader = {.options = options, .message = message};
    loader.partitions = memory_zalloc(HASHING_PARTITION_COUNT * sizeof *loader.partitions);
    loader.result.databases_version = options->manifest->databases_version;

    enum status status = load_checkpoint(&loader);
    begin_sequences(&loader);
    if (status == STATUS_OK) status = replay_log(&loader);
    if (status == STATUS_OK) status = finish_sequences(&loader);
    if (status == STATUS_OK) {
        drop_expired(&loader);
        *out = loader.result;
    }
    for (uint32_t i = 0; i < HASHING_PARTITION_COUNT; i++) memory_free(loader.partitions[i].ranges);
    memory_free(loader.partitions);
    buf_deinit(&loader.epoch_bytes);
    buf_deinit(&loader.epoch_offsets);
    return status;
}
