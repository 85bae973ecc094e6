/* Blocks form a list, newest first; `next` and `end` bound the free part of the current standard
 * block. A request beyond a quarter of a block gets a block of its own, so that it does not
 * waste the rest of the current one. */
#include "base/arena.h"

#include "base/assert.h"
#include "base/attributes.h"
#include "base/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

/* Under ASan memory that is not handed out must not be touched: it catches uses after a reset. */
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(start, size) ASAN_POISON_MEMORY_REGION(start, size)
#define UNPOISON(start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)
#else
#define POISON(start, size) ((void)(start), (void)(size))
#define UNPOISON(start, size) ((void)(start), (void)(size))
#endif

enum { ARENA_ALIGNMENT = 8, ARENA_BLOCK_BYTES_MIN = 256 };

struct arena_block {
    struct arena_block *older;
    size_t size;
    char data[];
};

static_assert(sizeof(struct arena_block) % ARENA_ALIGNMENT == 0, "data of a block is aligned");

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    struct arena_block *block = memory_alloc(memory_size_add(sizeof(*block), size));
    block->size = size;
    block->older = arena->blocks;
    arena->blocks = block;
    POISON(block->data, size);
    return block;
}

static void free_block(struct arena_block *block)
{
    UNPOISON(block->data, block->size);
    memory_free(block);
}

static void use_block(struct arena *arena, struct arena_block *block)
{
    POISON(block->data, block->size);
    arena->next = block->data;
    arena->end = block->data + block->size;
}

/* Where `size` bytes go when the current block has no room for them. */
static char *alloc_slow(struct arena *arena, size_t size)
{
    if (size > arena->block_bytes / 4) return add_block(arena, size)->data;

    use_block(arena, add_block(arena, arena->block_bytes));
    char *place = arena->next;
    arena->next += size;
    return place;
}

void arena_init(struct arena *arena, size_t block_bytes)
{
    if (block_bytes < ARENA_BLOCK_BYTES_MIN) block_bytes = ARENA_BLOCK_BYTES_MIN;
    *arena = (struct arena){.block_bytes = block_bytes};
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *older;
    for (struct arena_block *block = arena->blocks; block != NULL; block = older) {
        older = block->older;
        free_block(block);
    }
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = NULL;
    struct arena_block *older;
    for (struct arena_block *block = arena->blocks; block != NULL; block = older) {
        older = block->older;
        if (kept == NULL && block->size == arena->block_bytes) {
            kept = block;
        } else {
            free_block(block);
        }
    }
    arena->blocks = kept;
    arena->next = NULL;
    arena->end = NULL;
    if (kept == NULL) return;
    kept->older = NULL;
    use_block(arena, kept);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    ASSERT(arena->block_bytes > 0); /* initialised */
    size_t rounded = memory_size_add(size > 0 ? size : 1, ARENA_ALIGNMENT - 1);
    rounded -= rounded % ARENA_ALIGNMENT;

    char *place;
    if (LIKELY(rounded <= (size_t)(arena->end - arena->next))) {
        place = arena->next;
        arena->next += rounded;
    } else {
        place = alloc_slow(arena, rounded);
    }
    UNPOISON(place, size);
    return place;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);
    memset(memory, 0, size);
    return memory;
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    char *copy = arena_alloc(arena, bytes.size);
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    return bytes_of(copy, bytes.size);
}

char *arena_text(struct arena *arena, struct bytes bytes)
{
    char *text = arena_alloc(arena, memory_size_add(bytes.size, 1));
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return text;
}

size_t arena_bytes(const struct arena *arena)
{
    size_t total = 0;
    for (const struct arena_block *block = arena->blocks; block != NULL; block = block->older) {
        total += sizeof(*block) + block->size;
    }
    return total;
}
