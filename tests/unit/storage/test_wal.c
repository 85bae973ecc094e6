#include "storage/wal.h"

#include "base/memory.h"
#include "storage/block.h"
#include "storage/recovery.h"
#include "storage/segment.h"
#include "tests/support/check.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_disk.h"
#include "tests/support/log_model.h"

enum { LOG_ID = 77, SEGMENT_BYTES = 64 * 1024 };

/* A log without threads on a disk in memory, and what its callbacks said. */
struct fixture {
    struct disk *disk;
    struct fake_clock clock;
    struct wal *wal;
    struct log_model model;
    struct wal_options options;
    struct recovery_result result;
    uint64_t told_durable;
    int failure_count;
    int full_count;
    bool is_full;
};

static void on_durable(void *context, uint64_t durable)
{
    ((struct fixture *)context)->told_durable = durable;
}

static void on_failure(void *context, enum status status, const char *what)
{
    struct fixture *fixture = context;
    assert_int_not_equal(status, STATUS_OK);
    assert_non_null(what);
    assert_true(wal_has_failed(fixture->wal));
    fixture->failure_count++;
}

static void on_full(void *context, bool is_full)
{
    struct fixture *fixture = context;
    fixture->is_full = is_full;
    fixture->full_count++;
}

static void begin(struct fixture *fixture, uint64_t seed)
{
    *fixture = (struct fixture){.disk = fake_disk_create()};
    fake_clock_init(&fixture->clock);
    log_model_init(&fixture->model, seed);
    fixture->options = (struct wal_options){
        .disk = fixture->disk,
        .clock = &fixture->clock.clock,
        .log_id = LOG_ID,
        .term = 1,
        .appender_count = 3,
        .segment_bytes = SEGMENT_BYTES,
        .first_block = 1,
        .first_epoch = 1,
        .sync = WAL_SYNC_ALWAYS,
        .context = fixture,
        .on_durable = on_durable,
        .on_failure = on_failure,
        .on_full = on_full,
    };
}

static void open_wal(struct fixture *fixture)
{
    assert_ok(wal_open(&fixture->options, &fixture->wal));
}

/* Reads everything back and sets the options to go on from there. */
static void recover(struct fixture *fixture, uint64_t durable)
{
    enum status status;
    bool is_right = log_model_recover(&fixture->model, fixture->disk, LOG_ID, durable,
                                      &fixture->result, &status);
    if (!is_right || status != STATUS_OK) print_error("%s\n", buf_text(&fixture->model.message));
    assert_ok(status);
    assert_true(is_right);
    fixture->options.first_block = fixture->result.next_block;
    fixture->options.first_epoch = fixture->result.next_epoch;
}

static void end(struct fixture *fixture)
{
    log_model_deinit(&fixture->model);
    fake_disk_destroy(fixture->disk);
}

static void commit(struct fixture *fixture)
{
    enum status status;
    assert_true(wal_commit(fixture->wal, &status));
    assert_ok(status);
}

static void write_some(struct fixture *fixture, int count, size_t value_bytes)
{
    for (int i = 0; i < count; i++) {
        log_model_write(&fixture->model, fixture->wal, (uint32_t)i % 3, value_bytes);
    }
}

TEST(empty_log_recovers_as_empty)
{
    struct fixture fixture;
    begin(&fixture, 1);
    recover(&fixture, 0);
    assert_int_equal(fixture.result.next_block, 1);
    assert_int_equal(fixture.result.next_epoch, 1);
    open_wal(&fixture);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, 0);
    assert_int_equal(fixture.result.next_block, 1);
    assert_int_equal(fixture.result.epochs, 0);
    end(&fixture);
}

TEST(committed_transactions_come_back)
{
    struct fixture fixture;
    begin(&fixture, 2);
    open_wal(&fixture);
    for (int i = 0; i < 50; i++) {
        write_some(&fixture, i % 5, 300);
        commit(&fixture);
    }
    assert_int_equal(fixture.told_durable, wal_durable(fixture.wal));
    assert_int_equal(wal_durable(fixture.wal), 50);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    assert_int_equal(fixture.result.epochs, 40);
    assert_int_equal(fixture.result.torn_bytes, 0);
    end(&fixture);
}

TEST(publishing_nothing_is_no_transaction)
{
    struct fixture fixture;
    begin(&fixture, 3);
    open_wal(&fixture);
    assert_int_equal(wal_publish(fixture.wal, wal_appender_at(fixture.wal, 0)), 0);
    commit(&fixture);
    struct wal_statistics statistics;
    wal_statistics(fixture.wal, &statistics);
    assert_int_equal(statistics.cuts, 0);
    assert_int_equal(statistics.bytes_written, 0);
    assert_ok(wal_close(fixture.wal));
    end(&fixture);
}

TEST(empty_cuts_write_nothing_but_move_the_gate)
{
    struct fixture fixture;
    begin(&fixture, 4);
    open_wal(&fixture);
    fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){0});
    for (int i = 0; i < 10; i++) commit(&fixture);
    assert_int_equal(fake_disk_changes(fixture.disk), 0);
    assert_int_equal(wal_durable(fixture.wal), 10);
    assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), 1000000000));
    assert_ok(wal_close(fixture.wal));
    end(&fixture);
}

TEST(lives_follow_each_other)
{
    struct fixture fixture;
    begin(&fixture, 5);
    for (int life = 0; life < 12; life++) {
        open_wal(&fixture);
        for (int i = 0; i < 20; i++) {
            write_some(&fixture, 3, 2000);
            commit(&fixture);
        }
        assert_ok(wal_close(fixture.wal));
        recover(&fixture, UINT64_MAX);
    }
    end(&fixture);
}

TEST(segments_rotate_and_are_recycled_when_trimmed)
{
    struct fixture fixture;
    begin(&fixture, 6);
    open_wal(&fixture);
    struct wal_statistics statistics;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 30; i++) {
            write_some(&fixture, 3, 3000);
            commit(&fixture);
        }
        struct log_model_checkpoint checkpoint = log_model_snapshot(&fixture.model, fixture.wal);
        fixture.model.checkpoint = checkpoint;
        assert_ok(wal_trim(fixture.wal, checkpoint.first_block));
        wal_statistics(fixture.wal, &statistics);
        assert_true(statistics.segments <= 2);
        assert_in_range(statistics.disk_bytes, SEGMENT_BYTES, 8 * SEGMENT_BYTES);
    }
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    end(&fixture);
}

TEST(records_larger_than_a_block_or_a_segment_fit)
{
    struct fixture fixture;
    begin(&fixture, 7);
    open_wal(&fixture);
    write_some(&fixture, 3, 100);
    commit(&fixture);
    write_some(&fixture, 2, 10 * SEGMENT_BYTES);
    commit(&fixture);
    write_some(&fixture, 1, 3 * BLOCK_BYTES_TARGET);
    commit(&fixture);
    write_some(&fixture, 3, 100);
    commit(&fixture);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    end(&fixture);
}

TEST(an_epoch_of_several_blocks_is_whole_or_absent)
{
    struct fixture fixture;
    begin(&fixture, 8);
    fixture.options.segment_bytes = 16 * 1024 * 1024;
    open_wal(&fixture);
    uint64_t before = wal_next_block(fixture.wal);
    write_some(&fixture, 400, 100 * 1000);
    commit(&fixture);
    assert_true(wal_next_block(fixture.wal) >= before + 3);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    assert_int_equal(fixture.result.epochs, 1);
    end(&fixture);
}

TEST(a_failed_write_closes_the_gate_for_ever)
{
    struct fixture fixture;
    begin(&fixture, 9);
    open_wal(&fixture);
    write_some(&fixture, 3, 100);
    commit(&fixture);
    uint64_t durable = wal_durable(fixture.wal);
    fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){.kind = FAKE_DISK_FAIL,
                                                               .status = STATUS_IO,
                                                               .call = 1,
                                                               .counts_changes = true});
    write_some(&fixture, 3, 100);
    enum status status;
    assert_true(wal_commit(fixture.wal, &status));
    assert_status(status, STATUS_IO);
    assert_true(wal_has_failed(fixture.wal));
    assert_int_equal(fixture.failure_count, 1);
    uint64_t calls = fake_disk_calls(fixture.disk);
    write_some(&fixture, 3, 100);
    assert_true(wal_commit(fixture.wal, &status));
    assert_status(status, STATUS_STOPPED);
    assert_status(wal_wait(fixture.wal, wal_epoch(fixture.wal), 1000), STATUS_STOPPED);
    assert_int_equal(wal_durable(fixture.wal), durable);
    assert_status(wal_close(fixture.wal), STATUS_STOPPED);
    assert_int_equal(fake_disk_calls(fixture.disk), calls);
    assert_int_equal(fixture.failure_count, 1);
    recover(&fixture, durable);
    end(&fixture);
}

TEST(a_full_disk_holds_back_and_goes_on)
{
    struct fixture fixture;
    begin(&fixture, 10);
    open_wal(&fixture);
    fake_disk_set_capacity(fixture.disk, SEGMENT_BYTES);
    uint64_t told = 0;
    enum status status = STATUS_OK;
    for (int i = 0; i < 100 && status == STATUS_OK; i++) {
        told = wal_durable(fixture.wal);
        write_some(&fixture, 3, 1000);
        assert_true(wal_commit(fixture.wal, &status));
        if (wal_is_full(fixture.wal)) assert_true(fixture.is_full);
    }
    assert_status(status, STATUS_NO_SPACE);
    assert_false(wal_has_failed(fixture.wal));
    assert_true(wal_is_full(fixture.wal));
    assert_int_equal(wal_durable(fixture.wal), told);
    assert_status(wal_wait(fixture.wal, wal_epoch(fixture.wal), 0), STATUS_WOULD_BLOCK);

    fake_disk_set_capacity(fixture.disk, UINT64_MAX);
    commit(&fixture);
    assert_false(wal_is_full(fixture.wal));
    assert_false(fixture.is_full);
    assert_int_equal(fixture.full_count, 2);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    end(&fixture);
}

TEST(the_disk_is_called_full_while_there_is_still_room_for_what_is_published)
{
    struct fixture fixture;
    begin(&fixture, 11);
    open_wal(&fixture);
    fake_disk_set_capacity(fixture.disk, SEGMENT_BYTES);
    while (!wal_is_full(fixture.wal)) {
        write_some(&fixture, 1, 10);
        commit(&fixture);
    }
    write_some(&fixture, 3, 1000);
    commit(&fixture);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    end(&fixture);
}

TEST(interval_mode_syncs_once_a_second_and_for_those_who_wait)
{
    struct fixture fixture;
    begin(&fixture, 12);
    fixture.options.sync = WAL_SYNC_INTERVAL;
    open_wal(&fixture);
    write_some(&fixture, 3, 100);
    commit(&fixture);
    assert_int_equal(wal_durable(fixture.wal), 0);
    struct wal_statistics statistics;
    wal_statistics(fixture.wal, &statistics);
    assert_int_equal(statistics.pending_bytes, 0);
    fake_clock_advance(&fixture.clock, 1100000000);
    write_some(&fixture, 3, 100);
    commit(&fixture);
    assert_int_equal(wal_durable(fixture.wal), 2);
    write_some(&fixture, 3, 100);
    assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), 1000000000));
    assert_int_equal(wal_durable(fixture.wal), 3);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    end(&fixture);
}

TEST(never_mode_syncs_when_a_segment_ends)
{
    struct fixture fixture;
    begin(&fixture, 13);
    fixture.options.sync = WAL_SYNC_NEVER;
    open_wal(&fixture);
    for (int i = 0; i < 40; i++) {
        write_some(&fixture, 3, 1000);
        commit(&fixture);
    }
    uint64_t durable = wal_durable(fixture.wal);
    assert_true(durable > 0);
    assert_true(durable < 40);
    wal_set_sync(fixture.wal, WAL_SYNC_ALWAYS);
    commit(&fixture);
    assert_int_equal(wal_durable(fixture.wal), 41);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    end(&fixture);
}

TEST(a_segment_behind_the_given_end_is_refused)
{
    struct fixture fixture;
    begin(&fixture, 14);
    open_wal(&fixture);
    write_some(&fixture, 60, 3000);
    commit(&fixture);
    write_some(&fixture, 60, 3000);
    commit(&fixture);
    assert_ok(wal_close(fixture.wal));
    fixture.options.first_block = 1;
    assert_status(wal_open(&fixture.options, &fixture.wal), STATUS_CORRUPT);
    end(&fixture);
}

/* A spare that was wholly written in an earlier life is taken over; anything less is removed. */
TEST(spares_of_an_earlier_life_are_used_or_removed)
{
    struct fixture fixture;
    begin(&fixture, 15);
    open_wal(&fixture);
    for (int i = 0; i < 4; i++) {
        write_some(&fixture, 3, 3000);
        commit(&fixture);
    }
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    char name[SEGMENT_NAME_BYTES];
    segment_print_spare_name(name, 900);
    fake_disk_put(fixture.disk, name, BYTES_LITERAL("half a spare"));
    open_wal(&fixture);
    assert_null(fake_disk_content(fixture.disk, name).data);
    write_some(&fixture, 3, 3000);
    commit(&fixture);
    assert_ok(wal_close(fixture.wal));
    recover(&fixture, UINT64_MAX);
    end(&fixture);
}

RUN_TESTS(CHECK(spares_of_an_earlier_life_are_used_or_removed), CHECK(empty_log_recovers_as_empty),
          CHECK(committed_transactions_come_back), CHECK(publishing_nothing_is_no_transaction),
          CHECK(empty_cuts_write_nothing_but_move_the_gate), CHECK(lives_follow_each_other),
          CHECK(segments_rotate_and_are_recycled_when_trimmed),
          CHECK(records_larger_than_a_block_or_a_segment_fit),
          CHECK(an_epoch_of_several_blocks_is_whole_or_absent),
          CHECK(a_failed_write_closes_the_gate_for_ever), CHECK(a_full_disk_holds_back_and_goes_on),
          CHECK(the_disk_is_called_full_while_there_is_still_room_for_what_is_published),
          CHECK(interval_mode_syncs_once_a_second_and_for_those_who_wait),
          CHECK(never_mode_syncs_when_a_segment_ends),
          CHECK(a_segment_behind_the_given_end_is_refused))
