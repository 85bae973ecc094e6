#include "keyspace/reclaim.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/check.h"

static unsigned released;

static void count_release(void *memory, size_t size)
{
    assert_int_equal(size, 8);
    memory_free(memory);
    released++;
}

static void retire_one(struct reclaim *reclaim)
{
    reclaim_retire(reclaim, memory_alloc(8), 8, count_release);
}

TEST(without_readers_memory_goes_at_once)
{
    released = 0;
    struct reclaim *reclaim = reclaim_create(0);
    retire_one(reclaim);
    assert_int_equal(released, 1);
    retire_one(reclaim);
    assert_int_equal(released, 2);
    assert_int_equal(reclaim_pending_bytes(reclaim), 0);
    reclaim_destroy(reclaim);
}

TEST(memory_waits_for_a_reader_inside)
{
    released = 0;
    struct reclaim *reclaim = reclaim_create(2);
    reclaim_enter(reclaim, 0);
    retire_one(reclaim);
    for (int i = 0; i < 5; i++) reclaim_enter(reclaim, 1);
    assert_int_equal(released, 0);
    assert_int_equal(reclaim_pending_bytes(reclaim), 8);
    reclaim_enter(reclaim, 0);
    reclaim_enter(reclaim, 1);
    assert_int_equal(released, 1);
    assert_int_equal(reclaim_pending_bytes(reclaim), 0);
    reclaim_destroy(reclaim);
}

TEST(reader_outside_holds_nobody_up)
{
    released = 0;
    struct reclaim *reclaim = reclaim_create(3);
    reclaim_enter(reclaim, 0);
    reclaim_enter(reclaim, 2);
    reclaim_leave(reclaim, 2);
    retire_one(reclaim);
    reclaim_leave(reclaim, 0);
    retire_one(reclaim);
    assert_int_equal(released, 1);
    reclaim_leave(reclaim, 0); /* outside already */
    retire_one(reclaim);
    assert_int_equal(released, 2);
    reclaim_destroy(reclaim);
    assert_int_equal(released, 3);
}

TEST(what_is_retired_while_a_batch_waits_waits_for_its_own_turn)
{
    released = 0;
    struct reclaim *reclaim = reclaim_create(1);
    reclaim_enter(reclaim, 0);
    retire_one(reclaim);
    retire_one(reclaim); /* behind the first batch */
    retire_one(reclaim);
    reclaim_enter(reclaim, 0);
    assert_int_equal(released, 1);
    reclaim_enter(reclaim, 0);
    assert_int_equal(released, 3);
    reclaim_destroy(reclaim);
}

TEST(destroy_frees_the_rest)
{
    released = 0;
    struct reclaim *reclaim = reclaim_create(1);
    reclaim_enter(reclaim, 0);
    for (int i = 0; i < 20; i++) retire_one(reclaim);
    reclaim_destroy(reclaim);
    assert_int_equal(released, 20);
    reclaim_destroy(NULL);
}

/* A writer exchanges a page all the time; readers look at it without a lock. A page that is freed
 * too early is filled with other bytes, and sanitizers see it too. */
enum { READERS = 3, ROUNDS = 3000, PAGE_BYTES = 64 };

struct arena {
    struct reclaim *reclaim;
    _Atomic(unsigned char *) page;
    _Atomic bool is_over;
};

struct reader {
    struct arena *arena;
    uint32_t index;
};

static void spoil(void *memory, size_t size)
{
    memset(memory, 0xff, size);
    memory_free(memory);
}

static unsigned char *page_create(int fill)
{
    return memset(memory_alloc(PAGE_BYTES), fill % 200, PAGE_BYTES);
}

static void *read_pages(void *context)
{
    struct reader *reader = context;
    struct arena *arena = reader->arena;
    for (unsigned round = 0; !atomic_load(&arena->is_over); round++) {
        reclaim_enter(arena->reclaim, reader->index);
        for (int i = 0; i < 20; i++) {
            const unsigned char *page = atomic_load_explicit(&arena->page, memory_order_acquire);
            for (size_t at = 0; at < PAGE_BYTES; at++) {
                assert_int_equal(page[at], page[0]);
                assert_true(page[at] < 200);
            }
        }
        if (round % 7 == 0) reclaim_leave(arena->reclaim, reader->index);
    }
    reclaim_leave(arena->reclaim, reader->index);
    return NULL;
}

TEST(readers_in_threads_never_see_freed_memory)
{
    struct arena arena = {.reclaim = reclaim_create(READERS)};
    atomic_store(&arena.page, page_create(0));
    pthread_t threads[READERS];
    struct reader readers[READERS];
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){&arena, i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_pages, &readers[i]), 0);
    }
    for (int round = 1; round < ROUNDS; round++) {
        unsigned char *old = atomic_exchange(&arena.page, page_create(round));
        reclaim_retire(arena.reclaim, old, PAGE_BYTES, spoil);
    }
    atomic_store(&arena.is_over, true);
    for (uint32_t i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    reclaim_destroy(arena.reclaim);
    memory_free(atomic_load(&arena.page));
}

RUN_TESTS(CHECK(without_readers_memory_goes_at_once), CHECK(memory_waits_for_a_reader_inside),
          CHECK(reader_outside_holds_nobody_up),
          CHECK(what_is_retired_while_a_batch_waits_waits_for_its_own_turn),
          CHECK(destroy_frees_the_rest), CHECK(readers_in_threads_never_see_freed_memory))
