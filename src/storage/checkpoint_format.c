#include "storage/checkpoint_format.h"

#include "base/checksum.h"
#include "base/hashing.h"
#include "storage/little_endian.h"

#define HEADER_MAGIC UINT64_C(0x504b434e52494143)  /* "CAIRNCKP" */
#define CHUNK_MAGIC UINT64_C(0x4b48434e52494143)   /* "CAIRNCHK" */
#define TRAILER_MAGIC UINT64_C(0x444e454e52494143) /* "CAIRNEND" */

/* All three begin alike: u64 magic, u64 checksum of the rest. */
enum { OFFSET_MAGIC = 0, OFFSET_CHECKSUM = 8, OFFSET_COVERED = 16 };

static void seal(char *out, uint64_t magic, size_t size)
{
    put_u64(out + OFFSET_MAGIC, magic);
    put_u64(out + OFFSET_CHECKSUM, checksum_xxh3(out + OFFSET_COVERED, size - OFFSET_COVERED));
}

static bool is_sealed(const char *data, uint64_t magic, size_t size)
{
    if (take_u64(data + OFFSET_MAGIC) != magic) return false;
    return take_u64(data + OFFSET_CHECKSUM) ==
           checksum_xxh3(data + OFFSET_COVERED, size - OFFSET_COVERED);
}

void checkpoint_write_header(char *out, uint64_t log_id)
{
    memset(out, 0, CHECKPOINT_HEADER_BYTES);
    put_u32(out + 16, CHECKPOINT_FORMAT);
    put_u64(out + 24, log_id);
    seal(out, HEADER_MAGIC, CHECKPOINT_HEADER_BYTES);
}

enum status checkpoint_read_header(const char *data, uint64_t *out_log_id)
{
    if (!is_sealed(data, HEADER_MAGIC, CHECKPOINT_HEADER_BYTES)) return STATUS_INVALID;
    if (take_u32(data + 16) != CHECKPOINT_FORMAT) return STATUS_VERSION;
    *out_log_id = take_u64(data + 24);
    return STATUS_OK;
}

void checkpoint_write_chunk_header(char *out, const struct checkpoint_chunk_header *header)
{
    put_u64(out + 16, header->log_id);
    put_u64(out + 24, header->index);
    put_u64(out + 32, header->hash_first);
    put_u64(out + 40, header->hash_last);
    put_u64(out + 48, header->sequence);
    put_u32(out + 56, header->partition);
    put_u32(out + 60, header->record_count);
    put_u64(out + 64, header->records_bytes);
    put_u64(out + 72, header->records_checksum);
    seal(out, CHUNK_MAGIC, CHECKPOINT_CHUNK_HEADER_BYTES);
}

enum status checkpoint_read_chunk_header(const char *data, struct checkpoint_chunk_header *out)
{
    if (!is_sealed(data, CHUNK_MAGIC, CHECKPOINT_CHUNK_HEADER_BYTES)) return STATUS_INVALID;
    *out = (struct checkpoint_chunk_header){
        .log_id = take_u64(data + 16),
        .index = take_u64(data + 24),
        .hash_first = take_u64(data + 32),
        .hash_last = take_u64(data + 40),
        .sequence = take_u64(data + 48),
        .partition = take_u32(data + 56),
        .record_count = take_u32(data + 60),
        .records_bytes = take_u64(data + 64),
        .records_checksum = take_u64(data + 72),
    };
    return STATUS_OK;
}

void checkpoint_write_trailer(char *out, const struct checkpoint_trailer *trailer)
{
    memset(out, 0, CHECKPOINT_TRAILER_BYTES);
    put_u64(out + 16, trailer->log_id);
    put_u64(out + 24, trailer->chunk_count);
    put_u64(out + 32, trailer->record_count);
    put_u64(out + 40, trailer->file_bytes);
    put_u64(out + 48, trailer->chain);
    seal(out, TRAILER_MAGIC, CHECKPOINT_TRAILER_BYTES);
}

enum status checkpoint_read_trailer(const char *data, struct checkpoint_trailer *out)
{
    if (!is_sealed(data, TRAILER_MAGIC, CHECKPOINT_TRAILER_BYTES)) return STATUS_INVALID;
    *out = (struct checkpoint_trailer){
        .log_id = take_u64(data + 16),
        .chunk_count = take_u64(data + 24),
        .record_count = take_u64(data + 32),
        .file_bytes = take_u64(data + 40),
        .chain = take_u64(data + 48),
    };
    return STATUS_OK;
}

uint64_t checkpoint_extend_chain(uint64_t chain, const char *header)
{
    char link[16];
    put_u64(link, chain);
    memcpy(link + 8, header + OFFSET_CHECKSUM, 8);
    return checksum_xxh3(link, sizeof(link));
}

bool checkpoint_may_follow(bool is_first, uint64_t previous_last, uint64_t hash_first,
                           uint64_t hash_last, uint32_t partition)
{
    if (hash_first > hash_last) return false;
    if (hashing_partition(hash_first) != partition || hashing_partition(hash_last) != partition)
        return false;
    if (is_first) return hash_first == 0;
    return hash_first == previous_last ||
           (previous_last != UINT64_MAX && hash_first == previous_last + 1);
}
