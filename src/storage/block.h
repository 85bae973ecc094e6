/* The block: the unit in which the log is written, checked and found again. A header, then runs of
 * whole records, then zeros up to a multiple of 4096 bytes. A block is never rewritten. Pure; any
 * thread. Bytes: docs/formats/log.md.
 *
 *   0   u64 magic               40  u64 epoch                  80   u32 term
 *   8   u64 header checksum     48  u64 durable epoch          84   u32 flags
 *   16  u64 log id              56  u64 durable block          88   u32 payload bytes
 *   24  u64 segment             64  i64 wall microseconds      92   u32 block bytes
 *   32  u64 number              72  u64 resp offset            96   u64 payload checksum
 *
 * The header checksum covers bytes 16..104; the payload checksum covers everything behind the
 * header, padding included. What the writer knows to be durable stands in every block, and so one
 * block bears witness about those before it. */
#ifndef STORAGE_BLOCK_H
#define STORAGE_BLOCK_H

#include "base/bytes.h"
#include "base/status.h"

enum {
    BLOCK_ALIGNMENT = 4096,
    BLOCK_HEADER_BYTES = 104,
    BLOCK_RUN_HEADER_BYTES = 8,
    BLOCK_BYTES_TARGET = 8 * 1024 * 1024, /* larger only when one record is */
};
#define BLOCK_BYTES_MAX (UINT32_MAX - (uint64_t)BLOCK_ALIGNMENT + 1)

enum block_flags {
    BLOCK_LAST = 1, /* the last of its epoch */
    BLOCK_SEAL = 2, /* carries no records, only the news of what is durable */
    BLOCK_FLAGS_KNOWN = 3,
};

struct block_header {
    uint64_t log_id;
    uint64_t segment; /* number of the first block of the segment it was written to */
    uint64_t number;  /* rises by one from block to block, over all segments */
    uint64_t epoch;
    uint64_t
        durable_epoch; /* when this block was written, every epoch up to this one was durable */
    uint64_t durable_block; /* ... and every block with a number below this one */
    int64_t wall_us;
    uint64_t resp_offset; /* of a Redis replication stream after this block; 0 until there is one */
    uint32_t term;        /* the reign that wrote it; 1 until there are replicas */
    uint32_t flags;
    uint32_t payload_bytes;
    uint32_t block_bytes;
};

/* Bytes of the block that carries `payload_bytes`. */
static inline uint64_t block_bytes_for(uint64_t payload_bytes)
{
    return (BLOCK_HEADER_BYTES + payload_bytes + BLOCK_ALIGNMENT - 1) &
           ~(uint64_t)(BLOCK_ALIGNMENT - 1);
}

/* Writes the header of the block whose payload stands at block + BLOCK_HEADER_BYTES; zeroes the
 * padding and computes the checksums. */
void block_finish(char *block, const struct block_header *header);

/* Reads BLOCK_HEADER_BYTES. STATUS_INVALID when they are no intact header: lengths are to be
 * trusted only after OK. */
MUST_USE enum status block_read_header(const char *data, struct block_header *out);

/* `block` holds header->block_bytes bytes. */
bool block_is_intact(const char *block, const struct block_header *header);

static inline struct bytes block_payload(const char *block, const struct block_header *header)
{
    return (struct bytes){block + BLOCK_HEADER_BYTES, header->payload_bytes};
}

void block_put_run(char *out, uint32_t appender, uint32_t size);

/* Takes one run off the front of a payload. STATUS_NOT_FOUND at the end, STATUS_CORRUPT when the
 * framing is wrong. */
MUST_USE enum status block_next_run(struct bytes *payload, uint32_t *out_appender,
                                    struct bytes *out_records);

#endif
