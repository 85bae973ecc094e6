#include "engine/change.h"

#include "base/buf.h"
#include "tests/support/check.h"
#include "value/blob.h"

static struct keyspace *create_keyspace(void)
{
    struct hashing hashing;
    for (unsigned i = 0; i < HASHING_SECRET_BYTES; i++) hashing.secret[i] = (uint8_t)(i * 73 + 5);
    struct keyspace_options options = {.shard_count = 64,
                                       .database_count = 4,
                                       .reader_count = 1,
                                       .now_ms = 1000,
                                       .hashing = &hashing};
    return keyspace_create(&options);
}

static uint64_t hash_of(const struct keyspace *keyspace, struct bytes key)
{
    return hashing_bytes(&keyspace->hashing, key);
}

static enum status apply(struct keyspace *keyspace, uint8_t op, uint8_t flags,
                         struct bytes arguments)
{
    struct record record = {
        .op = op, .flags = flags, .key = BYTES_LITERAL("key"), .arguments = arguments};
    return change_apply(keyspace, 0, hash_of(keyspace, record.key), &record);
}

static struct entry *entry_of(struct keyspace *keyspace)
{
    struct bytes key = BYTES_LITERAL("key");
    uint64_t hash = hash_of(keyspace, key);
    return shard_find(keyspace_shard(keyspace, hash), 0, hash, key, NULL);
}

static void check_text(struct keyspace *keyspace, struct bytes expected, int64_t deadline_ms)
{
    char scratch[NUMBER_INT_TEXT_MAX];
    assert_non_null(entry_of(keyspace));
    assert_bytes_equal(entry_string(entry_of(keyspace), scratch), expected);
    assert_int_equal(entry_deadline(entry_of(keyspace)), deadline_ms);
}

TEST(each_effect_does_what_its_line_says)
{
    struct keyspace *keyspace = create_keyspace();
    assert_ok(apply(keyspace, CHANGE_REMOVE, 0, BYTES_EMPTY));
    assert_ok(apply(keyspace, CHANGE_DEADLINE, 0, BYTES_LITERAL("\x05\0\0\0\0\0\0\0")));
    assert_null(entry_of(keyspace));
    assert_ok(apply(keyspace, CHANGE_BYTES, 0, BYTES_LITERAL("12")));
    check_text(keyspace, BYTES_LITERAL("12"), ENTRY_NO_DEADLINE);
    assert_int_equal(entry_kind(entry_of(keyspace)), ENTRY_STRING);
    assert_ok(apply(keyspace, CHANGE_DEADLINE, 0, BYTES_LITERAL("\0\x10\0\0\0\0\0\0")));
    check_text(keyspace, BYTES_LITERAL("12"), 4096);
    assert_ok(apply(keyspace, CHANGE_RANGE, 0, BYTES_LITERAL("\x03x")));
    check_text(keyspace, BYTES_LITERAL("12\0x"), 4096);
    assert_ok(apply(keyspace, CHANGE_INTEGER, RECORD_EXPIRES,
                    BYTES_LITERAL("\0\x20\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff")));
    check_text(keyspace, BYTES_LITERAL("-1"), 8192);
    assert_ok(apply(keyspace, CHANGE_DEADLINE, 0, BYTES_LITERAL("\0\0\0\0\0\0\0\0")));
    check_text(keyspace, BYTES_LITERAL("-1"), ENTRY_NO_DEADLINE);
    assert_ok(apply(keyspace, CHANGE_REMOVE, 0, BYTES_EMPTY));
    assert_null(entry_of(keyspace));
    keyspace_destroy(keyspace);
}

TEST(an_effect_on_a_fresh_key_forgets_what_replay_finds)
{
    struct keyspace *keyspace = create_keyspace();
    assert_ok(
        apply(keyspace, CHANGE_BYTES, RECORD_EXPIRES, BYTES_LITERAL("\0\x10\0\0\0\0\0\0old")));
    assert_ok(apply(keyspace, CHANGE_RANGE, RECORD_CREATES, BYTES_LITERAL("\x01n")));
    check_text(keyspace, BYTES_LITERAL("\0n"), ENTRY_NO_DEADLINE);
    assert_ok(apply(keyspace, CHANGE_RANGE, 0, BYTES_LITERAL("\x02m")));
    check_text(keyspace, BYTES_LITERAL("\0nm"), ENTRY_NO_DEADLINE);
    keyspace_destroy(keyspace);
}

TEST(arguments_against_the_grammar_are_corrupt_and_change_nothing)
{
    static const struct {
        uint8_t op;
        uint8_t flags;
        struct bytes arguments;
    } rows[] = {
        {0,                0,              {"", 0}                     },
        {CHANGE_DATABASES, 0,              {"\0\0\0", 3}               },
        {200,              0,              {"", 0}                     },
        {CHANGE_BYTES,     RECORD_EXPIRES, {"1234567", 7}              },
        {CHANGE_BYTES,     RECORD_EXPIRES, {"\0\0\0\0\0\0\x01\0", 8}   }, /* beyond the latest deadline */
        {CHANGE_BYTES,     RECORD_EXPIRES, {"\0\0\0\0\0\0\0\x80", 8}   }, /* negative */
        {CHANGE_INTEGER,   0,              {"1234567", 7}              },
        {CHANGE_INTEGER,   RECORD_EXPIRES, {"12345\0\0\0", 8}          },
        {CHANGE_RANGE,     0,              {"", 0}                     },
        {CHANGE_RANGE,     0,              {"\x80", 1}                 },
        {CHANGE_RANGE,     0,              {"\xff\xff\xff\xff\x0fx", 6}}, /* 4 GB away */
        {CHANGE_DEADLINE,  0,              {"1234567", 7}              },
        {CHANGE_DEADLINE,  0,              {"\0\0\0\0\0\0\x01\0", 8}   },
    };
    struct keyspace *keyspace = create_keyspace();
    for (int is_there = 0; is_there < 2; is_there++) {
        if (is_there) assert_ok(apply(keyspace, CHANGE_BYTES, 0, BYTES_LITERAL("old")));
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            assert_status(apply(keyspace, rows[i].op, rows[i].flags, rows[i].arguments),
                          STATUS_CORRUPT);
            assert_int_equal(entry_of(keyspace) != NULL, is_there);
            if (is_there) check_text(keyspace, BYTES_LITERAL("old"), ENTRY_NO_DEADLINE);
        }
    }
    keyspace_destroy(keyspace);
}

static void check_round_trip(uint8_t op, uint8_t flags, struct bytes arguments)
{
    struct keyspace *keyspace = create_keyspace();
    struct buf written = {0};
    assert_ok(apply(keyspace, op, flags, arguments));
    change_append_entry(&written, entry_of(keyspace), 77);
    keyspace_destroy(keyspace);

    struct bytes input = buf_bytes(&written);
    struct record record;
    assert_ok(record_next(&input, &record));
    assert_int_equal(input.size, 0);
    assert_int_equal(record.op, op);
    assert_int_equal(record.flags, flags);
    assert_int_equal(record.table, 77);
    assert_bytes_text(record.key, "key");
    assert_bytes_equal(record.arguments, arguments);
    buf_deinit(&written);
}

TEST(an_entry_is_written_as_the_record_that_makes_it)
{
    static char large[5000];
    check_round_trip(CHANGE_BYTES, 0, BYTES_EMPTY);
    check_round_trip(CHANGE_BYTES, 0, BYTES_LITERAL("12"));
    check_round_trip(CHANGE_BYTES, RECORD_EXPIRES, BYTES_LITERAL("\0\x10\0\0\0\0\0\0text"));
    check_round_trip(CHANGE_BYTES, 0, bytes_of(large, sizeof large));
    check_round_trip(CHANGE_INTEGER, 0, BYTES_LITERAL("\x01\0\0\0\0\0\0\x80"));
    check_round_trip(CHANGE_INTEGER, RECORD_EXPIRES,
                     BYTES_LITERAL("\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"));
}

TEST(values_take_the_form_that_fits)
{
    static char large[ENTRY_INLINE_VALUE_MAX + 1];
    assert_int_equal(change_value_of_text(BYTES_LITERAL("7")).kind, ENTRY_INTEGER);
    assert_int_equal(change_value_of_text(BYTES_LITERAL("+7")).kind, ENTRY_STRING);
    assert_int_equal(change_value_of_text(BYTES_LITERAL("9223372036854775808")).kind, ENTRY_STRING);
    assert_int_equal(change_value_of_bytes(BYTES_LITERAL("7")).kind, ENTRY_STRING);
    assert_int_equal(change_value_of_bytes(bytes_of(large, ENTRY_INLINE_VALUE_MAX)).kind,
                     ENTRY_STRING);
    struct entry_value value = change_value_of_bytes(bytes_of(large, sizeof large));
    assert_int_equal(value.kind, ENTRY_BLOB);
    blob_release(value.blob);
}

static enum status parse(struct bytes arguments, struct change_databases *out)
{
    struct record record = {.op = CHANGE_DATABASES, .key = BYTES_EMPTY, .arguments = arguments};
    return change_parse_databases(&record, 4, out);
}

TEST(a_map_of_databases_is_read_whole_or_not_at_all)
{
    struct change_databases map;
    assert_ok(parse(BYTES_LITERAL("\x07\x09\x02\x08\x01"), &map));
    assert_int_equal(map.version, 7);
    assert_int_equal(map.next_table, 9);
    assert_int_equal(map.count, 2);
    assert_bytes_equal(map.tables, BYTES_LITERAL("\x08\x01"));
    for (size_t i = 0; i < 5; i++) {
        assert_status(parse(bytes_of("\x07\x09\x02\x08\x01", i), &map), STATUS_CORRUPT);
    }
    assert_status(parse(BYTES_LITERAL("\x07\x09\x05\1\1\1\1\1"), &map),
                  STATUS_CORRUPT); /* too many */
    assert_status(parse(BYTES_LITERAL("\x07\x09\x02\x09\x01"), &map),
                  STATUS_CORRUPT); /* not given out */
    assert_status(parse(BYTES_LITERAL("\x07\x09\x01\x08\x01"), &map),
                  STATUS_CORRUPT); /* more follows */
}

RUN_TESTS(CHECK(each_effect_does_what_its_line_says),
          CHECK(an_effect_on_a_fresh_key_forgets_what_replay_finds),
          CHECK(arguments_against_the_grammar_are_corrupt_and_change_nothing),
          CHECK(an_entry_is_written_as_the_record_that_makes_it),
          CHECK(values_take_the_form_that_fits),
          CHECK(a_map_of_databases_is_read_whole_or_not_at_all))
