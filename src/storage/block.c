#include "storage/block.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "storage/little_endian.h"

#define BLOCK_MAGIC UINT64_C(0x4b4c424e52494143) /* "CAIRNBLK" */

enum block_offsets {
    OFFSET_MAGIC = 0,
    OFFSET_HEADER_CHECKSUM = 8,
    OFFSET_LOG_ID = 16,
    OFFSET_SEGMENT = 24,
    OFFSET_NUMBER = 32,
    OFFSET_EPOCH = 40,
    OFFSET_DURABLE_EPOCH = 48,
    OFFSET_DURABLE_BLOCK = 56,
    OFFSET_WALL_US = 64,
    OFFSET_RESP_OFFSET = 72,
    OFFSET_TERM = 80,
    OFFSET_FLAGS = 84,
    OFFSET_PAYLOAD_BYTES = 88,
    OFFSET_BLOCK_BYTES = 92,
    OFFSET_PAYLOAD_CHECKSUM = 96,
};
static_assert(OFFSET_PAYLOAD_CHECKSUM + 8 == BLOCK_HEADER_BYTES, "the checksum is the last field");

static uint64_t header_checksum(const char *data)
{
    return checksum_xxh3(data + OFFSET_LOG_ID, BLOCK_HEADER_BYTES - OFFSET_LOG_ID);
}

static uint64_t payload_checksum(const char *block, size_t block_bytes)
{
    return checksum_xxh3(block + BLOCK_HEADER_BYTES, block_bytes - BLOCK_HEADER_BYTES);
}

/* What a reader may rely on beyond the checksums; a writer promises it. */
static bool is_sound(const struct block_header *header)
{
    if (header->block_bytes != block_bytes_for(header->payload_bytes)) return false;
    if ((header->flags & ~(uint32_t)BLOCK_FLAGS_KNOWN) != 0) return false;
    if ((header->flags & BLOCK_SEAL) != 0 && header->payload_bytes != 0) return false;
    return header->durable_block <= header->number && header->segment <= header->number;
}

void block_finish(char *block, const struct block_header *header)
{
    ASSERT(is_sound(header));
    size_t used = BLOCK_HEADER_BYTES + (size_t)header->payload_bytes;
    memset(block + used, 0, header->block_bytes - used);

    put_u64(block + OFFSET_MAGIC, BLOCK_MAGIC);
    put_u64(block + OFFSET_LOG_ID, header->log_id);
    put_u64(block + OFFSET_SEGMENT, header->segment);
    put_u64(block + OFFSET_NUMBER, header->number);
    put_u64(block + OFFSET_EPOCH, header->epoch);
    put_u64(block + OFFSET_DURABLE_EPOCH, header->durable_epoch);
    put_u64(block + OFFSET_DURABLE_BLOCK, header->durable_block);
    put_u64(block + OFFSET_WALL_US, (uint64_t)header->wall_us);
    put_u64(block + OFFSET_RESP_OFFSET, header->resp_offset);
    put_u32(block + OFFSET_TERM, header->term);
    put_u32(block + OFFSET_FLAGS, header->flags);
    put_u32(block + OFFSET_PAYLOAD_BYTES, header->payload_bytes);
    put_u32(block + OFFSET_BLOCK_BYTES, header->block_bytes);
    put_u64(block + OFFSET_PAYLOAD_CHECKSUM, payload_checksum(block, header->block_bytes));
    put_u64(block + OFFSET_HEADER_CHECKSUM, header_checksum(block));
}

enum status block_read_header(const char *data, struct block_header *out)
{
    if (take_u64(data + OFFSET_MAGIC) != BLOCK_MAGIC) return STATUS_INVALID;
    if (take_u64(data + OFFSET_HEADER_CHECKSUM) != header_checksum(data)) return STATUS_INVALID;

    struct block_header header = {
        .log_id = take_u64(data + OFFSET_LOG_ID),
        .segment = take_u64(data + OFFSET_SEGMENT),
        .number = take_u64(data + OFFSET_NUMBER),
        .epoch = take_u64(data + OFFSET_EPOCH),
        .durable_epoch = take_u64(data + OFFSET_DURABLE_EPOCH),
        .durable_block = take_u64(data + OFFSET_DURABLE_BLOCK),
        .wall_us = (int64_t)take_u64(data + OFFSET_WALL_US),
        .resp_offset = take_u64(data + OFFSET_RESP_OFFSET),
        .term = take_u32(data + OFFSET_TERM),
        .flags = take_u32(data + OFFSET_FLAGS),
        .payload_bytes = take_u32(data + OFFSET_PAYLOAD_BYTES),
        .block_bytes = take_u32(data + OFFSET_BLOCK_BYTES),
    };
    if (!is_sound(&header)) return STATUS_INVALID;
    *out = header;
    return STATUS_OK;
}

bool block_is_intact(const char *block, const struct block_header *header)
{
    ASSERT(header->block_bytes >= BLOCK_ALIGNMENT);
    return take_u64(block + OFFSET_PAYLOAD_CHECKSUM) ==
           payload_checksum(block, header->block_bytes);
}

/* run := u16 appender | u16 zero | u32 bytes | whole records */
void block_put_run(char *out, uint32_t appender, uint32_t size)
{
    ASSERT(appender <= UINT16_MAX);
    ASSERT(size > 0);
    put_u16(out, (uint16_t)appender);
    put_u16(out + 2, 0);
    put_u32(out + 4, size);
}

enum status block_next_run(struct bytes *payload, uint32_t *out_appender, struct bytes *out_records)
{
    if (payload->size == 0) return STATUS_NOT_FOUND;
    if (payload->size < BLOCK_RUN_HEADER_BYTES) return STATUS_CORRUPT;
    size_t size = take_u32(payload->data + 4);
    size_t rest = payload->size - BLOCK_RUN_HEADER_BYTES;
    if (take_u16(payload->data + 2) != 0 || size == 0 || size > rest) return STATUS_CORRUPT;

    *out_appender = take_u16(payload->data);
    *out_records = (struct bytes){payload->data + BLOCK_RUN_HEADER_BYTES, size};
    *payload = (struct bytes){out_records->data + size, rest - size};
    return STATUS_OK;
}
