/* Time behind a table, so that tests can put a fake clock in place. Any thread. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*monotonic_ns)(struct clock *clock); /* never steps back */
    int64_t (*wall_us)(struct clock *clock);       /* microseconds since 1970, UTC; may step */
};

/* The machine's clocks. */
extern struct clock clock_system;

static inline uint64_t clock_monotonic_ns(struct clock *clock)
{
    return clock->monotonic_ns(clock);
}

static inline int64_t clock_wall_us(struct clock *clock)
{
    return clock->wall_us(clock);
}

#endif
