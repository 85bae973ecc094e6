#include "server/rates.h"

void rates_sample(struct rates *rates, uint64_t now_ns, const uint64_t totals[RATES_COUNT])
{
    uint64_t span_ns = now_ns - rates->last_ns;
    bool is_first = rates->last_ns == 0;
    for (unsigned i = 0; i < RATES_COUNT; i++) {
        uint64_t before = totals[i] >= rates->last[i] ? rates->last[i] : 0;
        rates->last[i] = totals[i];
        if (is_first || span_ns == 0) continue;
        double rate = (double)(totals[i] - before) * 1e9 / (double)span_ns;
        atomic_store_explicit(&rates->samples[i][rates->next], (uint64_t)rate,
                              memory_order_relaxed);
    }
    rates->last_ns = now_ns;
    if (!is_first && span_ns > 0) rates->next = (rates->next + 1) % RATES_SAMPLES;
}

uint64_t rates_read(const struct rates *rates, enum rates_what what)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < RATES_SAMPLES; i++) {
        sum += atomic_load_explicit(&rates->samples[what][i], memory_order_relaxed);
    }
    return sum / RATES_SAMPLES;
}
