/* Power cuts and failures at every disk call of a workload with rotation, trimming and restarts in
 * it. After each, what recovery brings back is compared with the model: everything acknowledged is
 * there, whole, in order, once; what was not acknowledged is there as a whole or not at all; and an
 * unfinished tail is never taken for damage. */
#include <stdio.h>

#include "storage/recovery.h"
#include "storage/wal.h"
#include "tests/support/check.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_disk.h"
#include "tests/support/log_model.h"

enum {
    LOG_ID = 4711,
    SEGMENT_BYTES = 64 * 1024,
    ROUNDS = 24,
    TRIM_EVERY = 9,
};

struct life {
    struct disk *disk;
    struct fake_clock clock;
    struct log_model *model;
    enum wal_sync sync;
    uint64_t first_block;
    uint64_t first_epoch;
    uint64_t durable; /* the newest that was told */
    uint64_t failures;
    struct wal *wal;
};

static void on_durable(void *context, uint64_t durable)
{
    struct life *life = context;
    assert_true(durable >= life->durable);
    assert_true(durable <= wal_durable(life->wal));
    life->durable = durable;
}

static void on_failure(void *context, enum status status, const char *what)
{
    (void)status;
    (void)what;
    ((struct life *)context)->failures++;
}

static enum status open_wal(struct life *life)
{
    struct wal_options options = {
        .disk = life->disk,
        .clock = &life->clock.clock,
        .log_id = LOG_ID,
        .appender_count = 2,
        .segment_bytes = SEGMENT_BYTES,
        .first_block = life->first_block,
        .first_epoch = life->first_epoch,
        .sync = life->sync,
        .context = life,
        .on_durable = on_durable,
        .on_failure = on_failure,
    };
    return wal_open(&options, &life->wal);
}

/* A checkpoint: taken now, valid when everything it saw is durable, then the log before it is given
 * up. */
static void checkpoint(struct life *life)
{
    struct log_model_checkpoint snapshot = log_model_snapshot(life->model, life->wal);
    if (wal_wait(life->wal, wal_epoch(life->wal), 1000) != STATUS_OK) return;
    life->model->checkpoint = snapshot;
    if (wal_trim(life->wal, snapshot.first_block) != STATUS_OK) return;
}

/* Runs until the disk fails or the work is done; true when it was done. */
static bool run_life(struct life *life)
{
    if (open_wal(life) != STATUS_OK) return false;
    enum status status = STATUS_OK;
    for (int round = 1; round <= ROUNDS && status == STATUS_OK; round++) {
        size_t value_bytes = round % 7 == 0 ? 20000 : round % 3 == 0 ? 3000 : 100;
        for (int i = 0; i < round % 4; i++) {
            log_model_write(life->model, life->wal, (uint32_t)i % 2, value_bytes);
        }
        assert_true(wal_commit(life->wal, &status));
        fake_clock_advance(&life->clock, 300000000);
        if (status == STATUS_OK && round % TRIM_EVERY == 0) checkpoint(life);
    }
    bool has_failed = wal_has_failed(life->wal);
    uint64_t durable = wal_durable(life->wal);
    enum status closed = wal_close(life->wal);
    if (!has_failed) return closed == STATUS_OK;
    assert_int_not_equal(closed, STATUS_OK);
    assert_int_equal(life->durable, durable); /* the gate stood still */
    return false;
}

/* Recovers from life->disk; the next life goes on where this one ended. Says everything when it is
 * wrong. */
static void recover(struct life *life, const char *where, uint64_t call, uint64_t seed)
{
    struct recovery_result result;
    enum status status;
    bool is_right = log_model_recover(life->model, life->disk, LOG_ID, life->durable, &result,
                                      &status);
    if (!is_right || status != STATUS_OK) {
        print_error("%s, call %llu, seed %llu: %s (%s)\n", where, (unsigned long long)call,
                    (unsigned long long)seed, buf_text(&life->model->message), status_text(status));
    }
    assert_ok(status);
    assert_true(is_right);
    life->first_block = result.next_block;
    life->first_epoch = result.next_epoch;
    life->durable = result.next_epoch - 1;
}

static void begin_life(struct life *life, struct log_model *model, enum wal_sync sync)
{
    *life = (struct life){.disk = fake_disk_create(),
                          .model = model,
                          .sync = sync,
                          .first_block = 1,
                          .first_epoch = 1};
    fake_clock_init(&life->clock);
}

static void replace_disk(struct life *life, struct disk *disk)
{
    fake_disk_destroy(life->disk);
    life->disk = disk;
}

/* One power cut at changing call `call` of the second life; then a third life on what is left.
 * False when the second life was over before that call. */
static bool cut_power_at(uint64_t call, uint64_t seed, enum wal_sync sync)
{
    struct log_model model;
    struct life life;
    log_model_init(&model, seed);
    begin_life(&life, &model, sync);
    assert_true(run_life(&life));
    recover(&life, "after the first life", call, seed);

    fake_disk_set_fault(life.disk, (struct fake_disk_fault){.kind = FAKE_DISK_POWER_OFF,
                                                            .call = call,
                                                            .counts_changes = true});
    bool is_done = run_life(&life);
    if (!is_done) {
        assert_true(fake_disk_has_faulted(life.disk));
        replace_disk(&life, fake_disk_crash(life.disk, seed));
        recover(&life, "after the cut", call, seed);
        assert_true(run_life(&life));
        recover(&life, "after the life behind the cut", call, seed);
    }
    fake_disk_destroy(life.disk);
    log_model_deinit(&model);
    return !is_done;
}

static void cut_power_everywhere(enum wal_sync sync, uint64_t seeds)
{
    for (uint64_t seed = 0; seed < seeds; seed++) {
        uint64_t call = 1;
        while (cut_power_at(call, seed, sync)) call++;
        assert_true(call > 20);
    }
}

TEST(power_cut_at_every_call_with_sync_always)
{
    cut_power_everywhere(WAL_SYNC_ALWAYS, 8);
}

TEST(power_cut_at_every_call_with_sync_at_intervals)
{
    cut_power_everywhere(WAL_SYNC_INTERVAL, 8);
}

TEST(power_cut_at_every_call_without_sync)
{
    cut_power_everywhere(WAL_SYNC_NEVER, 4);
}

/* The process is killed, the machine stays up: all that was written is there, synced or not;
 * recovery must sync it before it is served, for then the power goes. */
static bool kill_then_cut_power_at(uint64_t call, uint64_t seed)
{
    struct log_model model;
    struct life life;
    log_model_init(&model, seed);
    begin_life(&life, &model, WAL_SYNC_INTERVAL);
    fake_disk_set_fault(life.disk, (struct fake_disk_fault){.kind = FAKE_DISK_POWER_OFF,
                                                            .call = call,
                                                            .counts_changes = true});
    bool is_done = run_life(&life);
    replace_disk(&life, fake_disk_clone(life.disk));
    recover(&life, "after the kill", call, seed);
    replace_disk(&life, fake_disk_crash(life.disk, seed));
    life.durable = UINT64_MAX; /* everything that was replayed counts as seen by somebody */
    recover(&life, "after kill, recovery and power cut", call, seed);
    fake_disk_destroy(life.disk);
    log_model_deinit(&model);
    return !is_done;
}

TEST(what_was_replayed_survives_a_power_cut)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        uint64_t call = 1;
        while (kill_then_cut_power_at(call, seed)) call++;
    }
}

/* A crash leaves a torn tail; then power is cut again at every call of recovery and of the opening
 * that follows. */
TEST(recovery_is_cut_off_at_every_call_and_repeated)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct log_model model;
        struct life life;
        log_model_init(&model, seed);
        begin_life(&life, &model, seed % 2 == 0 ? WAL_SYNC_ALWAYS : WAL_SYNC_INTERVAL);
        uint64_t at = 30 + seed * 3;
        fake_disk_set_fault(life.disk, (struct fake_disk_fault){.kind = FAKE_DISK_POWER_OFF,
                                                                .call = at,
                                                                .counts_changes = true});
        (void)run_life(&life);
        replace_disk(&life, fake_disk_crash(life.disk, seed));
        uint64_t durable = life.durable;
        bool is_done = false;
        for (uint64_t call = 1; !is_done; call++) {
            fake_disk_set_fault(
                life.disk, (struct fake_disk_fault){.kind = FAKE_DISK_POWER_OFF, .call = call});
            struct recovery_result result;
            enum status status;
            life.durable = durable;
            assert_true(log_model_recover(&model, life.disk, LOG_ID, durable, &result, &status));
            if (status == STATUS_OK) {
                life.first_block = result.next_block;
                life.first_epoch = result.next_epoch;
                status = open_wal(&life);
                is_done = status == STATUS_OK;
            }
            if (!is_done) replace_disk(&life, fake_disk_crash(life.disk, seed + call));
        }
        fake_disk_set_fault(life.disk, (struct fake_disk_fault){0});
        assert_ok(wal_close(life.wal));
        recover(&life, "after all of it", 0, seed);
        assert_true(run_life(&life));
        recover(&life, "after one more life", 0, seed);
        fake_disk_destroy(life.disk);
        log_model_deinit(&model);
    }
}

/* Call n fails, once or from then on: no reply leaves for what is not on disk, and a restart finds
 * all that was acknowledged; whether the power goes in between or not. */
static bool fail_at(struct fake_disk_fault fault, uint64_t seed)
{
    struct log_model model;
    struct life life;
    log_model_init(&model, seed);
    begin_life(&life, &model, WAL_SYNC_ALWAYS);
    fake_disk_set_fault(life.disk, fault);
    (void)run_life(&life);
    bool was_met = fake_disk_has_faulted(life.disk);
    assert_true(life.failures <= 1);
    fake_disk_set_fault(life.disk, (struct fake_disk_fault){0});
    if (seed % 2 == 1) replace_disk(&life, fake_disk_crash(life.disk, seed));
    recover(&life, "after a failed call", fault.call, seed);
    assert_true(run_life(&life));
    recover(&life, "after the life behind a failed call", fault.call, seed);
    fake_disk_destroy(life.disk);
    log_model_deinit(&model);
    return was_met;
}

static void fail_everywhere(struct fake_disk_fault fault)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        fault.call = 1;
        while (fail_at(fault, seed)) fault.call++;
        assert_true(fault.call > 5);
    }
}

TEST(every_call_fails_once)
{
    fail_everywhere((struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .status = STATUS_IO});
}

TEST(every_call_fails_for_ever)
{
    fail_everywhere(
        (struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .status = STATUS_IO, .goes_on = true});
}

TEST(every_call_finds_the_disk_full_once)
{
    fail_everywhere((struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .status = STATUS_NO_SPACE});
}

TEST(every_call_finds_the_disk_full_for_ever)
{
    fail_everywhere((struct fake_disk_fault){
        .kind = FAKE_DISK_FAIL, .status = STATUS_NO_SPACE, .goes_on = true});
}

TEST(every_write_is_short_once)
{
    fail_everywhere(
        (struct fake_disk_fault){.kind = FAKE_DISK_SHORT_WRITE, .status = STATUS_NO_SPACE});
}

TEST(every_sync_loses_its_data_once)
{
    fail_everywhere((struct fake_disk_fault){.kind = FAKE_DISK_SYNC_LOSES});
}

RUN_TESTS(CHECK(power_cut_at_every_call_with_sync_always),
          CHECK(power_cut_at_every_call_with_sync_at_intervals),
          CHECK(power_cut_at_every_call_without_sync),
          CHECK(what_was_replayed_survives_a_power_cut),
          CHECK(recovery_is_cut_off_at_every_call_and_repeated), CHECK(every_call_fails_once),
          CHECK(every_call_fails_for_ever), CHECK(every_call_finds_the_disk_full_once),
          CHECK(every_call_finds_the_disk_full_for_ever), CHECK(every_write_is_short_once),
          CHECK(every_sync_loses_its_data_once))
