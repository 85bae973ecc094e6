/* A growing byte buffer that owns its memory. `struct buf b = {0}` is a valid empty one. One
 * thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct buf {
    char *data;
    size_t size;
    size_t capacity;
};

void buf_deinit(struct buf *buf);

/* Makes room for `extra` more bytes (growing by half at least) and returns where they go; size
 * is unchanged. */
char *buf_grow(struct buf *buf, size_t extra);

static inline char *buf_reserve(struct buf *buf, size_t extra)
{
    if (LIKELY(buf->capacity - buf->size >= extra)) return buf->data + buf->size;
    return buf_grow(buf, extra);
}

static inline void buf_append(struct buf *buf, const void *data, size_t size)
{
    if (size == 0) return;
    memcpy(buf_reserve(buf, size), data, size);
    buf->size += size;
}

static inline void buf_append_byte(struct buf *buf, char byte)
{
    *buf_reserve(buf, 1) = byte;
    buf->size++;
}

static inline void buf_append_bytes(struct buf *buf, struct bytes bytes)
{
    buf_append(buf, bytes.data, bytes.size);
}

static inline struct bytes buf_bytes(const struct buf *buf)
{
    return (struct bytes){buf->data, buf->size};
}

void buf_append_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

/* Removes the first `size` bytes. */
void buf_consume(struct buf *buf, size_t size);

/* A NUL-terminated view; the NUL is not counted in size. Borrowed until the next change. */
const char *buf_text(struct buf *buf);

#endif
