#include "os/clock.h"

#include <time.h>

#include "tests/support/check.h"

TEST(monotonic_time_never_steps_back)
{
    uint64_t before = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t now = clock_monotonic_ns(&clock_system);
        assert_true(now >= before);
        before = now;
    }
    assert_true(before > 0);
}

TEST(wall_time_is_the_time_of_the_system)
{
    int64_t before = (int64_t)time(NULL) - 1; /* time() may lag by a tick */
    int64_t now = clock_wall_us(&clock_system) / 1000000;
    assert_true(now >= before);
    assert_true(now <= (int64_t)time(NULL) + 1);
}

RUN_TESTS(CHECK(monotonic_time_never_steps_back), CHECK(wall_time_is_the_time_of_the_system))
