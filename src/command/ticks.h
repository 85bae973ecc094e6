/* The processor's time stamp counter: the cheapest way to time one command (a few nanoseconds).
 * Where the counter does not run at a constant rate, ticks are nanoseconds of the monotonic clock.
 * Any thread. */
#ifndef COMMAND_TICKS_H
#define COMMAND_TICKS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

struct ticks {
    uint64_t ns_per_tick_q32; /* nanoseconds of one tick, times 2^32 */
    bool has_counter;
};

/* Measures the rate; takes about five milliseconds. */
void ticks_init(struct ticks *ticks);

ALWAYS_INLINE uint64_t ticks_now(const struct ticks *ticks)
{
#if defined(__x86_64__)
    if (LIKELY(ticks->has_counter)) return __rdtsc();
#endif
    (void)ticks;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Nanoseconds of a span of ticks. */
static inline uint64_t ticks_to_ns(const struct ticks *ticks, uint64_t span)
{
    return (uint64_t)(((unsigned __int128)span * ticks->ns_per_tick_q32) >> 32);
}

#endif
