/* The log with its two threads: who wakes whom, what happens when it gets quiet, and full or
 * failing disks under load. Real time, but nothing here depends on how fast the machine is: each
 * wait ends when what is awaited is there. */
#include <pthread.h>
#include <sched.h>

#include "os/clock.h"
#include "storage/block.h"
#include "storage/recovery.h"
#include "storage/segment.h"
#include "storage/wal.h"
#include "tests/support/check.h"
#include "tests/support/fake_disk.h"
#include "tests/support/log_model.h"

enum { LOG_ID = 12, SEGMENT_BYTES = 128 * 1024 };

#define PATIENCE_NS UINT64_C(30000000000)

struct fixture {
    struct disk *disk;
    struct wal *wal;
    struct log_model model;
    _Atomic uint64_t told_durable;
    _Atomic int failure_count;
    _Atomic int full_count;
};

static void on_durable(void *context, uint64_t durable)
{
    atomic_store(&((struct fixture *)context)->told_durable, durable);
}

static void on_failure(void *context, enum status status, const char *what)
{
    (void)status;
    (void)what;
    atomic_fetch_add(&((struct fixture *)context)->failure_count, 1);
}

static void on_full(void *context, bool is_full)
{
    (void)is_full;
    atomic_fetch_add(&((struct fixture *)context)->full_count, 1);
}

static void begin(struct fixture *fixture, enum wal_sync sync)
{
    *fixture = (struct fixture){.disk = fake_disk_create()};
    log_model_init(&fixture->model, 1);
    struct wal_options options = {
        .disk = fixture->disk,
        .clock = &clock_system,
        .log_id = LOG_ID,
        .appender_count = 2,
        .segment_bytes = SEGMENT_BYTES,
        .flush_ms = 5,
        .sync = sync,
        .has_thread = true,
        .context = fixture,
        .on_durable = on_durable,
        .on_failure = on_failure,
        .on_full = on_full,
    };
    assert_ok(wal_open(&options, &fixture->wal));
}

static void end(struct fixture *fixture, uint64_t durable)
{
    struct recovery_result result;
    enum status status;
    bool is_right = log_model_recover(&fixture->model, fixture->disk, LOG_ID, durable, &result,
                                      &status);
    if (!is_right || status != STATUS_OK) print_error("%s\n", buf_text(&fixture->model.message));
    assert_ok(status);
    assert_true(is_right);
    log_model_deinit(&fixture->model);
    fake_disk_destroy(fixture->disk);
}

static uint64_t deadline(void)
{
    return clock_monotonic_ns(&clock_system) + PATIENCE_NS;
}

static bool is_late(uint64_t deadline_ns)
{
    (void)sched_yield();
    return clock_monotonic_ns(&clock_system) > deadline_ns;
}

TEST(a_kick_is_enough_to_become_durable)
{
    struct fixture fixture;
    begin(&fixture, WAL_SYNC_ALWAYS);
    for (int i = 0; i < 300; i++) {
        log_model_write(&fixture.model, fixture.wal, 0, 100);
        uint64_t gate = wal_epoch(fixture.wal);
        wal_kick(fixture.wal);
        for (uint64_t end_ns = deadline(); wal_durable(fixture.wal) < gate;)
            assert_false(is_late(end_ns));
    }
    for (uint64_t end_ns = deadline();
         atomic_load(&fixture.told_durable) < wal_durable(fixture.wal);) {
        assert_false(is_late(end_ns));
    }
    assert_ok(wal_close(fixture.wal));
    end(&fixture, UINT64_MAX);
}

TEST(those_who_wait_are_woken)
{
    struct fixture fixture;
    begin(&fixture, WAL_SYNC_ALWAYS);
    for (int i = 0; i < 300; i++) {
        log_model_write(&fixture.model, fixture.wal, (uint32_t)i % 2, 1000);
        assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS));
    }
    assert_ok(wal_close(fixture.wal));
    end(&fixture, UINT64_MAX);
}

/* The newest block of the log, read from the disk while the log is open. */
static bool has_seal(struct fixture *fixture)
{
    char name[SEGMENT_NAME_BYTES];
    segment_print_name(name, 1);
    struct bytes content = fake_disk_content(fixture->disk, name);
    struct block_header header = {0};
    bool is_seal = false;
    for (size_t offset = SEGMENT_HEADER_BYTES; offset < content.size;
         offset += header.block_bytes) {
        if (block_read_header(content.data + offset, &header) != STATUS_OK) break;
        is_seal = (header.flags & BLOCK_SEAL) != 0;
    }
    return is_seal;
}

TEST(a_quiet_log_is_sealed)
{
    struct fixture fixture;
    begin(&fixture, WAL_SYNC_ALWAYS);
    log_model_write(&fixture.model, fixture.wal, 0, 100);
    assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS));
    struct wal_statistics statistics;
    uint64_t end_ns = deadline();
    do {
        wal_statistics(fixture.wal, &statistics);
        assert_false(is_late(end_ns));
    } while (statistics.newest_block < 2);
    assert_true(has_seal(&fixture));
    uint64_t changes = fake_disk_changes(fixture.disk);
    assert_ok(wal_close(fixture.wal)); /* sealed already: nothing to add */
    assert_int_equal(fake_disk_changes(fixture.disk), changes);
    end(&fixture, UINT64_MAX);
}

TEST(interval_mode_writes_and_syncs_without_kicks)
{
    struct fixture fixture;
    begin(&fixture, WAL_SYNC_INTERVAL);
    log_model_write(&fixture.model, fixture.wal, 0, 100);
    uint64_t gate = wal_epoch(fixture.wal);
    for (uint64_t end_ns = deadline(); wal_durable(fixture.wal) < gate;)
        assert_false(is_late(end_ns));
    assert_ok(wal_close(fixture.wal));
    end(&fixture, UINT64_MAX);
}

TEST(never_mode_writes_without_kicks_and_syncs_when_asked)
{
    struct fixture fixture;
    begin(&fixture, WAL_SYNC_NEVER);
    log_model_write(&fixture.model, fixture.wal, 0, 100);
    struct wal_statistics statistics = {.pending_bytes = 1};
    for (uint64_t end_ns = deadline(); statistics.pending_bytes > 0;) {
        wal_statistics(fixture.wal, &statistics);
        assert_false(is_late(end_ns));
    }
    assert_int_equal(wal_durable(fixture.wal), 0);
    assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS));
    wal_set_sync(fixture.wal, WAL_SYNC_ALWAYS);
    log_model_write(&fixture.model, fixture.wal, 0, 100);
    assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS));
    assert_ok(wal_close(fixture.wal));
    end(&fixture, UINT64_MAX);
}

/* The disk gets full under load; nobody is told that a write is durable when it is not; then there
 * is room again. */
TEST(a_full_disk_is_told_and_so_is_room)
{
    struct fixture fixture;
    begin(&fixture, WAL_SYNC_ALWAYS);
    fake_disk_set_capacity(fixture.disk, 2 * SEGMENT_BYTES);
    for (uint64_t end_ns = deadline(); !wal_is_full(fixture.wal);) {
        log_model_write(&fixture.model, fixture.wal, 0, 2000);
        wal_kick(fixture.wal);
        assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS));
        assert_false(is_late(end_ns));
    }
    for (int i = 0; i < 100; i++) log_model_write(&fixture.model, fixture.wal, 0, 2000);
    assert_status(wal_wait(fixture.wal, wal_epoch(fixture.wal), 300000000), STATUS_WOULD_BLOCK);
    assert_false(wal_has_failed(fixture.wal));

    fake_disk_set_capacity(fixture.disk, UINT64_MAX);
    assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS));
    for (uint64_t end_ns = deadline(); wal_is_full(fixture.wal);) assert_false(is_late(end_ns));
    for (uint64_t end_ns = deadline(); atomic_load(&fixture.full_count) < 2;)
        assert_false(is_late(end_ns));
    assert_ok(wal_close(fixture.wal));
    end(&fixture, UINT64_MAX);
}

TEST(a_failure_wakes_those_who_wait_and_is_told_once)
{
    for (uint64_t call = 1; call <= 12; call++) {
        struct fixture fixture;
        begin(&fixture, WAL_SYNC_ALWAYS);
        fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){.kind = FAKE_DISK_FAIL,
                                                                   .status = STATUS_IO,
                                                                   .call = call,
                                                                   .counts_changes = true,
                                                                   .goes_on = true});
        enum status status = STATUS_OK;
        for (uint64_t end_ns = deadline(); status == STATUS_OK; assert_false(is_late(end_ns))) {
            log_model_write(&fixture.model, fixture.wal, 0, 3000);
            status = wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS);
        }
        assert_status(status, STATUS_STOPPED);
        uint64_t durable = wal_durable(fixture.wal);
        wal_kick(fixture.wal);
        assert_int_not_equal(wal_close(fixture.wal), STATUS_OK);
        assert_int_equal(atomic_load(&fixture.failure_count), 1);
        fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){0});
        end(&fixture, durable);
    }
}

/* Segments come and go while the housekeeper trims and the writer rotates. */
TEST(trimming_goes_on_beside_commits)
{
    struct fixture fixture;
    begin(&fixture, WAL_SYNC_ALWAYS);
    for (int i = 0; i < 400; i++) {
        log_model_write(&fixture.model, fixture.wal, (uint32_t)i % 2, 4000);
        wal_kick(fixture.wal);
        if (i % 20 != 19) continue;
        struct log_model_checkpoint checkpoint = log_model_snapshot(&fixture.model, fixture.wal);
        assert_ok(wal_wait(fixture.wal, wal_epoch(fixture.wal), PATIENCE_NS));
        fixture.model.checkpoint = checkpoint;
        assert_ok(wal_trim(fixture.wal, checkpoint.first_block));
    }
    struct wal_statistics statistics;
    wal_statistics(fixture.wal, &statistics);
    assert_true(statistics.segments <= 3);
    assert_true(statistics.disk_bytes <= 12 * SEGMENT_BYTES);
    assert_true(statistics.commit_ns_max >= statistics.commit_ns_p50);
    assert_ok(wal_close(fixture.wal));
    end(&fixture, UINT64_MAX);
}

TEST(opening_and_closing_leaves_no_thread_behind)
{
    for (int i = 0; i < 50; i++) {
        struct fixture fixture;
        begin(&fixture, (enum wal_sync)(i % 3));
        if (i % 2 == 0) log_model_write(&fixture.model, fixture.wal, 0, 10);
        assert_ok(wal_close(fixture.wal));
        end(&fixture, UINT64_MAX);
    }
}

RUN_TESTS(CHECK(a_kick_is_enough_to_become_durable), CHECK(those_who_wait_are_woken),
          CHECK(a_quiet_log_is_sealed), CHECK(interval_mode_writes_and_syncs_without_kicks),
          CHECK(never_mode_writes_without_kicks_and_syncs_when_asked),
          CHECK(a_full_disk_is_told_and_so_is_room),
          CHECK(a_failure_wakes_those_who_wait_and_is_told_once),
          CHECK(trimming_goes_on_beside_commits),
          CHECK(opening_and_closing_leaves_no_thread_behind))
