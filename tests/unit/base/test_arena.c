#include "base/arena.h"

#include "tests/support/check.h"

enum { BLOCK_BYTES = 4096 };

TEST(allocations_are_aligned_and_apart)
{
    struct arena arena;
    arena_init(&arena, BLOCK_BYTES);
    char *before = NULL;
    for (size_t size = 0; size < 300; size++) {
        char *memory = arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 8, 0);
        assert_ptr_not_equal(memory, before);
        memset(memory, (int)size, size);
        before = memory;
    }
    arena_deinit(&arena);
}

TEST(written_bytes_survive_later_allocations)
{
    struct arena arena;
    arena_init(&arena, BLOCK_BYTES);
    struct bytes copies[500];
    char pattern[500];
    for (size_t i = 0; i < 500; i++) {
        memset(pattern, (int)i, sizeof(pattern));
        copies[i] = arena_copy(&arena, bytes_of(pattern, i));
    }
    for (size_t i = 0; i < 500; i++) {
        memset(pattern, (int)i, sizeof(pattern));
        assert_bytes_equal(copies[i], bytes_of(pattern, i));
    }
    arena_deinit(&arena);
}

TEST(steady_work_keeps_one_block)
{
    struct arena arena;
    arena_init(&arena, BLOCK_BYTES);
    (void)arena_alloc(&arena, 100);
    void *kept = arena_alloc(&arena, 100);
    size_t bytes = arena_bytes(&arena);
    for (int round = 0; round < 100; round++) {
        arena_reset(&arena);
        (void)arena_alloc(&arena, 100);
        assert_ptr_equal(arena_alloc(&arena, 100), kept);
        for (int i = 0; i < 100; i++) (void)arena_alloc(&arena, 1000);
        (void)arena_alloc(&arena, (size_t)10 * BLOCK_BYTES);
        assert_true(arena_bytes(&arena) > (size_t)30 * BLOCK_BYTES);
        arena_reset(&arena);
        assert_int_equal(arena_bytes(&arena), bytes);
        kept = arena_alloc(&arena, 100);
        kept = arena_alloc(&arena, 100);
    }
    arena_deinit(&arena);
}

TEST(big_requests_do_not_waste_the_current_block)
{
    struct arena arena;
    arena_init(&arena, BLOCK_BYTES);
    char *first = arena_alloc(&arena, 8);
    char *big = arena_alloc(&arena, (size_t)100 * BLOCK_BYTES);
    memset(big, 1, (size_t)100 * BLOCK_BYTES);
    char *second = arena_alloc(&arena, 8);
    assert_ptr_equal(second, first + 8);
    arena_deinit(&arena);
}

TEST(only_big_requests_leave_nothing_after_a_reset)
{
    struct arena arena;
    arena_init(&arena, BLOCK_BYTES);
    (void)arena_alloc(&arena, BLOCK_BYTES + 8);
    arena_reset(&arena);
    assert_int_equal(arena_bytes(&arena), 0);
    arena_reset(&arena);
    arena_deinit(&arena);
}

TEST(zeroed_memory_is_zero_after_reuse)
{
    struct arena arena;
    arena_init(&arena, BLOCK_BYTES);
    memset(arena_alloc(&arena, 1000), 0xff, 1000);
    arena_reset(&arena);
    const char *memory = arena_zalloc(&arena, 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(memory[i], 0);
    arena_deinit(&arena);
}

TEST(texts_end_with_a_nul)
{
    struct arena arena;
    arena_init(&arena, 0);
    assert_string_equal(arena_text(&arena, BYTES_LITERAL("abc")), "abc");
    assert_string_equal(arena_text(&arena, (struct bytes){NULL, 0}), "");
    assert_bytes_text(arena_copy(&arena, (struct bytes){NULL, 0}), "");
    arena_deinit(&arena);
}

RUN_TESTS(CHECK(allocations_are_aligned_and_apart), CHECK(written_bytes_survive_later_allocations),
          CHECK(steady_work_keeps_one_block), CHECK(big_requests_do_not_waste_the_current_block),
          CHECK(only_big_requests_leave_nothing_after_a_reset),
          CHECK(zeroed_memory_is_zero_after_reuse), CHECK(texts_end_with_a_nul))
