/* Strings as rows of bits: bit 0 is the highest bit of the first byte. Pure. */
#ifndef VALUE_BITOPS_H
#define VALUE_BITOPS_H

#include "base/bytes.h"

/* The bits `first` to `last`, both included; first <= last < 8 * size of the string. */
struct bit_range {
    uint64_t first;
    uint64_t last;
};

uint64_t bitops_count(struct bytes bytes, struct bit_range range);
/* The first bit with this value, or -1. */
int64_t bitops_find(struct bytes bytes, bool bit, struct bit_range range);

enum bitops_operation { BITOPS_AND, BITOPS_OR, BITOPS_XOR, BITOPS_NOT };

/* Combines `count` strings (one for NOT) into `out`; shorter ones go on with zeros up to `size`,
 * which is that of the longest. `out` overlaps none of them. */
void bitops_combine(enum bitops_operation operation, const struct bytes *sources, size_t count,
                    char *out, size_t size);

/* `width` (1 to 64) bits from bit `offset` on as a number, highest bit first; bits beyond the end
 * are 0. */
uint64_t bitops_get(struct bytes bytes, uint64_t offset, unsigned width);
/* Writes the low `width` bits of `value` at bit `offset` of `data`, which holds all of them. */
void bitops_set(char *data, uint64_t offset, unsigned width, uint64_t value);

#endif
