#include "command/statistics.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/thread.h"
#include "tests/support/check.h"

enum { COMMANDS = 3, WORKERS = 2, THREAD_COUNTS = 100000 };

TEST(workers_are_added_up)
{
    struct statistics *statistics = statistics_create(COMMANDS, WORKERS);
    struct statistics_worker *a = statistics_worker_at(statistics, 0);
    struct statistics_worker *b = statistics_worker_at(statistics, 1);
    statistics_count(a, 1, 1000, false);
    statistics_count(b, 1, 500, true);
    statistics_reject(b, 1);
    statistics_add(a, STATISTICS_INPUT_BYTES, 10);
    statistics_add(b, STATISTICS_INPUT_BYTES, 5);

    struct statistics_command_sum sum = statistics_command_at(statistics, 1);
    assert_int_equal(sum.calls, 2);
    assert_int_equal(sum.elapsed_ns, 1500);
    assert_int_equal(sum.failed, 1);
    assert_int_equal(sum.rejected, 1);
    assert_int_equal(statistics_command_at(statistics, 0).calls, 0);
    assert_int_equal(statistics_total(statistics, STATISTICS_INPUT_BYTES), 15);
    assert_int_equal(statistics_total(statistics, STATISTICS_COMMANDS), 2);
    statistics_destroy(statistics);
}

TEST(a_reset_forgets_what_every_worker_counted)
{
    struct statistics *statistics = statistics_create(COMMANDS, WORKERS);
    struct statistics_worker *worker = statistics_worker_at(statistics, 0);
    statistics_count(worker, 0, 1000, false);
    statistics_count_error(worker, BYTES_LITERAL("ERR x"));
    statistics_reset(statistics);
    assert_int_equal(statistics_command_at(statistics, 0).calls,
                     0); /* before the worker has noticed */
    assert_int_equal(statistics_total(statistics, STATISTICS_ERRORS), 0);

    statistics_count(worker, 0, 7, false);
    assert_int_equal(statistics_command_at(statistics, 0).calls, 1);
    assert_int_equal(statistics_command_at(statistics, 0).elapsed_ns, 7);
    struct histogram *histogram = memory_zalloc(sizeof(*histogram));
    assert_true(statistics_histogram(statistics, 0, histogram));
    assert_int_equal(histogram_count(histogram), 1);
    memory_free(histogram);
    statistics_destroy(statistics);
}

static void print_error_count(void *context, const char *name, uint64_t count)
{
    buf_printf(context, "%s=%llu ", name, (unsigned long long)count);
}

static void check_errors(struct statistics *statistics, const char *expected)
{
    struct buf text = {0};
    statistics_each_error(statistics, print_error_count, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_deinit(&text);
}

TEST(errors_count_under_their_first_word)
{
    struct statistics *statistics = statistics_create(COMMANDS, WORKERS);
    struct statistics_worker *a = statistics_worker_at(statistics, 0);
    struct statistics_worker *b = statistics_worker_at(statistics, 1);
    statistics_count_error(a, BYTES_LITERAL("ERR syntax error"));
    statistics_count_error(a, BYTES_LITERAL("WRONGTYPE Operation"));
    statistics_count_error(b, BYTES_LITERAL("ERR"));
    statistics_count_error(b, BYTES_LITERAL("OOM x"));
    statistics_count_error(b, BYTES_LITERAL(""));
    check_errors(statistics, "ERR=2 WRONGTYPE=1 OOM=1 ");
    assert_int_equal(statistics_total(statistics, STATISTICS_ERRORS), 5);
    statistics_reset(statistics);
    check_errors(statistics, "");
    statistics_count_error(b, BYTES_LITERAL("OOM x"));
    check_errors(statistics, "OOM=1 ");
    statistics_destroy(statistics);
}

TEST(kinds_of_error_are_bounded)
{
    struct statistics *statistics = statistics_create(COMMANDS, 1);
    struct statistics_worker *worker = statistics_worker_at(statistics, 0);
    for (unsigned i = 0; i < 2 * STATISTICS_ERRORS_MAX; i++) {
        char text[96];
        (void)snprintf(text, sizeof(text), "E%u%s x", i,
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ");
        statistics_count_error(worker, bytes_of_text(text));
    }
    assert_int_equal(worker->error_count, STATISTICS_ERRORS_MAX);
    assert_int_equal(strlen(worker->errors[0].name), STATISTICS_ERROR_NAME_BYTES - 1);
    assert_int_equal(statistics_total(statistics, STATISTICS_ERRORS), 2 * STATISTICS_ERRORS_MAX);
    statistics_destroy(statistics);
}

TEST(no_histogram_is_kept_when_tracking_is_off)
{
    struct statistics *statistics = statistics_create(COMMANDS, 1);
    statistics_set_histograms(statistics, false);
    statistics_count(statistics_worker_at(statistics, 0), 0, 5, false);
    struct histogram *histogram = memory_zalloc(sizeof(*histogram));
    assert_false(statistics_histogram(statistics, 0, histogram));
    memory_free(histogram);
    statistics_destroy(statistics);
}

static void count_many(void *context)
{
    for (unsigned i = 0; i < THREAD_COUNTS; i++) {
        statistics_count(context, i % COMMANDS, i, false);
        if (i % 1000 == 0) statistics_count_error(context, BYTES_LITERAL("ERR x"));
    }
}

TEST(counts_can_be_read_and_reset_while_threads_count)
{
    struct statistics *statistics = statistics_create(COMMANDS, WORKERS);
    struct thread threads[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_ok(
            thread_start(&threads[i], "count", count_many, statistics_worker_at(statistics, i)));
    }
    struct histogram *histogram = memory_zalloc(sizeof(*histogram));
    for (unsigned i = 0; i < 20; i++) {
        struct buf text = {0};
        assert_true(statistics_command_at(statistics, 0).calls <= WORKERS * THREAD_COUNTS);
        statistics_each_error(statistics, print_error_count, &text);
        histogram_reset(histogram);
        (void)statistics_histogram(statistics, 0, histogram);
        if (i % 5 == 0) statistics_reset(statistics);
        buf_deinit(&text);
    }
    for (unsigned i = 0; i < WORKERS; i++) thread_join(&threads[i]);
    memory_free(histogram);
    statistics_destroy(statistics);
}

TEST(ticks_measure_time)
{
    struct ticks ticks;
    ticks_init(&ticks);
    uint64_t began_ns = clock_monotonic_ns(&clock_system);
    uint64_t began = ticks_now(&ticks);
    while (clock_monotonic_ns(&clock_system) - began_ns < 20000000) {}
    uint64_t elapsed_ns = ticks_to_ns(&ticks, ticks_now(&ticks) - began);
    uint64_t real_ns = clock_monotonic_ns(&clock_system) - began_ns;
    assert_true(elapsed_ns > real_ns * 9 / 10);
    assert_true(elapsed_ns < real_ns * 11 / 10);
}

RUN_TESTS(CHECK(workers_are_added_up), CHECK(a_reset_forgets_what_every_worker_counted),
          CHECK(errors_count_under_their_first_word), CHECK(kinds_of_error_are_bounded),
          CHECK(no_histogram_is_kept_when_tracking_is_off),
          CHECK(counts_can_be_read_and_reset_while_threads_count), CHECK(ticks_measure_time))
