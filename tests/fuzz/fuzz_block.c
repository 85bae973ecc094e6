/* A segment made of any bytes, read back by recovery. The first byte decides how the rest is used:
 * as a whole segment file; as blocks behind a good segment header; or as payloads of blocks with
 * good checksums, so that what lies behind the checksums is reached too. Whatever the bytes are,
 * recovery ends with a status, delivers only whole records, and does it again the same way. */
#include "base/assert.h"
#include "base/memory.h"
#include "storage/block.h"
#include "storage/record.h"
#include "storage/recovery.h"
#include "storage/segment.h"
#include "tests/support/fake_disk.h"

enum { LOG_ID = 3, FILE_BYTES = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status take_records(void *context, uint64_t epoch, uint64_t block, int64_t wall_us,
                                struct bytes records)
{
    uint64_t *last_epoch = context;
    (void)block;
    (void)wall_us;
    ASSERT(epoch >= *last_epoch);
    *last_epoch = epoch;
    struct record record;
    enum status status;
    while ((status = record_next(&records, &record)) == STATUS_OK) continue;
    ASSERT(status == STATUS_NOT_FOUND);
    return STATUS_OK;
}

/* Blocks from the input: for each, one byte of flags, one of epoch, one of number, one of durable
 * block, two of payload size, the payload. */
static size_t build_blocks(const uint8_t *data, size_t size, char *out, size_t room)
{
    size_t used = 0;
    for (uint64_t number = 1; size >= 6; number++) {
        size_t payload_bytes = (size_t)(data[4] | data[5] << 8) % 9000;
        if (payload_bytes > size - 6) payload_bytes = size - 6;
        struct block_header header = {
            .log_id = LOG_ID,
            .segment = 1,
            .number = data[2] % 8 == 7 ? data[2] : number,
            .epoch = data[1],
            .durable_block = data[3],
            .flags = data[0] % 4,
            .payload_bytes = data[0] % 4 >= BLOCK_SEAL ? 0 : (uint32_t)payload_bytes,
        };
        if (header.number == 0) header.number = 1;
        if (header.durable_block > header.number) header.durable_block = header.number;
        header.block_bytes = (uint32_t)block_bytes_for(header.payload_bytes);
        if (used + header.block_bytes > room) break;
        memcpy(out + used + BLOCK_HEADER_BYTES, data + 6, header.payload_bytes);
        block_finish(out + used, &header);
        used += header.block_bytes;
        data += 6 + payload_bytes;
        size -= 6 + payload_bytes;
    }
    return used;
}

static void recover(struct disk *disk, enum status *out_status, struct recovery_result *out)
{
    uint64_t last_epoch = 0;
    struct recovery_options options = {
        .disk = disk,
        .log_id = LOG_ID,
        .first_block = 1,
        .context = &last_epoch,
        .on_records = take_records,
    };
    struct buf message = {0};
    *out = (struct recovery_result){0};
    *out_status = recovery_run(&options, out, &message);
    ASSERT((*out_status == STATUS_OK) == (message.size == 0));
    buf_deinit(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    uint8_t way = data[0] % 3;
    data++;
    size--;
    char *file = memory_zalloc(FILE_BYTES);
    size_t start = way == 0 ? 0 : SEGMENT_HEADER_BYTES;
    size_t file_bytes = FILE_BYTES;
    struct segment_header header = {
        .log_id = LOG_ID, .first_block = 1, .first_epoch = 1, .segment_bytes = FILE_BYTES};
    segment_write_header(file, &header);
    if (way == 2) {
        (void)build_blocks(data, size, file + start, FILE_BYTES - start);
    } else {
        if (size > FILE_BYTES - start) size = FILE_BYTES - start;
        if (size > 0) memcpy(file + start, data, size);
        if (way == 0) file_bytes = size;
    }

    struct disk *disk = fake_disk_create();
    char name[SEGMENT_NAME_BYTES];
    segment_print_name(name, 1);
    fake_disk_put(disk, name, bytes_of(file, file_bytes));
    enum status first;
    enum status second;
    struct recovery_result first_result;
    struct recovery_result second_result;
    recover(disk, &first, &first_result);
    recover(disk, &second, &second_result);
    ASSERT(first == second);
    ASSERT(memcmp(&first_result, &second_result, sizeof(first_result)) == 0);
    fake_disk_destroy(disk);
    memory_free(file);
    return 0;
}
