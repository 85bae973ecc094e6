#include "storage/wal.h"

#include "base/assert.h"
#include "base/memory.h"
#include "os/clock.h"
#include "storage/appender.h"
#include "storage/block.h"
#include "storage/segment_set.h"
#include "storage/storage_internal.h"

enum {
    FLUSH_MS_DEFAULT = 100,
    WAIT_STEP_MS = 10, /* between looks, when there is no thread that would tell */
};

/* ---- what follows from a cut ---- */

static void tell_waiters(struct wal_parts *parts)
{
    if (atomic_load(&parts->waiters) == 0) return;
    mutex_acquire(&parts->wait_lock);
    condition_broadcast(&parts->moved);
    mutex_release(&parts->wait_lock);
}

static bool is_out_of_room(const struct wal_parts *parts)
{
    return segment_set_is_short(parts->segments) || atomic_load(&parts->committer.is_stalled);
}

/* Under a lock, so that the callbacks come in the order of the changes: a late "full" behind a
 * "room again" would refuse writes for ever. */
void wal_tell_full(struct wal *wal)
{
    struct wal_parts *parts = wal->parts;
    const struct wal_options *options = &parts->options;
    if (is_out_of_room(parts) == atomic_load(&wal->is_full)) return;
    mutex_acquire(&parts->full_lock);
    bool is_full = is_out_of_room(parts);
    bool has_changed = atomic_exchange(&wal->is_full, is_full) != is_full;
    if (has_changed && options->on_full != NULL) options->on_full(options->context, is_full);
    mutex_release(&parts->full_lock);
}

/* Has the preparer look: for it there may be a segment to prepare, or room again. */
static void tell_preparer(struct wal *wal)
{
    struct wal_parts *parts = wal->parts;
    if (!parts->options.has_thread) {
        preparer_run_once(&parts->preparer);
        return;
    }
    wal_tell_full(wal);
    bool has_work = segment_set_wants_next(parts->segments) || wal_is_full(wal);
    if (has_work) preparer_poke(&parts->preparer);
}

static void tell_everybody(struct wal *wal, uint64_t durable_before)
{
    struct wal_parts *parts = wal->parts;
    const struct wal_options *options = &parts->options;
    committer_tell_failure(&parts->committer);
    uint64_t durable = wal_durable(wal);
    if (durable != durable_before || wal_has_failed(wal)) tell_waiters(parts);
    if (durable != durable_before && options->on_durable != NULL) {
        options->on_durable(options->context, durable);
    }
    tell_preparer(wal);
}

bool wal_lead_cut(struct wal *wal, bool waits, bool must_sync, enum status *out_status)
{
    struct committer *committer = &wal->parts->committer;
    if (waits) {
        mutex_acquire(&committer->lock);
    } else if (!mutex_try_acquire(&committer->lock)) {
        return false;
    }
    uint64_t durable_before = wal_durable(wal);
    *out_status = committer_cut(committer, must_sync);
    mutex_release(&committer->lock);
    tell_everybody(wal, durable_before);
    return true;
}

void wal_fail(struct wal *wal, enum status status, const char *what)
{
    committer_fail(&wal->parts->committer, status, what);
    tell_waiters(wal->parts);
}

void wal_rest(struct wal *wal)
{
    struct committer *committer = &wal->parts->committer;
    mutex_acquire(&committer->lock);
    uint64_t durable_before = wal_durable(wal);
    committer_rest(committer);
    mutex_release(&committer->lock);
    tell_everybody(wal, durable_before);
}

/* ---- opening and closing ---- */

static void destroy(struct wal *wal)
{
    struct wal_parts *parts = wal->parts;
    for (uint32_t i = 0; i < parts->options.appender_count; i++) {
        appender_deinit(&wal->appenders[i]);
    }
    committer_deinit(&parts->committer);
    segment_set_close(parts->segments);
    condition_deinit(&parts->moved);
    mutex_deinit(&parts->wait_lock);
    mutex_deinit(&parts->full_lock);
    memory_free(wal->appenders);
    memory_free(parts);
    memory_free(wal);
}

/* Everything but the first segment and the threads. `segments` is consumed. */
static struct wal *create(const struct wal_options *options, struct segment_set *segments)
{
    struct wal *wal = memory_alloc_aligned(CACHE_LINE_BYTES, sizeof(*wal));
    *wal = (struct wal){0};
    atomic_store(&wal->epoch, options->first_epoch);
    atomic_store(&wal->durable, options->first_epoch - 1);
    atomic_store(&wal->signal, options->has_thread ? WAL_IDLE : WAL_SIGNALLED);

    size_t appenders_bytes = memory_size_mul(options->appender_count, sizeof(struct wal_appender));
    wal->appenders = memory_alloc_aligned(CACHE_LINE_BYTES, appenders_bytes);
    for (uint32_t i = 0; i < options->appender_count; i++) appender_init(&wal->appenders[i]);

    struct wal_parts *parts = memory_zalloc(sizeof(*parts));
    wal->parts = parts;
    parts->options = *options;
    parts->segments = segments;
    parts->preparer.wal = wal;
    mutex_init(&parts->full_lock, LOCK_RANK_LOG);
    mutex_init(&parts->wait_lock, LOCK_RANK_LOG);
    condition_init(&parts->moved);
    committer_init(&parts->committer, wal, segments, options);
    return wal;
}

static enum status begin(struct wal *wal)
{
    struct committer *committer = &wal->parts->committer;
    mutex_acquire(&committer->lock);
    enum status status = committer_start(committer);
    mutex_release(&committer->lock);
    return status;
}

static enum status start_threads(struct wal *wal)
{
    struct wal_parts *parts = wal->parts;
    if (!parts->options.has_thread) return STATUS_OK;
    enum status status = preparer_start(&parts->preparer, wal);
    if (status != STATUS_OK) return status;
    status = log_writer_start(&parts->writer, wal);
    if (status != STATUS_OK) preparer_stop(&parts->preparer);
    return status;
}

/* Values left at 0 get their defaults. */
static struct wal_options complete(const struct wal_options *given)
{
    struct wal_options options = *given;
    if (options.first_block == 0) options.first_block = 1;
    if (options.first_epoch == 0) options.first_epoch = 1;
    if (options.term == 0) options.term = 1;
    if (options.flush_ms == 0) options.flush_ms = FLUSH_MS_DEFAULT;
    if (options.segment_bytes == 0) options.segment_bytes = WAL_SEGMENT_BYTES_DEFAULT;
    options.segment_bytes &= ~(uint64_t)(BLOCK_ALIGNMENT - 1);
    return options;
}

enum status wal_open(const struct wal_options *given, struct wal **out)
{
    struct wal_options options = complete(given);
    ASSERT(options.appender_count > 0);
    ASSERT(options.appender_count <= UINT16_MAX);
    struct segment_set_options segment_options = {
        .disk = options.disk,
        .clock = options.clock,
        .log_id = options.log_id,
        .term = options.term,
        .segment_bytes = options.segment_bytes,
        .first_block = options.first_block,
    };
    struct segment_set *segments;
    enum status status = segment_set_open(&segment_options, &segments);
    if (status != STATUS_OK) return status;

    struct wal *wal = create(&options, segments);
    status = begin(wal);
    if (status == STATUS_OK) status = start_threads(wal);
    if (status != STATUS_OK) {
        destroy(wal);
        return status;
    }
    *out = wal;
    return STATUS_OK;
}

enum status wal_close(struct wal *wal)
{
    struct wal_parts *parts = wal->parts;
    if (parts->options.has_thread) {
        log_writer_stop(&parts->writer);
        preparer_stop(&parts->preparer);
        parts->options.has_thread = false;
    }
    enum status status;
    bool has_led = wal_lead_cut(wal, true, true, &status);
    ASSERT(has_led);
    if (status == STATUS_OK) {
        mutex_acquire(&parts->committer.lock);
        status = committer_seal(&parts->committer);
        mutex_release(&parts->committer.lock);
        committer_tell_failure(&parts->committer);
    }
    destroy(wal);
    return status;
}

struct wal_appender *wal_appender_at(struct wal *wal, uint32_t index)
{
    ASSERT(index < wal->parts->options.appender_count);
    return &wal->appenders[index];
}

/* ---- committing and waiting ---- */

bool wal_commit(struct wal *wal, enum status *out_status)
{
    return wal_lead_cut(wal, false, false, out_status);
}

/* Raises `sync_wanted` to `epoch`. */
static void want_sync(struct committer *committer, uint64_t epoch)
{
    uint64_t wanted = atomic_load(&committer->sync_wanted);
    while (wanted < epoch) {
        if (atomic_compare_exchange_weak(&committer->sync_wanted, &wanted, epoch)) break;
    }
}

/* Sleeps until `durable` may have moved. The count of waiters goes up before `durable` is read
 * for the last time, and the committer reads the count after moving it: one of the two sees the
 * other. */
static void wait_moved(struct wal *wal, uint64_t epoch, uint64_t timeout_ns)
{
    struct wal_parts *parts = wal->parts;
    mutex_acquire(&parts->wait_lock);
    atomic_fetch_add(&parts->waiters, 1);
    if (wal_durable(wal) < epoch && !wal_has_failed(wal)) {
        (void)condition_wait_for(&parts->moved, &parts->wait_lock, timeout_ns);
    }
    atomic_fetch_sub(&parts->waiters, 1);
    mutex_release(&parts->wait_lock);
}

/* One step towards `epoch`: has the thread cut, or cuts itself where there is none. */
static void push(struct wal *wal, uint64_t epoch, uint64_t timeout_ns)
{
    struct wal_parts *parts = wal->parts;
    uint64_t step_ns = WAIT_STEP_MS * UINT64_C(1000000);
    want_sync(&parts->committer, epoch);
    if (parts->options.has_thread) {
        wal_kick(wal);
        if (atomic_load(&parts->committer.sync) != WAL_SYNC_ALWAYS) {
            log_writer_nudge(&parts->writer);
        }
        wait_moved(wal, epoch, timeout_ns);
        return;
    }
    enum status status;
    bool has_led = wal_lead_cut(wal, false, true, &status);
    if (has_led && status == STATUS_OK) return;
    wait_moved(wal, epoch, timeout_ns < step_ns ? timeout_ns : step_ns);
}

enum status wal_wait(struct wal *wal, uint64_t epoch, uint64_t timeout_ns)
{
    struct clock *clock = wal->parts->options.clock;
    uint64_t begin_ns = clock_monotonic_ns(clock);
    ASSERT(epoch <= wal_epoch(wal));
    for (;;) {
        if (wal_durable(wal) >= epoch) return STATUS_OK;
        if (wal_has_failed(wal)) return STATUS_STOPPED;
        uint64_t passed_ns = clock_monotonic_ns(clock) - begin_ns;
        if (passed_ns >= timeout_ns) return STATUS_WOULD_BLOCK;
        push(wal, epoch, timeout_ns - passed_ns);
    }
}

void wal_set_sync(struct wal *wal, enum wal_sync sync)
{
    struct wal_parts *parts = wal->parts;
    atomic_store(&parts->committer.sync, sync);
    if (parts->options.has_thread) log_writer_nudge(&parts->writer);
}

/* ---- for the housekeeper ---- */

/* While a cut runs this is still its first block: what is published meanwhile comes later. */
uint64_t wal_next_block(struct wal *wal)
{
    return atomic_load(&wal->parts->committer.next_block);
}

enum status wal_trim(struct wal *wal, uint64_t block)
{
    struct wal_parts *parts = wal->parts;
    if (wal_has_failed(wal)) return STATUS_STOPPED;
    ASSERT(block <= wal_next_block(wal));
    const char *what = NULL;
    enum status status = segment_set_trim(parts->segments, block, &what);
    if (status != STATUS_OK) {
        wal_fail(wal, status, what);
        return status;
    }
    tell_preparer(wal);
    return STATUS_OK;
}

uint64_t wal_pending_bytes(const struct wal *wal)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < wal->parts->options.appender_count; i++) {
        bytes += appender_pending_bytes(&wal->appenders[i]);
    }
    return bytes;
}

void wal_statistics(struct wal *wal, struct wal_statistics *out)
{
    const struct committer *committer = &wal->parts->committer;
    *out = (struct wal_statistics){
        .cuts = atomic_load(&committer->cuts),
        .bytes_appended = atomic_load(&committer->bytes_appended),
        .bytes_written = atomic_load(&committer->bytes_written),
        .pending_bytes = wal_pending_bytes(wal),
        .newest_block = atomic_load(&committer->next_block) - 1,
        .durable_epoch = wal_durable(wal),
        .last_sync_wall_us = atomic_load(&committer->last_sync_wall_us),
    };
    committer_times(committer, &out->commit_ns_p50, &out->commit_ns_max);
    segment_set_measure(wal->parts->segments, &out->segments, &out->disk_bytes);
}
