/* A clock that stands still until a test moves it. Any thread. */
#ifndef TESTS_SUPPORT_FAKE_CLOCK_H
#define TESTS_SUPPORT_FAKE_CLOCK_H

#include <stdatomic.h>

#include "os/clock.h"

struct fake_clock {
    struct clock clock;
    _Atomic uint64_t monotonic_ns;
    _Atomic int64_t wall_us;
};

/* Begins one second after the machine's start, in 2001. */
void fake_clock_init(struct fake_clock *fake);
/* Both clocks go on by `ns`. */
void fake_clock_advance(struct fake_clock *fake, uint64_t ns);
/* The wall clock alone steps, as when somebody sets it. */
void fake_clock_step_wall(struct fake_clock *fake, int64_t us);

#endif
