#include "command/latency.h"

#include "base/buf.h"
#include "tests/support/check.h"

static void start(void *context, uint32_t count)
{
    buf_printf(context, "%u:", count);
}

static void print_event(void *context, const struct latency_event *event)
{
    buf_printf(context, " %s max %llu", event->name, (unsigned long long)event->longest_ms);
    for (uint32_t i = 0; i < event->sample_count; i++) {
        buf_printf(context, " %lld=%llu", (long long)event->samples[i].wall_s,
                   (unsigned long long)event->samples[i].elapsed_ms);
    }
}

static void check_events(struct latency *latency, const char *expected)
{
    struct buf text = {0};
    latency_each(latency, start, print_event, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_deinit(&text);
}

TEST(nothing_is_kept_below_the_threshold)
{
    struct latency *latency = latency_create();
    latency_record(latency, "command", 1, 1000);
    check_events(latency, "0:");
    latency_set_threshold(latency, 10);
    latency_record(latency, "command", 1, 9);
    check_events(latency, "0:");
    latency_record(latency, "command", 1, 10);
    check_events(latency, "1: command max 10 1=10");
    latency_destroy(latency);
}

TEST(one_sample_a_second_the_longest)
{
    struct latency *latency = latency_create();
    latency_set_threshold(latency, 1);
    latency_record(latency, "command", 1, 5);
    latency_record(latency, "command", 1, 7);
    latency_record(latency, "command", 1, 6);
    latency_record(latency, "command", 2, 3);
    latency_record(latency, "expire-cycle", 2, 4);
    check_events(latency, "2: command max 7 1=7 2=3 expire-cycle max 4 2=4");
    assert_int_equal(latency_reset(latency, BYTES_LITERAL("nosuch")), 0);
    assert_int_equal(latency_reset(latency, BYTES_LITERAL("command")), 1);
    check_events(latency, "1: expire-cycle max 4 2=4");
    assert_int_equal(latency_reset(latency, BYTES_EMPTY), 1);
    check_events(latency, "0:");
    latency_destroy(latency);
}

static void check_ring(void *context, const struct latency_event *event)
{
    (void)context;
    assert_int_equal(event->sample_count, LATENCY_SAMPLES_MAX);
    assert_int_equal(event->samples[0].wall_s, 10);
    assert_int_equal(event->samples[LATENCY_SAMPLES_MAX - 1].wall_s, LATENCY_SAMPLES_MAX + 9);
    assert_int_equal(event->longest_ms, 1000); /* of a sample that is gone */
}

TEST(samples_and_events_are_bounded)
{
    static const char *const names[LATENCY_EVENTS_MAX + 1] = {
        "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "b0", "b1", "b2",
        "b3", "b4", "b5", "b6", "b7", "c0", "c1", "c2", "c3", "c4", "c5",
        "c6", "c7", "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "one too many"};
    struct latency *latency = latency_create();
    latency_set_threshold(latency, 1);
    for (int64_t i = 0; i < LATENCY_SAMPLES_MAX + 10; i++)
        latency_record(latency, "a0", i, i == 0 ? 1000 : 5);
    assert_true(latency_find(latency, BYTES_LITERAL("a0"), check_ring, NULL));
    for (size_t i = 0; i <= LATENCY_EVENTS_MAX; i++) latency_record(latency, names[i], 1, 5);
    assert_false(latency_find(latency, BYTES_LITERAL("one too many"), check_ring, NULL));
    assert_int_equal(latency_reset(latency, BYTES_EMPTY), LATENCY_EVENTS_MAX);
    latency_destroy(latency);
}

RUN_TESTS(CHECK(nothing_is_kept_below_the_threshold), CHECK(one_sample_a_second_the_longest),
          CHECK(samples_and_events_are_bounded))
