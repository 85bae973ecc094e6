#include "keyspace/slab_arenas.h"

#include "base/assert.h"
#include "base/links.h"
#include "base/memory.h"
#include "keyspace/slab.h"
#include "os/lock.h"
#include "os/pages.h"

/* At the start of each arena, in front of its first page. */
struct slab_arena {
    uint8_t orders[SLAB_BLOCK_COUNT];      /* read without the lock: fixed while a page is out */
    uint8_t page_counts[SLAB_BLOCK_COUNT]; /* pages of a block that are out */
    uint32_t free_blocks;                  /* a bit each */
    uint32_t magic;
    struct links links; /* in pool.arenas while it has free blocks */
};

enum {
    ARENA_HEADER_BYTES = 128,
    ARENA_MAGIC = 0x6172656e,
};
static_assert(sizeof(struct slab_arena) <= ARENA_HEADER_BYTES, "the header fits into its place");
static_assert(SLAB_BLOCK_COUNT == 32, "one bit a block");

struct slab_arenas {
    struct lock lock;
    struct links arenas GUARDED_BY(lock); /* those with free blocks */
    /* Pages of blocks that are cut up; the links are in the pages. */
    struct links pages[SLAB_ORDER_COUNT] GUARDED_BY(lock);
    struct slab_arena *spare GUARDED_BY(
        lock);           /* a whole free arena, kept to avoid unmapping at a border */
    size_t mapped_bytes; /* stored atomically */
};

static struct slab_arena *arena_of(const void *memory)
{
    struct slab_arena *arena = (struct slab_arena *)((uintptr_t)memory &
                                                     ~(uintptr_t)(SLAB_ARENA_BYTES - 1));
    ASSERT_SLOW(arena->magic == ARENA_MAGIC);
    return arena;
}

static unsigned block_of(const void *memory)
{
    return (unsigned)((uintptr_t)memory % SLAB_ARENA_BYTES / SLAB_BLOCK_BYTES);
}

void *slab_arenas_page_of(const void *object)
{
    const struct slab_arena *arena = arena_of(object);
    size_t page_bytes = slab_order_bytes(arena->orders[block_of(object)]);
    uintptr_t start = (uintptr_t)object & ~(uintptr_t)(page_bytes - 1);
    if (UNLIKELY(start == (uintptr_t)arena)) start += ARENA_HEADER_BYTES;
    return (void *)start;
}

struct slab_arenas *slab_arenas_create(void)
{
    struct slab_arenas *arenas = memory_zalloc(sizeof(*arenas));
    links_init(&arenas->arenas);
    for (unsigned order = 0; order < SLAB_ORDER_COUNT; order++) links_init(&arenas->pages[order]);
    return arenas;
}

static void unmap_arena(struct slab_arenas *arenas, struct slab_arena *arena)
{
    __atomic_fetch_sub(&arenas->mapped_bytes, SLAB_ARENA_BYTES, __ATOMIC_RELAXED);
    arena->magic = 0;
    pages_unmap(arena, SLAB_ARENA_BYTES);
}

void slab_arenas_destroy(struct slab_arenas *arenas) NO_LOCK_ANALYSIS
{
    if (arenas == NULL) return;
    if (arenas->spare != NULL) unmap_arena(arenas, arenas->spare);
    ASSERT(links_is_empty(&arenas->arenas));
    ASSERT(arenas->mapped_bytes == 0);
    memory_free(arenas);
}

size_t slab_arenas_bytes(const struct slab_arenas *arenas)
{
    return __atomic_load_n(&arenas->mapped_bytes, __ATOMIC_RELAXED);
}

static struct slab_arena *map_arena(struct slab_arenas *arenas)
{
    struct slab_arena *arena = pages_map(SLAB_ARENA_BYTES, SLAB_ARENA_BYTES, true);
    ASSERT((uintptr_t)arena % SLAB_ARENA_BYTES == 0);
    ASSERT((uintptr_t)arena >> 48 == 0);
    arena->magic = ARENA_MAGIC;
    arena->free_blocks = UINT32_MAX;
    links_init(&arena->links);
    __atomic_fetch_add(&arenas->mapped_bytes, SLAB_ARENA_BYTES, __ATOMIC_RELAXED);
    return arena;
}

/* A page in the free list keeps its links where its user keeps a header. */
static_assert(sizeof(struct links) <= SLAB_PAGE_HEADER_BYTES, "links fit into a free page");

static void cut_block(struct slab_arenas *arenas, struct slab_arena *arena, unsigned block,
                      enum slab_order order) REQUIRES(arenas->lock)
{
    arena->orders[block] = (uint8_t)order;
    arena->page_counts[block] = 0;
    char *start = (char *)arena + (size_t)block * SLAB_BLOCK_BYTES;
    size_t page_bytes = slab_order_bytes(order);
    /* From the end, so that pages are handed out in order of address. */
    for (size_t at = SLAB_BLOCK_BYTES; at > 0; at -= page_bytes) {
        links_push_front(&arenas->pages[order],
                         slab_arenas_page_of(start + at - page_bytes + ARENA_HEADER_BYTES));
    }
}

/* A block for pages of this order; false when no arena has one. */
static bool take_block(struct slab_arenas *arenas, enum slab_order order) REQUIRES(arenas->lock)
{
    if (links_is_empty(&arenas->arenas)) {
        if (arenas->spare == NULL) return false;
        links_push_front(&arenas->arenas, &arenas->spare->links);
        arenas->spare = NULL;
    }
    struct slab_arena *arena = CONTAINER_OF(arenas->arenas.next, struct slab_arena, links);
    unsigned block = (unsigned)__builtin_ctz(arena->free_blocks);
    arena->free_blocks &= arena->free_blocks - 1;
    if (arena->free_blocks == 0) links_remove(&arena->links);
    cut_block(arenas, arena, block, order);
    return true;
}

static void *take_page(struct slab_arenas *arenas, enum slab_order order) REQUIRES(arenas->lock)
{
    if (links_is_empty(&arenas->pages[order]) && !take_block(arenas, order)) return NULL;
    struct links *page = arenas->pages[order].next;
    links_remove(page);
    arena_of(page)->page_counts[block_of(page)]++;
    return page;
}

/* Sets a whole free arena aside. Returns one that is to be unmapped, if any. */
static struct slab_arena *set_aside(struct slab_arenas *arenas, struct slab_arena *arena)
    REQUIRES(arenas->lock)
{
    ASSERT(arena->free_blocks == UINT32_MAX);
    links_remove(&arena->links);
    struct slab_arena *extra = arenas->spare;
    arenas->spare = arena;
    return extra;
}

static void *acquire_from_new(struct slab_arenas *arenas, enum slab_order order)
{
    struct slab_arena *fresh = map_arena(arenas);
    struct slab_arena *extra = NULL;
    lock_acquire(&arenas->lock, LOCK_RANK_ARENA, 0);
    links_push_front(&arenas->arenas, &fresh->links);
    void *page = take_page(arenas, order);
    /* Somebody else may have come with an arena meanwhile: then this one was not needed. */
    if (fresh->free_blocks == UINT32_MAX) extra = set_aside(arenas, fresh);
    lock_release(&arenas->lock);

    if (extra != NULL) unmap_arena(arenas, extra);
    return page;
}

void *slab_arenas_acquire(struct slab_arenas *arenas, enum slab_order order, size_t *out_size)
{
    lock_acquire(&arenas->lock, LOCK_RANK_ARENA, 0);
    void *page = take_page(arenas, order);
    lock_release(&arenas->lock);

    if (UNLIKELY(page == NULL)) page = acquire_from_new(arenas, order);
    size_t page_bytes = slab_order_bytes(order);
    *out_size = page_bytes - ((uintptr_t)page & (page_bytes - 1));
    return page;
}

/* The block of these pages is whole again. Returns an arena that is to be unmapped, if any. */
static struct slab_arena *free_block(struct slab_arenas *arenas, struct slab_arena *arena,
                                     unsigned block) REQUIRES(arenas->lock)
{
    char *start = (char *)arena + (size_t)block * SLAB_BLOCK_BYTES;
    size_t page_bytes = slab_order_bytes(arena->orders[block]);
    for (size_t at = 0; at < SLAB_BLOCK_BYTES; at += page_bytes) {
        links_remove(slab_arenas_page_of(start + at + ARENA_HEADER_BYTES));
    }
    if (arena->free_blocks == 0) links_push_front(&arenas->arenas, &arena->links);
    arena->free_blocks |= (uint32_t)1 << block;
    return arena->free_blocks == UINT32_MAX ? set_aside(arenas, arena) : NULL;
}

void slab_arenas_release(struct slab_arenas *arenas, void *page)
{
    struct slab_arena *arena = arena_of(page);
    unsigned block = block_of(page);
    struct slab_arena *extra = NULL;
    ASSERT(arena->magic == ARENA_MAGIC);

    lock_acquire(&arenas->lock, LOCK_RANK_ARENA, 0);
    ASSERT(arena->page_counts[block] > 0);
    links_push_front(&arenas->pages[arena->orders[block]], page);
    if (--arena->page_counts[block] == 0) extra = free_block(arenas, arena, block);
    lock_release(&arenas->lock);

    if (extra != NULL) unmap_arena(arenas, extra);
}
