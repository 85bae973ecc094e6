#include "command/ticks.h"

#include "base/assert.h"
#include "os/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { TICKS_MEASURE_NS = 5 * 1000 * 1000 };

#if defined(__x86_64__)
/* The counter runs at one rate in all power states and on all cores. */
static bool counter_is_constant(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;
    if (!__get_cpuid(0x80000007, &a, &b, &c, &d)) return false;
    return (d & (1u << 8)) != 0;
}

static uint64_t measure_rate(void)
{
    uint64_t start_ns = clock_monotonic_ns(&clock_system);
    uint64_t start = __rdtsc();
    uint64_t now_ns;
    do {
        now_ns = clock_monotonic_ns(&clock_system);
    } while (now_ns - start_ns < TICKS_MEASURE_NS);
    uint64_t span = __rdtsc() - start;
    if (span == 0) return 0;
    return (uint64_t)(((unsigned __int128)(now_ns - start_ns) << 32) / span);
}
#endif

void ticks_init(struct ticks *ticks)
{
    *ticks = (struct ticks){.ns_per_tick_q32 = UINT64_C(1) << 32};
#if defined(__x86_64__)
    uint64_t rate = counter_is_constant() ? measure_rate() : 0;
    if (rate > 0) *ticks = (struct ticks){.ns_per_tick_q32 = rate, .has_counter = true};
#endif
    ASSERT(ticks->ns_per_tick_q32 > 0);
}
