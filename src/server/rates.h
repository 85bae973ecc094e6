/* Rates of the newest moments for INFO (instantaneous_ops_per_sec): the mean of sixteen samples.
 * One thread samples, any thread reads. */
#ifndef SERVER_RATES_H
#define SERVER_RATES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum rates_what { RATES_COMMANDS, RATES_INPUT_BYTES, RATES_OUTPUT_BYTES, RATES_COUNT };
enum { RATES_SAMPLES = 16 };

struct rates {
    uint64_t last_ns; /* 0: no sample yet */
    uint64_t last[RATES_COUNT];
    uint32_t next;
    _Atomic uint64_t samples[RATES_COUNT][RATES_SAMPLES]; /* a second */
};

/* Takes the running totals at a moment; those that stepped back (statistics were reset) count from
 * 0. */
void rates_sample(struct rates *rates, uint64_t now_ns, const uint64_t totals[RATES_COUNT]);
/* A second, over the newest samples. */
uint64_t rates_read(const struct rates *rates, enum rates_what what);

#endif
