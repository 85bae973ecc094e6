#include "keyspace/entry.h"

#include "base/memory.h"
#include "tests/support/check.h"
#include "value/blob.h"

static const size_t key_sizes[] = {0, 1, 7, 8, 9, 16, 17, 255, 256, 70000};
static const size_t value_sizes[] = {0, 1, 255, 256, ENTRY_INLINE_VALUE_MAX, 100 * 1000};
static const int64_t deadlines[] = {ENTRY_NO_DEADLINE, 1, 1767225600000, ENTRY_DEADLINE_MAX};
static const int64_t integers[] = {
    0,         1,         -1,        INT8_MAX,      INT8_MIN,  INT8_MAX + 1, INT8_MIN - 1,
    INT16_MAX, INT16_MIN, 32768,     INT32_MAX,     INT32_MIN, 2147483648ll, -2147483649ll,
    INT64_MAX, INT64_MIN, 123456789, 9999999999999,
};
enum {
    KEY_SIZES = sizeof(key_sizes) / sizeof(key_sizes[0]),
    VALUE_SIZES = sizeof(value_sizes) / sizeof(value_sizes[0]),
    DEADLINES = sizeof(deadlines) / sizeof(deadlines[0]),
    INTEGERS = sizeof(integers) / sizeof(integers[0]),
};

static struct bytes bytes_create(size_t size, unsigned salt)
{
    char *data = memory_alloc(size);
    for (size_t i = 0; i < size; i++) data[i] = (char)(i * 31 + salt);
    return bytes_of(data, size);
}

static void bytes_destroy(struct bytes bytes)
{
    union {
        const char *data;
        void *memory;
    } owned = {bytes.data};
    memory_free(owned.memory);
}

static struct entry *entry_create(struct bytes key, int64_t deadline_ms,
                                  const struct entry_value *value)
{
    size_t size = entry_size_for(key, deadline_ms != ENTRY_NO_DEADLINE, value);
    struct entry *entry = memory_alloc(size); /* exactly: a sanitizer sees a byte too many */
    entry_write(entry, key, deadline_ms, value);
    assert_int_equal(entry_size(entry), size);
    return entry;
}

static void check_entry(const struct entry *entry, struct bytes key, int64_t deadline_ms,
                        const struct entry_value *value)
{
    char scratch[NUMBER_INT_TEXT_MAX];
    assert_bytes_equal(entry_key(entry), key);
    assert_true(entry_key_equals(entry, key));
    assert_int_equal(entry_deadline(entry), deadline_ms);
    assert_int_equal(entry_expires(entry), deadline_ms != ENTRY_NO_DEADLINE);
    assert_int_equal(entry_kind(entry), value->kind);
    assert_true(entry_is_string(entry));
    assert_false(entry_is_raw(entry));
    struct bytes text = entry_string(entry, scratch);
    assert_int_equal(entry_string_length(entry), text.size);
    if (value->kind == ENTRY_STRING) assert_bytes_equal(text, value->string);
    if (value->kind == ENTRY_BLOB) assert_ptr_equal(entry_blob(entry), value->blob);
    if (value->kind == ENTRY_INTEGER) {
        assert_int_equal(entry_integer(entry), value->integer);
        int64_t parsed = 0;
        assert_true(number_parse_i64(text, &parsed));
        assert_int_equal(parsed, value->integer);
    }
}

/* Each deadline on top of each other one, in a copy and in place. */
static void check_deadline_changes(struct bytes key, const struct entry_value *value)
{
    for (unsigned from = 0; from < DEADLINES; from++) {
        for (unsigned to = 0; to < DEADLINES; to++) {
            bool expires = deadlines[to] != ENTRY_NO_DEADLINE;
            struct entry *entry = entry_create(key, deadlines[from], value);
            size_t size = entry_size_with_deadline(entry, expires);
            struct entry *copy = memory_alloc(size);
            entry_copy_with_deadline(copy, entry, deadlines[to]);
            check_entry(copy, key, deadlines[to], value);
            assert_int_equal(entry_size(copy), size);

            if (size > entry_size(entry)) entry = memory_realloc(entry, size);
            entry_copy_with_deadline(entry, entry, deadlines[to]);
            check_entry(entry, key, deadlines[to], value);
            memory_free(copy);
            memory_free(entry);
        }
    }
}

static void check_value(const struct entry_value *value)
{
    for (unsigned i = 0; i < KEY_SIZES; i++) {
        struct bytes key = bytes_create(key_sizes[i], 1);
        for (unsigned j = 0; j < DEADLINES; j++) {
            struct entry *entry = entry_create(key, deadlines[j], value);
            check_entry(entry, key, deadlines[j], value);
            memory_free(entry);
        }
        check_deadline_changes(key, value);
        bytes_destroy(key);
    }
}

TEST(strings_of_every_size_come_back)
{
    for (unsigned i = 0; i < VALUE_SIZES; i++) {
        struct entry_value value = {ENTRY_STRING, .string = bytes_create(value_sizes[i], 7)};
        check_value(&value);
        bytes_destroy(value.string);
    }
}

TEST(integers_of_every_width_come_back)
{
    for (unsigned i = 0; i < INTEGERS; i++) {
        struct entry_value value = {ENTRY_INTEGER, .integer = integers[i]};
        check_value(&value);
    }
}

TEST(blobs_come_back)
{
    struct blob *blob = blob_create(10000, 10000);
    memset(blob->data, 'b', blob->size);
    struct entry_value value = {ENTRY_BLOB, .blob = blob};
    check_value(&value);
    blob_release(blob);
}

TEST(small_entries_have_no_padding)
{
    struct bytes key = BYTES_LITERAL("0123456789abcdef");
    struct bytes string = BYTES_LITERAL("0123456789abcdef0123456789abcdef");
    struct entry_value value = {ENTRY_STRING, .string = string};
    assert_int_equal(entry_size_for(key, false, &value), 3 + 16 + 32);
    assert_int_equal(entry_size_for(key, true, &value), 3 + 6 + 16 + 32);
    value = (struct entry_value){ENTRY_INTEGER, .integer = 1000};
    assert_int_equal(entry_size_for(key, false, &value), 3 + 16 + 2);
}

TEST(keys_that_differ_anywhere_are_not_equal)
{
    for (unsigned i = 0; i < KEY_SIZES; i++) {
        struct bytes key = bytes_create(key_sizes[i], 1);
        struct entry_value value = {ENTRY_INTEGER, .integer = 5};
        struct entry *entry = entry_create(key, ENTRY_NO_DEADLINE, &value);
        char *other = memory_alloc(key.size);
        memcpy(other, key.data, key.size);
        size_t step = key.size > 1000 ? 997 : 1;
        for (size_t at = 0; at < key.size; at += step) {
            other[at] ^= 1;
            assert_false(entry_key_equals(entry, bytes_of(other, key.size)));
            other[at] ^= 1;
        }
        if (key.size > 0) assert_false(entry_key_equals(entry, bytes_of(other, key.size - 1)));
        assert_true(entry_key_equals(entry, bytes_of(other, key.size)));
        memory_free(other);
        memory_free(entry);
        bytes_destroy(key);
    }
}

TEST(deadline_changes_in_place)
{
    struct entry_value value = {ENTRY_STRING, .string = BYTES_LITERAL("value")};
    struct entry *entry = entry_create(BYTES_LITERAL("key"), 1, &value);
    entry_set_deadline(entry, ENTRY_DEADLINE_MAX);
    check_entry(entry, BYTES_LITERAL("key"), ENTRY_DEADLINE_MAX, &value);
    memory_free(entry);
}

TEST(string_can_be_rewritten_from_its_own_bytes)
{
    struct bytes key = BYTES_LITERAL("key");
    struct entry_value value = {ENTRY_STRING, .string = BYTES_LITERAL("hello world")};
    struct entry *entry = entry_create(key, ENTRY_NO_DEADLINE, &value);
    char scratch[NUMBER_INT_TEXT_MAX];
    value.string = bytes_part(entry_string(entry, scratch), 6, 5);
    entry_write(entry, entry_key(entry), ENTRY_NO_DEADLINE, &value);
    assert_bytes_text(entry_string(entry, scratch), "world");
    assert_bytes_equal(entry_key(entry), key);
    memory_free(entry);
}

TEST(string_resizes_within_its_length_field)
{
    struct entry_value value = {ENTRY_STRING, .string = BYTES_LITERAL("abc")};
    struct entry *entry = entry_create(BYTES_LITERAL("key"), 77, &value);
    assert_true(entry_string_can_be(entry, ENTRY_INLINE_VALUE_MAX) == false);
    assert_true(entry_string_can_be(entry, 255));
    assert_false(entry_string_can_be(entry, 256));
    entry = memory_realloc(entry, entry_size(entry) + 2);
    char *bytes = entry_string_resize(entry, 5);
    memcpy(bytes + 3, "de", 2);
    entry_set_raw(entry);
    assert_true(entry_is_raw(entry));
    char scratch[NUMBER_INT_TEXT_MAX];
    assert_bytes_text(entry_string(entry, scratch), "abcde");
    assert_int_equal(entry_deadline(entry), 77);
    memory_free(entry);
}

TEST(overwriting_takes_only_what_has_the_same_shape)
{
    char scratch[NUMBER_INT_TEXT_MAX];
    struct entry_value value = {ENTRY_STRING, .string = BYTES_LITERAL("abc")};
    struct entry_value same = {ENTRY_STRING, .string = BYTES_LITERAL("xyz")};
    struct entry_value longer = {ENTRY_STRING, .string = BYTES_LITERAL("wxyz")};
    struct entry_value integer = {ENTRY_INTEGER, .integer = 123};
    for (unsigned i = 0; i < KEY_SIZES; i++) {
        struct bytes key = bytes_create(key_sizes[i], 1);
        struct entry *entry = entry_create(key, ENTRY_NO_DEADLINE, &value);
        assert_false(entry_overwrite(entry, &longer, ENTRY_NO_DEADLINE));
        assert_false(entry_overwrite(entry, &integer, ENTRY_NO_DEADLINE));
        assert_false(entry_overwrite(entry, &same, 5));
        assert_bytes_text(entry_string(entry, scratch), "abc");
        entry_set_raw(entry);
        assert_true(entry_overwrite(entry, &same, ENTRY_NO_DEADLINE));
        check_entry(entry, key, ENTRY_NO_DEADLINE, &same);
        memory_free(entry);

        entry = entry_create(key, 5, &value);
        assert_false(entry_overwrite(entry, &same, ENTRY_NO_DEADLINE));
        memory_free(entry);
        bytes_destroy(key);
    }
    /* A long length field, and kinds that are no inline string. */
    struct entry_value wide = {ENTRY_STRING, .string = bytes_create(300, 1)};
    struct entry *entry = entry_create(BYTES_LITERAL("key"), ENTRY_NO_DEADLINE, &wide);
    assert_false(entry_overwrite(entry, &wide, ENTRY_NO_DEADLINE));
    memory_free(entry);
    bytes_destroy(wide.string);
    entry = entry_create(BYTES_LITERAL("key"), ENTRY_NO_DEADLINE, &integer);
    assert_false(entry_overwrite(entry, &same, ENTRY_NO_DEADLINE));
    memory_free(entry);
}

static void set_deadline_where_none_is(void *context)
{
    struct entry_value value = {ENTRY_STRING, .string = BYTES_LITERAL("v")};
    (void)context;
    entry_set_deadline(entry_create(BYTES_LITERAL("k"), ENTRY_NO_DEADLINE, &value), 1);
}

TEST(misuse_is_refused)
{
    assert_aborts(set_deadline_where_none_is, NULL);
}

RUN_TESTS(CHECK(strings_of_every_size_come_back), CHECK(integers_of_every_width_come_back),
          CHECK(blobs_come_back), CHECK(small_entries_have_no_padding),
          CHECK(keys_that_differ_anywhere_are_not_equal), CHECK(deadline_changes_in_place),
          CHECK(string_can_be_rewritten_from_its_own_bytes),
          CHECK(string_resizes_within_its_length_field),
          CHECK(overwriting_takes_only_what_has_the_same_shape), CHECK(misuse_is_refused))
