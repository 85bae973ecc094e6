/* A long string on the heap with a reference count, so that a reply, the log or a checkpoint can
 * hold it while the key moves on. Whoever holds the only reference may change it; otherwise clone
 * first (blob_own). The count is atomic; the bytes belong to the shard lock of the key, or are
 * frozen once a second holder exists. */
#ifndef VALUE_BLOB_H
#define VALUE_BLOB_H

#include <stdatomic.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct blob {
    _Atomic uint32_t references;
    size_t size;
    size_t capacity;
    char data[];
};

/* One reference, `size` bytes uninitialised, room for `capacity` (at least size). */
struct blob *blob_create(size_t size, size_t capacity);
struct blob *blob_acquire(struct blob *blob);
void blob_release(struct blob *blob); /* frees with the last reference; NULL is fine */

/* The same content, changeable, with room for `capacity` (at least its size): `blob` itself when
 * this is its only reference (perhaps reallocated, growing by half to make appends amortised), else
 * a clone; consumes the reference passed in. */
MUST_USE struct blob *blob_own(struct blob *blob, size_t capacity);
size_t blob_memory_bytes(const struct blob *blob);

static inline struct bytes blob_bytes(const struct blob *blob)
{
    return (struct bytes){blob->data, blob->size};
}

#endif
