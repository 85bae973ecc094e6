#include "os/clock.h"

#include <time.h>

#include "base/assert.h"

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int result = clock_gettime(id, &now);
    ASSERT(result == 0);
    return now;
}

static uint64_t system_monotonic_ns(struct clock *clock)
{
    (void)clock;
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int64_t system_wall_us(struct clock *clock)
{
    (void)clock;
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct clock clock_system = {
    .monotonic_ns = system_monotonic_ns,
    .wall_us = system_wall_us,
};
