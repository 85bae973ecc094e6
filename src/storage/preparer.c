/* A thread of its own fills the next segment with zeros, so that no commit ever waits for that: a
 * slice of 1 MB takes the device about as long as several commits, and the fill pauses after each
 * slice for as long as the slice took, which leaves the device to the commits half of the time. In
 * a steady state there is nothing to fill: segments that a checkpoint freed are taken again. */
#include "base/assert.h"
#include "storage/segment_set.h"
#include "storage/storage_internal.h"

enum {
    RETRY_MS = 250,
    BREATH_MS_MAX = 20,
};

/* Sleeps until poked or stopped, at most `timeout_ns`; 0 means no limit. */
static void rest(struct preparer *preparer, uint64_t timeout_ns)
{
    bool is_over = false;
    mutex_acquire(&preparer->lock);
    while (!is_over && !atomic_load(&preparer->is_poked) && !atomic_load(&preparer->is_stopping)) {
        if (timeout_ns == 0) {
            condition_wait(&preparer->wake, &preparer->lock);
        } else {
            is_over = !condition_wait_for(&preparer->wake, &preparer->lock, timeout_ns);
        }
    }
    mutex_release(&preparer->lock);
    atomic_store(&preparer->is_poked, false);
}

/* A commit that has run out of its segment waits for the fill to end: then there is no time to
 * breathe. */
static void breathe(void *context, uint64_t slice_ns)
{
    struct preparer *preparer = context;
    uint64_t most_ns = BREATH_MS_MAX * UINT64_C(1000000);
    if (segment_set_is_awaited(preparer->wal->parts->segments)) return;
    mutex_acquire(&preparer->lock);
    if (!atomic_load(&preparer->is_stopping)) {
        (void)condition_wait_for(&preparer->wake, &preparer->lock,
                                 slice_ns < most_ns ? slice_ns + 1 : most_ns);
    }
    mutex_release(&preparer->lock);
}

/* True when it has to be tried again later. */
static bool prepare(struct preparer *preparer, void (*pause)(void *context, uint64_t slice_ns))
{
    struct wal_parts *parts = preparer->wal->parts;
    if (!segment_set_wants_next(parts->segments)) return false;
    const char *what = NULL;
    enum status status = segment_set_prepare(parts->segments, pause, preparer, &what);
    if (status != STATUS_OK && what != NULL) wal_fail(preparer->wal, status, what);
    return status != STATUS_OK && what == NULL;
}

static void run(void *context)
{
    struct preparer *preparer = context;
    while (!atomic_load(&preparer->is_stopping)) {
        bool must_retry = false;
        if (!wal_has_failed(preparer->wal)) must_retry = prepare(preparer, breathe);
        wal_tell_full(preparer->wal);
        bool is_waiting = must_retry || wal_is_full(preparer->wal);
        rest(preparer, is_waiting ? RETRY_MS * UINT64_C(1000000) : 0);
    }
}

void preparer_run_once(struct preparer *preparer)
{
    if (!wal_has_failed(preparer->wal)) (void)prepare(preparer, NULL);
    wal_tell_full(preparer->wal);
}

enum status preparer_start(struct preparer *preparer, struct wal *wal)
{
    preparer->wal = wal;
    mutex_init(&preparer->lock, LOCK_RANK_LOG);
    condition_init(&preparer->wake);
    return thread_start(&preparer->thread, "log-preparer", run, preparer);
}

static void wake(struct preparer *preparer)
{
    mutex_acquire(&preparer->lock);
    condition_signal(&preparer->wake);
    mutex_release(&preparer->lock);
}

void preparer_poke(struct preparer *preparer)
{
    if (!atomic_exchange(&preparer->is_poked, true)) wake(preparer);
}

void preparer_stop(struct preparer *preparer)
{
    atomic_store(&preparer->is_stopping, true);
    wake(preparer);
    thread_join(&preparer->thread);
    condition_deinit(&preparer->wake);
    mutex_deinit(&preparer->lock);
}
