/* Heap memory that never comes back NULL: a key-value server that has no memory left can keep
 * its word only by stopping, so the process ends with a clear line on standard error and exit
 * code 1; nothing acknowledged is lost. Sizes that a client chooses are bounded by named limits
 * before they come here. Any thread. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

void *memory_alloc(size_t size);
void *memory_zalloc(size_t size);
void *memory_realloc(void *old, size_t size);
/* `alignment` is a power of two; `size` a multiple of it. Freed with memory_free. */
void *memory_alloc_aligned(size_t alignment, size_t size);
void memory_free(void *memory);
/* Bytes the allocator really set aside for this pointer (at least what was asked). */
size_t memory_usable_size(const void *memory);
/* Bytes in use through these functions, as the allocator counts them; process-wide. */
size_t memory_heap_bytes(void);
/* The name INFO prints as mem_allocator. */
const char *memory_allocator_name(void);

/* a*b and a+b that end the process instead of wrapping round. */
size_t memory_size_mul(size_t a, size_t b);
size_t memory_size_add(size_t a, size_t b);

#endif
