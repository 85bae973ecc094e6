/* The longest common subsequence of two strings: which bytes, in order but not necessarily side by
 * side, both contain. Pure. Takes |a| * |b| / 64 steps and one bit of memory for each pair of
 * positions. */
#ifndef FAMILIES_LCS_H
#define FAMILIES_LCS_H

#include "base/bytes.h"

/* A run of equal bytes that belongs to the subsequence: a[first ..] equals b[second ..] over `size`
 * bytes. */
struct lcs_range {
    size_t first;
    size_t second;
    size_t size;
};

struct lcs {
    size_t length;
    size_t range_count;
    struct lcs_range *ranges; /* owned; the last of the strings first, as LCS IDX lists them */
};

/* Redis keeps a matrix of 4-byte cells and refuses when it would exceed 512 MB. The matrix here is
 * 32 times smaller; the same limit bounds the time. */
bool lcs_admits(size_t a_size, size_t b_size);

/* The strings are such that lcs_admits. Without `has_ranges` only the length is found. Where
 * several subsequences are equally long, the one is taken that Redis takes: going back from the
 * ends, it steps back in b unless a must. */
void lcs_find(struct bytes a, struct bytes b, bool has_ranges, struct lcs *out);
void lcs_deinit(struct lcs *lcs);

#endif
