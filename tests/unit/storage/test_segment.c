#include "storage/segment.h"

#include "base/checksum.h"
#include "tests/support/check.h"

static const struct segment_header sample = {
    .log_id = 5,
    .first_block = 17,
    .first_epoch = 4,
    .segment_bytes = 1 << 20,
    .wall_us = 123456,
    .term = 3,
};

TEST(headers_come_back_as_written)
{
    char data[SEGMENT_HEADER_BYTES];
    struct segment_header header;
    segment_write_header(data, &sample);
    assert_ok(segment_read_header(data, &header));
    assert_int_equal(header.log_id, 5);
    assert_int_equal(header.first_block, 17);
    assert_int_equal(header.first_epoch, 4);
    assert_int_equal(header.segment_bytes, 1 << 20);
    assert_int_equal(header.wall_us, 123456);
    assert_int_equal(header.term, 3);
}

TEST(every_flipped_bit_is_found)
{
    char data[SEGMENT_HEADER_BYTES];
    struct segment_header header;
    segment_write_header(data, &sample);
    for (size_t i = 0; i < sizeof(data) * 8; i++) {
        data[i / 8] = (char)(data[i / 8] ^ (1 << i % 8));
        assert_status(segment_read_header(data, &header), STATUS_INVALID);
        data[i / 8] = (char)(data[i / 8] ^ (1 << i % 8));
    }
}

TEST(a_newer_format_is_told_apart_from_damage)
{
    char data[SEGMENT_HEADER_BYTES];
    struct segment_header header;
    segment_write_header(data, &sample);
    data[16] = SEGMENT_FORMAT + 1;
    uint64_t checksum = checksum_xxh3(data + 16, sizeof(data) - 16);
    memcpy(data + 8, &checksum, 8);
    assert_status(segment_read_header(data, &header), STATUS_VERSION);
}

TEST(names_come_back_and_only_ours_do)
{
    static const char *const strangers[] = {
        "",
        "log-",
        "log-1.seg",
        "log-0000000000000001.seg.tmp",
        "log-000000000000000G.seg",
        "LOG-0000000000000001.seg",
        "log-000000000000000A.seg",
        "log-+000000000000001.seg",
        "log-0x00000000000001.seg",
        "spare-0000000000000001.seg",
        "MANIFEST",
    };
    char name[SEGMENT_NAME_BYTES];
    uint64_t number;
    static const uint64_t numbers[] = {0, 1, 255, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        segment_print_name(name, numbers[i]);
        assert_true(segment_parse_name(name, &number));
        assert_true(number == numbers[i]);
        assert_false(segment_parse_spare_name(name, &number));
        segment_print_spare_name(name, numbers[i]);
        assert_true(segment_parse_spare_name(name, &number));
        assert_true(number == numbers[i]);
    }
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        assert_false(segment_parse_name(strangers[i], &number));
    }
}

RUN_TESTS(CHECK(headers_come_back_as_written), CHECK(every_flipped_bit_is_found),
          CHECK(a_newer_format_is_told_apart_from_damage), CHECK(names_come_back_and_only_ours_do))
