/* Where replies go: contiguous room at `next`, made by whoever owns the bytes (a connection's
 * output, a script's reply, a buffer in a test). Writers reserve, write, and move `next`. One
 * thread at a time. */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include "base/attributes.h"
#include "base/bytes.h"

struct sink;

struct sink_ops {
    /* Makes next..end at least `size` bytes. Never fails. */
    void (*grow)(struct sink *sink, size_t size);
    /* Puts bytes that live elsewhere into the stream without copying; calls release(owner) when
     * they are sent. */
    void (*attach)(struct sink *sink, struct bytes bytes, void (*release)(void *owner),
                   void *owner);
};

struct sink {
    char *next;
    char *end;
    const struct sink_ops *ops;
};

ALWAYS_INLINE char *sink_reserve(struct sink *sink, size_t size)
{
    if (UNLIKELY((size_t)(sink->end - sink->next) < size)) sink->ops->grow(sink, size);
    return sink->next;
}

static inline void sink_write(struct sink *sink, struct bytes bytes)
{
    if (bytes.size == 0) return;
    memcpy(sink_reserve(sink, bytes.size), bytes.data, bytes.size);
    sink->next += bytes.size;
}

#endif
