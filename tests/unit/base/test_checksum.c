#include "base/checksum.h"

#include "tests/support/check.h"

/* Bit by bit from the definition: polynomial 0xad93d23594c935a9, reflected, no final xor. */
static uint64_t slow_crc64(uint64_t crc, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint8_t)data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? (crc >> 1) ^ UINT64_C(0x95ac9329ac4bc9b5) : crc >> 1;
        }
    }
    return crc;
}

TEST(crc64_has_its_published_check_value)
{
    assert_true(checksum_crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
    assert_true(checksum_crc64(0, NULL, 0) == 0);
}

TEST(crc64_is_its_definition_at_every_size_and_offset)
{
    char data[128];
    for (size_t i = 0; i < sizeof(data); i++) data[i] = (char)(i * 37 + 11);
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; size + start <= sizeof(data); size++) {
            uint64_t expected = slow_crc64(5, data + start, size);
            assert_true(checksum_crc64(5, data + start, size) == expected);
        }
    }
}

TEST(crc64_continues_over_parts)
{
    static const char data[] = "a reply to a write leaves when the write would survive";
    size_t size = sizeof(data) - 1;
    uint64_t whole = checksum_crc64(0, data, size);
    for (size_t cut = 0; cut <= size; cut++) {
        uint64_t crc = checksum_crc64(0, data, cut);
        assert_true(checksum_crc64(crc, data + cut, size - cut) == whole);
    }
}

TEST(xxh3_has_its_published_values)
{
    assert_true(checksum_xxh3("", 0) == UINT64_C(0x2d06800538d394c2));
}

TEST(xxh3_sees_every_bit)
{
    char data[1024] = {0};
    uint64_t before = checksum_xxh3(data, sizeof(data));
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] ^= 1;
        assert_true(checksum_xxh3(data, sizeof(data)) != before);
        data[i] ^= 1;
    }
    assert_true(checksum_xxh3(data, sizeof(data)) == before);
}

RUN_TESTS(CHECK(crc64_has_its_published_check_value),
          CHECK(crc64_is_its_definition_at_every_size_and_offset),
          CHECK(crc64_continues_over_parts), CHECK(xxh3_has_its_published_values),
          CHECK(xxh3_sees_every_bit))
