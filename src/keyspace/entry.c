#include "keyspace/entry.h"

#include "value/blob.h"

static char *bytes_of_entry(struct entry *entry)
{
    return (char *)entry;
}

/* Where the value starts: its length or width byte, or its pointer. */
static const char *value_start(const struct entry *entry)
{
    struct bytes key = entry_key(entry);
    return key.data + key.size;
}

static void store_deadline(char *at, int64_t deadline_ms)
{
    ASSERT(deadline_ms >= 0);
    ASSERT(deadline_ms <= ENTRY_DEADLINE_MAX);
    uint32_t low = (uint32_t)deadline_ms;
    uint16_t high = (uint16_t)(deadline_ms >> 32);
    memcpy(at, &low, sizeof(low));
    memcpy(at + sizeof(low), &high, sizeof(high));
}

void entry_set_deadline(struct entry *entry, int64_t deadline_ms)
{
    ASSERT(entry_expires(entry));
    ASSERT(deadline_ms != ENTRY_NO_DEADLINE);
    store_deadline(bytes_of_entry(entry) + entry_deadline_offset(entry_meta(entry)), deadline_ms);
}

void entry_set_raw(struct entry *entry)
{
    ASSERT(entry_kind(entry) == ENTRY_STRING);
    *bytes_of_entry(entry) = (char)(entry_meta(entry) | ENTRY_META_RAW);
}

static unsigned integer_width(int64_t value)
{
    if (value == (int8_t)value) return 1;
    if (value == (int16_t)value) return 2;
    if (value == (int32_t)value) return 4;
    return 8;
}

int64_t entry_integer(const struct entry *entry)
{
    ASSERT(entry_kind(entry) == ENTRY_INTEGER);
    const char *at = value_start(entry);
    unsigned width = (uint8_t)at[0];
    ASSERT(width == 1 || width == 2 || width == 4 || width == 8);

    /* The bytes go to the top, the arithmetic shift down again extends the sign. */
    uint64_t value = 0;
    memcpy((char *)&value + (8 - width), at + 1, width);
    return (int64_t)value >> (64 - 8 * width);
}

struct blob *entry_blob(const struct entry *entry)
{
    ASSERT(entry_kind(entry) == ENTRY_BLOB);
    struct blob *blob;
    memcpy(&blob, value_start(entry), sizeof(blob));
    return blob;
}

static void store_pointer(char *at, const void *pointer)
{
    static_assert(sizeof(pointer) == ENTRY_POINTER_BYTES, "as drawn in entry.h");
    memcpy(at, &pointer, sizeof(pointer));
}

void entry_set_blob(struct entry *entry, struct blob *blob)
{
    ASSERT(entry_kind(entry) == ENTRY_BLOB);
    store_pointer(bytes_of_entry(entry) + (value_start(entry) - (const char *)entry), blob);
}

struct bytes entry_string(const struct entry *entry, char scratch[NUMBER_INT_TEXT_MAX])
{
    enum entry_kind kind = entry_kind(entry);
    if (LIKELY(kind == ENTRY_STRING)) return entry_inline_string(entry);
    if (kind == ENTRY_BLOB) return blob_bytes(entry_blob(entry));
    return bytes_of(scratch, number_format_i64(scratch, entry_integer(entry)));
}

size_t entry_string_length(const struct entry *entry)
{
    enum entry_kind kind = entry_kind(entry);
    if (LIKELY(kind == ENTRY_STRING)) return entry_inline_string(entry).size;
    if (kind == ENTRY_BLOB) return entry_blob(entry)->size;
    return number_length_i64(entry_integer(entry));
}

static size_t length_bytes(size_t length)
{
    return length <= ENTRY_SHORT_LENGTH_MAX ? sizeof(uint8_t) : sizeof(uint32_t);
}

bool entry_string_can_be(const struct entry *entry, size_t size)
{
    ASSERT(entry_kind(entry) == ENTRY_STRING);
    bool is_long = (entry_meta(entry) & ENTRY_META_LONG_VALUE) != 0;
    return size <= ENTRY_INLINE_VALUE_MAX && is_long == (size > ENTRY_SHORT_LENGTH_MAX);
}

static size_t value_size_for(const struct entry_value *value)
{
    if (LIKELY(value->kind == ENTRY_STRING)) {
        return length_bytes(value->string.size) + value->string.size;
    }
    if (value->kind == ENTRY_INTEGER) return 1 + integer_width(value->integer);
    return ENTRY_POINTER_BYTES;
}

size_t entry_size_for(struct bytes key, bool expires, const struct entry_value *value)
{
    size_t deadline_bytes = expires ? ENTRY_DEADLINE_BYTES : 0;
    return 1 + length_bytes(key.size) + deadline_bytes + key.size + value_size_for(value);
}

size_t entry_size(const struct entry *entry)
{
    const char *at = value_start(entry);
    size_t before = (size_t)(at - (const char *)entry);
    switch (entry_kind(entry)) {
    case ENTRY_STRING: {
        struct bytes string = entry_inline_string(entry);
        return (size_t)(string.data - (const char *)entry) + string.size;
    }
    case ENTRY_INTEGER: return before + 1 + (uint8_t)at[0];
    default: return before + ENTRY_POINTER_BYTES;
    }
}

static char *store_length(char *at, size_t length)
{
    ASSERT(length <= UINT32_MAX);
    uint32_t wide = (uint32_t)length;
    size_t bytes = length_bytes(length);
    memcpy(at, &wide, bytes); /* little endian: the low byte comes first */
    return at + bytes;
}

char *entry_string_resize(struct entry *entry, size_t size)
{
    ASSERT(entry_string_can_be(entry, size));
    char *at = bytes_of_entry(entry) + (value_start(entry) - (const char *)entry);
    return store_length(at, size);
}

static void store_value(char *at, const struct entry_value *value)
{
    if (LIKELY(value->kind == ENTRY_STRING)) {
        at = store_length(at, value->string.size);
        if (value->string.size > 0) memmove(at, value->string.data, value->string.size);
        return;
    }
    if (value->kind == ENTRY_INTEGER) {
        unsigned width = integer_width(value->integer);
        at[0] = (char)width;
        memcpy(at + 1, &value->integer, width);
        return;
    }
    ASSERT(value->kind == ENTRY_BLOB);
    store_pointer(at, value->blob);
}

void entry_write(struct entry *entry, struct bytes key, int64_t deadline_ms,
                 const struct entry_value *value)
{
    ASSERT(key.size <= ENTRY_KEY_BYTES_MAX);
    unsigned meta = (unsigned)value->kind;
    if (deadline_ms != ENTRY_NO_DEADLINE) meta |= ENTRY_META_EXPIRES;
    if (key.size > ENTRY_SHORT_LENGTH_MAX) meta |= ENTRY_META_LONG_KEY;
    if (value->kind == ENTRY_STRING && value->string.size > ENTRY_SHORT_LENGTH_MAX) {
        meta |= ENTRY_META_LONG_VALUE;
    }

    char *at = bytes_of_entry(entry);
    *at = (char)meta;
    at = store_length(at + 1, key.size);
    if (deadline_ms != ENTRY_NO_DEADLINE) {
        store_deadline(at, deadline_ms);
        at += ENTRY_DEADLINE_BYTES;
    }
    if (key.size > 0) memmove(at, key.data, key.size);
    store_value(at + key.size, value);
}

size_t entry_size_with_deadline(const struct entry *entry, bool expires)
{
    size_t size = entry_size(entry);
    if (expires == entry_expires(entry)) return size;
    return expires ? size + ENTRY_DEADLINE_BYTES : size - ENTRY_DEADLINE_BYTES;
}

void entry_copy_with_deadline(struct entry *target, const struct entry *source, int64_t deadline_ms)
{
    uint8_t meta = entry_meta(source);
    size_t head = entry_deadline_offset(meta);
    const char *rest = entry_key(source).data; /* key and value move as they are */
    size_t rest_size = entry_size(source) - (size_t)(rest - (const char *)source);
    bool expires = deadline_ms != ENTRY_NO_DEADLINE;

    char *at = bytes_of_entry(target);
    /* The rest first: when it moves up in place, the deadline overwrites its beginning. */
    memmove(at + head + (expires ? ENTRY_DEADLINE_BYTES : 0), rest, rest_size);
    memmove(at, source, head);
    at[0] = (char)(expires ? meta | ENTRY_META_EXPIRES : meta & ~ENTRY_META_EXPIRES);
    if (expires) store_deadline(at + head, deadline_ms);
}
