/* When to cut.
 *
 * A commit costs CPU as well as device time, so cuts are spaced: at least T apart from start to
 * start, where T is what a commit costs the committing thread divided by the share of a core it may
 * use. An idle log cuts at once, and a lone client (one transaction in the last cut) never waits:
 * nobody else would profit. With INTERVAL and NEVER the spacing is flush_ms, unless somebody waits
 * for an epoch.
 *
 *   IDLE --kick--> SIGNALLED --a cut begins--> IDLE --nothing to do--> ASLEEP --kick--> SIGNALLED
 *
 * No wake-up is lost: the thread takes SIGNALLED back before it closes the epoch. A kick that found
 * SIGNALLED came before that, and what was published before the kick is therefore in that cut; a
 * kick that came later set the signal anew. The thread falls asleep only by exchanging IDLE for
 * ASLEEP under the lock that a kick takes to wake it. */
#include "base/assert.h"
#include "os/clock.h"
#include "storage/storage_internal.h"

enum {
    CPU_BUDGET_PERCENT = 15,
    PACE_US_MAX = 1000,
    AVERAGE_WEIGHT = 8, /* a new value counts one eighth */
    REST_MS = 100,      /* after the last cut of a burst: sync, seal */
    RETRY_MS = 100,     /* a cut that found no room */
};

#define MS_NS UINT64_C(1000000)
#define FOREVER UINT64_MAX

static bool is_timed(const struct wal_parts *parts)
{
    return atomic_load(&parts->committer.sync) != WAL_SYNC_ALWAYS;
}

/* Somebody waits for an epoch in a mode that would not make it durable soon. */
static bool is_urgent(const struct log_writer *writer)
{
    const struct committer *committer = &writer->wal->parts->committer;
    return atomic_load(&committer->sync_wanted) > wal_durable(writer->wal);
}

/* The least time from one cut's start to the next one's. */
static uint64_t pace_ns(const struct log_writer *writer)
{
    const struct wal_parts *parts = writer->wal->parts;
    if (is_timed(parts)) {
        return is_urgent(writer) ? 0 : parts->options.flush_ms * MS_NS;
    }
    if (writer->is_alone) return 0;
    uint64_t pace = writer->commit_cpu_ns * 100 / CPU_BUDGET_PERCENT;
    return pace < PACE_US_MAX * UINT64_C(1000) ? pace : PACE_US_MAX * UINT64_C(1000);
}

/* Whether there is reason to cut: a kick; and what nobody kicks for. */
static bool has_work(const struct log_writer *writer)
{
    if (atomic_load(&writer->wal->signal) == WAL_SIGNALLED) return true;
    if (!is_timed(writer->wal->parts)) return false;
    return is_urgent(writer) || wal_pending_bytes(writer->wal) > 0;
}

/* The moment of the next cut; FOREVER when there is nothing to cut. */
static uint64_t next_cut_ns(const struct log_writer *writer)
{
    if (wal_has_failed(writer->wal) || !has_work(writer)) return FOREVER;
    uint64_t due = writer->last_start_ns + pace_ns(writer);
    return due > writer->retry_ns ? due : writer->retry_ns;
}

/* The moment of the next look at what else there is to do; FOREVER when a kick will come. */
static uint64_t next_rest_ns(const struct log_writer *writer, uint64_t now)
{
    if (wal_has_failed(writer->wal)) return FOREVER;
    if (!writer->is_tired) return writer->last_start_ns + REST_MS * MS_NS;
    /* Timed modes need no kicks: look from time to time. */
    return is_timed(writer->wal->parts) ? now + writer->wal->parts->options.flush_ms * MS_NS
                                        : FOREVER;
}

/* Waits at most `timeout_ns` for a nudge or a kick; a kick that the caller `knows` of has been
 * taken into account and does not count. False when stopping. */
static bool sleep_for(struct log_writer *writer, uint64_t timeout_ns, bool knows_kick)
{
    _Atomic uint32_t *signal = &writer->wal->signal;
    uint32_t idle = WAL_IDLE;
    mutex_acquire(&writer->lock);
    bool may_sleep = !writer->is_stopping && !writer->is_nudged;
    if (may_sleep && !atomic_compare_exchange_strong(signal, &idle, WAL_ASLEEP)) {
        may_sleep = knows_kick;
    }
    if (may_sleep && timeout_ns == FOREVER) {
        condition_wait(&writer->wake, &writer->lock);
    } else if (may_sleep) {
        (void)condition_wait_for(&writer->wake, &writer->lock, timeout_ns);
    }
    uint32_t asleep = WAL_ASLEEP;
    (void)atomic_compare_exchange_strong(signal, &asleep, WAL_IDLE);
    writer->is_nudged = false;
    bool goes_on = !writer->is_stopping;
    mutex_release(&writer->lock);
    return goes_on;
}

static void cut(struct log_writer *writer, uint64_t now)
{
    struct wal_parts *parts = writer->wal->parts;
    uint64_t cpu_begin_ns = thread_cpu_ns();
    writer->last_start_ns = now;
    writer->is_tired = false;
    atomic_exchange(&writer->wal->signal, WAL_IDLE);

    enum status status;
    bool has_led = wal_lead_cut(writer->wal, true, false, &status);
    ASSERT(has_led);
    if (status == STATUS_NO_SPACE) { /* as if kicked again, but later */
        writer->retry_ns = now + RETRY_MS * MS_NS;
        atomic_store(&writer->wal->signal, WAL_SIGNALLED);
    }
    writer->is_alone = atomic_load(&parts->committer.last_cut_transactions) <= 1;
    uint64_t cpu_ns = thread_cpu_ns() - cpu_begin_ns;
    writer->commit_cpu_ns = writer->commit_cpu_ns - writer->commit_cpu_ns / AVERAGE_WEIGHT +
                            cpu_ns / AVERAGE_WEIGHT;
}

static void run(void *context)
{
    struct log_writer *writer = context;
    bool goes_on = true;
    thread_set_nice(-5);
    while (goes_on) {
        bool has_failed = wal_has_failed(writer->wal);
        bool knows_kick = has_failed || atomic_load(&writer->wal->signal) == WAL_SIGNALLED;
        uint64_t now = clock_monotonic_ns(writer->wal->parts->options.clock);
        uint64_t cut_ns = next_cut_ns(writer);
        uint64_t rest_ns = next_rest_ns(writer, now);
        uint64_t next_ns = cut_ns < rest_ns ? cut_ns : rest_ns;
        if (next_ns > now) {
            goes_on = sleep_for(writer, next_ns == FOREVER ? FOREVER : next_ns - now, knows_kick);
        } else if (cut_ns <= now) {
            cut(writer, now);
        } else {
            wal_rest(writer->wal);
            writer->is_tired = true;
        }
    }
}

enum status log_writer_start(struct log_writer *writer, struct wal *wal)
{
    writer->wal = wal;
    writer->is_tired = true;
    mutex_init(&writer->lock, LOCK_RANK_LOG);
    condition_init(&writer->wake);
    return thread_start(&writer->thread, "log-writer", run, writer);
}

void log_writer_nudge(struct log_writer *writer)
{
    mutex_acquire(&writer->lock);
    writer->is_nudged = true;
    condition_signal(&writer->wake);
    mutex_release(&writer->lock);
}

void log_writer_stop(struct log_writer *writer)
{
    mutex_acquire(&writer->lock);
    writer->is_stopping = true;
    condition_signal(&writer->wake);
    mutex_release(&writer->lock);
    thread_join(&writer->thread);
    condition_deinit(&writer->wake);
    mutex_deinit(&writer->lock);
}

void wal_kick_slow(struct wal *wal)
{
    if (atomic_exchange(&wal->signal, WAL_SIGNALLED) == WAL_ASLEEP) {
        log_writer_nudge(&wal->parts->writer);
    }
}
