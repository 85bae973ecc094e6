#include "storage/segment.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "storage/little_endian.h"

#define SEGMENT_MAGIC UINT64_C(0x4745534e52494143) /* "CAIRNSEG" */

enum segment_offsets {
    OFFSET_MAGIC = 0,
    OFFSET_CHECKSUM = 8,
    OFFSET_FORMAT = 16,
    OFFSET_TERM = 20,
    OFFSET_LOG_ID = 24,
    OFFSET_FIRST_BLOCK = 32,
    OFFSET_FIRST_EPOCH = 40,
    OFFSET_SEGMENT_BYTES = 48,
    OFFSET_WALL_US = 56,
    OFFSET_RESERVED = 64, /* zeros */
};

static uint64_t header_checksum(const char *data)
{
    return checksum_xxh3(data + OFFSET_FORMAT, SEGMENT_HEADER_BYTES - OFFSET_FORMAT);
}

void segment_write_header(char *out, const struct segment_header *header)
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    put_u64(out + OFFSET_MAGIC, SEGMENT_MAGIC);
    put_u32(out + OFFSET_FORMAT, SEGMENT_FORMAT);
    put_u32(out + OFFSET_TERM, header->term);
    put_u64(out + OFFSET_LOG_ID, header->log_id);
    put_u64(out + OFFSET_FIRST_BLOCK, header->first_block);
    put_u64(out + OFFSET_FIRST_EPOCH, header->first_epoch);
    put_u64(out + OFFSET_SEGMENT_BYTES, header->segment_bytes);
    put_u64(out + OFFSET_WALL_US, (uint64_t)header->wall_us);
    put_u64(out + OFFSET_CHECKSUM, header_checksum(out));
}

enum status segment_read_header(const char *data, struct segment_header *out)
{
    if (take_u64(data + OFFSET_MAGIC) != SEGMENT_MAGIC) return STATUS_INVALID;
    if (take_u64(data + OFFSET_CHECKSUM) != header_checksum(data)) return STATUS_INVALID;
    if (take_u32(data + OFFSET_FORMAT) != SEGMENT_FORMAT) return STATUS_VERSION;
    *out = (struct segment_header){
        .log_id = take_u64(data + OFFSET_LOG_ID),
        .first_block = take_u64(data + OFFSET_FIRST_BLOCK),
        .first_epoch = take_u64(data + OFFSET_FIRST_EPOCH),
        .segment_bytes = take_u64(data + OFFSET_SEGMENT_BYTES),
        .wall_us = (int64_t)take_u64(data + OFFSET_WALL_US),
        .term = take_u32(data + OFFSET_TERM),
    };
    return STATUS_OK;
}

static void print_name(char *out, const char *prefix, uint64_t number)
{
    int length = snprintf(out, SEGMENT_NAME_BYTES, "%s%016llx.seg", prefix,
                          (unsigned long long)number);
    ASSERT(length > 0);
    ASSERT(length < SEGMENT_NAME_BYTES);
}

/* Digits only, all sixteen, then the very same text: two names never stand for one number. */
static bool parse_name(const char *name, const char *prefix, uint64_t *out)
{
    size_t prefix_size = strlen(prefix);
    if (strncmp(name, prefix, prefix_size) != 0) return false;
    unsigned long long number;
    if (strlen(name) != prefix_size + 20 || sscanf(name + prefix_size, "%16llx", &number) != 1)
        return false;
    char canonical[SEGMENT_NAME_BYTES];
    print_name(canonical, prefix, number);
    if (strcmp(name, canonical) != 0) return false;
    *out = number;
    return true;
}

void segment_print_name(char *out, uint64_t first_block)
{
    print_name(out, "log-", first_block);
}

void segment_print_spare_name(char *out, uint64_t serial)
{
    print_name(out, "spare-", serial);
}

bool segment_parse_name(const char *name, uint64_t *out_first_block)
{
    return parse_name(name, "log-", out_first_block);
}

bool segment_parse_spare_name(const char *name, uint64_t *out_serial)
{
    return parse_name(name, "spare-", out_serial);
}
