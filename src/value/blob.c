#include "value/blob.h"

#include "base/assert.h"
#include "base/memory.h"

struct blob *blob_create(size_t size, size_t capacity)
{
    ASSERT(size <= capacity);
    struct blob *blob = memory_alloc(memory_size_add(sizeof(*blob), capacity));
    atomic_init(&blob->references, 1);
    blob->size = size;
    blob->capacity = capacity;
    return blob;
}

struct blob *blob_acquire(struct blob *blob)
{
    uint32_t before = atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
    ASSERT(before > 0);
    ASSERT(before < UINT32_MAX);
    return blob;
}

void blob_release(struct blob *blob)
{
    if (blob == NULL) return;
    /* Release: this holder's reads are over; acquire: whoever frees comes after all of them. */
    uint32_t before = atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before == 1) memory_free(blob);
}

static struct blob *clone(const struct blob *blob, size_t capacity)
{
    struct blob *copy = blob_create(blob->size, capacity);
    memcpy(copy->data, blob->data, blob->size);
    return copy;
}

struct blob *blob_own(struct blob *blob, size_t capacity)
{
    ASSERT(capacity >= blob->size);
    /* New references are made only by those who hold one, so a count of 1 cannot rise behind our
     * back; acquire pairs with the release of the holder that left last. */
    if (atomic_load_explicit(&blob->references, memory_order_acquire) > 1) {
        struct blob *copy = clone(blob, capacity);
        blob_release(blob);
        return copy;
    }
    if (capacity <= blob->capacity) return blob;

    size_t grown = blob->capacity + blob->capacity / 2;
    if (grown < capacity) grown = capacity;
    blob = memory_realloc(blob, memory_size_add(sizeof(*blob), grown));
    blob->capacity = grown;
    return blob;
}

size_t blob_memory_bytes(const struct blob *blob)
{
    return sizeof(*blob) + blob->capacity;
}
