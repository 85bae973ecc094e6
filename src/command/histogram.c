#include "command/histogram.h"

#include <stddef.h>

void histogram_reset(struct histogram *histogram)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        atomic_store_explicit(&histogram->counts[i], 0, memory_order_relaxed);
    }
}

static uint64_t read_count(const struct histogram *histogram, unsigned bucket)
{
    return atomic_load_explicit(&histogram->counts[bucket], memory_order_relaxed);
}

void histogram_add(struct histogram *sum, const struct histogram *other)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t count = read_count(sum, i) + read_count(other, i);
        atomic_store_explicit(&sum->counts[i], count, memory_order_relaxed);
    }
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) count += read_count(histogram, i);
    return count;
}

uint64_t histogram_bucket_top(unsigned bucket)
{
    if (bucket < HISTOGRAM_PARTS) return bucket;
    unsigned shift = (bucket >> HISTOGRAM_PART_BITS) - 1;
    uint64_t part = (bucket & (HISTOGRAM_PARTS - 1)) + HISTOGRAM_PARTS;
    return ((part + 1) << shift) - 1;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    uint64_t total = histogram_count(histogram);
    if (total == 0) return 0;
    double exact = percent / 100 * (double)total;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) rank++;
    if (rank == 0) rank = 1;

    uint64_t seen = 0;
    unsigned bucket = 0;
    for (; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += read_count(histogram, bucket);
        if (seen >= rank) break;
    }
    return histogram_bucket_top(bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1);
}
