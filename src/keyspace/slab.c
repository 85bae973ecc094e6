#include "keyspace/slab.h"

#include "base/assert.h"
#include "base/memory.h"
#include "keyspace/slab_arenas.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#endif
#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#endif

enum {
    UNIT_BYTES = 8, /* offsets inside a page count these */
    PAGE_OBJECTS_MIN = 4,
    PAGE_SHARE = 16, /* a class takes pages of up to this part of what it has */
    HEAP_UNIT_BYTES = 16,
    CLASS_SIZE_MIN = 16,
    CLASS_FINE_MAX = 256,   /* classes 8 bytes apart up to here */
    CLASS_MIDDLE_MAX = 512, /* 16 bytes apart up to here, then by 9 % */
};

struct slab_page {
    struct slab_page *next;
    struct slab_page *previous;
    uint16_t free;  /* offset of the first free object, each holds the next one's; 0: none */
    uint16_t fresh; /* offset where memory starts that was never handed out */
    uint16_t end;   /* offset of the page's end */
    uint16_t used;  /* objects handed out */
    uint8_t class;
    uint8_t order;
};
static_assert(sizeof(struct slab_page) == SLAB_PAGE_HEADER_BYTES, "as drawn in slab.h");
static_assert(SLAB_BLOCK_BYTES / UNIT_BYTES <= UINT16_MAX, "offsets fit");

/* Sizes from 512 on, each about 9 % above the one before, multiples of 16. */
static const uint16_t wide_sizes[] = {
    560,  608,  656,  720,  784,  848,  928,  1008, 1088, 1184, 1296, 1408, 1536,
    1664, 1808, 1968, 2144, 2336, 2544, 2768, 3008, 3264, 3552, 3808, 4080,
};

enum {
    CLASS_FINE_COUNT = (CLASS_FINE_MAX - CLASS_SIZE_MIN) / 8 + 1,
    CLASS_MIDDLE_COUNT = (CLASS_MIDDLE_MAX - CLASS_FINE_MAX) / 16,
    CLASS_WIDE_FIRST = CLASS_FINE_COUNT + CLASS_MIDDLE_COUNT,
    CLASS_WIDE_COUNT = sizeof(wide_sizes) / sizeof(wide_sizes[0]),
    CLASS_COUNT = CLASS_WIDE_FIRST + CLASS_WIDE_COUNT,
};
static_assert((int)CLASS_COUNT <= (int)SLAB_CLASS_COUNT, "struct slab has room for all classes");

unsigned slab_class_count(void)
{
    return CLASS_COUNT;
}

size_t slab_class_size(unsigned index)
{
    ASSERT(index < CLASS_COUNT);
    if (index < CLASS_FINE_COUNT) return CLASS_SIZE_MIN + (size_t)index * 8;
    if (index < CLASS_WIDE_FIRST)
        return CLASS_FINE_MAX + (size_t)(index - CLASS_FINE_COUNT + 1) * 16;
    return wide_sizes[index - CLASS_WIDE_FIRST];
}

static unsigned class_of(size_t size)
{
    if (LIKELY(size <= CLASS_FINE_MAX)) {
        return size <= CLASS_SIZE_MIN ? 0 : (unsigned)((size - CLASS_SIZE_MIN + 7) / 8);
    }
    if (size <= CLASS_MIDDLE_MAX) {
        return CLASS_FINE_COUNT + (unsigned)((size - CLASS_FINE_MAX + 15) / 16) - 1;
    }
    unsigned low = 0;
    unsigned high = CLASS_WIDE_COUNT - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (wide_sizes[middle] < size) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return CLASS_WIDE_FIRST + low;
}

size_t slab_class_bytes(size_t size)
{
    if (size > SLAB_OBJECT_MAX)
        return (size + HEAP_UNIT_BYTES - 1) & ~(size_t)(HEAP_UNIT_BYTES - 1);
    return slab_class_size(class_of(size));
}

bool slab_same_class(size_t a, size_t b)
{
    return slab_class_bytes(a) == slab_class_bytes(b);
}

static void list_push(struct slab_page **list, struct slab_page *page)
{
    page->previous = NULL;
    page->next = *list;
    if (*list != NULL) (*list)->previous = page;
    *list = page;
}

static void list_remove(struct slab_page **list, struct slab_page *page)
{
    if (page->next != NULL) page->next->previous = page->previous;
    if (page->previous != NULL) {
        page->previous->next = page->next;
    } else {
        *list = page->next;
    }
}

static bool is_full(const struct slab_page *page, size_t class_size)
{
    return page->free == 0 && page->fresh + class_size / UNIT_BYTES > page->end;
}

/* The smallest page that holds a few objects, and bigger ones as the class grows. */
static enum slab_order order_for(const struct slab_class *class, size_t class_size)
{
    size_t least = class_size * PAGE_OBJECTS_MIN + SLAB_PAGE_HEADER_BYTES;
    enum slab_order order = SLAB_PAGE_1K;
    while (slab_order_bytes(order) < least) order++;
    while (order < SLAB_PAGE_64K && slab_order_bytes(order + 1) * PAGE_SHARE <= class->page_bytes) {
        order++;
    }
    return order;
}

static struct slab_page *page_create(struct slab *slab, unsigned index)
{
    struct slab_class *class = &slab->classes[index];
    enum slab_order order = order_for(class, slab_class_size(index));
    size_t size;
    struct slab_page *page = slab_arenas_acquire(slab->arenas, order, &size);
    *page = (struct slab_page){
        .fresh = SLAB_PAGE_HEADER_BYTES / UNIT_BYTES,
        .end = (uint16_t)(size / UNIT_BYTES),
        .class = (uint8_t)index,
        .order = (uint8_t)order,
    };
    ASAN_POISON_MEMORY_REGION(page + 1, size - sizeof(*page));
    list_push(&class->partial, page);
    class->page_count++;
    class->page_bytes += slab_order_bytes(order);
    slab->page_bytes += slab_order_bytes(order);
    return page;
}

/* The page is in no list any more. */
static void page_destroy(struct slab *slab, struct slab_page *page)
{
    struct slab_class *class = &slab->classes[page->class];
    size_t page_bytes = slab_order_bytes(page->order);
    class->page_count--;
    class->page_bytes -= page_bytes;
    slab->page_bytes -= page_bytes;
    ASAN_UNPOISON_MEMORY_REGION(page, (size_t)page->end * UNIT_BYTES);
    slab_arenas_release(slab->arenas, page);
}

void slab_init(struct slab *slab, struct slab_arenas *arenas)
{
    *slab = (struct slab){.arenas = arenas};
}

static void destroy_list(struct slab *slab, struct slab_page *page)
{
    while (page != NULL) {
        struct slab_page *next = page->next;
        page_destroy(slab, page);
        page = next;
    }
}

void slab_deinit(struct slab *slab)
{
    for (unsigned index = 0; index < CLASS_COUNT; index++) {
        destroy_list(slab, slab->classes[index].partial);
        destroy_list(slab, slab->classes[index].full);
    }
    ASSERT(slab->page_bytes == 0);
    slab_init(slab, slab->arenas);
}

void *slab_allocate(struct slab *slab, size_t size)
{
    if (UNLIKELY(size > SLAB_OBJECT_MAX)) {
        slab->heap_bytes += slab_class_bytes(size);
        return memory_alloc(slab_class_bytes(size));
    }
    unsigned index = class_of(size);
    struct slab_class *class = &slab->classes[index];
    size_t class_size = slab_class_size(index);
    struct slab_page *page = class->partial;
    if (UNLIKELY(page == NULL)) page = page_create(slab, index);

    uint16_t offset = page->free != 0 ? page->free : page->fresh;
    char *object = (char *)page + (size_t)offset * UNIT_BYTES;
    ASAN_UNPOISON_MEMORY_REGION(object, class_size);
    if (page->free != 0) {
        memcpy(&page->free, object, sizeof(page->free));
    } else {
        page->fresh = (uint16_t)(page->fresh + class_size / UNIT_BYTES);
    }
    page->used++;
    if (UNLIKELY(is_full(page, class_size))) {
        list_remove(&class->partial, page);
        list_push(&class->full, page);
    }
    class->object_count++;
    slab->object_bytes += class_size;
    return object;
}

void slab_free(struct slab *slab, void *object, size_t size)
{
    if (UNLIKELY(size > SLAB_OBJECT_MAX)) {
        slab->heap_bytes -= slab_class_bytes(size);
        memory_free(object);
        return;
    }
    struct slab_page *page = slab_arenas_page_of(object);
    unsigned index = page->class;
    struct slab_class *class = &slab->classes[index];
    size_t class_size = slab_class_size(index);
    ASSERT(index == class_of(size));
    ASSERT(page->used > 0);

    if (UNLIKELY(is_full(page, class_size))) {
        list_remove(&class->full, page);
        list_push(&class->partial, page);
    }
    memcpy(object, &page->free, sizeof(page->free));
    ASAN_POISON_MEMORY_REGION(object, class_size);
    page->free = (uint16_t)(((char *)object - (char *)page) / UNIT_BYTES);
    page->used--;
    class->object_count--;
    slab->object_bytes -= class_size;
    if (UNLIKELY(page->used == 0)) {
        list_remove(&class->partial, page);
        page_destroy(slab, page);
    }
}
