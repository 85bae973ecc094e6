/* Each reader has a counter: odd while it may hold pointers, and larger each time it enters or
 * leaves. What is retired gathers in `filling`. When `waiting` is empty, `filling` takes its place
 * and all counters are noted; `waiting` is freed when each counter was even or has changed.
 *
 * Why that is enough: the counters are noted by read-modify-writes, so for each reader its entering
 * is either before ours, and then we see the odd number and wait for the next change; or after
 * ours, and then it sees all that was unlinked before. */
#include "keyspace/reclaim.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "base/attributes.h"
#include "base/memory.h"
#include "os/lock.h"

struct CACHE_ALIGNED reader {
    _Atomic uint64_t counter;
};

struct retired {
    void *memory;
    size_t size;
    void (*release)(void *memory, size_t size);
};

struct batch {
    struct retired *items;
    size_t count;
    size_t capacity;
};

struct reclaim {
    struct lock lock;
    uint32_t reader_count;
    struct reader *readers;
    struct batch filling GUARDED_BY(lock);
    struct batch waiting GUARDED_BY(lock);
    uint64_t *noted GUARDED_BY(lock); /* counters when `waiting` was closed */
    _Atomic size_t pending_bytes;
};

struct reclaim *reclaim_create(uint32_t reader_count)
{
    struct reclaim *reclaim = memory_zalloc(sizeof(*reclaim));
    size_t size = memory_size_mul(sizeof(struct reader), reader_count > 0 ? reader_count : 1);
    reclaim->reader_count = reader_count;
    reclaim->readers = memory_alloc_aligned(CACHE_LINE_BYTES, size);
    memset(reclaim->readers, 0, size);
    reclaim->noted = memory_zalloc(memory_size_mul(sizeof(uint64_t), reader_count));
    return reclaim;
}

static void release_batch(struct reclaim *reclaim, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct retired *item = &batch->items[i];
        atomic_fetch_sub_explicit(&reclaim->pending_bytes, item->size, memory_order_relaxed);
        item->release(item->memory, item->size);
    }
    memory_free(batch->items);
}

void reclaim_destroy(struct reclaim *reclaim) NO_LOCK_ANALYSIS
{
    if (reclaim == NULL) return;
    release_batch(reclaim, &reclaim->waiting);
    release_batch(reclaim, &reclaim->filling);
    memory_free(reclaim->noted);
    memory_free(reclaim->readers);
    memory_free(reclaim);
}

static bool have_all_passed(struct reclaim *reclaim) REQUIRES(reclaim->lock)
{
    for (uint32_t i = 0; i < reclaim->reader_count; i++) {
        uint64_t noted = reclaim->noted[i];
        if (noted % 2 == 0) continue;
        uint64_t now = atomic_load_explicit(&reclaim->readers[i].counter, memory_order_acquire);
        if (now == noted) return false;
    }
    return true;
}

static void note_counters(struct reclaim *reclaim) REQUIRES(reclaim->lock)
{
    for (uint32_t i = 0; i < reclaim->reader_count; i++) {
        reclaim->noted[i] = atomic_fetch_add_explicit(&reclaim->readers[i].counter, 0,
                                                      memory_order_seq_cst);
    }
}

/* Closes and opens batches as far as readers have got; what it returns is free to go. */
static struct batch take_passed(struct reclaim *reclaim) REQUIRES(reclaim->lock)
{
    struct batch passed = {0};
    if (reclaim->waiting.count > 0) {
        if (!have_all_passed(reclaim)) return passed;
        passed = reclaim->waiting;
    }
    reclaim->waiting = reclaim->filling;
    reclaim->filling = (struct batch){0};
    if (reclaim->waiting.count > 0) note_counters(reclaim);
    return passed;
}

void reclaim_leave(struct reclaim *reclaim, uint32_t reader)
{
    ASSERT(reader < reclaim->reader_count);
    struct reader *self = &reclaim->readers[reader];
    uint64_t counter = atomic_load_explicit(&self->counter, memory_order_relaxed);
    if (counter % 2 == 0) return;
    atomic_exchange_explicit(&self->counter, counter + 1, memory_order_seq_cst);
}

void reclaim_enter(struct reclaim *reclaim, uint32_t reader)
{
    ASSERT(reader < reclaim->reader_count);
    struct reader *self = &reclaim->readers[reader];
    uint64_t counter = atomic_load_explicit(&self->counter, memory_order_relaxed);
    /* From odd to odd: a quiescent point in between. */
    atomic_exchange_explicit(&self->counter, counter + 1 + counter % 2, memory_order_seq_cst);
    if (LIKELY(atomic_load_explicit(&reclaim->pending_bytes, memory_order_relaxed) == 0)) return;

    if (!lock_try_acquire(&reclaim->lock, LOCK_RANK_RECLAIM, 0)) return;
    struct batch passed = take_passed(reclaim);
    lock_release(&reclaim->lock);
    release_batch(reclaim, &passed);
}

static void batch_add(struct batch *batch, struct retired item)
{
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity > 0 ? batch->capacity * 2 : 8;
        batch->items = memory_realloc(batch->items,
                                      memory_size_mul(batch->capacity, sizeof(struct retired)));
    }
    batch->items[batch->count++] = item;
}

void reclaim_retire(struct reclaim *reclaim, void *memory, size_t size,
                    void (*release)(void *memory, size_t size))
{
    ASSERT(memory != NULL);
    atomic_fetch_add_explicit(&reclaim->pending_bytes, size, memory_order_relaxed);
    lock_acquire(&reclaim->lock, LOCK_RANK_RECLAIM, 0);
    batch_add(&reclaim->filling, (struct retired){memory, size, release});
    struct batch passed = take_passed(reclaim);
    if (reclaim->reader_count == 0) {
        /* Nobody to wait for: what was just closed may go as well. */
        ASSERT(passed.count == 0);
        passed = take_passed(reclaim);
    }
    lock_release(&reclaim->lock);
    release_batch(reclaim, &passed);
}

size_t reclaim_pending_bytes(const struct reclaim *reclaim)
{
    return atomic_load_explicit(&reclaim->pending_bytes, memory_order_relaxed);
}
