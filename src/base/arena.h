/* Memory for one piece of work: allocate freely, release everything at once. One thread at a time.
 * The first block is kept over resets, so steady work allocates nothing. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
    char *next;
    char *end;
    struct arena_block *blocks; /* newest first */
    size_t block_bytes;
};

void arena_init(struct arena *arena, size_t block_bytes);
void arena_deinit(struct arena *arena);
/* Forgets all allocations; keeps one block of block_bytes. */
void arena_reset(struct arena *arena);
/* 8-byte aligned, never NULL; borrowed until the next reset. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
struct bytes arena_copy(struct arena *arena, struct bytes bytes);
char *arena_text(struct arena *arena, struct bytes bytes); /* NUL-terminated copy */
/* Bytes of all blocks. */
size_t arena_bytes(const struct arena *arena);

#endif
