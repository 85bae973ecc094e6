/* A key and its value in one allocation, without padding:
 *
 *   +0   u8       meta: bits 0-3 kind, bit 4 expires, bit 5 key length is u32,
 *                 bit 6 value length is u32, bit 7 raw: a STRING that was written into
 *   +1   u8/u32   key length
 *        6 bytes  absolute deadline, milliseconds since 1970 (only if it expires)
 *        key
 *        value    STRING        u8/u32 length, bytes
 *                 INTEGER       u8 width (1, 2, 4, 8), two's complement
 *                 BLOB          8-byte pointer (struct blob)
 *                 OBJECT kinds  8-byte pointer (value/types.c), one kind a type
 *
 * Texts that are canonical int64 are stored as INTEGER and read back letter by letter. Little
 * endian. The sizes follow from the bytes, so freeing needs no header. Guarded by the shard
 * lock. */
#ifndef KEYSPACE_ENTRY_H
#define KEYSPACE_ENTRY_H

#include "base/assert.h"
#include "base/attributes.h"
#include "base/bytes.h"
#include "base/number.h"

struct blob;
struct entry; /* opaque bytes */

enum entry_kind {
    ENTRY_STRING = 0,
    ENTRY_INTEGER = 1,
    ENTRY_BLOB = 2,
    ENTRY_LIST = 4, /* the rest arrive with their types */
    ENTRY_HASH = 5,
    ENTRY_SET = 6,
    ENTRY_ZSET = 7,
    ENTRY_STREAM = 8,
};

enum {
    ENTRY_NO_DEADLINE = 0,
    ENTRY_INLINE_VALUE_MAX = 3 * 1024, /* longer strings become blobs */
    ENTRY_KEY_BYTES_MAX = 512 * 1024 * 1024,
};
#define ENTRY_DEADLINE_MAX ((int64_t)(1ull << 48) - 1)

/* What a value is before it is stored. */
struct entry_value {
    enum entry_kind kind;
    int64_t integer;     /* INTEGER */
    struct bytes string; /* STRING */
    struct blob *blob;   /* BLOB: the entry takes the reference */
};

/* Bits of the first byte, and bytes of the parts that may be absent. */
enum {
    ENTRY_META_KIND = 0x0f,
    ENTRY_META_EXPIRES = 0x10,
    ENTRY_META_LONG_KEY = 0x20,
    ENTRY_META_LONG_VALUE = 0x40,
    ENTRY_META_RAW = 0x80,
    ENTRY_SHORT_LENGTH_MAX = 255,
    ENTRY_DEADLINE_BYTES = 6,
    ENTRY_POINTER_BYTES = 8,
};

ALWAYS_INLINE uint8_t entry_meta(const struct entry *entry)
{
    return *(const uint8_t *)(const void *)entry;
}

ALWAYS_INLINE enum entry_kind entry_kind(const struct entry *entry)
{
    return (enum entry_kind)(entry_meta(entry) & ENTRY_META_KIND);
}

/* Where the deadline stands, if there is one: behind the meta byte and the key's length. */
ALWAYS_INLINE size_t entry_deadline_offset(uint8_t meta)
{
    return (meta & ENTRY_META_LONG_KEY) != 0 ? 1 + sizeof(uint32_t) : 2;
}

ALWAYS_INLINE struct bytes entry_key(const struct entry *entry)
{
    const char *bytes = (const char *)entry;
    uint8_t meta = entry_meta(entry);
    size_t offset = entry_deadline_offset(meta);
    if ((meta & ENTRY_META_EXPIRES) != 0) offset += ENTRY_DEADLINE_BYTES;
    if (LIKELY((meta & ENTRY_META_LONG_KEY) == 0)) {
        return (struct bytes){bytes + offset, (uint8_t)bytes[1]};
    }
    uint32_t size;
    memcpy(&size, bytes + 1, sizeof(size));
    return (struct bytes){bytes + offset, size};
}

ALWAYS_INLINE bool entry_expires(const struct entry *entry)
{
    return (entry_meta(entry) & ENTRY_META_EXPIRES) != 0;
}

/* Milliseconds since 1970, or ENTRY_NO_DEADLINE. */
ALWAYS_INLINE int64_t entry_deadline(const struct entry *entry)
{
    if (LIKELY(!entry_expires(entry))) return ENTRY_NO_DEADLINE;
    const char *at = (const char *)entry + entry_deadline_offset(entry_meta(entry));
    uint32_t low;
    uint16_t high;
    memcpy(&low, at, sizeof(low));
    memcpy(&high, at + sizeof(low), sizeof(high));
    return (int64_t)((uint64_t)high << 32 | low);
}

/* Keys are short: two overlapping words settle most of them without a call. */
ALWAYS_INLINE bool entry_bytes_match(const char *a, const char *b, size_t size)
{
    if (UNLIKELY(size > 16)) return memcmp(a, b, size) == 0;
    if (LIKELY(size >= 8)) {
        uint64_t words[4];
        memcpy(&words[0], a, 8);
        memcpy(&words[1], b, 8);
        memcpy(&words[2], a + size - 8, 8);
        memcpy(&words[3], b + size - 8, 8);
        return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
    }
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

ALWAYS_INLINE bool entry_key_equals(const struct entry *entry, struct bytes key)
{
    struct bytes own = entry_key(entry);
    return own.size == key.size && entry_bytes_match(own.data, key.data, key.size);
}

/* STRING, INTEGER or BLOB. */
ALWAYS_INLINE bool entry_is_string(const struct entry *entry)
{
    return entry_kind(entry) <= ENTRY_BLOB;
}

/* Only what OBJECT ENCODING says hangs on it. entry_write clears it; for STRING only. */
ALWAYS_INLINE bool entry_is_raw(const struct entry *entry)
{
    return (entry_meta(entry) & ENTRY_META_RAW) != 0;
}

void entry_set_raw(struct entry *entry);

/* Only on an entry that has one already: its size does not change. */
void entry_set_deadline(struct entry *entry, int64_t deadline_ms);

int64_t entry_integer(const struct entry *entry);   /* INTEGER */
struct blob *entry_blob(const struct entry *entry); /* BLOB; borrowed */
/* Puts another pointer in the place of the old one; who owns which reference is the caller's. */
void entry_set_blob(struct entry *entry, struct blob *blob);
/* STRING only: the bytes where they stand. */
ALWAYS_INLINE struct bytes entry_inline_string(const struct entry *entry)
{
    struct bytes key = entry_key(entry);
    const char *at = key.data + key.size;
    if (LIKELY((entry_meta(entry) & ENTRY_META_LONG_VALUE) == 0)) {
        return (struct bytes){at + 1, (uint8_t)at[0]};
    }
    uint32_t size;
    memcpy(&size, at, sizeof(size));
    return (struct bytes){at + sizeof(size), size};
}

/* Text of any string kind; an INTEGER is printed into `scratch`. Borrowed until the lock is
 * released. */
struct bytes entry_string(const struct entry *entry, char scratch[NUMBER_INT_TEXT_MAX]);
size_t entry_string_length(const struct entry *entry);
/* STRING only: whether its length field can say `size`; gives it that size (the memory must have
 * room) and returns where the bytes stand, those beyond the old size undefined. */
bool entry_string_can_be(const struct entry *entry, size_t size);
char *entry_string_resize(struct entry *entry, size_t size);

/* Bytes of an entry that would hold these; of one that exists. */
size_t entry_size_for(struct bytes key, bool expires, const struct entry_value *value);
size_t entry_size(const struct entry *entry);
/* Fills memory of entry_size_for(...) bytes. The value's bytes may overlap the old entry in the
 * same place only when the key and layout before the value are unchanged. */
void entry_write(struct entry *entry, struct bytes key, int64_t deadline_ms,
                 const struct entry_value *value);
/* The usual overwrite, a short string by another of the same length and neither with a deadline, is
 * a copy of its bytes. False, and nothing is done, when it is not that. */
ALWAYS_INLINE bool entry_overwrite(struct entry *entry, const struct entry_value *value,
                                   int64_t deadline_ms)
{
    uint8_t *meta = (uint8_t *)(void *)entry;
    uint8_t others = (uint8_t)(*meta & ~ENTRY_META_RAW & ~ENTRY_META_LONG_KEY);
    if (others != ENTRY_STRING || value->kind != ENTRY_STRING || deadline_ms != ENTRY_NO_DEADLINE)
        return false;
    struct bytes key = entry_key(entry);
    char *at = (char *)entry + (key.data + key.size - (const char *)entry);
    if ((uint8_t)at[0] != value->string.size) return false;
    *meta = (uint8_t)(*meta & ~ENTRY_META_RAW);
    if (value->string.size > 0) memmove(at + 1, value->string.data, value->string.size);
    return true;
}

/* Bytes of this entry with, or without, a deadline. */
size_t entry_size_with_deadline(const struct entry *entry, bool expires);
/* Writes `source` with another deadline (or ENTRY_NO_DEADLINE) into `target`, which has room for
 * entry_size_with_deadline bytes and may be `source` itself. */
void entry_copy_with_deadline(struct entry *target, const struct entry *source,
                              int64_t deadline_ms);

#endif
