#include "storage/committer.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/disk.h"
#include "storage/appender.h"
#include "storage/block.h"
#include "storage/segment_set.h"

enum {
    STAGING_BYTES = 256 * 1024,           /* at first; grows with the blocks, */
    STAGING_BYTES_KEPT = 8 * 1024 * 1024, /* but not for ever beyond this */
};

void committer_init(struct committer *committer, struct wal *wal, struct segment_set *segments,
                    const struct wal_options *options) NO_LOCK_ANALYSIS
{
    *committer = (struct committer){.wal = wal, .segments = segments, .options = *options};
    mutex_init(&committer->lock, LOCK_RANK_COMMIT);
    committer->limits = memory_zalloc(options->appender_count * sizeof(uint64_t));
    committer->staging_bytes = STAGING_BYTES;
    committer->staging = memory_alloc_aligned(DISK_ALIGNMENT, committer->staging_bytes);
    committer->durable_block = options->first_block;
    committer->written_epoch = options->first_epoch - 1;
    committer->is_sealed = true; /* the new segment itself bears witness */
    committer->last_sync_ns = clock_monotonic_ns(options->clock);
    atomic_store(&committer->next_block, options->first_block);
    atomic_store(&committer->sync, options->sync);
    atomic_store(&committer->last_sync_wall_us, clock_wall_us(options->clock));
}

void committer_deinit(struct committer *committer) NO_LOCK_ANALYSIS
{
    cut_plan_deinit(&committer->plan);
    memory_free(committer->limits);
    memory_free(committer->staging);
    mutex_deinit(&committer->lock);
}

/* The gate closes: from here on `durable` stands still in all threads. */
static enum status fail(struct committer *committer, enum status status, const char *what)
    REQUIRES(committer->lock)
{
    ASSERT(status != STATUS_OK);
    if (atomic_load(&committer->wal->has_failed)) return STATUS_STOPPED;
    atomic_store(&committer->wal->has_failed, true);
    committer->failure = status;
    committer->failure_what = what;
    return status;
}

void committer_fail(struct committer *committer, enum status status, const char *what)
{
    mutex_acquire(&committer->lock);
    (void)fail(committer, status, what);
    mutex_release(&committer->lock);
    committer_tell_failure(committer);
}

void committer_tell_failure(struct committer *committer) NO_LOCK_ANALYSIS
{
    if (!atomic_load(&committer->wal->has_failed)) return;
    if (atomic_exchange(&committer->is_failure_told, true)) return;
    const struct wal_options *options = &committer->options;
    if (options->on_failure == NULL) return;
    options->on_failure(options->context, committer->failure, committer->failure_what);
}

/* ---- durability ---- */

/* All that was written is durable, and with it every epoch that was wholly written. The only place
 * that moves the gate. */
static void note_synced(struct committer *committer) REQUIRES(committer->lock)
{
    ASSERT(!atomic_load(&committer->wal->has_failed));
    ASSERT(committer->written_epoch >= atomic_load(&committer->wal->durable));
    atomic_store(&committer->wal->durable, committer->written_epoch);
    committer->has_unsynced = false;
    committer->durable_block = atomic_load(&committer->next_block);
    committer->last_sync_ns = clock_monotonic_ns(committer->options.clock);
    atomic_store(&committer->last_sync_wall_us, clock_wall_us(committer->options.clock));
}

static enum status sync_segment(struct committer *committer) REQUIRES(committer->lock)
{
    if (!committer->has_unsynced) return STATUS_OK;
    enum status status = segment_set_sync(committer->segments);
    if (status != STATUS_OK) return fail(committer, status, "syncing the log");
    note_synced(committer);
    return STATUS_OK;
}

/* Whether what is being cut has to be durable when the cut ends. */
static bool is_sync_due(struct committer *committer) REQUIRES(committer->lock)
{
    uint32_t mode = atomic_load(&committer->sync);
    if (mode == WAL_SYNC_ALWAYS) return true;
    if (atomic_load(&committer->sync_wanted) > atomic_load(&committer->wal->durable)) return true;
    if (mode == WAL_SYNC_NEVER) return false;
    uint64_t now = clock_monotonic_ns(committer->options.clock);
    return now - committer->last_sync_ns >= COMMITTER_SYNC_MS * UINT64_C(1000000);
}

/* ---- segments ---- */

static enum status rotate(struct committer *committer, uint64_t bytes, uint64_t first_epoch)
    REQUIRES(committer->lock)
{
    const char *what = NULL;
    uint64_t first_block = atomic_load(&committer->next_block);
    enum status status = segment_set_rotate(committer->segments, bytes, first_block, first_epoch,
                                            &what);
    if (status == STATUS_OK || what == NULL) return status;
    return fail(committer, status, what);
}

/* Room for a whole cut in the current segment. A segment is left only when all of it is durable:
 * that is why a later segment bears witness for every block before it. */
static enum status make_room(struct committer *committer, uint64_t bytes, uint64_t epoch)
    REQUIRES(committer->lock)
{
    if (segment_set_has_room(committer->segments, bytes)) return STATUS_OK;
    enum status status = sync_segment(committer);
    if (status != STATUS_OK) return status;
    status = rotate(committer, bytes, epoch);
    if (status == STATUS_OK || wal_has_failed(committer->wal)) return status;
    return STATUS_NO_SPACE;
}

enum status committer_start(struct committer *committer)
{
    return rotate(committer, BLOCK_ALIGNMENT, committer->options.first_epoch);
}

/* ---- blocks ---- */

static void reserve_staging(struct committer *committer, size_t bytes) REQUIRES(committer->lock)
{
    bool is_too_small = committer->staging_bytes < bytes;
    bool is_too_big = committer->staging_bytes > STAGING_BYTES_KEPT && bytes <= STAGING_BYTES_KEPT;
    if (!is_too_small && !is_too_big) return;
    size_t wanted = bytes < STAGING_BYTES ? STAGING_BYTES : bytes;
    memory_free(committer->staging);
    committer->staging = memory_alloc_aligned(DISK_ALIGNMENT, wanted);
    committer->staging_bytes = wanted;
}

/* The header of the next block; the sizes and flags are the caller's. */
static struct block_header next_header(struct committer *committer, uint64_t epoch)
    REQUIRES(committer->lock)
{
    return (struct block_header){
        .log_id = committer->options.log_id,
        .segment = segment_set_first_block(committer->segments),
        .number = atomic_load(&committer->next_block),
        .epoch = epoch,
        .durable_epoch = atomic_load(&committer->wal->durable),
        .durable_block = committer->durable_block,
        .wall_us = clock_wall_us(committer->options.clock),
        .term = committer->options.term,
    };
}

/* Writes the block that stands in the staging buffer but for its header. */
static enum status write_block(struct committer *committer, struct block_header *header,
                               bool is_synced) REQUIRES(committer->lock)
{
    header->block_bytes = (uint32_t)block_bytes_for(header->payload_bytes);
    ASSERT(header->block_bytes <= committer->staging_bytes);
    block_finish(committer->staging, header);
    committer->has_unsynced = true; /* true as well while it is unknown how much of it arrived */
    enum status status = segment_set_write(committer->segments, committer->staging,
                                           header->block_bytes, is_synced);
    if (status != STATUS_OK) return fail(committer, status, "writing to the log");
    atomic_fetch_add(&committer->bytes_written, header->block_bytes);
    return STATUS_OK;
}

/* Copies pieces into the staging buffer up to the next block's begin; returns how many. */
static size_t stage_block(struct committer *committer, const struct cut_piece *pieces, size_t count,
                          uint32_t *out_payload_bytes) REQUIRES(committer->lock)
{
    char *out = committer->staging + BLOCK_HEADER_BYTES;
    size_t i = 0;
    for (; i < count && (i == 0 || !pieces[i].begins_block); i++) {
        block_put_run(out, pieces[i].appender, (uint32_t)pieces[i].records.size);
        out += BLOCK_RUN_HEADER_BYTES;
        memcpy(out, pieces[i].records.data, pieces[i].records.size);
        out += pieces[i].records.size;
    }
    *out_payload_bytes = (uint32_t)(out - committer->staging - BLOCK_HEADER_BYTES);
    return i;
}

/* Writes every block of the planned cut; only after the last one do their numbers count as used. */
static enum status write_cut(struct committer *committer, uint64_t epoch, bool is_synced)
    REQUIRES(committer->lock)
{
    size_t count;
    const struct cut_piece *pieces = cut_plan_pieces(&committer->plan, &count);
    reserve_staging(committer, committer->plan.largest_block);
    struct block_header header = next_header(committer, epoch);
    for (size_t i = 0; i < count; header.number++) {
        i += stage_block(committer, pieces + i, count - i, &header.payload_bytes);
        header.flags = i == count ? BLOCK_LAST : 0;
        enum status status = write_block(committer, &header, is_synced);
        if (status != STATUS_OK) return status;
    }
    ASSERT(header.number == atomic_load(&committer->next_block) + committer->plan.block_count);
    atomic_store(&committer->next_block, header.number);
    committer->is_sealed = false;
    return STATUS_OK;
}

enum status committer_seal(struct committer *committer)
{
    if (atomic_load(&committer->wal->has_failed)) return STATUS_STOPPED;
    if (committer->is_sealed || committer->has_unsynced) return STATUS_OK;
    uint64_t durable = atomic_load(&committer->wal->durable);
    enum status status = make_room(committer, BLOCK_ALIGNMENT, durable + 1);
    if (status != STATUS_OK) return status == STATUS_NO_SPACE ? STATUS_OK : status;
    if (segment_set_is_fresh(committer->segments)) { /* a new segment says the same */
        committer->is_sealed = true;
        return STATUS_OK;
    }

    struct block_header header = next_header(committer, durable);
    header.flags = BLOCK_LAST | BLOCK_SEAL;
    status = write_block(committer, &header, true);
    if (status != STATUS_OK) return status;
    atomic_store(&committer->next_block, header.number + 1);
    note_synced(committer);
    committer->is_sealed = true;
    return STATUS_OK;
}

/* ---- the cut ---- */

/* Closes nothing itself: gathers what belongs to cut `epoch`, already closed. */
static void plan_cut(struct committer *committer, uint64_t epoch) REQUIRES(committer->lock)
{
    cut_plan_reset(&committer->plan);
    for (uint32_t i = 0; i < committer->options.appender_count; i++) {
        struct wal_appender *appender = &committer->wal->appenders[i];
        uint64_t limit = appender_limit(appender, epoch);
        committer->limits[i] = limit;
        struct appender_cursor cursor = appender_cursor(appender);
        for (;;) {
            struct bytes extent = appender_next_extent(&cursor, limit);
            if (extent.size == 0) break;
            cut_plan_add(&committer->plan, i, extent);
        }
    }
    cut_plan_finish(&committer->plan);
}

static void release_cut(struct committer *committer) REQUIRES(committer->lock)
{
    uint64_t transactions = 0;
    for (uint32_t i = 0; i < committer->options.appender_count; i++) {
        struct wal_appender *appender = &committer->wal->appenders[i];
        appender_release(appender, committer->limits[i]);
        transactions += appender_take_transactions(appender);
    }
    atomic_store(&committer->last_cut_transactions, transactions);
    atomic_fetch_add(&committer->bytes_appended, committer->plan.record_bytes);
}

static void note_time(struct committer *committer, uint64_t begin_ns)
{
    uint64_t index = atomic_load_explicit(&committer->times_count, memory_order_relaxed);
    uint64_t took_ns = clock_monotonic_ns(committer->options.clock) - begin_ns;
    atomic_store_explicit(&committer->times_ns[index % COMMITTER_TIMES_COUNT], took_ns,
                          memory_order_relaxed);
    atomic_store(&committer->times_count, index + 1);
}

/* Brings the planned cut to disk; durable at once when wanted and when nothing before it is still
 * to be synced. */
static enum status commit_plan(struct committer *committer, uint64_t epoch, bool must_be_durable)
    REQUIRES(committer->lock)
{
    enum status status = make_room(committer, committer->plan.bytes, epoch);
    if (status != STATUS_OK) return status;
    bool syncs_itself = must_be_durable && !committer->has_unsynced;
    status = write_cut(committer, epoch, syncs_itself);
    if (status != STATUS_OK) return status;
    if (syncs_itself) committer->has_unsynced = false;
    release_cut(committer);
    atomic_fetch_add(&committer->cuts, 1);
    return STATUS_OK;
}

enum status committer_cut(struct committer *committer, bool must_sync)
{
    if (atomic_load(&committer->wal->has_failed)) return STATUS_STOPPED;
    uint64_t begin_ns = clock_monotonic_ns(committer->options.clock);
    uint64_t epoch = atomic_fetch_add(&committer->wal->epoch, 1);
    plan_cut(committer, epoch);

    bool must_be_durable = must_sync || is_sync_due(committer);
    bool is_empty = committer->plan.block_count == 0;
    enum status status = is_empty ? STATUS_OK : commit_plan(committer, epoch, must_be_durable);
    atomic_store(&committer->is_stalled, status == STATUS_NO_SPACE);
    if (status != STATUS_OK) return status;

    committer->written_epoch = epoch;
    if (!committer->has_unsynced) {
        note_synced(committer);
    } else if (must_be_durable) {
        status = sync_segment(committer);
    }
    if (status == STATUS_OK && !is_empty) note_time(committer, begin_ns);
    return status;
}

void committer_rest(struct committer *committer)
{
    if (atomic_load(&committer->wal->has_failed)) return;
    enum status status = STATUS_OK;
    if (atomic_load(&committer->sync) != WAL_SYNC_NEVER) status = sync_segment(committer);
    if (status == STATUS_OK) status = committer_seal(committer);
    ASSERT(status == STATUS_OK || wal_has_failed(committer->wal));
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

void committer_times(const struct committer *committer, uint64_t *out_p50_ns, uint64_t *out_max_ns)
{
    uint64_t times_ns[COMMITTER_TIMES_COUNT];
    uint64_t count = atomic_load(&committer->times_count);
    if (count > COMMITTER_TIMES_COUNT) count = COMMITTER_TIMES_COUNT;
    for (uint64_t i = 0; i < count; i++) {
        times_ns[i] = atomic_load_explicit(&committer->times_ns[i], memory_order_relaxed);
    }
    qsort(times_ns, count, sizeof(times_ns[0]), compare_u64);
    *out_p50_ns = count == 0 ? 0 : times_ns[count / 2];
    *out_max_ns = count == 0 ? 0 : times_ns[count - 1];
}
