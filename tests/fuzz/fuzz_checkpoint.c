/* Checkpoint files from any bytes. The first byte decides: the rest is the whole file, or it
 * describes chunks that get headers with good checksums, so that what lies behind the checksums is
 * reached too. */
#include "base/assert.h"
#include "base/buf.h"
#include "base/checksum.h"
#include "storage/checkpoint.h"
#include "storage/checkpoint_format.h"
#include "storage/record.h"
#include "tests/support/fake_disk.h"

enum { LOG_ID = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append_zeros(struct buf *out, size_t size)
{
    memset(buf_reserve(out, size), 0, size);
    out->size += size;
}

/* For each chunk six bytes: hash_first, hash_last, partition, record_count, two of size; then the
 * records. */
static void build_file(const uint8_t *data, size_t size, struct buf *out)
{
    struct checkpoint_trailer trailer = {.log_id = LOG_ID};
    char head[CHECKPOINT_CHUNK_HEADER_BYTES];
    checkpoint_write_header(head, LOG_ID);
    buf_append(out, head, CHECKPOINT_HEADER_BYTES);
    while (size >= 6) {
        size_t records_bytes = (size_t)(data[4] | data[5] << 8);
        if (records_bytes > size - 6) records_bytes = size - 6;
        struct checkpoint_chunk_header header = {
            .log_id = LOG_ID,
            .index = trailer.chunk_count,
            .hash_first = data[0] == 0 ? 0 : (uint64_t)data[0] << 52,
            .hash_last = data[1] == 255 ? UINT64_MAX : ((uint64_t)data[1] << 52) - 1,
            .partition = data[2] == 255 ? 4095 : data[2],
            .record_count = data[3],
            .records_bytes = records_bytes,
            .records_checksum = checksum_xxh3(data + 6, records_bytes),
        };
        checkpoint_write_chunk_header(head, &header);
        trailer.chain = checkpoint_extend_chain(trailer.chain, head);
        trailer.chunk_count++;
        trailer.record_count += header.record_count;
        buf_append(out, head, sizeof(head));
        buf_append(out, data + 6, records_bytes);
        data += 6 + records_bytes;
        size -= 6 + records_bytes;
    }
    uint64_t end = out->size + CHECKPOINT_TRAILER_BYTES;
    trailer.file_bytes = (end + CHECKPOINT_ALIGNMENT - 1) / CHECKPOINT_ALIGNMENT *
                         CHECKPOINT_ALIGNMENT;
    checkpoint_write_trailer(head, &trailer);
    buf_append(out, head, CHECKPOINT_TRAILER_BYTES);
    append_zeros(out, trailer.file_bytes - end);
}

static void read_file(struct disk *disk)
{
    struct buf message = {0};
    struct checkpoint_reader *reader = NULL;
    struct checkpoint_chunk chunk;
    uint64_t last = 0;
    enum status status = checkpoint_reader_open(disk, "c", LOG_ID, &reader, &message);
    while (status == STATUS_OK) {
        status = checkpoint_reader_next(reader, &chunk, &message);
        if (status != STATUS_OK) break;
        ASSERT(chunk.hash_first >= last);
        ASSERT(chunk.hash_last >= chunk.hash_first);
        last = chunk.hash_last;
        struct record record;
        uint32_t count = 0;
        while (record_next(&chunk.records, &record) == STATUS_OK) count++;
        ASSERT(count == chunk.record_count);
    }
    ASSERT(status != STATUS_NOT_FOUND || last == UINT64_MAX);
    ASSERT((status == STATUS_NOT_FOUND) == (message.size == 0));
    checkpoint_reader_destroy(reader);
    buf_deinit(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct buf file = {0};
    if (data[0] % 2 == 0) {
        buf_append(&file, data + 1, size - 1);
    } else {
        build_file(data + 1, size - 1, &file);
    }
    struct disk *disk = fake_disk_create();
    fake_disk_put(disk, "c", buf_bytes(&file));
    read_file(disk);
    fake_disk_destroy(disk);
    buf_deinit(&file);
    return 0;
}
