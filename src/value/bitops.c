#include "value/bitops.h"

#include "base/assert.h"

enum { WORD_BYTES = 8 };

static uint64_t load_word(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* The mask of a byte's bits from `first` on (0 is the highest). */
static uint8_t mask_from(unsigned first)
{
    return (uint8_t)(0xff >> first);
}

/* The mask of a byte's bits up to and with `last`. */
static uint8_t mask_to(unsigned last)
{
    return (uint8_t)(0xff00 >> (last + 1));
}

static uint64_t count_bytes(const char *data, size_t size)
{
    uint64_t count = 0;
    size_t i = 0;
    for (; i + WORD_BYTES <= size; i += WORD_BYTES)
        count += (uint64_t)__builtin_popcountll(load_word(data + i));
    for (; i < size; i++) count += (uint64_t)__builtin_popcount((uint8_t)data[i]);
    return count;
}

uint64_t bitops_count(struct bytes bytes, struct bit_range range)
{
    ASSERT(range.first <= range.last);
    ASSERT(range.last / 8 < bytes.size);
    size_t first = range.first / 8;
    size_t last = range.last / 8;
    uint8_t outside_first = (uint8_t)((uint8_t)bytes.data[first] & ~mask_from(range.first % 8));
    uint8_t outside_last = (uint8_t)((uint8_t)bytes.data[last] & ~mask_to(range.last % 8));
    return count_bytes(bytes.data + first, last - first + 1) -
           (uint64_t)__builtin_popcount(outside_first) - (uint64_t)__builtin_popcount(outside_last);
}

/* The first byte from `start` to before `end` that is not `skipped`; `end` when there is none. */
static size_t skip_bytes(struct bytes bytes, size_t start, size_t end, uint8_t skipped)
{
    uint64_t skipped_word = skipped * 0x0101010101010101ull;
    while (start + WORD_BYTES <= end && load_word(bytes.data + start) == skipped_word)
        start += WORD_BYTES;
    while (start < end && (uint8_t)bytes.data[start] == skipped) start++;
    return start;
}

int64_t bitops_find(struct bytes bytes, bool bit, struct bit_range range)
{
    ASSERT(range.first <= range.last);
    ASSERT(range.last / 8 < bytes.size);
    uint8_t skipped = bit ? 0x00 : 0xff;
    size_t first = range.first / 8;
    size_t last = range.last / 8;

    /* The first byte counts from its first bit in the range on; the others whole; the answer must
     * not pass the end. */
    uint8_t wanted = (uint8_t)(((uint8_t)bytes.data[first] ^ skipped) & mask_from(range.first % 8));
    size_t index = first;
    if (wanted == 0) {
        index = skip_bytes(bytes, first + 1, last + 1, skipped);
        if (index > last) return -1;
        wanted = (uint8_t)bytes.data[index] ^ skipped;
    }
    uint64_t position = (uint64_t)index * 8 + (uint64_t)__builtin_clz(wanted) - 24;
    return position <= range.last ? (int64_t)position : -1;
}

/* The part of `source` under the `size` bytes of `out` at `offset`. */
static void combine_one(enum bitops_operation operation, struct bytes source, char *out,
                        size_t size)
{
    size_t common = source.size < size ? source.size : size;
    const char *data = source.data;
    size_t i = 0;
    switch (operation) {
    case BITOPS_AND:
        for (i = 0; i < common; i++) out[i] = (char)(out[i] & data[i]);
        memset(out + common, 0, size - common);
        return;
    case BITOPS_OR:
        for (i = 0; i < common; i++) out[i] = (char)(out[i] | data[i]);
        return;
    case BITOPS_XOR:
        for (i = 0; i < common; i++) out[i] = (char)(out[i] ^ data[i]);
        return;
    case BITOPS_NOT:
        for (i = 0; i < common; i++) out[i] = (char)~data[i];
        memset(out + common, 0xff, size - common);
        return;
    }
}

void bitops_combine(enum bitops_operation operation, const struct bytes *sources, size_t count,
                    char *out, size_t size)
{
    enum {
        SLICE_BYTES = 16 * 1024
    }; /* the result stays in the nearest cache while the sources pass by */
    ASSERT(count >= 1);
    for (size_t offset = 0; offset < size; offset += SLICE_BYTES) {
        size_t slice = size - offset < SLICE_BYTES ? size - offset : SLICE_BYTES;
        struct bytes first = bytes_part(sources[0], offset, slice);
        memcpy(out + offset, first.data, first.size);
        memset(out + offset + first.size, 0, slice - first.size);
        if (operation == BITOPS_NOT) combine_one(operation, first, out + offset, slice);
        for (size_t i = 1; i < count; i++)
            combine_one(operation, bytes_part(sources[i], offset, slice), out + offset, slice);
    }
}

uint64_t bitops_get(struct bytes bytes, uint64_t offset, unsigned width)
{
    ASSERT(width >= 1);
    ASSERT(width <= 64);
    uint64_t value = 0;
    uint64_t end = offset + width;
    while (offset < end) {
        unsigned skipped = (unsigned)(offset % 8);
        unsigned taken = 8 - skipped;
        if (end - offset < taken) taken = (unsigned)(end - offset);
        uint64_t index = offset / 8;
        unsigned byte = index < bytes.size ? (uint8_t)bytes.data[index] : 0;
        unsigned bits = (byte & mask_from(skipped)) >> (8 - skipped - taken);
        value = value << taken | bits;
        offset += taken;
    }
    return value;
}

void bitops_set(char *data, uint64_t offset, unsigned width, uint64_t value)
{
    ASSERT(width >= 1);
    ASSERT(width <= 64);
    unsigned left = width;
    while (left > 0) {
        unsigned skipped = (unsigned)(offset % 8);
        unsigned taken = left < 8 - skipped ? left : 8 - skipped;
        unsigned shift = 8 - skipped - taken;
        uint8_t mask = (uint8_t)(mask_from(skipped) & mask_to(skipped + taken - 1));
        uint8_t bits = (uint8_t)(value >> (left - taken) << shift) & mask;
        data[offset / 8] = (char)(((uint8_t)data[offset / 8] & ~mask) | bits);
        offset += taken;
        left -= taken;
    }
}
