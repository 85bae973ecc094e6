#include "base/buf.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"

enum { BUF_CAPACITY_MIN = 64 };

void buf_deinit(struct buf *buf)
{
    memory_free(buf->data);
    *buf = (struct buf){0};
}

char *buf_grow(struct buf *buf, size_t extra)
{
    ASSERT(buf->size <= buf->capacity);
    size_t needed = memory_size_add(buf->size, extra);
    size_t capacity = memory_size_add(buf->capacity, buf->capacity / 2);
    if (capacity < needed) capacity = needed;
    if (capacity < BUF_CAPACITY_MIN) capacity = BUF_CAPACITY_MIN;

    buf->data = memory_realloc(buf->data, capacity);
    buf->capacity = capacity;
    return buf->data + buf->size;
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(buf, format, arguments);
    va_end(arguments);
}

void buf_vprintf(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    char *place = buf_reserve(buf, BUF_CAPACITY_MIN);
    size_t room = buf->capacity - buf->size;
    int length = vsnprintf(place, room, format, arguments);
    ASSERT(length >= 0);
    if ((size_t)length >= room) {
        room = (size_t)length + 1; /* vsnprintf also writes a NUL */
        int length_again = vsnprintf(buf_reserve(buf, room), room, format, again);
        ASSERT(length_again == length);
    }
    va_end(again);
    buf->size += (size_t)length;
}

void buf_consume(struct buf *buf, size_t size)
{
    ASSERT(size <= buf->size);
    if (size == 0) return;
    buf->size -= size;
    memmove(buf->data, buf->data + size, buf->size);
}

const char *buf_text(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return buf->data;
}
