#include "base/memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef CAIRN_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "base/assert.h"
#include "base/attributes.h"

/* The heap is gone, so nothing here may allocate; and exit handlers might. */
static _Noreturn NO_INLINE void end_process(const char *line)
{
    ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
    (void)ignored;
    _exit(1);
}

static void *must_have(void *memory)
{
    if (UNLIKELY(memory == NULL)) end_process("out of memory: the system refused an allocation\n");
    return memory;
}

/* malloc(0) and realloc(p, 0) may answer NULL, which means failure here. */
static size_t at_least_one(size_t size)
{
    return size > 0 ? size : 1;
}

void *memory_alloc(size_t size)
{
    return must_have(malloc(at_least_one(size)));
}

void *memory_zalloc(size_t size)
{
    return must_have(calloc(1, at_least_one(size)));
}

void *memory_realloc(void *old, size_t size)
{
    return must_have(realloc(old, at_least_one(size)));
}

void *memory_alloc_aligned(size_t alignment, size_t size)
{
    ASSERT(alignment > 0);
    ASSERT((alignment & (alignment - 1)) == 0);
    ASSERT(size % alignment == 0);
    if (alignment < sizeof(void *)) alignment = sizeof(void *);

    void *memory = NULL;
    if (posix_memalign(&memory, alignment, at_least_one(size)) != 0) memory = NULL;
    return must_have(memory);
}

void memory_free(void *memory)
{
    free(memory);
}

#ifdef CAIRN_JEMALLOC

size_t memory_usable_size(const void *memory)
{
    return memory != NULL ? sallocx(memory, 0) : 0;
}

size_t memory_heap_bytes(void)
{
    /* The statistics are a snapshot that is taken when the epoch is written. */
    uint64_t epoch = 1;
    size_t epoch_size = sizeof(epoch);
    if (mallctl("epoch", &epoch, &epoch_size, &epoch, epoch_size) != 0) return 0;

    size_t allocated = 0;
    size_t allocated_size = sizeof(allocated);
    if (mallctl("stats.allocated", &allocated, &allocated_size, NULL, 0) != 0) return 0;
    return allocated;
}

const char *memory_allocator_name(void)
{
    return "jemalloc-5.3.0";
}

#else

size_t memory_usable_size(const void *memory)
{
    union {
        const void *borrowed;
        void *plain;
    } pointer = {memory}; /* malloc_usable_size reads only, its prototype does not say so. */
    return malloc_usable_size(pointer.plain);
}

size_t memory_heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

const char *memory_allocator_name(void)
{
    return "libc";
}

#endif

size_t memory_size_mul(size_t a, size_t b)
{
    size_t product;
    if (UNLIKELY(__builtin_mul_overflow(a, b, &product))) {
        end_process("out of memory: a size is beyond the address space\n");
    }
    return product;
}

size_t memory_size_add(size_t a, size_t b)
{
    size_t sum;
    if (UNLIKELY(__builtin_add_overflow(a, b, &sum))) {
        end_process("out of memory: a size is beyond the address space\n");
    }
    return sum;
}
