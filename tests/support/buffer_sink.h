/* A sink into a buffer. Attached bytes are copied and released at once. */
#ifndef TESTS_SUPPORT_BUFFER_SINK_H
#define TESTS_SUPPORT_BUFFER_SINK_H

#include "base/buf.h"
#include "base/links.h"
#include "base/sink.h"

struct buffer_sink {
    struct sink sink;
    struct buf buf; /* its size is right after buffer_sink_bytes */
    unsigned attach_count;
};

static inline void buffer_sink_grow(struct sink *sink, size_t size)
{
    struct buffer_sink *buffer = CONTAINER_OF(sink, struct buffer_sink, sink);
    if (sink->next != NULL) buffer->buf.size = (size_t)(sink->next - buffer->buf.data);
    sink->next = buf_reserve(&buffer->buf, size);
    sink->end = buffer->buf.data + buffer->buf.capacity;
}

static inline void buffer_sink_attach(struct sink *sink, struct bytes bytes,
                                      void (*release)(void *owner), void *owner)
{
    CONTAINER_OF(sink, struct buffer_sink, sink)->attach_count++;
    sink_write(sink, bytes);
    release(owner);
}

static inline void buffer_sink_init(struct buffer_sink *buffer)
{
    static const struct sink_ops ops = {buffer_sink_grow, buffer_sink_attach};
    *buffer = (struct buffer_sink){.sink.ops = &ops};
}

static inline void buffer_sink_deinit(struct buffer_sink *buffer)
{
    buf_deinit(&buffer->buf);
}

/* What was written since the last buffer_sink_clear. */
static inline struct bytes buffer_sink_bytes(struct buffer_sink *buffer)
{
    if (buffer->sink.next != NULL)
        buffer->buf.size = (size_t)(buffer->sink.next - buffer->buf.data);
    return buf_bytes(&buffer->buf);
}

static inline void buffer_sink_clear(struct buffer_sink *buffer)
{
    buffer->buf.size = 0;
    buffer->sink.next = buffer->buf.data;
    buffer->sink.end = buffer->buf.data + buffer->buf.capacity;
}

#endif
