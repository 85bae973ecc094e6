#include "storage/checkpoint.h"

#include "base/hashing.h"
#include "os/disk.h"
#include "storage/checkpoint_format.h"
#include "storage/record.h"
#include "tests/support/check.h"
#include "tests/support/fake_disk.h"

enum { LOG_ID = 31 };

#define NAME "checkpoint-1"
#define PARTITION_SPAN (UINT64_C(1) << (64 - HASHING_PARTITION_BITS))

/* `count` records with keys of their own; appended to `out`. */
static void print_records(struct buf *out, uint32_t partition, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char *flags;
        struct bytes key = bytes_of(&i, sizeof(i));
        char *start = buf_reserve(out, RECORD_HEADER_BYTES_MAX + key.size + 50);
        char *arguments = record_begin(start, 1, 0, i, partition, key, i % 50, &flags);
        memset(arguments, (int)partition, i % 50);
        out->size = (size_t)(arguments + i % 50 - out->data);
    }
}

static uint32_t record_count_of(uint32_t partition)
{
    return partition % 50 == 0 ? 3 : 0;
}

/* One chunk a partition; 7 in two halves, 9 in two chunks that share a hash. */
static enum status append_partition(struct checkpoint_writer *writer, uint32_t partition)
{
    struct buf records = {0};
    print_records(&records, partition, record_count_of(partition));
    struct checkpoint_chunk chunk = {
        .partition = partition,
        .record_count = record_count_of(partition),
        .hash_first = partition * PARTITION_SPAN,
        .hash_last = partition * PARTITION_SPAN + PARTITION_SPAN - 1,
        .sequence = partition + 1000,
        .records = buf_bytes(&records),
    };
    enum status status = STATUS_OK;
    uint64_t middle = chunk.hash_first + PARTITION_SPAN / 2;
    if (partition == 7 || partition == 9) {
        struct checkpoint_chunk half = chunk;
        half.hash_last = middle;
        status = checkpoint_writer_append(writer, &half);
        chunk.hash_first = partition == 9 ? middle : middle + 1;
    }
    if (status == STATUS_OK) status = checkpoint_writer_append(writer, &chunk);
    buf_deinit(&records);
    return status;
}

static enum status write_all(struct disk *disk, uint64_t *out_bytes)
{
    struct checkpoint_writer *writer;
    enum status status = checkpoint_writer_open(disk, NAME, LOG_ID, &writer);
    if (status != STATUS_OK) return status;
    for (uint32_t i = 0; i < HASHING_PARTITION_COUNT && status == STATUS_OK; i++) {
        status = append_partition(writer, i);
    }
    if (status == STATUS_OK) status = checkpoint_writer_finish(writer, out_bytes);
    checkpoint_writer_destroy(writer);
    return status;
}

/* Reads to the end; STATUS_NOT_FOUND when all is well. */
static enum status read_all(struct disk *disk, uint64_t log_id, struct buf *message,
                            uint64_t *out_records)
{
    struct checkpoint_reader *reader;
    enum status status = checkpoint_reader_open(disk, NAME, log_id, &reader, message);
    if (status != STATUS_OK) return status;
    struct checkpoint_chunk chunk;
    uint64_t records = 0;
    while ((status = checkpoint_reader_next(reader, &chunk, message)) == STATUS_OK) {
        struct bytes rest = chunk.records;
        struct record record;
        assert_int_equal(chunk.sequence, chunk.partition + 1000);
        assert_int_equal(hashing_partition(chunk.hash_first), chunk.partition);
        while (record_next(&rest, &record) == STATUS_OK) records++;
    }
    uint64_t done;
    uint64_t total;
    checkpoint_reader_progress(reader, &done, &total);
    if (status == STATUS_NOT_FOUND) assert_int_equal(done, total);
    checkpoint_reader_destroy(reader);
    *out_records = records;
    return status;
}

static void assert_damaged(struct disk *disk)
{
    struct buf message = {0};
    uint64_t records;
    enum status status = read_all(disk, LOG_ID, &message, &records);
    assert_status(status, STATUS_CORRUPT);
    assert_non_null(strstr(buf_text(&message), NAME));
    assert_non_null(strstr(buf_text(&message), "offset"));
    buf_deinit(&message);
}

static struct disk *create_sample(uint64_t *out_bytes)
{
    struct disk *disk = fake_disk_create();
    assert_ok(write_all(disk, out_bytes));
    return disk;
}

TEST(what_is_written_is_read)
{
    uint64_t bytes;
    struct disk *disk = create_sample(&bytes);
    assert_int_equal(fake_disk_content(disk, NAME).size, bytes);
    assert_int_equal(bytes % CHECKPOINT_ALIGNMENT, 0);
    struct buf message = {0};
    uint64_t records;
    assert_status(read_all(disk, LOG_ID, &message, &records), STATUS_NOT_FOUND);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < HASHING_PARTITION_COUNT; i++) expected += record_count_of(i);
    assert_int_equal(records, expected + 0);
    assert_int_equal(message.size, 0);
    fake_disk_destroy(disk);
}

TEST(a_finished_file_survives_a_power_cut)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        uint64_t bytes;
        struct disk *disk = create_sample(&bytes);
        struct disk *after = fake_disk_crash(disk, seed);
        struct buf message = {0};
        uint64_t records;
        assert_status(read_all(after, LOG_ID, &message, &records), STATUS_NOT_FOUND);
        fake_disk_destroy(after);
        fake_disk_destroy(disk);
    }
}

TEST(another_history_is_refused)
{
    uint64_t bytes;
    struct disk *disk = create_sample(&bytes);
    struct buf message = {0};
    uint64_t records;
    assert_status(read_all(disk, LOG_ID + 1, &message, &records), STATUS_CORRUPT);
    buf_deinit(&message);
    fake_disk_destroy(disk);
}

TEST(every_flipped_byte_is_found)
{
    uint64_t bytes;
    struct disk *disk = create_sample(&bytes);
    struct bytes content = fake_disk_content(disk, NAME);
    char *data = (char *)(uintptr_t)content.data; /* the disk does not look */
    size_t near_end = bytes - 2 * CHECKPOINT_ALIGNMENT;
    for (size_t i = 0; i < bytes; i += i < 2000 || i >= near_end ? 13 : 9973) {
        data[i] = (char)(data[i] ^ 4);
        assert_damaged(disk);
        data[i] = (char)(data[i] ^ 4);
    }
    fake_disk_destroy(disk);
}

TEST(a_file_cut_anywhere_is_found)
{
    uint64_t bytes;
    struct disk *disk = create_sample(&bytes);
    for (uint64_t cut = 0; cut < bytes; cut += cut < 300 || cut > bytes - 5000 ? 51 : 9001) {
        struct disk *copy = fake_disk_clone(disk);
        fake_disk_cut(copy, NAME, cut);
        assert_damaged(copy);
        fake_disk_destroy(copy);
    }
    fake_disk_cut(disk, NAME, bytes + CHECKPOINT_ALIGNMENT);
    assert_damaged(disk);
    fake_disk_destroy(disk);
}

/* Chunks of partitions without records have one size: two of them change places, one goes missing,
 * one comes twice. */
TEST(chunks_out_of_order_are_found)
{
    uint64_t bytes;
    struct disk *disk = create_sample(&bytes);
    struct bytes content = fake_disk_content(disk, NAME);
    size_t size = CHECKPOINT_CHUNK_HEADER_BYTES;
    size_t at = bytes - 20 * size - CHECKPOINT_ALIGNMENT;
    struct checkpoint_chunk_header header;
    while (checkpoint_read_chunk_header(content.data + at, &header) != STATUS_OK) at++;
    assert_int_equal(header.records_bytes, 0);
    struct buf changed = {0};
    for (int way = 0; way < 3; way++) {
        changed.size = 0;
        buf_append(&changed, content.data, at);
        if (way == 0) buf_append(&changed, content.data + at + size, size);
        if (way == 0) buf_append(&changed, content.data + at, size);
        if (way == 1) buf_append(&changed, content.data + at + size, size);
        if (way == 2) buf_append(&changed, content.data + at, size);
        if (way == 2) buf_append(&changed, content.data + at, size);
        buf_append_bytes(&changed,
                         bytes_part(content, at + 2 * size - (way == 2 ? size : 0), content.size));
        struct disk *copy = fake_disk_clone(disk);
        fake_disk_put(copy, NAME, buf_bytes(&changed));
        assert_damaged(copy);
        fake_disk_destroy(copy);
    }
    buf_deinit(&changed);
    fake_disk_destroy(disk);
}

TEST(an_unfinished_file_is_removed)
{
    struct disk *disk = fake_disk_create();
    struct checkpoint_writer *writer;
    assert_ok(checkpoint_writer_open(disk, NAME, LOG_ID, &writer));
    assert_ok(append_partition(writer, 0));
    checkpoint_writer_destroy(writer);
    assert_null(fake_disk_content(disk, NAME).data);
    checkpoint_writer_destroy(NULL);
    fake_disk_destroy(disk);
}

TEST(every_failing_call_is_told)
{
    struct disk *counting = fake_disk_create();
    uint64_t bytes;
    fake_disk_set_fault(counting, (struct fake_disk_fault){0});
    assert_ok(write_all(counting, &bytes));
    uint64_t calls = fake_disk_calls(counting);
    fake_disk_destroy(counting);
    for (uint64_t call = 1; call <= calls; call++) {
        struct disk *disk = fake_disk_create();
        fake_disk_set_fault(disk, (struct fake_disk_fault){.kind = FAKE_DISK_FAIL,
                                                           .status = STATUS_NO_SPACE,
                                                           .call = call});
        assert_status(write_all(disk, &bytes), STATUS_NO_SPACE);
        assert_null(fake_disk_content(disk, NAME).data);
        fake_disk_destroy(disk);
    }
}

static void append_gap(void *context)
{
    struct checkpoint_writer *writer = context;
    (void)!append_partition(writer, 5);
}

TEST(a_gap_in_the_hash_order_is_our_mistake)
{
    struct disk *disk = fake_disk_create();
    struct checkpoint_writer *writer;
    assert_ok(checkpoint_writer_open(disk, NAME, LOG_ID, &writer));
    assert_aborts(append_gap, writer);
    assert_ok(append_partition(writer, 0));
    assert_aborts(append_gap, writer);
    checkpoint_writer_destroy(writer);
    fake_disk_destroy(disk);
}

RUN_TESTS(CHECK(what_is_written_is_read), CHECK(a_finished_file_survives_a_power_cut),
          CHECK(another_history_is_refused), CHECK(every_flipped_byte_is_found),
          CHECK(a_file_cut_anywhere_is_found), CHECK(chunks_out_of_order_are_found),
          CHECK(an_unfinished_file_is_removed), CHECK(every_failing_call_is_told),
          CHECK(a_gap_in_the_hash_order_is_our_mistake))
