#include "value/dump.h"

#include <stdlib.h>

#include "base/checksum.h"
#include "tests/support/check.h"

/* Payloads that redis-server 7.0.15 gave, in hexadecimal. */
struct sample {
    const char *payload;
    const char *text;
};

static const struct sample samples[] = {
    {"00000a005d9b5c400f7fa2da",                       ""           },
    {"000568656c6c6f0a006372df766534200a",             "hello"      },
    {"00c0000a009840a778f8500308",                     "0"          },
    {"00c0ff0a000c937e2485089dc5",                     "-1"         },
    {"00c07f0a000db5eb315254c514",                     "127"        },
    {"00c180000a00eb7ab3b510cf4b65",                   "128"        },
    {"00c0800a009966326d2f0c5bd9",                     "-128"       },
    {"00c17fff0a001760822854808480",                   "-129"       },
    {"00c1ff7f0a00495a37da17f4d52b",                   "32767"      },
    {"00c2008000000a0045d82eedd5bda910",               "32768"      },
    {"00c2ff7fffff0a00aee34c4d06c68536",               "-32769"     },
    {"00c2ffffff7f0a002c74e59ee02eada1",               "2147483647" },
    {"000a323134373438333634380a00e7b129a34c1d76ee",   "2147483648" },
    {"00c2000000800a00c74f873e33558187",               "-2147483648"},
    {"000b2d323134373438333634390a00c261377908f2028c", "-2147483649"},
    {"00033030370a007258e27b4c69bad9",                 "007"        },
    {"000b39393939393939393939390a0023b048fb0edbef7f", "99999999999"},
    {"00022d300a00d5411fd9d6d050cc",                   "-0"         },
};

static struct bytes unhex(const char *text, struct buf *out)
{
    out->size = 0;
    for (size_t i = 0; text[i] != '\0'; i += 2) {
        char digits[3] = {text[i], text[i + 1], '\0'};
        buf_append_byte(out, (char)strtoul(digits, NULL, 16));
    }
    return buf_bytes(out);
}

/* Puts version 10 and the checksum behind a body. */
static struct bytes seal(struct buf *body)
{
    uint16_t version = DUMP_RDB_VERSION;
    buf_append(body, &version, sizeof version);
    uint64_t crc = checksum_crc64(0, body->data, body->size);
    buf_append(body, &crc, sizeof crc);
    return buf_bytes(body);
}

TEST(payloads_of_redis_are_read)
{
    struct buf payload = {0};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct bytes bytes = unhex(samples[i].payload, &payload);
        assert_true(dump_verify(bytes));
        struct buf storage = {0};
        struct bytes text;
        assert_ok(dump_decode_string(bytes, &storage, &text));
        assert_bytes_text(text, samples[i].text);
        buf_deinit(&storage);
    }
    buf_deinit(&payload);
}

TEST(short_strings_are_written_as_redis_writes_them)
{
    struct buf expected = {0};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct buf payload = {0};
        dump_encode_string(bytes_of_text(samples[i].text), &payload);
        assert_bytes_equal(buf_bytes(&payload), unhex(samples[i].payload, &expected));
        buf_deinit(&payload);
    }
    buf_deinit(&expected);
}

TEST(every_length_encoding_reads_back)
{
    static const size_t sizes[] = {0, 1, 63, 64, 16383, 16384, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf text = {0};
        memset(buf_reserve(&text, sizes[i] + 1), 'z', sizes[i]);
        text.size = sizes[i];
        struct buf payload = {0};
        dump_encode_string(buf_bytes(&text), &payload);
        assert_true(dump_verify(buf_bytes(&payload)));

        struct buf storage = {0};
        struct bytes out;
        assert_ok(dump_decode_string(buf_bytes(&payload), &storage, &out));
        assert_bytes_equal(out, buf_bytes(&text));
        buf_deinit(&storage);
        buf_deinit(&payload);
        buf_deinit(&text);
    }
}

TEST(compressed_strings_of_redis_are_read)
{
    struct buf payload = {0};
    struct buf storage = {0};
    struct bytes text;
    struct bytes bytes = unhex("00c312410e0361626361e06b020278797ae0880201797a0a00556f9e675a075a94",
                               &payload);
    assert_true(dump_verify(bytes));
    assert_ok(dump_decode_string(bytes, &storage, &text));
    assert_int_equal(text.size, 270);
    for (size_t i = 0; i < 120; i++) assert_int_equal(text.data[i], "abc"[i % 3]);
    for (size_t i = 120; i < 270; i++) assert_int_equal(text.data[i], "xyz"[i % 3]);
    buf_deinit(&storage);
    buf_deinit(&payload);
}

TEST(wrong_footers_are_refused)
{
    struct buf payload = {0};
    assert_false(dump_verify(BYTES_EMPTY));
    assert_false(dump_verify(BYTES_LITERAL("123456789")));

    dump_encode_string(BYTES_LITERAL("hello"), &payload);
    for (size_t i = 0; i < payload.size; i++) {
        payload.data[i] ^= 1;
        assert_false(dump_verify(buf_bytes(&payload)));
        payload.data[i] ^= 1;
    }
    buf_deinit(&payload);

    struct buf newer = {0};
    buf_append(&newer, "\0\1a\x0c\0", 5);
    uint64_t crc = checksum_crc64(0, newer.data, newer.size);
    buf_append(&newer, &crc, sizeof crc);
    assert_false(dump_verify(buf_bytes(&newer)));
    buf_deinit(&newer);
}

TEST(damaged_bodies_with_a_right_checksum_are_invalid)
{
    static const char *const bodies[] = {
        "",                               /* no type */
        "00",                             /* no length */
        "0005616263",                     /* too short */
        "000161ff",                       /* too long */
        "0040",                           /* half a length */
        "0080000000",                     /* half a length */
        "0080ffffffff61",                 /* longer than any string */
        "0081ffffffffffffffff61",         /* longer than any string */
        "008200",                         /* unknown mark */
        "00c0",                           /* no integer */
        "00c101",                         /* half an integer */
        "00c2010203",                     /* half an integer */
        "00c400",                         /* unknown encoding */
        "00c3",                           /* no lengths */
        "00c30100",                       /* LZF of nothing */
        "00c3010561",                     /* LZF: a literal run without its bytes */
        "00c302056161",                   /* LZF: copies from before the beginning */
        "00c3050200616162",               /* LZF: gives less than it says */
        "00c3020100ff61",                 /* LZF: more than the body */
        "00c303817fffffffffffffff000061", /* LZF: claims more than it can give */
        "00c3c0c0",                       /* lengths that are none */
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct buf body = {0};
        unhex(bodies[i], &body);
        struct bytes payload = seal(&body);
        assert_true(dump_verify(payload));
        struct buf storage = {0};
        struct bytes text;
        assert_status(dump_decode_string(payload, &storage, &text), STATUS_INVALID);
        buf_deinit(&storage);
        buf_deinit(&body);
    }
}

TEST(values_of_other_types_are_told_apart)
{
    struct buf body = {0};
    unhex("120102", &body);
    struct bytes payload = seal(&body);
    struct buf storage = {0};
    struct bytes text;
    assert_status(dump_decode_string(payload, &storage, &text), STATUS_VERSION);
    buf_deinit(&body);
}

RUN_TESTS(CHECK(payloads_of_redis_are_read), CHECK(short_strings_are_written_as_redis_writes_them),
          CHECK(every_length_encoding_reads_back), CHECK(compressed_strings_of_redis_are_read),
          CHECK(wrong_footers_are_refused), CHECK(damaged_bodies_with_a_right_checksum_are_invalid),
          CHECK(values_of_other_types_are_told_apart))
