#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"

TEST(memory_is_there_even_when_nothing_is_asked)
{
    void *memory = memory_alloc(0);
    assert_non_null(memory);
    memory = memory_realloc(memory, 0);
    assert_non_null(memory);
    memory_free(memory);
    memory = memory_zalloc(0);
    assert_non_null(memory);
    memory_free(memory);
    memory_free(NULL);
}

TEST(contents_survive_growth)
{
    char *memory = memory_alloc(10);
    memcpy(memory, "0123456789", 10);
    memory = memory_realloc(memory, 100000);
    assert_memory_equal(memory, "0123456789", 10);
    memory_free(memory);
}

TEST(zeroed_memory_is_zero)
{
    char *memory = memory_zalloc(10000);
    for (int i = 0; i < 10000; i++) assert_int_equal(memory[i], 0);
    memory_free(memory);
}

TEST(aligned_memory_is_aligned)
{
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        void *memory = memory_alloc_aligned(alignment, 2 * alignment);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        memset(memory, 1, 2 * alignment);
        memory_free(memory);
    }
}

TEST(usable_size_is_at_least_what_was_asked)
{
    for (size_t size = 1; size < 5000; size += 17) {
        void *memory = memory_alloc(size);
        assert_true(memory_usable_size(memory) >= size);
        memory_free(memory);
    }
    assert_int_equal(memory_usable_size(NULL), 0);
}

TEST(allocator_has_a_name_and_counts)
{
    assert_true(strlen(memory_allocator_name()) > 0);
    size_t before = memory_heap_bytes();
    enum { SIZE = 8 * 1024 * 1024 };
    char *memory = memory_alloc(SIZE);
    memset(memory, 1, SIZE);
    size_t after = memory_heap_bytes();
    /* Sanitizers have allocators of their own that these counters do not see. */
    if (after != before) assert_true(after >= before + SIZE);
    memory_free(memory);
}

/* The exit code of a child that runs `run`. */
static int exit_code_of(void (*run)(void))
{
    pid_t child = fork();
    if (child == 0) {
        (void)close(STDERR_FILENO);
        run();
        _exit(0);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

static void multiply_too_far(void)
{
    (void)memory_size_mul(SIZE_MAX / 2, 3);
}

static void add_too_far(void)
{
    (void)memory_size_add(SIZE_MAX, 1);
}

TEST(sizes_never_wrap)
{
    assert_true(memory_size_mul(3, 4) == 12);
    assert_true(memory_size_mul(SIZE_MAX, 1) == SIZE_MAX);
    assert_true(memory_size_add(SIZE_MAX - 1, 1) == SIZE_MAX);
    assert_int_equal(exit_code_of(multiply_too_far), 1);
    assert_int_equal(exit_code_of(add_too_far), 1);
}

RUN_TESTS(CHECK(memory_is_there_even_when_nothing_is_asked), CHECK(contents_survive_growth),
          CHECK(zeroed_memory_is_zero), CHECK(aligned_memory_is_aligned),
          CHECK(usable_size_is_at_least_what_was_asked), CHECK(allocator_has_a_name_and_counts),
          CHECK(sizes_never_wrap))
