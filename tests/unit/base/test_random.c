#include "base/random.h"

#include <stdbool.h>

#include "tests/support/check.h"

TEST(same_seed_gives_same_numbers)
{
    struct random a;
    struct random b;
    random_init(&a, 9);
    random_init(&b, 9);
    for (int i = 0; i < 100; i++) assert_true(random_next(&a) == random_next(&b));
    random_init(&b, 10);
    assert_true(random_next(&a) != random_next(&b));
}

TEST(generator_is_xoshiro256_starstar)
{
    struct random random = {
        {1, 2, 3, 4}
    };
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    for (int i = 0; i < 4; i++) assert_true(random_next(&random) == expected[i]);
}

TEST(seed_zero_is_as_good_as_any)
{
    struct random random;
    random_init(&random, 0);
    assert_true(random.state[0] == UINT64_C(0xe220a8397b1dcdaf)); /* splitmix64's first of seed 0 */
    assert_true(random_next(&random) != random_next(&random));
}

TEST(bounded_numbers_stay_below_and_reach_all)
{
    struct random random;
    random_init(&random, 3);
    int counts[10] = {0};
    for (int i = 0; i < 100000; i++) {
        uint64_t value = random_below(&random, 10);
        assert_true(value < 10);
        counts[value]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_true(counts[i] > 9500);
        assert_true(counts[i] < 10500);
    }
    assert_true(random_below(&random, 1) == 0);
    for (int i = 0; i < 100; i++) (void)random_below(&random, (UINT64_C(1) << 63) + 1);
}

static void ask_for_less_than_nothing(void *context)
{
    (void)random_below(context, 0);
}

TEST(bound_zero_aborts)
{
    struct random random;
    random_init(&random, 3);
    assert_aborts(ask_for_less_than_nothing, &random);
}

RUN_TESTS(CHECK(same_seed_gives_same_numbers), CHECK(generator_is_xoshiro256_starstar),
          CHECK(seed_zero_is_as_good_as_any), CHECK(bounded_numbers_stay_below_and_reach_all),
          CHECK(bound_zero_aborts))
