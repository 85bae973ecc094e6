/* A healthy log on a disk in memory, damaged in every way at every place: nothing acknowledged may
 * be lost in silence, and nothing that was not written may be served. */
#include "storage/recovery.h"

#include <stdio.h>

#include "base/memory.h"
#include "storage/block.h"
#include "storage/segment.h"
#include "storage/wal.h"
#include "tests/support/check.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_disk.h"
#include "tests/support/log_model.h"

enum { LOG_ID = 99, SEGMENT_BYTES = 48 * 1024, PLACES_MAX = 256 };

struct place {
    char name[SEGMENT_NAME_BYTES];
    uint64_t offset;
    struct block_header header;
};

/* A log that was closed, and where its blocks stand. */
struct log {
    struct disk *disk;
    struct fake_clock clock;
    struct log_model model;
    uint64_t next_block;
    uint64_t next_epoch;
    struct place places[PLACES_MAX];
    size_t place_count;
    char names[16][SEGMENT_NAME_BYTES]; /* of the segments, ascending */
    size_t name_count;
};

static struct wal *open_wal(struct log *log, uint64_t segment_bytes)
{
    struct wal_options options = {
        .disk = log->disk,
        .clock = &log->clock.clock,
        .log_id = LOG_ID,
        .appender_count = 2,
        .segment_bytes = segment_bytes,
        .first_block = log->next_block,
        .first_epoch = log->next_epoch,
    };
    struct wal *wal;
    assert_ok(wal_open(&options, &wal));
    return wal;
}

static void commit(struct wal *wal)
{
    enum status status;
    assert_true(wal_commit(wal, &status));
    assert_ok(status);
}

static void find_places(struct log *log)
{
    log->place_count = 0;
    log->name_count = 0;
    for (uint64_t first = 1; first < 1000; first++) {
        char name[SEGMENT_NAME_BYTES];
        segment_print_name(name, first);
        struct bytes content = fake_disk_content(log->disk, name);
        if (content.data == NULL) continue;
        strcpy(log->names[log->name_count++], name);
        struct block_header header;
        for (uint64_t offset = SEGMENT_HEADER_BYTES; offset < content.size;
             offset += header.block_bytes) {
            if (block_read_header(content.data + offset, &header) != STATUS_OK) break;
            if (header.segment != first) break;
            struct place *place = &log->places[log->place_count++];
            strcpy(place->name, name);
            place->offset = offset;
            place->header = header;
        }
    }
}

/* `commits` commits of up to 2 KB a record; two segments or more when there are twenty. */
static void build(struct log *log, uint64_t seed, int commits)
{
    *log = (struct log){.disk = fake_disk_create(), .next_block = 1, .next_epoch = 1};
    fake_clock_init(&log->clock);
    log_model_init(&log->model, seed);
    struct wal *wal = open_wal(log, SEGMENT_BYTES);
    for (int i = 0; i < commits; i++) {
        log_model_write(&log->model, wal, 0, 2000);
        log_model_write(&log->model, wal, 1, 2000);
        commit(wal);
    }
    assert_ok(wal_close(wal));
    find_places(log);
}

static void destroy(struct log *log)
{
    log_model_deinit(&log->model);
    fake_disk_destroy(log->disk);
}

static const struct place *last_record_place(const struct log *log)
{
    for (size_t i = log->place_count; i > 0; i--) {
        if (!(log->places[i - 1].header.flags & BLOCK_SEAL)) return &log->places[i - 1];
    }
    return NULL;
}

static enum status recover_with(struct log *log, struct disk *disk, struct recovery_result *out)
{
    enum status status;
    log->model.message.size = 0;
    bool is_right = log_model_recover(&log->model, disk, LOG_ID, UINT64_MAX, out, &status);
    if (!is_right) print_error("%s\n", buf_text(&log->model.message));
    /* Whatever the status: nothing false was delivered; when it is OK, nothing is missing. */
    assert_true(is_right);
    return status;
}

/* Everything is there, or it is called damaged with the name of a segment. True when damaged. */
static bool is_refused(struct log *log, struct disk *disk)
{
    struct recovery_result result;
    enum status status = recover_with(log, disk, &result);
    if (status == STATUS_OK) return false;
    assert_status(status, STATUS_CORRUPT);
    assert_non_null(strstr(buf_text(&log->model.message), "log-"));
    return true;
}

static bool covers(const struct log *log, const char *name, uint64_t offset)
{
    for (size_t i = 0; i < log->place_count; i++) {
        const struct place *place = &log->places[i];
        bool is_seal = (place->header.flags & BLOCK_SEAL) != 0;
        if (strcmp(place->name, name) != 0 || is_seal) continue;
        if (offset >= place->offset && offset < place->offset + place->header.block_bytes)
            return true;
    }
    return offset < SEGMENT_HEADER_BYTES;
}

TEST(one_flipped_bit_anywhere_is_found)
{
    struct log log;
    build(&log, 1, 12);
    assert_true(log.name_count >= 2);
    for (size_t i = 0; i < log.name_count; i++) {
        uint64_t size = fake_disk_content(log.disk, log.names[i]).size;
        for (uint64_t offset = 0; offset < size; offset += offset % 4096 < 128 ? 1 : 61) {
            fake_disk_flip(log.disk, log.names[i], offset, (uint8_t)(1 << offset % 8));
            bool is_known_to_matter = covers(&log, log.names[i], offset);
            assert_int_equal(is_refused(&log, log.disk), is_known_to_matter);
            fake_disk_flip(log.disk, log.names[i], offset, (uint8_t)(1 << offset % 8));
        }
    }
    assert_false(is_refused(&log, log.disk));
    destroy(&log);
}

TEST(a_zeroed_sector_anywhere_is_found)
{
    struct log log;
    build(&log, 2, 12);
    for (size_t i = 0; i < log.name_count; i++) {
        struct bytes before = fake_disk_content(log.disk, log.names[i]);
        for (uint64_t offset = 0; offset < before.size; offset += 512) {
            struct disk *copy = fake_disk_clone(log.disk);
            fake_disk_zero(copy, log.names[i], offset, 512);
            struct bytes after = fake_disk_content(copy, log.names[i]);
            bool matters = memcmp(before.data, after.data, before.size) != 0 &&
                           covers(&log, log.names[i], offset);
            assert_int_equal(is_refused(&log, copy), matters);
            fake_disk_destroy(copy);
        }
    }
    destroy(&log);
}

TEST(a_file_cut_anywhere_is_found)
{
    struct log log;
    build(&log, 3, 12);
    for (size_t i = 0; i < log.name_count; i++) {
        uint64_t size = fake_disk_content(log.disk, log.names[i]).size;
        for (uint64_t cut = 0; cut < size; cut += cut % 4096 < 32 || cut % 4096 > 4064 ? 1 : 97) {
            struct disk *copy = fake_disk_clone(log.disk);
            fake_disk_cut(copy, log.names[i], cut);
            bool is_needed = cut == 0 || covers(&log, log.names[i], cut - 1) ||
                             covers(&log, log.names[i], cut);
            bool refused = is_refused(&log,
                                      copy); /* when not, all is there: recover_with saw to that */
            if (is_needed && covers(&log, log.names[i], cut)) assert_true(refused);
            fake_disk_destroy(copy);
        }
    }
    destroy(&log);
}

TEST(a_missing_segment_is_found)
{
    struct log log;
    build(&log, 4, 40);
    assert_true(log.name_count >= 4);
    for (size_t i = 0; i + 1 < log.name_count; i++) {
        struct disk *copy = fake_disk_clone(log.disk);
        assert_ok(copy->ops->remove(copy, log.names[i]));
        assert_true(is_refused(&log, copy));
        fake_disk_destroy(copy);
    }
    destroy(&log);
}

TEST(no_segment_at_all_is_found_when_a_checkpoint_needs_one)
{
    struct log log;
    build(&log, 5, 1);
    for (size_t i = 0; i < log.name_count; i++)
        assert_ok(log.disk->ops->remove(log.disk, log.names[i]));
    log.model.checkpoint.first_block = 2;
    assert_true(is_refused(&log, log.disk));
    destroy(&log);
}

TEST(a_log_that_ends_before_the_checkpoint_is_found)
{
    struct log log;
    build(&log, 6, 3);
    log.model.checkpoint.first_block = log.places[log.place_count - 1].header.number + 2;
    assert_true(is_refused(&log, log.disk));
    destroy(&log);
}

TEST(swapped_blocks_are_found)
{
    struct log log;
    build(&log, 7, 12);
    for (size_t i = 0; i + 1 < log.place_count; i++) {
        const struct place *a = &log.places[i];
        const struct place *b = &log.places[i + 1];
        if (strcmp(a->name, b->name) != 0) continue;
        struct bytes content = fake_disk_content(log.disk, a->name);
        struct buf swapped = {0};
        buf_append(&swapped, content.data, a->offset);
        buf_append(&swapped, content.data + b->offset, b->header.block_bytes);
        buf_append(&swapped, content.data + a->offset, a->header.block_bytes);
        buf_append_bytes(&swapped,
                         bytes_part(content, b->offset + b->header.block_bytes, content.size));
        struct disk *copy = fake_disk_clone(log.disk);
        fake_disk_put(copy, a->name, buf_bytes(&swapped));
        if (!(b->header.flags & BLOCK_SEAL)) assert_true(is_refused(&log, copy));
        fake_disk_destroy(copy);
        buf_deinit(&swapped);
    }
    destroy(&log);
}

TEST(a_renamed_segment_is_found)
{
    struct log log;
    build(&log, 8, 12);
    char name[SEGMENT_NAME_BYTES];
    segment_print_name(name, 500);
    assert_ok(log.disk->ops->link(log.disk, log.names[0], name));
    assert_true(is_refused(&log, log.disk));
    destroy(&log);
}

TEST(a_segment_of_another_history_is_refused)
{
    struct log log;
    build(&log, 9, 3);
    struct recovery_result result;
    struct recovery_options options = {.disk = log.disk, .log_id = LOG_ID + 1, .first_block = 1};
    assert_status(recovery_run(&options, &result, &log.model.message), STATUS_CORRUPT);
    assert_non_null(strstr(buf_text(&log.model.message), "another history"));
    destroy(&log);
}

TEST(segments_wholly_before_the_checkpoint_are_not_read)
{
    struct log log;
    build(&log, 10, 40);
    struct bytes first = fake_disk_content(log.disk, log.names[0]);
    struct buf old = {0};
    buf_append_bytes(&old, first);
    uint64_t second_first = 0;
    for (size_t i = 0; i < log.place_count && second_first == 0; i++) {
        if (strcmp(log.places[i].name, log.names[1]) == 0)
            second_first = log.places[i].header.number;
    }
    /* The model's checkpoint covers what the first segment holds, and more: only the positions
     * matter here. */
    log.model.checkpoint.first_block = second_first;
    memcpy(log.model.checkpoint.sequences, log.model.sequences, sizeof(log.model.sequences));
    assert_ok(log.disk->ops->remove(log.disk, log.names[0]));
    assert_false(is_refused(&log, log.disk));
    memset(old.data, 'x', old.size);
    fake_disk_put(log.disk, log.names[0], buf_bytes(&old));
    assert_false(is_refused(&log, log.disk));
    buf_deinit(&old);
    destroy(&log);
}

/* Without the seal nobody says that the last block was durable: the price of not writing twice. */
TEST(damage_to_the_last_block_without_a_seal_is_a_torn_tail)
{
    struct log log;
    build(&log, 11, 5);
    const struct place *seal = &log.places[log.place_count - 1];
    assert_true(seal->header.flags & BLOCK_SEAL);
    fake_disk_zero(log.disk, seal->name, seal->offset, seal->header.block_bytes);
    const struct place *last = last_record_place(&log);
    fake_disk_flip(log.disk, last->name, last->offset + 200, 1);
    struct recovery_result result;
    enum status status;
    assert_true(
        log_model_recover(&log.model, log.disk, LOG_ID, last->header.epoch - 1, &result, &status));
    assert_ok(status);
    assert_int_equal(result.next_block, last->header.number);
    assert_int_equal(result.torn_bytes, last->header.block_bytes);
    assert_true(result.next_epoch > last->header.epoch);
    destroy(&log);
}

/* An epoch of several blocks whose last one never arrived: nothing of it counts, then or later. */
TEST(a_torn_epoch_never_comes_back)
{
    struct log log;
    build(&log, 12, 0);
    struct recovery_result result;
    assert_status(recover_with(&log, log.disk, &result), STATUS_OK);
    struct wal *wal = open_wal(&log, 32 * 1024 * 1024);
    log_model_write(&log.model, wal, 0, 100);
    commit(wal);
    uint64_t kept = wal_durable(wal);
    for (int i = 0; i < 300; i++) log_model_write(&log.model, wal, 0, 100 * 1000);
    commit(wal);
    assert_ok(wal_close(wal));
    find_places(&log);
    const struct place *seal = &log.places[log.place_count - 1];
    const struct place *last = last_record_place(&log);
    uint64_t torn_epoch = last->header.epoch;
    struct buf whole = {0};
    buf_append_bytes(&whole,
                     bytes_part(fake_disk_content(log.disk, last->name), last->offset, 4096));
    fake_disk_zero(log.disk, seal->name, seal->offset, seal->header.block_bytes);
    fake_disk_zero(log.disk, last->name, last->offset, 4096);

    enum status status;
    assert_true(log_model_recover(&log.model, log.disk, LOG_ID, kept, &result, &status));
    assert_ok(status);
    assert_int_equal(result.epochs, 1);
    assert_int_equal(result.next_block, 2);
    assert_true(result.next_epoch > torn_epoch);

    /* A new life; and then the missing sectors show up after all. */
    log.next_block = result.next_block;
    log.next_epoch = result.next_epoch;
    wal = open_wal(&log, SEGMENT_BYTES);
    for (int i = 0; i < 20; i++) {
        log_model_write(&log.model, wal, 0, 100);
        commit(wal);
    }
    assert_ok(wal_close(wal));
    struct buf restored = {0};
    buf_append_bytes(&restored, fake_disk_content(log.disk, last->name));
    memcpy(restored.data + last->offset, whole.data, whole.size);
    fake_disk_put(log.disk, last->name, buf_bytes(&restored));
    assert_false(is_refused(&log, log.disk));
    buf_deinit(&whole);
    buf_deinit(&restored);
    destroy(&log);
}

/* Puts a block with the right number behind the end of the log, with something else about it
 * wrong. */
static void forge(struct log *log, struct block_header header)
{
    const struct place *last = &log->places[log->place_count - 1];
    uint64_t end = last->offset + last->header.block_bytes;
    char *block = memory_zalloc(BLOCK_ALIGNMENT);
    header.number = last->header.number + 1;
    header.durable_block = 1;
    header.flags = BLOCK_LAST;
    header.block_bytes = BLOCK_ALIGNMENT;
    block_finish(block, &header);
    struct buf content = {0};
    buf_append_bytes(&content, fake_disk_content(log->disk, last->name));
    memcpy(content.data + end, block, BLOCK_ALIGNMENT);
    fake_disk_put(log->disk, last->name, buf_bytes(&content));
    buf_deinit(&content);
    memory_free(block);
}

TEST(an_old_block_of_a_recycled_segment_is_no_part_of_the_log)
{
    struct log log;
    build(&log, 13, 3);
    const struct block_header *last = &log.places[log.place_count - 1].header;
    struct recovery_result result;
    forge(&log,
          (struct block_header){.log_id = LOG_ID, .segment = last->segment - 1, .epoch = 1000});
    assert_status(recover_with(&log, log.disk, &result), STATUS_OK);
    assert_int_equal(result.next_block, last->number + 1);
    forge(&log,
          (struct block_header){.log_id = LOG_ID + 5, .segment = last->segment, .epoch = 1000});
    assert_status(recover_with(&log, log.disk, &result), STATUS_OK);
    assert_int_equal(result.next_block, last->number + 1);
    destroy(&log);
}

TEST(epochs_that_do_not_rise_are_refused)
{
    struct log log;
    build(&log, 14, 3);
    const struct block_header *last = &log.places[log.place_count - 1].header;
    forge(&log, (struct block_header){.log_id = LOG_ID, .segment = last->segment, .epoch = 1});
    assert_true(is_refused(&log, log.disk));
    destroy(&log);
}

struct counts {
    uint64_t runs;
    uint64_t epochs;
    uint64_t open_epoch;
    uint64_t stop_at;
};

static enum status count_records(void *context, uint64_t epoch, uint64_t block, int64_t wall_us,
                                 struct bytes records)
{
    struct counts *counts = context;
    assert_true(block > 0);
    assert_true(wall_us > 0);
    assert_true(records.size > 0);
    assert_true(counts->open_epoch == 0 || counts->open_epoch == epoch);
    counts->open_epoch = epoch;
    counts->runs++;
    return counts->runs == counts->stop_at ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status count_epoch(void *context, uint64_t epoch)
{
    struct counts *counts = context;
    assert_int_equal(counts->open_epoch, epoch);
    counts->open_epoch = 0;
    counts->epochs++;
    return STATUS_OK;
}

static void take_progress(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    assert_true(done <= total);
}

TEST(runs_come_epoch_by_epoch_and_a_callback_can_stop)
{
    struct log log;
    build(&log, 15, 10);
    struct counts counts = {0};
    struct recovery_options options = {
        .disk = log.disk,
        .log_id = LOG_ID,
        .first_block = 1,
        .context = &counts,
        .on_records = count_records,
        .on_epoch = count_epoch,
        .on_progress = take_progress,
    };
    struct recovery_result result;
    struct buf message = {0};
    assert_ok(recovery_run(&options, &result, &message));
    assert_int_equal(counts.epochs, 10);
    assert_int_equal(counts.runs, 20);
    assert_int_equal(result.epochs, 10);
    assert_true(result.last_wall_us > 0);
    counts = (struct counts){.stop_at = 7};
    assert_status(recovery_run(&options, &result, &message), STATUS_NO_MEMORY);
    assert_int_equal(counts.runs, 7);
    buf_deinit(&message);
    destroy(&log);
}

RUN_TESTS(CHECK(one_flipped_bit_anywhere_is_found), CHECK(a_zeroed_sector_anywhere_is_found),
          CHECK(a_file_cut_anywhere_is_found), CHECK(a_missing_segment_is_found),
          CHECK(no_segment_at_all_is_found_when_a_checkpoint_needs_one),
          CHECK(a_log_that_ends_before_the_checkpoint_is_found), CHECK(swapped_blocks_are_found),
          CHECK(a_renamed_segment_is_found), CHECK(a_segment_of_another_history_is_refused),
          CHECK(segments_wholly_before_the_checkpoint_are_not_read),
          CHECK(damage_to_the_last_block_without_a_seal_is_a_torn_tail),
          CHECK(a_torn_epoch_never_comes_back),
          CHECK(an_old_block_of_a_recycled_segment_is_no_part_of_the_log),
          CHECK(epochs_that_do_not_rise_are_refused),
          CHECK(runs_come_epoch_by_epoch_and_a_callback_can_stop))
