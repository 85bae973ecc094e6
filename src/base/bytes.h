/* A borrowed run of bytes: pointer and size, no terminator, any value inside. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *data;
    size_t size;
};

#define BYTES_LITERAL(text) ((struct bytes){(text), sizeof(text) - 1})
#define BYTES_EMPTY ((struct bytes){"", 0})

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){data, size};
}

static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The part from `start` on, at most `size` bytes; empty when start is past the end. */
static inline struct bytes bytes_part(struct bytes bytes, size_t start, size_t size)
{
    if (start >= bytes.size) return (struct bytes){bytes.data + bytes.size, 0};
    size_t rest = bytes.size - start;
    return (struct bytes){bytes.data + start, size < rest ? size : rest};
}

/* Lexicographic by unsigned byte, shorter first: negative, 0 or positive. */
int bytes_compare(struct bytes a, struct bytes b);

/* ASCII letters fold; other bytes compare as they are. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);

/* As bytes_equal_nocase with a C string. */
bool bytes_is_word(struct bytes bytes, const char *word);

#endif
