#include "families/index_range.h"

#include "base/assert.h"

static uint64_t from_beginning(int64_t index, uint64_t size)
{
    if (index >= 0) return (uint64_t)index;
    uint64_t back = 0 - (uint64_t)index;
    return back < size ? size - back : 0;
}

bool index_range_clamp(int64_t start, int64_t end, uint64_t size, struct index_range *out)
{
    if (size == 0) return false;
    struct index_range range = {from_beginning(start, size), from_beginning(end, size)};
    if (range.last >= size) range.last = size - 1;
    if (range.first > range.last) return false;

    ASSERT(range.last < size);
    *out = range;
    return true;
}

bool index_range_find(int64_t start, int64_t end, uint64_t size, struct index_range *out)
{
    if (start < 0 && end < 0 && start > end) return false;
    return index_range_clamp(start, end, size, out);
}
