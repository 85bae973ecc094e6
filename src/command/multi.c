#include "command/multi.h"

#include "base/memory.h"
#include "command/session.h"
#include "keyspace/watch.h"

struct multi *multi_of(struct session *session)
{
    if (session->multi == NULL) {
        session->multi = memory_zalloc(sizeof *session->multi);
        arena_init(&session->multi->arena, MULTI_ARENA_BYTES);
    }
    return session->multi;
}

void multi_queue(struct session *session, const struct command *command,
                 const struct bytes *arguments, uint32_t argument_count)
{
    struct multi *multi = multi_of(session);
    if (multi->count == multi->capacity) {
        multi->capacity = multi->capacity * 2 + 4;
        multi->queue = memory_realloc(multi->queue,
                                      memory_size_mul(multi->capacity, sizeof *multi->queue));
    }
    struct bytes *copies = arena_alloc(&multi->arena,
                                       memory_size_mul(argument_count, sizeof *copies));
    for (uint32_t i = 0; i < argument_count; i++)
        copies[i] = arena_copy(&multi->arena, arguments[i]);
    multi->queue[multi->count++] = (struct queued_command){command, copies, argument_count};
    multi->flags |= command->flags;
}

void multi_clear(struct session *session)
{
    struct multi *multi = session->multi;
    if (multi != NULL) {
        multi->count = 0;
        multi->flags = 0;
        arena_reset(&multi->arena);
    }
    session->flags &= ~(uint32_t)(SESSION_IN_MULTI | SESSION_DIRTY_EXEC);
}

void multi_unwatch(struct session *session, bool holds_locks) NO_LOCK_ANALYSIS
{
    struct watch_node *node = session->multi != NULL ? session->multi->watches : NULL;
    while (node != NULL) {
        struct watch_node *next = node->next;
        struct shard *shard = node->shard;
        if (!holds_locks) shard_acquire(shard);
        watch_remove(node);
        if (!holds_locks) shard_release(shard);
        node = next;
    }
    if (session->multi != NULL) session->multi->watches = NULL;
    atomic_store_explicit(&session->is_watch_dirty, 0, memory_order_relaxed);
}

void multi_destroy(struct session *session)
{
    if (session->multi == NULL) return;
    multi_unwatch(session, false);
    arena_deinit(&session->multi->arena);
    memory_free(session->multi->queue);
    memory_free(session->multi);
    session->multi = NULL;
}

size_t multi_memory_bytes(const struct session *session)
{
    const struct multi *multi = session->multi;
    if (multi == NULL) return 0;
    return sizeof *multi + arena_bytes(&multi->arena) + multi->capacity * sizeof *multi->queue;
}
