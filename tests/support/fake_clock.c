#include "tests/support/fake_clock.h"

#include "base/links.h"

static uint64_t monotonic_ns(struct clock *clock)
{
    return atomic_load(&CONTAINER_OF(clock, struct fake_clock, clock)->monotonic_ns);
}

static int64_t wall_us(struct clock *clock)
{
    return atomic_load(&CONTAINER_OF(clock, struct fake_clock, clock)->wall_us);
}

void fake_clock_init(struct fake_clock *fake)
{
    fake->clock = (struct clock){.monotonic_ns = monotonic_ns, .wall_us = wall_us};
    atomic_store(&fake->monotonic_ns, UINT64_C(1000000000));
    atomic_store(&fake->wall_us, INT64_C(1000000000000000));
}

void fake_clock_advance(struct fake_clock *fake, uint64_t ns)
{
    atomic_fetch_add(&fake->monotonic_ns, ns);
    atomic_fetch_add(&fake->wall_us, (int64_t)(ns / 1000));
}

void fake_clock_step_wall(struct fake_clock *fake, int64_t us)
{
    atomic_fetch_add(&fake->wall_us, us);
}
