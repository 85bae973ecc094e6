/* Binary min-heap of intrusive nodes ordered by a 64-bit key (a deadline). The heap owns only
 * its array. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    uint64_t key;
    size_t position; /* 1-based place in the heap; 0 when not in one */
};

struct heap {
    struct heap_node **nodes; /* nodes[0] unused */
    size_t count;
    size_t capacity;
};

void heap_deinit(struct heap *heap);
void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key);
void heap_remove(struct heap *heap, struct heap_node *node); /* no-op when not in the heap */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[1] : NULL;
}

#endif
