#include "base/heap.h"

#include "base/random.h"
#include "tests/support/check.h"

static void assert_sound(const struct heap *heap)
{
    for (size_t i = 1; i <= heap->count; i++) {
        assert_int_equal(heap->nodes[i]->position, i);
        if (i > 1) assert_true(heap->nodes[i / 2]->key <= heap->nodes[i]->key);
    }
}

TEST(empty_heap_has_no_first)
{
    struct heap heap = {0};
    assert_null(heap_first(&heap));
    heap_deinit(&heap);
}

TEST(nodes_leave_in_order_of_key)
{
    enum { COUNT = 1000 };
    struct heap heap = {0};
    struct heap_node nodes[COUNT] = {0};
    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < COUNT; i++) heap_insert(&heap, &nodes[i], random_below(&random, 300));
    assert_sound(&heap);

    uint64_t before = 0;
    for (size_t left = COUNT; left > 0; left--) {
        assert_int_equal(heap.count, left);
        struct heap_node *first = heap_first(&heap);
        assert_true(first->key >= before);
        before = first->key;
        heap_remove(&heap, first);
        assert_int_equal(first->position, 0);
    }
    assert_null(heap_first(&heap));
    heap_deinit(&heap);
}

TEST(heap_stays_sound_under_any_removals)
{
    enum { COUNT = 100 };
    struct heap heap = {0};
    struct heap_node nodes[COUNT] = {0};
    struct random random;
    random_init(&random, 2);
    size_t expected_count = 0;
    for (int step = 0; step < 5000; step++) {
        struct heap_node *node = &nodes[random_below(&random, COUNT)];
        if (node->position != 0) {
            heap_remove(&heap, node);
            expected_count--;
        } else {
            heap_insert(&heap, node, random_below(&random, 50));
            expected_count++;
        }
        assert_int_equal(heap.count, expected_count);
        assert_sound(&heap);
    }
    heap_deinit(&heap);
}

TEST(removing_what_is_not_inside_does_nothing)
{
    struct heap heap = {0};
    struct heap_node inside = {0};
    struct heap_node outside = {0};
    heap_insert(&heap, &inside, 5);
    heap_remove(&heap, &outside);
    assert_ptr_equal(heap_first(&heap), &inside);
    heap_remove(&heap, &inside);
    heap_remove(&heap, &inside);
    assert_null(heap_first(&heap));
    heap_deinit(&heap);
}

RUN_TESTS(CHECK(empty_heap_has_no_first), CHECK(nodes_leave_in_order_of_key),
          CHECK(heap_stays_sound_under_any_removals),
          CHECK(removing_what_is_not_inside_does_nothing))
