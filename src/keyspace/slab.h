/* Memory for entries: size classes of 8 bytes up to 256, wider above, in pages that are taken from
 * 2 MB arenas (huge pages where the system gives them). One slab a shard, guarded by the shard
 * lock; the arena pool is shared. The caller knows the size on free, so objects carry no header.
 * Larger than SLAB_OBJECT_MAX goes to the heap. Objects are 8-byte aligned and below 2^48.
 *
 *   arena, 2 MB, aligned   32 blocks of 64 KB; a header of 128 bytes at the start of the first
 *   block, 64 KB           pages of one order: 64 of 1 KB, 16 of 4 KB, 4 of 16 KB or 1 of 64 KB
 *   page                   a header of 32 bytes, then objects of one class of one slab
 *
 * An object's page is found from its address alone: the arena by masking, the order of the block in
 * the arena's header, the page by masking again. A class takes bigger pages as it grows, so that
 * little data costs little and page headers vanish in much data. */
#ifndef KEYSPACE_SLAB_H
#define KEYSPACE_SLAB_H

#include "base/attributes.h"
#include "base/bytes.h"

enum {
    SLAB_OBJECT_MAX = 4080,
    SLAB_CLASS_COUNT = 80, /* room; slab_class_count() says how many there are */
};

struct slab_arenas; /* the shared pool: thread-safe */
struct slab_arenas *slab_arenas_create(void);
void slab_arenas_destroy(struct slab_arenas *arenas);       /* all slabs are deinitialised */
size_t slab_arenas_bytes(const struct slab_arenas *arenas); /* mapped from the system */

struct slab_page;

struct slab_class {
    struct slab_page *partial; /* pages with free objects, the fullest first as far as known */
    struct slab_page *full;
    uint32_t page_count;
    uint32_t object_count;
    size_t page_bytes;
};

struct slab {
    struct slab_arenas *arenas;
    size_t object_bytes; /* handed out from pages, in class sizes */
    size_t page_bytes;   /* held */
    size_t heap_bytes;   /* handed out from the heap */
    struct slab_class classes[SLAB_CLASS_COUNT];
};

void slab_init(struct slab *slab, struct slab_arenas *arenas);
/* Gives all pages back, whatever is in them; objects on the heap must have been freed. */
void slab_deinit(struct slab *slab);
void *slab_allocate(struct slab *slab, size_t size);
void slab_free(struct slab *slab, void *object, size_t size);
/* Both sizes fall into the same class: the object can be rewritten in place. */
bool slab_same_class(size_t a, size_t b);
/* What an object of this size really takes. */
size_t slab_class_bytes(size_t size);
/* Size classes in use, and the largest object of one. */
unsigned slab_class_count(void);
size_t slab_class_size(unsigned index);

#endif
