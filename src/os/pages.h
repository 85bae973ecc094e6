/* Memory in pages straight from the system, for the few owners of large areas: bucket arrays and
 * slab arenas. Zeroed, taken into real memory when first touched. Like base/memory.h it never comes
 * back NULL: the process ends with a clear line instead. Any thread. */
#ifndef OS_PAGES_H
#define OS_PAGES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    PAGES_SMALL_BYTES = 4096,
    PAGES_HUGE_BYTES = 2 * 1024 * 1024,
};

/* `size` is rounded up to whole small pages; `alignment` is a power of two. `want_huge` asks for
 * huge pages wherever an aligned 2 MB fits; where the system has none, small ones serve. */
void *pages_map(size_t size, size_t alignment, bool want_huge);
void pages_unmap(void *memory, size_t size);
/* All that is mapped now, process-wide. */
size_t pages_bytes(void);

#endif
