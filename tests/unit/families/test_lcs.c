#include "families/lcs.h"

#include "base/memory.h"
#include "base/random.h"
#include "tests/support/check.h"

enum { SIZE_TESTED_MAX = 200 };

/* The textbook matrix. */
static uint32_t matrix[SIZE_TESTED_MAX + 1][SIZE_TESTED_MAX + 1];

static void fill_matrix(struct bytes a, struct bytes b)
{
    for (size_t i = 1; i <= a.size; i++) {
        for (size_t j = 1; j <= b.size; j++) {
            uint32_t up = matrix[i - 1][j];
            uint32_t left = matrix[i][j - 1];
            bool is_match = a.data[i - 1] == b.data[j - 1];
            matrix[i][j] = is_match ? matrix[i - 1][j - 1] + 1 : up > left ? up : left;
        }
    }
}

/* The way back by the matrix meets the same matches in the same order. */
static void check_ranges(struct bytes a, struct bytes b, const struct lcs *lcs)
{
    size_t i = a.size;
    size_t j = b.size;
    size_t index = 0;
    size_t seen = 0; /* of the range at `index`, from its end */
    while (i > 0 && j > 0) {
        if (a.data[i - 1] == b.data[j - 1]) {
            assert_true(index < lcs->range_count);
            const struct lcs_range *range = &lcs->ranges[index];
            assert_int_equal(range->first + range->size - seen, i);
            assert_int_equal(range->second + range->size - seen, j);
            seen++;
            i--;
            j--;
            if (seen < range->size) continue;
            index++;
            seen = 0;
        } else {
            assert_int_equal(seen, 0);
            if (matrix[i - 1][j] > matrix[i][j - 1])
                i--;
            else
                j--;
        }
    }
    assert_int_equal(index, lcs->range_count);
}

static struct bytes random_text(struct random *random, char *data, unsigned letters)
{
    size_t size = random_below(random, SIZE_TESTED_MAX + 1);
    for (size_t i = 0; i < size; i++) data[i] = (char)('a' + random_below(random, letters));
    return bytes_of(data, size);
}

TEST(random_strings_give_what_the_textbook_gives)
{
    struct random random;
    random_init(&random, 7);
    for (unsigned round = 0; round < 2000; round++) {
        char a_data[SIZE_TESTED_MAX];
        char b_data[SIZE_TESTED_MAX];
        unsigned letters = 1 + (unsigned)random_below(&random, 6);
        struct bytes a = random_text(&random, a_data, letters);
        struct bytes b = random_text(&random, b_data, letters);
        fill_matrix(a, b);

        struct lcs lcs;
        lcs_find(a, b, true, &lcs);
        assert_int_equal(lcs.length, matrix[a.size][b.size]);
        check_ranges(a, b, &lcs);
        lcs_deinit(&lcs);

        lcs_find(a, b, false, &lcs);
        assert_int_equal(lcs.length, matrix[a.size][b.size]);
        assert_int_equal(lcs.range_count, 0);
        lcs_deinit(&lcs);
    }
}

TEST(the_example_of_the_manual)
{
    struct lcs lcs;
    lcs_find(BYTES_LITERAL("ohmytext"), BYTES_LITERAL("mynewtext"), true, &lcs);
    assert_int_equal(lcs.length, 6);
    assert_int_equal(lcs.range_count, 2);
    assert_int_equal(lcs.ranges[0].first, 4);
    assert_int_equal(lcs.ranges[0].second, 5);
    assert_int_equal(lcs.ranges[0].size, 4);
    assert_int_equal(lcs.ranges[1].first, 2);
    assert_int_equal(lcs.ranges[1].second, 0);
    assert_int_equal(lcs.ranges[1].size, 2);
    lcs_deinit(&lcs);
}

TEST(the_limit_is_that_of_a_matrix_of_four_byte_cells)
{
    assert_true(lcs_admits(0, 0));
    assert_true(lcs_admits(16383, 8191));
    assert_false(lcs_admits(16384, 8191));
    assert_true(lcs_admits(64 * 1024 * 1024 - 1, 1));
    assert_false(lcs_admits(SIZE_MAX, SIZE_MAX));
    assert_false(lcs_admits(SIZE_MAX, 0));
}

TEST(one_long_string_takes_little_memory)
{
    enum { LONG = 30 * 1024 * 1024 };
    char *text = memory_zalloc(LONG);
    text[LONG - 1] = 'x';
    struct lcs lcs;
    lcs_find(bytes_of(text, LONG), BYTES_LITERAL("xy"), true, &lcs);
    assert_int_equal(lcs.length, 1);
    assert_int_equal(lcs.ranges[0].first, LONG - 1);
    lcs_deinit(&lcs);
    lcs_find(BYTES_LITERAL("yx"), bytes_of(text, LONG), true, &lcs);
    assert_int_equal(lcs.length, 1);
    assert_int_equal(lcs.ranges[0].second, LONG - 1);
    lcs_deinit(&lcs);
    memory_free(text);
}

RUN_TESTS(CHECK(random_strings_give_what_the_textbook_gives), CHECK(the_example_of_the_manual),
          CHECK(the_limit_is_that_of_a_matrix_of_four_byte_cells),
          CHECK(one_long_string_takes_little_memory))
