/* Bit-parallel dynamic programming. Let L(i,j) be the length for the first i bytes of a and the
 * first j of b. Neighbours in L differ by 0 or 1, so one bit a cell is enough, and 64 cells take
 * one addition (Crochemore, Iliopoulos, Pinzon, Reid: "A fast and practical bit-vector algorithm
 * for the longest common subsequence problem", 2001; Hyyro, 2004).
 *
 * The longer string lies across, along the bits; the shorter is walked down, byte by byte. `same`
 * has a bit where L does not grow from one position across to the next. For each byte down, with
 * `match` the positions across that hold it:
 *
 *     sum  = same + (same & match)    the carry into bit n says that L grew by this step for the
 *     same = sum | (same & ~match)    first n bytes across
 *
 * At a mismatch the way back needs to know whether L(i,j) > L(i,j-1). That is the carry when b is
 * walked down, and the complement of the new `same` when b lies across; that matrix of bits is
 * kept. */
#include "families/lcs.h"

#include "base/assert.h"
#include "base/memory.h"

enum { WORD_BITS = 64, BYTE_VALUES = 256 };
#define CELLS_MAX ((size_t)512 * 1024 * 1024 / 4)

struct grid {
    struct bytes a;
    struct bytes b;
    struct bytes across;
    struct bytes down;
    bool is_b_across;
    size_t words;                   /* of one row: bits 0 to across.size, both included */
    uint64_t *same;                 /* one row */
    uint64_t *masks;                /* one row for each byte value that occurs in `down` */
    uint64_t *matches[BYTE_VALUES]; /* into masks; NULL for values that do not occur */
    uint64_t *grows; /* a row for each byte of `down`, or NULL when only the length is wanted */
};

bool lcs_admits(size_t a_size, size_t b_size)
{
    if (a_size >= CELLS_MAX || b_size >= CELLS_MAX) return false;
    return (a_size + 1) * (b_size + 1) <= CELLS_MAX;
}

static void build_masks(struct grid *grid)
{
    const uint8_t *across = (const uint8_t *)grid->across.data;
    const uint8_t *down = (const uint8_t *)grid->down.data;
    bool occurs[BYTE_VALUES] = {0};
    for (size_t i = 0; i < grid->down.size; i++) occurs[down[i]] = true;

    size_t count = 0;
    for (unsigned value = 0; value < BYTE_VALUES; value++) count += occurs[value];
    size_t row_bytes = grid->words * sizeof(uint64_t);
    grid->masks = memory_zalloc(memory_size_mul(count, row_bytes));

    uint64_t *next = grid->masks;
    for (unsigned value = 0; value < BYTE_VALUES; value++) {
        if (!occurs[value]) continue;
        grid->matches[value] = next;
        next += grid->words;
    }
    for (size_t i = 0; i < grid->across.size; i++) {
        uint64_t *row = grid->matches[across[i]];
        if (row) row[i / WORD_BITS] |= 1ull << (i % WORD_BITS);
    }
}

static void grid_init(struct grid *grid, struct bytes a, struct bytes b, bool has_ranges)
{
    bool is_b_across = b.size >= a.size;
    *grid = (struct grid){
        .a = a,
        .b = b,
        .is_b_across = is_b_across,
        .across = is_b_across ? b : a,
        .down = is_b_across ? a : b,
    };
    grid->words = grid->across.size / WORD_BITS + 1;
    size_t row_bytes = grid->words * sizeof(uint64_t);
    grid->same = memory_alloc(row_bytes);
    memset(grid->same, 0xff, row_bytes);
    if (has_ranges) grid->grows = memory_alloc(memory_size_mul(grid->down.size, row_bytes));
    build_masks(grid);
}

static void grid_deinit(struct grid *grid)
{
    memory_free(grid->same);
    memory_free(grid->masks);
    memory_free(grid->grows);
}

/* One byte down. `grows` is its row of that matrix, or NULL. */
static void walk_row(struct grid *grid, const uint64_t *match, uint64_t *grows)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < grid->words; i++) {
        uint64_t same = grid->same[i];
        uint64_t both = same & match[i];
        uint64_t sum;
        bool overflows = __builtin_add_overflow(same, both, &sum);
        overflows |= __builtin_add_overflow(sum, carry, &sum);
        carry = overflows;
        grid->same[i] = sum | (same & ~match[i]);
        if (grows) grows[i] = grid->is_b_across ? ~grid->same[i] : same ^ both ^ sum;
    }
}

/* Fills `same` and `grows`; returns the length. */
static size_t walk(struct grid *grid)
{
    const uint8_t *down = (const uint8_t *)grid->down.data;
    for (size_t i = 0; i < grid->down.size; i++)
        walk_row(grid, grid->matches[down[i]], grid->grows ? grid->grows + i * grid->words : NULL);

    size_t length = 0;
    for (size_t i = 0; i < grid->words; i++) length += (size_t)__builtin_popcountll(~grid->same[i]);
    ASSERT(length <= grid->down.size);
    return length;
}

/* Whether L(i,j) > L(i,j-1); i and j are at least 1. */
static bool grows_by_b(const struct grid *grid, size_t i, size_t j)
{
    size_t row = grid->is_b_across ? i - 1 : j - 1;
    size_t bit = grid->is_b_across ? j - 1 : i;
    return grid->grows[row * grid->words + bit / WORD_BITS] >> (bit % WORD_BITS) & 1;
}

static void push_range(struct lcs *lcs, struct lcs_range range)
{
    size_t count = lcs->range_count;
    bool is_full = (count & (count - 1)) == 0; /* the capacity is the next power of two */
    if (is_full)
        lcs->ranges = memory_realloc(
            lcs->ranges, memory_size_mul(count > 0 ? 2 * count : 1, sizeof(struct lcs_range)));
    lcs->ranges[lcs->range_count++] = range;
}

/* From both ends back to the beginnings. */
static void walk_back(const struct grid *grid, struct lcs *out)
{
    const char *a = grid->a.data;
    const char *b = grid->b.data;
    size_t i = grid->a.size;
    size_t j = grid->b.size;
    size_t length = 0;
    while (i > 0 && j > 0) {
        size_t run = 0;
        while (run < i && run < j && a[i - run - 1] == b[j - run - 1]) run++;
        i -= run;
        j -= run;
        length += run;
        if (run > 0)
            push_range(out, (struct lcs_range){i, j, run});
        else if (grows_by_b(grid, i, j))
            i--;
        else
            j--;
    }
    ASSERT(length == out->length);
}

void lcs_find(struct bytes a, struct bytes b, bool has_ranges, struct lcs *out)
{
    ASSERT(lcs_admits(a.size, b.size));
    *out = (struct lcs){0};
    if (a.size == 0 || b.size == 0) return;

    struct grid grid;
    grid_init(&grid, a, b, has_ranges);
    out->length = walk(&grid);
    if (has_ranges) walk_back(&grid, out);
    grid_deinit(&grid);
}

void lcs_deinit(struct lcs *lcs)
{
    memory_free(lcs->ranges);
    *lcs = (struct lcs){0};
}
