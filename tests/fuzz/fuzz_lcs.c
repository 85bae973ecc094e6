/* LCS: the ranges are runs of equal bytes in falling order whose sizes add up to the length. The
 * first byte says where the input is cut in two. */
#include "base/assert.h"
#include "families/lcs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(struct bytes a, struct bytes b, const struct lcs *lcs)
{
    size_t total = 0;
    size_t first_end = a.size;
    size_t second_end = b.size;
    for (size_t i = 0; i < lcs->range_count; i++) {
        const struct lcs_range *range = &lcs->ranges[i];
        ASSERT(range->size > 0);
        ASSERT(range->first + range->size <= first_end);
        ASSERT(range->second + range->size <= second_end);
        ASSERT(memcmp(a.data + range->first, b.data + range->second, range->size) == 0);
        total += range->size;
        first_end = range->first;
        second_end = range->second;
    }
    ASSERT(total == lcs->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 2000) return 0;
    struct bytes both = bytes_of(data + 1, size - 1);
    struct bytes a = bytes_part(both, 0, data[0] * both.size / 255);
    struct bytes b = bytes_part(both, a.size, both.size);
    struct lcs lcs;
    lcs_find(a, b, true, &lcs);
    check_ranges(a, b, &lcs);
    size_t length = lcs.length;
    lcs_deinit(&lcs);

    lcs_find(b, a, false, &lcs);
    ASSERT(lcs.length == length);
    lcs_deinit(&lcs);
    return 0;
}
