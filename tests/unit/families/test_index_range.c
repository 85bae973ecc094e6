#include "families/index_range.h"

#include "tests/support/check.h"

struct sample {
    int64_t start;
    int64_t end;
    uint64_t size;
    int64_t first; /* -1: empty */
    int64_t last;
};

TEST(ranges_are_cut_to_what_there_is)
{
    static const struct sample samples[] = {
        {0,         -1,        5, 0,  4},
        {0,         0,         5, 0,  0},
        {-3,        -2,        5, 2,  3},
        {-100,      2,         5, 0,  2},
        {2,         100,       5, 2,  4},
        {3,         2,         5, -1, 0},
        {5,         9,         5, -1, 0},
        {0,         -1,        0, -1, 0},
        {0,         -9,        5, 0,  0},
        {INT64_MIN, INT64_MAX, 5, 0,  4},
        {INT64_MAX, INT64_MIN, 5, -1, 0},
        {-1,        -5,        5, -1, 0},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct sample *sample = &samples[i];
        struct index_range range;
        bool found = index_range_find(sample->start, sample->end, sample->size, &range);
        assert_int_equal(found, sample->first >= 0);
        if (!found) continue;
        assert_int_equal(range.first, sample->first);
        assert_int_equal(range.last, sample->last);
    }
}

TEST(a_range_that_ends_before_its_start_is_empty_however_far_before_the_beginning)
{
    struct index_range range;
    assert_false(index_range_find(-100, -200, 5, &range));
    assert_true(index_range_clamp(-100, -200, 5, &range));
    assert_int_equal(range.first, 0);
    assert_int_equal(range.last, 0);
}

RUN_TESTS(CHECK(ranges_are_cut_to_what_there_is),
          CHECK(a_range_that_ends_before_its_start_is_empty_however_far_before_the_beginning))
