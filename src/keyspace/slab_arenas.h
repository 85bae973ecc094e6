/* The pool behind all slabs: 2 MB arenas cut into blocks of 64 KB and these into pages of 1, 4, 16
 * or 64 KB. Any thread; its lock is held for list operations only, never across a system call. */
#ifndef KEYSPACE_SLAB_ARENAS_H
#define KEYSPACE_SLAB_ARENAS_H

#include <stddef.h>
#include <stdint.h>

enum slab_order { SLAB_PAGE_1K, SLAB_PAGE_4K, SLAB_PAGE_16K, SLAB_PAGE_64K, SLAB_ORDER_COUNT };

enum {
    SLAB_ARENA_BYTES = 2 * 1024 * 1024,
    SLAB_BLOCK_BYTES = 64 * 1024,
    SLAB_BLOCK_COUNT = SLAB_ARENA_BYTES / SLAB_BLOCK_BYTES,
    SLAB_PAGE_HEADER_BYTES = 32,
};

static inline size_t slab_order_bytes(enum slab_order order)
{
    return (size_t)1024 << (2 * order);
}

struct slab_arenas;

/* A page's memory; its first SLAB_PAGE_HEADER_BYTES belong to the caller too. *out_size is that of
 * the order, except for the page behind an arena's header, which is a little shorter. Its contents
 * are undefined. */
void *slab_arenas_acquire(struct slab_arenas *arenas, enum slab_order order, size_t *out_size);
void slab_arenas_release(struct slab_arenas *arenas, void *page);

/* Start of the page that holds this object. */
void *slab_arenas_page_of(const void *object);

#endif
