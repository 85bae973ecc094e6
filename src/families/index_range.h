/* Ranges as commands give them: both ends included, negative ones count from the end (-1 is the
 * last). Pure. */
#ifndef FAMILIES_INDEX_RANGE_H
#define FAMILIES_INDEX_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct index_range {
    uint64_t first;
    uint64_t last;
};

/* What start..end means among `size` things, cut to what there is: ends before the beginning become
 * 0. False when nothing is left. */
bool index_range_clamp(int64_t start, int64_t end, uint64_t size, struct index_range *out);
/* The same, but -1..-5 is empty however few things there are, where the clamp alone may leave the
 * first one. */
bool index_range_find(int64_t start, int64_t end, uint64_t size, struct index_range *out);

#endif
