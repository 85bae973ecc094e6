#include "os/pages.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/attributes.h"

/* Like the heap's own count: of the process, so it cannot travel as a parameter. */
static _Atomic size_t mapped_bytes;

/* There is no memory to do anything else with. */
static _Noreturn NO_INLINE void end_process(void)
{
    static const char line[] = "out of memory: the system refused to map pages\n";
    ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
    (void)ignored;
    _exit(1);
}

static size_t rounded(size_t size)
{
    if (size > SIZE_MAX / 2) end_process();
    return (size + PAGES_SMALL_BYTES - 1) & ~(size_t)(PAGES_SMALL_BYTES - 1);
}

static void unmap(char *start, size_t size)
{
    if (size == 0) return;
    int result = munmap(start, size);
    ASSERT(result == 0);
}

void *pages_map(size_t size, size_t alignment, bool want_huge)
{
    ASSERT(size > 0);
    ASSERT((alignment & (alignment - 1)) == 0);
    size = rounded(size);

    /* More than needed, then the ends are cut off: mmap itself aligns to small pages only. */
    size_t extra = alignment > PAGES_SMALL_BYTES ? alignment - PAGES_SMALL_BYTES : 0;
    if (extra > SIZE_MAX / 2) end_process();
    char *mapped = mmap(NULL, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0);
    if (mapped == MAP_FAILED) end_process();

    char *memory = mapped + (-(uintptr_t)mapped & (alignment - 1));
    unmap(mapped, (size_t)(memory - mapped));
    unmap(memory + size, (size_t)(mapped + extra - memory));

    /* A refusal is fine: small pages are only slower. */
    if (want_huge) (void)madvise(memory, size, MADV_HUGEPAGE);
    atomic_fetch_add_explicit(&mapped_bytes, size, memory_order_relaxed);
    return memory;
}

void pages_unmap(void *memory, size_t size)
{
    ASSERT(memory != NULL);
    atomic_fetch_sub_explicit(&mapped_bytes, rounded(size), memory_order_relaxed);
    unmap(memory, rounded(size));
}

size_t pages_bytes(void)
{
    return atomic_load_explicit(&mapped_bytes, memory_order_relaxed);
}
