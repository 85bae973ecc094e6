/* DUMP payloads: one value as bytes that RESTORE reads, here and in Redis. Pure; a payload may be
 * hostile.
 *
 *   +0     u8    type of the value, as in RDB files: 0 is a string
 *   +1     body
 *   -10    u16   RDB version, little endian
 *   -8     u64   CRC-64 (Jones) of all bytes before it, little endian
 *
 * Body of a string: a length and as many bytes, or one of the encodings below.
 *
 *   00nnnnnn                      length n
 *   01nnnnnn nnnnnnnn             length n
 *   0x80, u32 big endian          length
 *   0x81, u64 big endian          length
 *   0xc0, i8                      an integer as text; likewise 0xc1, i16 and 0xc2, i32, both
 *                                 little endian
 *   0xc3, length a, length b      a bytes of LZF that give b bytes */
#ifndef VALUE_DUMP_H
#define VALUE_DUMP_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/status.h"

enum {
    DUMP_RDB_VERSION = 10,     /* written: what Redis 7.0 and later take */
    DUMP_RDB_VERSION_MAX = 11, /* taken: what Redis 7.2 writes */
    DUMP_FOOTER_BYTES = 10,
    DUMP_STRING_BYTES_MAX = 512 * 1024 * 1024,
};

/* Appends the payload of a string. */
void dump_encode_string(struct bytes text, struct buf *out);

/* The footer is there, its version is known and its checksum right. */
bool dump_verify(struct bytes payload);

/* Reads a string out of a payload that dump_verify accepts: *out lies in the payload or in
 * `storage`, which must be empty. STATUS_INVALID for a damaged body, STATUS_VERSION for a value
 * that is no string. */
MUST_USE enum status dump_decode_string(struct bytes payload, struct buf *storage,
                                        struct bytes *out);

#endif
