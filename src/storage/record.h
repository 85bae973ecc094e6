/* One logical effect on one key (or on the whole database map), as it stands in the log and in
 * checkpoints.
 *
 *   varint body_bytes | u8 op | u8 flags | u32 sequence | varint table
 *                     | varint key_bytes | key | arguments
 *
 * body_bytes counts everything after itself. varint is LEB128, at most 10 bytes; integers are
 * little endian. `op` and the arguments mean something to the engine only (engine/change.h);
 * storage moves them and checks the framing. `table` is the id of the table the key lives in (not
 * the database index: SWAPDB and FLUSHDB change the map). `sequence` is the low half of the
 * partition's sequence number, so that a lost or doubled record cannot go unnoticed. Pure; any
 * thread. Decoding is bounded and safe on hostile bytes. */
#ifndef STORAGE_RECORD_H
#define STORAGE_RECORD_H

#include "base/bytes.h"
#include "base/status.h"

enum record_flags {
    RECORD_MORE = 1, /* more records of the same transaction follow directly */
    RECORD_EXPIRES =
        2, /* the arguments begin with an absolute deadline: i64 milliseconds since 1970 */
    RECORD_CREATES =
        4, /* the key did not exist: what replay finds under it (it had expired) goes first */
};

enum { RECORD_HEADER_BYTES_MAX = 10 + 1 + 1 + 4 + 10 + 10 };

struct record {
    uint8_t op;
    uint8_t flags;
    uint32_t sequence;
    uint64_t table;
    struct bytes key;
    struct bytes arguments; /* after the key; a deadline, if any, is still in front */
};

static inline size_t record_varint_size(uint64_t value)
{
    return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

/* Writes value at out (room for 10) and returns the byte after it. */
static inline char *record_put_varint(char *out, uint64_t value)
{
    while (value >= 128) {
        *out++ = (char)(value | 128);
        value >>= 7;
    }
    *out++ = (char)value;
    return out;
}

/* Writes the header and key of a record whose arguments will take `arguments_bytes`, and returns
 * where they go. Room: RECORD_HEADER_BYTES_MAX + key.size + arguments_bytes. *out_flags is where
 * the flags byte stands, so that RECORD_MORE can be set when a further record of the transaction
 * follows. */
char *record_begin(char *out, uint8_t op, uint8_t flags, uint32_t sequence, uint64_t table,
                   struct bytes key, size_t arguments_bytes, char **out_flags);

/* Takes one record off the front of *input. STATUS_NOT_FOUND at the end, STATUS_CORRUPT when the
 * framing is wrong. */
MUST_USE enum status record_next(struct bytes *input, struct record *out);

/* Takes one varint off the front; false when it does not fit. */
bool record_take_varint(struct bytes *input, uint64_t *out);

#endif
