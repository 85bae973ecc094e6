/* How long things took: a log-linear histogram. Each power of two of nanoseconds is cut into
 * HISTOGRAM_PARTS equal parts, so a reading is right within 1/64 of itself (HDR's two digits),
 * whatever its size.
 *
 *     ns:      0 ........ 63   64 65 ... 127   128 130 ... 254   ...   2^36 (69 s)
 *     bucket:  0 ........ 63   64 65 ... 127   128 129 ... 191   ...   and longer
 *
 * One thread records, any thread reads. */
#ifndef COMMAND_HISTOGRAM_H
#define COMMAND_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum {
    HISTOGRAM_PART_BITS = 6,
    HISTOGRAM_PARTS = 1 << HISTOGRAM_PART_BITS,
    HISTOGRAM_TOP_BITS = 36, /* longer than 2^36 ns counts as that long */
    HISTOGRAM_BUCKETS = (HISTOGRAM_TOP_BITS - HISTOGRAM_PART_BITS + 1) * HISTOGRAM_PARTS,
};

struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t ns)
{
    if (ns < HISTOGRAM_PARTS) return (unsigned)ns;
    unsigned octave = 63 - (unsigned)__builtin_clzll(ns);
    if (UNLIKELY(octave >= HISTOGRAM_TOP_BITS)) return HISTOGRAM_BUCKETS - 1;
    unsigned shift = octave - HISTOGRAM_PART_BITS;
    return (shift << HISTOGRAM_PART_BITS) + (unsigned)(ns >> shift);
}

/* By the one thread that records. */
static inline void histogram_record(struct histogram *histogram, uint64_t ns)
{
    _Atomic uint64_t *count = &histogram->counts[histogram_bucket(ns)];
    uint64_t old = atomic_load_explicit(count, memory_order_relaxed);
    atomic_store_explicit(count, old + 1, memory_order_relaxed);
}

/* Forgets everything; by the thread that records, or while none does. */
void histogram_reset(struct histogram *histogram);
/* Adds the counts of `other`; `sum` is the caller's own. */
void histogram_add(struct histogram *sum, const struct histogram *other);
uint64_t histogram_count(const struct histogram *histogram);
/* The longest time that falls into this bucket. */
uint64_t histogram_bucket_top(unsigned bucket);
/* The time within which `percent` of all were done: the top of the bucket that holds it; 0 when
 * there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
