#include "storage/appender.h"

#include "base/assert.h"
#include "base/memory.h"

static struct wal_chunk *create_chunk(size_t size)
{
    struct wal_chunk *chunk = memory_alloc(memory_size_add(sizeof(*chunk), size));
    chunk->size = size;
    return chunk;
}

/* An emptied chunk of the usual size, or a new one. */
static struct wal_chunk *take_chunk(struct wal_appender *appender, size_t size)
{
    if (size > WAL_CHUNK_BYTES) return create_chunk(size);
    for (size_t i = 0; i < WAL_SPARE_CHUNK_COUNT; i++) {
        if (atomic_load_explicit(&appender->spares[i], memory_order_relaxed) == NULL) continue;
        struct wal_chunk *chunk = atomic_exchange(&appender->spares[i], NULL);
        if (chunk != NULL) return chunk;
    }
    return create_chunk(WAL_CHUNK_BYTES);
}

/* The committer's counterpart. */
static void give_chunk(struct wal_appender *appender, struct wal_chunk *chunk)
{
    for (size_t i = 0; i < WAL_SPARE_CHUNK_COUNT && chunk->size == WAL_CHUNK_BYTES; i++) {
        struct wal_chunk *expected = NULL;
        if (atomic_compare_exchange_strong(&appender->spares[i], &expected, chunk)) return;
    }
    memory_free(chunk);
}

/* Makes `chunk` the one that is appended to, from stream offset `base` on. */
static void enter_chunk(struct wal_appender *appender, struct wal_chunk *chunk, uint64_t base)
{
    chunk->base = base;
    chunk->limit = UINT64_MAX;
    atomic_store_explicit(&chunk->next, NULL, memory_order_relaxed);
    appender->chunk = chunk;
    appender->next = chunk->data;
    appender->end = chunk->data + chunk->size;
    appender->bias = base - (uint64_t)(uintptr_t)chunk->data;
}

void appender_init(struct wal_appender *appender)
{
    *appender = (struct wal_appender){0};
    struct wal_chunk *chunk = create_chunk(WAL_CHUNK_BYTES);
    enter_chunk(appender, chunk, 0);
    appender->collect_chunk = chunk;
}

void appender_deinit(struct wal_appender *appender)
{
    for (struct wal_chunk *chunk = appender->collect_chunk; chunk != NULL;) {
        struct wal_chunk *next = atomic_load(&chunk->next);
        memory_free(chunk);
        chunk = next;
    }
    for (size_t i = 0; i < WAL_SPARE_CHUNK_COUNT; i++)
        memory_free(atomic_load(&appender->spares[i]));
    *appender = (struct wal_appender){0};
}

/* Unpublished bytes stay where they are: the caller may still hold pointers to them. */
char *wal_reserve(struct wal_appender *appender, size_t size)
{
    ASSERT(size <= WAL_RECORD_BYTES_MAX);
    if (LIKELY((size_t)(appender->end - appender->next) >= size)) return appender->next;

    struct wal_chunk *old = appender->chunk;
    struct wal_chunk *chunk = take_chunk(appender, size);
    uint64_t limit = (uint64_t)(uintptr_t)appender->next + appender->bias;
    enter_chunk(appender, chunk, limit);
    old->limit = limit;
    atomic_store_explicit(&old->next, chunk, memory_order_release);
    return appender->next;
}

/* The committer takes marks off in every cut, and at most three epochs pass between two of them. */
void wal_push_mark(struct wal_appender *appender, uint64_t epoch)
{
    uint64_t index = atomic_load_explicit(&appender->mark_tail, memory_order_relaxed);
    struct wal_mark *mark = &appender->marks[index % WAL_MARK_COUNT];
    ASSERT(epoch > appender->tag);
    atomic_store_explicit(&mark->epoch, epoch, memory_order_relaxed);
    atomic_store_explicit(&mark->offset, appender->start, memory_order_relaxed);
    atomic_store_explicit(&appender->mark_tail, index + 1, memory_order_release);
    appender->tag = epoch;
}

uint64_t appender_limit(struct wal_appender *appender, uint64_t epoch)
{
    uint64_t tail = atomic_load(
        &appender->tail); /* before the marks: each published byte's mark is then visible */
    uint64_t mark_tail = atomic_load_explicit(&appender->mark_tail, memory_order_acquire);
    ASSERT(mark_tail - appender->mark_head <= WAL_MARK_COUNT);
    for (; appender->mark_head < mark_tail; appender->mark_head++) {
        struct wal_mark *mark = &appender->marks[appender->mark_head % WAL_MARK_COUNT];
        if (atomic_load_explicit(&mark->epoch, memory_order_relaxed) <= epoch) continue;
        uint64_t offset = atomic_load_explicit(&mark->offset, memory_order_relaxed);
        return offset < tail ? offset : tail;
    }
    return tail;
}

struct appender_cursor appender_cursor(const struct wal_appender *appender)
{
    return (struct appender_cursor){
        .chunk = appender->collect_chunk,
        .offset = atomic_load_explicit(&appender->collected, memory_order_relaxed),
    };
}

/* Where `chunk` ends for a walk up to `limit`. Bytes past a chunk are published only after the
 * chunk was closed. */
static uint64_t chunk_end(const struct wal_chunk *chunk, const struct wal_chunk *next,
                          uint64_t limit)
{
    if (next == NULL) return limit;
    return chunk->limit < limit ? chunk->limit : limit;
}

struct bytes appender_next_extent(struct appender_cursor *cursor, uint64_t limit)
{
    while (cursor->offset < limit) {
        const struct wal_chunk *chunk = cursor->chunk;
        const struct wal_chunk *next = atomic_load_explicit(&chunk->next, memory_order_acquire);
        uint64_t end = chunk_end(chunk, next, limit);
        if (cursor->offset < end) {
            struct bytes extent = {chunk->data + (cursor->offset - chunk->base),
                                   end - cursor->offset};
            ASSERT(end - chunk->base <= chunk->size);
            cursor->offset = end;
            return extent;
        }
        cursor->chunk = next;
    }
    return BYTES_EMPTY;
}

void appender_release(struct wal_appender *appender, uint64_t limit)
{
    struct wal_chunk *chunk = appender->collect_chunk;
    struct wal_chunk *next;
    while ((next = atomic_load_explicit(&chunk->next, memory_order_acquire)) != NULL &&
           chunk->limit <= limit) {
        give_chunk(appender, chunk);
        chunk = next;
    }
    ASSERT(chunk->base <= limit);
    appender->collect_chunk = chunk;
    atomic_store_explicit(&appender->collected, limit, memory_order_relaxed);
}

uint64_t appender_take_transactions(struct wal_appender *appender)
{
    uint64_t published = atomic_load_explicit(&appender->transactions, memory_order_relaxed);
    uint64_t taken = published - appender->collected_transactions;
    appender->collected_transactions = published;
    return taken;
}

uint64_t appender_pending_bytes(const struct wal_appender *appender)
{
    uint64_t collected = atomic_load_explicit(&appender->collected, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&appender->tail, memory_order_relaxed);
    return tail > collected ? tail - collected : 0;
}
