#include "base/heap.h"

#include "base/assert.h"
#include "base/memory.h"

enum { HEAP_CAPACITY_MIN = 16 };

static void place(struct heap *heap, struct heap_node *node, size_t position)
{
    heap->nodes[position] = node;
    node->position = position;
}

/* Both walk a hole from `position` to where `node` belongs, and put it there. */
static void settle_up(struct heap *heap, struct heap_node *node, size_t position)
{
    while (position > 1 && heap->nodes[position / 2]->key > node->key) {
        place(heap, heap->nodes[position / 2], position);
        position /= 2;
    }
    place(heap, node, position);
}

static void settle_down(struct heap *heap, struct heap_node *node, size_t position)
{
    for (;;) {
        size_t child = 2 * position;
        if (child > heap->count) break;
        if (child < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key) child++;
        if (heap->nodes[child]->key >= node->key) break;
        place(heap, heap->nodes[child], position);
        position = child;
    }
    place(heap, node, position);
}

static void grow(struct heap *heap)
{
    size_t capacity = heap->capacity > 0 ? memory_size_mul(heap->capacity, 2) : HEAP_CAPACITY_MIN;
    heap->nodes = memory_realloc(heap->nodes, memory_size_mul(capacity, sizeof(*heap->nodes)));
    heap->capacity = capacity;
}

void heap_deinit(struct heap *heap)
{
    memory_free(heap->nodes);
    *heap = (struct heap){0};
}

void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
    ASSERT(node->position == 0);
    if (heap->count + 1 >= heap->capacity) grow(heap);
    node->key = key;
    heap->count++;
    settle_up(heap, node, heap->count);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t position = node->position;
    if (position == 0) return;
    ASSERT(position <= heap->count);
    ASSERT(heap->nodes[position] == node);

    struct heap_node *last = heap->nodes[heap->count];
    heap->count--;
    node->position = 0;
    if (last == node) return;
    if (last->key < node->key) {
        settle_up(heap, last, position);
    } else {
        settle_down(heap, last, position);
    }
}
