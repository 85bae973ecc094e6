#include "storage/record.h"

#include "base/random.h"
#include "tests/support/check.h"

static size_t print(char *out, uint64_t table, struct bytes key, struct bytes arguments,
                    uint8_t flags)
{
    char *flags_at;
    char *next = record_begin(out, 42, flags, 0x01020304, table, key, arguments.size, &flags_at);
    if (arguments.size > 0) memcpy(next, arguments.data, arguments.size);
    assert_int_equal(*flags_at, flags);
    return (size_t)(next - out) + arguments.size;
}

TEST(records_come_back_as_written)
{
    static const uint64_t tables[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    static const size_t sizes[] = {0, 1, 100, 127, 128, 130, 16000, 20000};
    static char text[20000];
    static char out[50000];
    for (size_t i = 0; i < sizeof(text); i++) text[i] = (char)i;
    for (size_t t = 0; t < 8; t++) {
        for (size_t k = 0; k < 8; k++) {
            for (size_t a = 0; a < 8; a++) {
                struct bytes key = {text, sizes[k]};
                struct bytes arguments = {text, sizes[a]};
                size_t size = print(out, tables[t], key, arguments, RECORD_MORE);
                assert_true(size <= RECORD_HEADER_BYTES_MAX + key.size + arguments.size);
                struct bytes input = {out, size};
                struct record record;
                assert_ok(record_next(&input, &record));
                assert_int_equal(record.op, 42);
                assert_int_equal(record.flags, RECORD_MORE);
                assert_int_equal(record.sequence, 0x01020304);
                assert_true(record.table == tables[t]);
                assert_bytes_equal(record.key, key);
                assert_bytes_equal(record.arguments, arguments);
                assert_status(record_next(&input, &record), STATUS_NOT_FOUND);
            }
        }
    }
}

TEST(records_follow_each_other)
{
    char out[1000];
    size_t size = 0;
    for (uint64_t i = 0; i < 20; i++) {
        size += print(out + size, i, bytes_of_text("key"), bytes_of_text("value"), 0);
    }
    struct bytes input = {out, size};
    struct record record;
    for (uint64_t i = 0; i < 20; i++) {
        assert_ok(record_next(&input, &record));
        assert_int_equal(record.table, i);
    }
    assert_status(record_next(&input, &record), STATUS_NOT_FOUND);
}

TEST(a_record_cut_anywhere_is_corrupt)
{
    char out[300];
    size_t size = print(out, 300, bytes_of_text("a key"), bytes_of_text("some arguments"), 0);
    for (size_t cut = 1; cut < size; cut++) {
        struct bytes input = {out, cut};
        struct record record;
        assert_status(record_next(&input, &record), STATUS_CORRUPT);
        assert_int_equal(input.size, cut); /* nothing was taken */
    }
}

TEST(hostile_lengths_are_corrupt)
{
    static const struct bytes cases[] = {
        /* No body; one shorter than its fixed part; a key longer than the rest. */
        BYTES_LITERAL("\x00"),
        BYTES_LITERAL("\x05\x01\x01\x01\x01\x01"),
        BYTES_LITERAL("\x08\x01\x00\x00\x00\x00\x00\x00\x02"),
        /* A body of 2^64-1 bytes; a length of more than 64 bits; one of eleven bytes. */
        BYTES_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        BYTES_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        BYTES_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        /* A key of 2^64-1 bytes. */
        BYTES_LITERAL("\x10\x01\x00\x00\x00\x00\x00\x00"
                      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes input = cases[i];
        struct record record;
        assert_status(record_next(&input, &record), STATUS_CORRUPT);
    }
}

TEST(varints_come_back_and_their_size_is_known)
{
    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < 10000; i++) {
        uint64_t value = random_next(&random) >> random_below(&random, 64);
        char out[10];
        size_t size = (size_t)(record_put_varint(out, value) - out);
        assert_int_equal(size, record_varint_size(value));
        struct bytes input = {out, size};
        uint64_t back;
        assert_true(record_take_varint(&input, &back));
        assert_true(back == value);
        assert_int_equal(input.size, 0);
        input = (struct bytes){out, size - 1};
        assert_false(record_take_varint(&input, &back));
    }
}

RUN_TESTS(CHECK(records_come_back_as_written), CHECK(records_follow_each_other),
          CHECK(a_record_cut_anywhere_is_corrupt), CHECK(hostile_lengths_are_corrupt),
          CHECK(varints_come_back_and_their_size_is_known))
