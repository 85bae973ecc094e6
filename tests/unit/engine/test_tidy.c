/* Deadlines that pass while nobody looks: engine_tidy by a clock that the test moves (case 24). */
#include <stdio.h>

#include "engine/engine.h"
#include "tests/support/check.h"
#include "tests/support/engine_fixture.h"

enum { WORKERS = 2, KEYS = 300 };

/* All shards once; the least of what the workers say. */
static int64_t tidy_all(struct engine_fixture *fixture, unsigned budget_keys)
{
    int64_t next_ms = INT64_MAX;
    for (uint32_t i = 0; i < WORKERS; i++) {
        int64_t now_ms = engine_fixture_now_ms(fixture);
        int64_t here_ms = engine_tidy(engine_fixture_worker(fixture, i), now_ms, budget_keys);
        if (here_ms < next_ms) next_ms = here_ms;
    }
    return next_ms;
}

static void set_many(struct engine_fixture *fixture, int64_t deadline_ms)
{
    for (int i = 0; i < KEYS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "key %d", i);
        engine_fixture_set(fixture, name, "1", deadline_ms);
    }
}

TEST(keys_that_are_due_are_deleted_and_no_others)
{
    struct engine_fixture fixture;
    engine_fixture_init_in_memory(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    int64_t now_ms = engine_fixture_now_ms(&fixture);
    set_many(&fixture, now_ms + 100);
    engine_fixture_set(&fixture, "later", "1", now_ms + 500);
    engine_fixture_set(&fixture, "never", "1", ENTRY_NO_DEADLINE);
    engine_fixture_set(&fixture, "put off", "1", now_ms + 100);
    engine_fixture_set(&fixture, "put off", "1", now_ms + 900);

    engine_fixture_advance_ms(&fixture, 99);
    (void)tidy_all(&fixture, UINT32_MAX);
    assert_int_equal(engine_fixture_key_count(&fixture), KEYS + 3);
    engine_fixture_advance_ms(&fixture, 1);
    while (tidy_all(&fixture, UINT32_MAX) == 0) continue;
    assert_int_equal(engine_fixture_key_count(&fixture), 3);
    engine_fixture_advance_ms(&fixture, 400);
    while (tidy_all(&fixture, UINT32_MAX) == 0) continue;
    assert_string_equal(engine_fixture_get(&fixture, "later"), "(nil)");
    assert_string_equal(engine_fixture_get(&fixture, "put off"), "1");
    engine_fixture_advance_ms(&fixture, 400);
    while (tidy_all(&fixture, UINT32_MAX) == 0) continue;
    assert_int_equal(engine_fixture_key_count(&fixture), 1);
    assert_true(tidy_all(&fixture, UINT32_MAX) == INT64_MAX);
    struct engine_statistics statistics;
    engine_statistics(fixture.engine, &statistics);
    assert_int_equal(statistics.expired, KEYS + 2);
    engine_fixture_deinit(&fixture);
}

TEST(it_says_when_to_come_back)
{
    struct engine_fixture fixture;
    engine_fixture_init_in_memory(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    assert_true(tidy_all(&fixture, 10) == INT64_MAX);
    engine_fixture_set(&fixture, "a", "1", engine_fixture_now_ms(&fixture) + 60000);
    int64_t passed_ms = 0;
    unsigned visits = 0;
    /* Coarse slots make it come a few times too early, never too late. */
    while (engine_fixture_key_count(&fixture) > 0) {
        int64_t next_ms = tidy_all(&fixture, 10);
        if (next_ms == INT64_MAX) break;
        assert_true(passed_ms + next_ms <= 60000);
        engine_fixture_advance_ms(&fixture, next_ms);
        passed_ms += next_ms;
        assert_true(++visits < 20);
    }
    assert_int_equal(passed_ms, 60000);
    engine_fixture_deinit(&fixture);
}

TEST(a_budget_bounds_one_call)
{
    struct engine_fixture fixture;
    engine_fixture_init_in_memory(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    set_many(&fixture, engine_fixture_now_ms(&fixture) + 1);
    engine_fixture_advance_ms(&fixture, 1);
    for (unsigned calls = 1; engine_fixture_key_count(&fixture) > 0; calls++) {
        uint64_t before = engine_fixture_key_count(&fixture);
        int64_t next_ms = tidy_all(&fixture, 10);
        assert_true(before - engine_fixture_key_count(&fixture) <= 10 * WORKERS);
        if (engine_fixture_key_count(&fixture) > 0) assert_int_equal(next_ms, 0);
        assert_true(calls < KEYS);
    }
    engine_fixture_deinit(&fixture);
}

/* The clock goes back while the server is down: what was deleted stays deleted, by its record. */
TEST(deletions_by_deadline_are_recorded)
{
    struct engine_fixture fixture;
    engine_fixture_init(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    set_many(&fixture, engine_fixture_now_ms(&fixture) + 1000);
    engine_fixture_advance_ms(&fixture, 1000);
    while (tidy_all(&fixture, UINT32_MAX) == 0) continue;
    assert_true(engine_fixture_commit(&fixture));
    engine_fixture_kill(&fixture);
    fake_clock_step_wall(&fixture.clock, -3600 * INT64_C(1000000));
    assert_ok(engine_fixture_open(&fixture));
    assert_int_equal(engine_fixture_key_count(&fixture), 0);
    assert_string_equal(engine_fixture_get(&fixture, "key 7"), "(nil)");
    engine_fixture_deinit(&fixture);
}

TEST(a_deletion_by_deadline_is_waited_for)
{
    struct engine_fixture fixture;
    engine_fixture_init(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    engine_fixture_set(&fixture, "a", "1", engine_fixture_now_ms(&fixture) + 10);
    assert_true(engine_fixture_commit(&fixture));
    engine_fixture_advance_ms(&fixture, 10);
    while (tidy_all(&fixture, UINT32_MAX) == 0) continue;
    assert_true(engine_fixture_read_gate(&fixture, "a") > engine_durable(fixture.engine));
    assert_true(engine_fixture_commit(&fixture));
    assert_int_equal(engine_fixture_read_gate(&fixture, "a"), 0);
    engine_fixture_deinit(&fixture);
}

/* The wheel tells databases apart by six bits only. */
TEST(the_same_key_expires_in_the_right_one_of_many_databases)
{
    struct engine_fixture fixture;
    engine_fixture_init_in_memory(&fixture);
    fixture.options.database_count = 200;
    assert_ok(engine_fixture_open(&fixture));
    int64_t now_ms = engine_fixture_now_ms(&fixture);
    engine_fixture_set_in(&fixture, 0, 1, "a", "1", now_ms + 300);
    engine_fixture_set_in(&fixture, 0, 65, "a", "1", now_ms + 100);
    engine_fixture_set_in(&fixture, 0, 129, "a", "1", ENTRY_NO_DEADLINE);
    engine_fixture_set_in(&fixture, 0, 193, "a", "1", now_ms + 200);
    static const uint32_t order[] = {65, 193, 1};
    for (int i = 0; i < 3; i++) {
        assert_string_equal(engine_fixture_get_in(&fixture, order[i], "a"), "1");
        engine_fixture_advance_ms(&fixture, 100);
        while (tidy_all(&fixture, UINT32_MAX) == 0) continue;
        assert_int_equal(engine_fixture_key_count(&fixture), 3 - i);
        assert_string_equal(engine_fixture_get_in(&fixture, order[i], "a"), "(nil)");
    }
    assert_string_equal(engine_fixture_get_in(&fixture, 129, "a"), "1");
    engine_fixture_deinit(&fixture);
}

TEST(swapped_databases_keep_their_deadlines)
{
    struct engine_fixture fixture;
    engine_fixture_init_in_memory(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    engine_fixture_set(&fixture, "a", "1", engine_fixture_now_ms(&fixture) + 100);
    engine_fixture_set_in(&fixture, 0, 1, "a", "1", ENTRY_NO_DEADLINE);
    engine_fixture_swap(&fixture, 0, 0, 1);
    engine_fixture_advance_ms(&fixture, 100);
    while (tidy_all(&fixture, UINT32_MAX) == 0) continue;
    assert_int_equal(engine_fixture_key_count(&fixture), 1);
    assert_string_equal(engine_fixture_get_in(&fixture, 0, "a"), "1");
    engine_fixture_deinit(&fixture);
}

TEST(flushed_keys_are_freed_in_slices)
{
    struct engine_fixture fixture;
    engine_fixture_init_in_memory(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    set_many(&fixture, ENTRY_NO_DEADLINE);
    engine_sample_memory(fixture.engine);
    struct engine_statistics before;
    engine_statistics(fixture.engine, &before);
    engine_fixture_flush(&fixture, 0, 0);
    assert_int_equal(engine_fixture_key_count(&fixture), 0);
    unsigned calls = 0;
    while (tidy_all(&fixture, 100) == 0) assert_true(++calls < 10000);
    engine_sample_memory(fixture.engine);
    struct engine_statistics after;
    engine_statistics(fixture.engine, &after);
    assert_true(after.keyspace_bytes < before.keyspace_bytes);
    engine_fixture_deinit(&fixture);
}

RUN_TESTS(CHECK(keys_that_are_due_are_deleted_and_no_others), CHECK(it_says_when_to_come_back),
          CHECK(a_budget_bounds_one_call), CHECK(deletions_by_deadline_are_recorded),
          CHECK(a_deletion_by_deadline_is_waited_for),
          CHECK(the_same_key_expires_in_the_right_one_of_many_databases),
          CHECK(swapped_databases_keep_their_deadlines), CHECK(flushed_keys_are_freed_in_slices))
