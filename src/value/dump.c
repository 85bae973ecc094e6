#include "value/dump.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "base/number.h"
#include "value/lzf.h"

enum {
    TYPE_STRING = 0,
    LENGTH_6_MAX = (1 << 6) - 1,
    LENGTH_14_MAX = (1 << 14) - 1,
    MARK_14 = 0x40,
    MARK_32 = 0x80,
    MARK_64 = 0x81,
    MARK_INT8 = 0xc0,
    MARK_INT16 = 0xc1,
    MARK_INT32 = 0xc2,
    MARK_LZF = 0xc3,
    INTEGER_TEXT_MAX = 11, /* "-2147483648" */
};

static void append_little_endian(struct buf *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) buf_append_byte(out, (char)(value >> (8 * i)));
}

static void append_big_endian(struct buf *out, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--) buf_append_byte(out, (char)(value >> (8 * (i - 1))));
}

static void append_length(struct buf *out, uint64_t length)
{
    if (length <= LENGTH_6_MAX) {
        buf_append_byte(out, (char)length);
    } else if (length <= LENGTH_14_MAX) {
        append_big_endian(out, length | MARK_14 << 8, 2);
    } else if (length <= UINT32_MAX) {
        buf_append_byte(out, (char)MARK_32);
        append_big_endian(out, length, 4);
    } else {
        buf_append_byte(out, (char)MARK_64);
        append_big_endian(out, length, 8);
    }
}

/* An integer in as few bytes as hold it; false when it needs more than 32 bits. */
static bool append_integer(struct buf *out, int64_t value)
{
    if (value < INT32_MIN || value > INT32_MAX) return false;
    uint8_t mark = MARK_INT32;
    if (value >= INT8_MIN && value <= INT8_MAX)
        mark = MARK_INT8;
    else if (value >= INT16_MIN && value <= INT16_MAX)
        mark = MARK_INT16;
    buf_append_byte(out, (char)mark);
    append_little_endian(out, (uint64_t)value, (size_t)1 << (mark - MARK_INT8));
    return true;
}

void dump_encode_string(struct bytes text, struct buf *out)
{
    ASSERT(out->size == 0);
    buf_append_byte(out, TYPE_STRING);
    int64_t value;
    bool is_integer = text.size <= INTEGER_TEXT_MAX && number_parse_i64(text, &value) &&
                      append_integer(out, value);
    if (!is_integer) {
        append_length(out, text.size);
        buf_append_bytes(out, text);
    }
    append_little_endian(out, DUMP_RDB_VERSION, 2);
    append_little_endian(out, checksum_crc64(0, out->data, out->size), 8);
    ASSERT_SLOW(dump_verify(buf_bytes(out)));
}

static uint64_t read_little_endian(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) value = value << 8 | data[i - 1];
    return value;
}

static uint64_t read_big_endian(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | data[i];
    return value;
}

bool dump_verify(struct bytes payload)
{
    if (payload.size < DUMP_FOOTER_BYTES) return false;
    const uint8_t *footer = (const uint8_t *)payload.data + payload.size - DUMP_FOOTER_BYTES;
    if (read_little_endian(footer, 2) > DUMP_RDB_VERSION_MAX) return false;
    return read_little_endian(footer + 2, 8) == checksum_crc64(0, payload.data, payload.size - 8);
}

/* What is left of the body. */
struct cursor {
    const uint8_t *next;
    const uint8_t *end;
};

static const uint8_t *take(struct cursor *cursor, uint64_t size)
{
    if (size > (uint64_t)(cursor->end - cursor->next)) return NULL;
    const uint8_t *taken = cursor->next;
    cursor->next += size;
    return taken;
}

/* A length that is none of the special marks. */
static bool read_length(struct cursor *cursor, uint64_t *out)
{
    const uint8_t *mark = take(cursor, 1);
    if (!mark) return false;
    if (*mark <= LENGTH_6_MAX) {
        *out = *mark;
        return true;
    }
    size_t size = *mark < MARK_32 ? 1 : *mark == MARK_32 ? 4 : *mark == MARK_64 ? 8 : 0;
    const uint8_t *bytes = size > 0 ? take(cursor, size) : NULL;
    if (!bytes) return false;
    *out = read_big_endian(bytes, size);
    if (size == 1) *out |= (uint64_t)(*mark & LENGTH_6_MAX) << 8;
    return true;
}

static bool read_integer(struct cursor *cursor, struct buf *storage)
{
    size_t size = (size_t)1 << (*take(cursor, 1) - MARK_INT8);
    const uint8_t *bytes = take(cursor, size);
    if (!bytes) return false;
    unsigned unused = (unsigned)(64 - 8 * size);
    int64_t value = (int64_t)(read_little_endian(bytes, size) << unused) >> unused;
    storage->size = number_format_i64(buf_reserve(storage, NUMBER_INT_TEXT_MAX), value);
    return true;
}

static bool read_compressed(struct cursor *cursor, struct buf *storage)
{
    take(cursor, 1);
    uint64_t packed_size;
    uint64_t size;
    if (!read_length(cursor, &packed_size) || !read_length(cursor, &size)) return false;
    const uint8_t *packed = take(cursor, packed_size);
    if (!packed || size == 0 || size > DUMP_STRING_BYTES_MAX || size > lzf_size_max(packed_size))
        return false;
    if (!lzf_decode(bytes_of(packed, packed_size), buf_reserve(storage, size), size)) return false;
    storage->size = size;
    return true;
}

static bool read_plain(struct cursor *cursor, struct bytes *out)
{
    uint64_t size;
    if (!read_length(cursor, &size) || size > DUMP_STRING_BYTES_MAX) return false;
    const uint8_t *text = take(cursor, size);
    if (text) *out = bytes_of(text, size);
    return text != NULL;
}

enum status dump_decode_string(struct bytes payload, struct buf *storage, struct bytes *out)
{
    ASSERT(payload.size >= DUMP_FOOTER_BYTES);
    ASSERT(storage->size == 0);
    const uint8_t *data = (const uint8_t *)payload.data;
    struct cursor cursor = {data, data + payload.size - DUMP_FOOTER_BYTES};
    const uint8_t *type = take(&cursor, 1);
    if (!type) return STATUS_INVALID;
    if (*type != TYPE_STRING) return STATUS_VERSION;
    if (cursor.next == cursor.end) return STATUS_INVALID;

    struct bytes text = BYTES_EMPTY;
    bool is_valid;
    switch (*cursor.next) {
    case MARK_INT8:
    case MARK_INT16:
    case MARK_INT32: is_valid = read_integer(&cursor, storage); break;
    case MARK_LZF: is_valid = read_compressed(&cursor, storage); break;
    default: is_valid = read_plain(&cursor, &text); break;
    }
    if (!is_valid || cursor.next != cursor.end) return STATUS_INVALID;
    *out = storage->size > 0 ? buf_bytes(storage) : text;
    return STATUS_OK;
}
