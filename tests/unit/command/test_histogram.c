#include "command/histogram.h"

#include "base/memory.h"
#include "tests/support/check.h"

TEST(buckets_follow_each_other_without_gaps)
{
    assert_int_equal(histogram_bucket(0), 0);
    for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        uint64_t top = histogram_bucket_top(i);
        assert_int_equal(histogram_bucket(top), i);
        assert_int_equal(histogram_bucket(top + 1), i + 1);
    }
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket_top(HISTOGRAM_BUCKETS - 1),
                     (UINT64_C(1) << HISTOGRAM_TOP_BITS) - 1);
}

TEST(a_bucket_is_right_within_two_digits)
{
    for (uint64_t ns = 64; ns < UINT64_C(1) << HISTOGRAM_TOP_BITS; ns += ns / 7 + 1) {
        uint64_t top = histogram_bucket_top(histogram_bucket(ns));
        assert_true(top >= ns);
        assert_true(top - ns <= ns / HISTOGRAM_PARTS);
    }
}

TEST(percentiles_are_those_of_what_was_recorded)
{
    struct histogram *histogram = memory_zalloc(sizeof(*histogram));
    assert_int_equal(histogram_percentile(histogram, 50), 0);
    for (uint64_t i = 1; i <= 1000; i++) histogram_record(histogram, i * 1000);
    assert_int_equal(histogram_count(histogram), 1000);
    uint64_t median = histogram_percentile(histogram, 50);
    assert_true(median >= 500000);
    assert_true(median <= 508000);
    assert_true(histogram_percentile(histogram, 100) >= 1000000);
    assert_true(histogram_percentile(histogram, 0) <= 1024);
    histogram_reset(histogram);
    assert_int_equal(histogram_count(histogram), 0);
    memory_free(histogram);
}

TEST(sums_hold_both)
{
    struct histogram *a = memory_zalloc(sizeof(*a));
    struct histogram *b = memory_zalloc(sizeof(*b));
    histogram_record(a, 100);
    histogram_record(b, 100);
    histogram_record(b, 1000000);
    histogram_add(a, b);
    assert_int_equal(histogram_count(a), 3);
    assert_int_equal(a->counts[histogram_bucket(100)], 2);
    assert_int_equal(histogram_count(b), 2);
    memory_free(a);
    memory_free(b);
}

RUN_TESTS(CHECK(buckets_follow_each_other_without_gaps), CHECK(a_bucket_is_right_within_two_digits),
          CHECK(percentiles_are_those_of_what_was_recorded), CHECK(sums_hold_both))
