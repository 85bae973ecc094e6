#include "value/bitops.h"

#include "base/random.h"
#include "tests/support/check.h"

enum { SIZE_MAX_TESTED = 40 };

static bool bit_at(struct bytes bytes, uint64_t index)
{
    return (uint8_t)bytes.data[index / 8] >> (7 - index % 8) & 1;
}

/* Sparse, dense or mixed bytes. */
static struct bytes fill(struct random *random, char *data, size_t size)
{
    uint64_t kind = random_below(random, 3);
    for (size_t i = 0; i < size; i++) {
        char mixed = (char)random_next(random);
        bool is_plain = random_below(random, 8) != 0;
        data[i] = kind == 0 || !is_plain ? mixed : kind == 1 ? 0 : (char)0xff;
    }
    return bytes_of(data, size);
}

TEST(count_and_find_agree_with_looking_at_each_bit)
{
    struct random random;
    random_init(&random, 1);
    for (unsigned round = 0; round < 20000; round++) {
        char data[SIZE_MAX_TESTED];
        struct bytes bytes = fill(&random, data, 1 + random_below(&random, SIZE_MAX_TESTED));
        uint64_t bits = bytes.size * 8;
        struct bit_range range = {.first = random_below(&random, bits)};
        range.last = range.first + random_below(&random, bits - range.first);

        uint64_t count = 0;
        int64_t found[2] = {-1, -1};
        for (uint64_t i = range.first; i <= range.last; i++) {
            bool bit = bit_at(bytes, i);
            count += bit;
            if (found[bit] < 0) found[bit] = (int64_t)i;
        }
        assert_int_equal(bitops_count(bytes, range), count);
        assert_int_equal(bitops_find(bytes, false, range), found[0]);
        assert_int_equal(bitops_find(bytes, true, range), found[1]);
    }
}

TEST(shorter_sources_go_on_with_zeros)
{
    struct bytes sources[] = {BYTES_LITERAL("\xff\x0f\xaa"), BYTES_LITERAL("\xf0"), BYTES_EMPTY};
    char out[3];
    bitops_combine(BITOPS_AND, sources, 2, out, 3);
    assert_memory_equal(out, "\xf0\0\0", 3);
    bitops_combine(BITOPS_OR, sources, 3, out, 3);
    assert_memory_equal(out, "\xff\x0f\xaa", 3);
    bitops_combine(BITOPS_XOR, sources, 2, out, 3);
    assert_memory_equal(out, "\x0f\x0f\xaa", 3);
    bitops_combine(BITOPS_AND, sources, 3, out, 3);
    assert_memory_equal(out, "\0\0\0", 3);
    bitops_combine(BITOPS_NOT, sources, 1, out, 3);
    assert_memory_equal(out, "\0\xf0\x55", 3);
}

TEST(long_sources_are_combined_in_slices)
{
    enum { LONG = 50000 };
    static char a[LONG];
    static char b[LONG / 2];
    static char out[LONG];
    memset(a, 0x3c, sizeof a);
    memset(b, 0x0f, sizeof b);
    struct bytes sources[] = {bytes_of(b, sizeof b), bytes_of(a, sizeof a)};
    bitops_combine(BITOPS_XOR, sources, 2, out, LONG);
    for (size_t i = 0; i < LONG; i++) assert_int_equal(out[i], i < LONG / 2 ? 0x33 : 0x3c);
}

TEST(fields_read_back_and_leave_their_neighbours_alone)
{
    struct random random;
    random_init(&random, 2);
    for (unsigned round = 0; round < 20000; round++) {
        char data[SIZE_MAX_TESTED];
        char before[SIZE_MAX_TESTED];
        struct bytes bytes = fill(&random, data, sizeof data);
        memcpy(before, data, sizeof data);
        unsigned width = 1 + (unsigned)random_below(&random, 64);
        uint64_t offset = random_below(&random, sizeof data * 8 - width + 1);
        uint64_t value = random_next(&random);

        bitops_set(data, offset, width, value);
        assert_int_equal(bitops_get(bytes, offset, width), value << (64 - width) >> (64 - width));
        for (uint64_t i = 0; i < sizeof data * 8; i++) {
            if (i >= offset && i < offset + width) continue;
            assert_int_equal(bit_at(bytes, i), bit_at(bytes_of(before, sizeof before), i));
        }
    }
}

TEST(bits_beyond_the_end_are_zero)
{
    struct bytes bytes = BYTES_LITERAL("\xff");
    assert_int_equal(bitops_get(bytes, 4, 8), 0xf0);
    assert_int_equal(bitops_get(bytes, 8, 64), 0);
    assert_int_equal(bitops_get(BYTES_EMPTY, 1ull << 40, 1), 0);
}

RUN_TESTS(CHECK(count_and_find_agree_with_looking_at_each_bit),
          CHECK(shorter_sources_go_on_with_zeros), CHECK(long_sources_are_combined_in_slices),
          CHECK(fields_read_back_and_leave_their_neighbours_alone),
          CHECK(bits_beyond_the_end_are_zero))
