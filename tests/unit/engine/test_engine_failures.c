/* A disk that fails while the engine runs (cases 3, 9, 10, 11, 12, 30, 31): the gate closes in all
 * workers, writes are refused with a reason, reads go on, and a restart finds everything that was
 * acknowledged; with a full disk no restart is needed. Every call of a life with checkpoints and
 * segment changes fails once, or from then on. */
#include <stdio.h>

#include "engine/engine.h"
#include "engine/engine_internal.h"
#include "tests/support/check.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/engine_model.h"
#include "tests/support/fake_disk.h"
#include "tests/support/seed.h"

enum { STEPS = 40, CHECKPOINT_EVERY = 12 };

struct life {
    struct engine_fixture fixture;
    struct engine_model model;
    uint64_t seed;
    uint64_t durable; /* the newest that was told */
    bool has_failed;
    bool is_stopped; /* the process would have ended */
};

static void on_durable(void *context, uint64_t durable)
{
    struct life *life = context;
    assert_true(durable >= life->durable);
    if (life->has_failed) assert_int_equal(durable, life->durable); /* closed for ever */
    life->durable = durable;
}

/* What a reader may still have: the model's state, key by key, from any worker. */
static void read_on(struct life *life)
{
    struct engine_fixture *fixture = &life->fixture;
    size_t last = engine_model_count(&life->model);
    assert_true(engine_model_find(&life->model, fixture->engine, engine_fixture_now_ms(fixture),
                                  last, last, &last));
}

/* Case 3: from the first failure on. */
static void check_gate(struct life *life)
{
    struct engine *engine = life->fixture.engine;
    if (!wal_has_failed(engine_wal(engine))) return;
    if (!life->has_failed) life->durable = wal_durable(engine_wal(engine));
    life->has_failed = true;
    assert_int_equal(engine_durable(engine), life->durable);
    assert_non_null(engine_refusal(engine));
    assert_int_equal(strncmp(engine_refusal(engine), "MISCONF ", 8), 0);
    struct engine_statistics statistics;
    engine_statistics(engine, &statistics);
    assert_true(statistics.has_failed);
}

static void live(struct life *life)
{
    struct engine_fixture *fixture = &life->fixture;
    life->is_stopped = false;
    for (int i = 1; i <= STEPS && !life->is_stopped; i++) {
        engine_model_step(&life->model, engine_fixture_worker(fixture, i % 2),
                          engine_fixture_now_ms(fixture));
        engine_fixture_advance_ms(fixture, 50);
        if (i % 2 == 0) (void)engine_fixture_commit(fixture);
        check_gate(life);
        if (i % CHECKPOINT_EVERY == 0) {
            struct engine_statistics before;
            engine_statistics(fixture->engine, &before);
            enum status status = engine_fixture_checkpoint(fixture, &life->is_stopped);
            struct engine_statistics after;
            engine_statistics(fixture->engine, &after);
            if (!life->is_stopped)
                assert_int_equal(after.checkpoint_last_failed, status != STATUS_OK);
            if (!life->is_stopped && life->has_failed) assert_int_not_equal(status, STATUS_OK);
        }
        check_gate(life);
    }
    read_on(life);
}

static void begin(struct life *life, uint64_t seed)
{
    *life = (struct life){.seed = seed};
    engine_fixture_init(&life->fixture);
    engine_fixture_found(&life->fixture, seed);
    life->fixture.options.context = life;
    life->fixture.options.on_durable = on_durable;
    engine_model_init(&life->model, seed);
    life->model.value_bytes_max = 20000;
}

static void end(struct life *life)
{
    engine_fixture_deinit(&life->fixture);
    engine_model_deinit(&life->model);
}

/* The disk is well again: what was acknowledged is there, and one more life goes well. */
static void recover(struct life *life, size_t acknowledged, const char *where, uint64_t call)
{
    struct engine_fixture *fixture = &life->fixture;
    enum status status = engine_fixture_open(fixture);
    size_t found = 0;
    if (status != STATUS_OK ||
        !engine_model_find(&life->model, fixture->engine, engine_fixture_now_ms(fixture),
                           acknowledged, engine_model_count(&life->model), &found)) {
        print_error("%s, call %llu, seed %llu, %zu of %zu acknowledged: %s: %s%s\n", where,
                    (unsigned long long)call, (unsigned long long)life->seed, acknowledged,
                    engine_model_count(&life->model), status_text(status),
                    buf_text(&fixture->message), buf_text(&life->model.message));
        fail();
    }
    engine_model_settle(&life->model, found);
    life->has_failed = false;
    life->durable = engine_durable(fixture->engine);
    live(life);
    assert_false(life->has_failed);
    assert_false(life->is_stopped);
    engine_fixture_reopen(fixture);
    read_on(life);
}

/* False when the life was over before that call. */
static bool fail_at(struct fake_disk_fault fault, const char *where, uint64_t seed)
{
    struct life life;
    begin(&life, seed);
    size_t acknowledged = 0;
    fake_disk_set_fault(life.fixture.disk, fault);
    if (engine_fixture_open(&life.fixture) == STATUS_OK) {
        live(&life);
        uint64_t durable = wal_durable(engine_wal(life.fixture.engine));
        acknowledged = engine_model_acknowledged(&life.model, durable);
    }
    bool was_met = fake_disk_has_faulted(life.fixture.disk);
    fake_disk_set_fault(life.fixture.disk, (struct fake_disk_fault){0});
    if (seed % 2 == 0) {
        engine_fixture_kill(&life.fixture);
    } else {
        engine_fixture_crash(&life.fixture, seed + fault.call);
    }
    recover(&life, acknowledged, where, fault.call);
    end(&life);
    return was_met;
}

static void fail_everywhere(struct fake_disk_fault fault, const char *where)
{
    unsigned points = 0;
    /* Every call in a release; a different third of them for each seed under sanitizers. */
    uint64_t step = SEED_STEPS_SCALE > 1 ? 1 : 3;
    for (uint64_t seed = 1; seed <= (SEED_STEPS_SCALE > 1 ? 8 : 2); seed++) {
        fault.call = 1 + seed % step;
        for (; fail_at(fault, where, seed); fault.call += step) points++;
        assert_true(points > 5);
    }
    print_message("# %s: %u points\n", where, points);
}

TEST(every_call_fails_once)
{
    fail_everywhere((struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .status = STATUS_IO},
                    "EIO once");
}

TEST(every_call_fails_from_then_on)
{
    fail_everywhere(
        (struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .status = STATUS_IO, .goes_on = true},
        "EIO for ever");
}

TEST(every_write_is_short_once)
{
    fail_everywhere((struct fake_disk_fault){.kind = FAKE_DISK_SHORT_WRITE, .status = STATUS_IO},
                    "short write");
}

TEST(every_call_finds_the_disk_full_once)
{
    fail_everywhere((struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .status = STATUS_NO_SPACE},
                    "ENOSPC once");
}

/* Case 9. */
TEST(every_sync_loses_its_data_once_and_then_succeeds)
{
    fail_everywhere((struct fake_disk_fault){.kind = FAKE_DISK_SYNC_LOSES}, "lost sync");
}

/* ---- a full disk: case 12 ---- */

static void fill_disk(struct engine_fixture *fixture, char *value, unsigned *out_writes)
{
    unsigned writes = 0;
    while (engine_refusal(fixture->engine) == NULL) {
        char name[16];
        (void)snprintf(name, sizeof name, "key %u", writes % 50);
        value[0] = (char)('a' + writes % 26);
        engine_fixture_set(fixture, name, value, 0);
        (void)engine_fixture_commit(fixture);
        assert_true(++writes < 10000);
    }
    *out_writes = writes;
}

TEST(a_full_disk_refuses_writes_until_there_is_room_again)
{
    struct engine_fixture fixture;
    char value[3001];
    memset(value, 'v', 3000);
    value[3000] = '\0';
    engine_fixture_init(&fixture);
    fake_disk_set_capacity(fixture.disk, 1200 * 1024);
    assert_ok(engine_fixture_open(&fixture));
    for (unsigned round = 1; round <= 3; round++) {
        unsigned writes;
        fill_disk(&fixture, value, &writes);
        assert_true(writes > 10);
        assert_int_equal(strncmp(engine_refusal(fixture.engine), "MISCONF ", 8), 0);
        assert_non_null(strstr(engine_refusal(fixture.engine), "full"));
        assert_false(wal_has_failed(engine_wal(fixture.engine)));
        value[0] = (char)('a' + (writes - 1) % 26);
        char name[16];
        (void)snprintf(name, sizeof name, "key %u", (writes - 1) % 50);
        assert_string_equal(engine_fixture_get(&fixture, name), value);
        struct engine_statistics statistics;
        engine_statistics(fixture.engine, &statistics);
        assert_true(statistics.is_full);

        fake_disk_set_capacity(fixture.disk, (1200 + round * 600) * 1024);
        assert_true(engine_fixture_commit(&fixture));
        assert_null(engine_refusal(fixture.engine));
        assert_false(engine_fixture_read_gate(&fixture, name) > engine_durable(fixture.engine));
    }
    engine_fixture_set(&fixture, "last", "1", 0);
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "last"), "1");
    engine_fixture_deinit(&fixture);
}

/* The log is what fills it: a checkpoint gives the room back. */
TEST(a_checkpoint_makes_room_on_a_full_disk)
{
    struct engine_fixture fixture;
    char value[3001];
    memset(value, 'v', 3000);
    value[3000] = '\0';
    engine_fixture_init(&fixture);
    fake_disk_set_capacity(fixture.disk, 1500 * 1024);
    assert_ok(engine_fixture_open(&fixture));
    for (int round = 0; round < 3; round++) {
        unsigned writes;
        fill_disk(&fixture, value, &writes);
        fake_disk_set_capacity(fixture.disk, 2200 * 1024); /* room for the checkpoint's file */
        bool is_stopped;
        assert_ok(engine_fixture_checkpoint(&fixture, &is_stopped));
        fake_disk_set_capacity(fixture.disk, 1500 * 1024);
        assert_true(engine_fixture_commit(&fixture));
        assert_null(engine_refusal(fixture.engine));
    }
    engine_fixture_deinit(&fixture);
}

TEST(a_restart_on_a_full_disk_finds_everything)
{
    struct engine_fixture fixture;
    char value[3001];
    memset(value, 'v', 3000);
    value[3000] = '\0';
    engine_fixture_init(&fixture);
    fake_disk_set_capacity(fixture.disk, 1200 * 1024);
    assert_ok(engine_fixture_open(&fixture));
    unsigned writes;
    fill_disk(&fixture, value, &writes);
    uint64_t keys = engine_fixture_key_count(&fixture);
    engine_fixture_kill(&fixture);
    /* There is no room to begin a new segment: the start says so, and loses nothing. */
    assert_status(engine_fixture_open(&fixture), STATUS_NO_SPACE);
    assert_true(fixture.message.size > 0);
    engine_fixture_kill(&fixture);
    fake_disk_set_capacity(fixture.disk, UINT64_MAX);
    assert_ok(engine_fixture_open(&fixture));
    assert_int_equal(engine_fixture_key_count(&fixture), keys);
    engine_fixture_deinit(&fixture);
}

/* ---- checkpoints that fail: cases 11, 30, 31 ---- */

TEST(a_failed_checkpoint_leaves_the_one_before_it_in_force)
{
    for (uint64_t call = 1;; call++) {
        struct engine_fixture fixture;
        engine_fixture_init(&fixture);
        assert_ok(engine_fixture_open(&fixture));
        engine_fixture_set(&fixture, "a", "first", 0);
        bool is_stopped;
        assert_ok(engine_fixture_checkpoint(&fixture, &is_stopped));
        engine_fixture_set(&fixture, "a", "second", 0);
        assert_true(engine_fixture_commit(&fixture));
        char before[MANIFEST_CHECKPOINT_NAME_MAX + 1];
        strcpy(before, fixture.engine->manifest.checkpoint);

        fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){.kind = FAKE_DISK_FAIL,
                                                                   .status = STATUS_NO_SPACE,
                                                                   .call = call,
                                                                   .counts_changes = true});
        enum status status = engine_fixture_checkpoint(&fixture, &is_stopped);
        bool was_met = fake_disk_has_faulted(fixture.disk);
        fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){0});
        struct engine_statistics statistics;
        engine_statistics(fixture.engine, &statistics);
        if (status != STATUS_OK && !is_stopped && !statistics.has_failed) {
            assert_string_equal(fixture.engine->manifest.checkpoint, before);
            assert_true(statistics.checkpoint_last_failed);
            assert_int_equal(statistics.checkpoint_count, 1);
            assert_int_equal(statistics.checkpoint_attempts, 2);
            /* The next one goes well. */
            assert_null(engine_refusal(fixture.engine));
            assert_ok(engine_fixture_checkpoint(&fixture, &is_stopped));
            engine_fixture_set(&fixture, "b", "1", 0);
            assert_true(engine_fixture_commit(&fixture));
        }
        engine_fixture_crash(&fixture, call);
        assert_ok(engine_fixture_open(&fixture));
        assert_string_equal(engine_fixture_get(&fixture, "a"), "second");
        engine_fixture_deinit(&fixture);
        if (!was_met) return;
        assert_true(call < 1000);
    }
}

/* Case 31: the log is not trimmed by a checkpoint that failed. */
TEST(checkpoints_that_fail_for_hours_lose_nothing)
{
    struct engine_fixture fixture;
    char value[3001];
    memset(value, 'v', 3000);
    value[3000] = '\0';
    engine_fixture_init(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    for (int i = 0; i < 200; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "key %d", i);
        engine_fixture_set(&fixture, name, value, 0);
        assert_true(engine_fixture_commit(&fixture));
        if (i % 50 != 49) continue;
        bool is_stopped;
        fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){.kind = FAKE_DISK_FAIL,
                                                                   .status = STATUS_NO_SPACE,
                                                                   .call = 2,
                                                                   .counts_changes = true});
        assert_status(engine_fixture_checkpoint(&fixture, &is_stopped), STATUS_NO_SPACE);
        fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){0});
    }
    struct engine_statistics statistics;
    engine_statistics(fixture.engine, &statistics);
    assert_int_equal(statistics.checkpoint_attempts, 4);
    assert_int_equal(statistics.checkpoint_count, 0);
    engine_fixture_crash(&fixture, 1);
    assert_ok(engine_fixture_open(&fixture));
    assert_int_equal(engine_fixture_key_count(&fixture), 200);
    engine_fixture_deinit(&fixture);
}

/* Case 11: after the rename nobody can say what a restart would find, so there must be one. */
TEST(a_manifest_that_was_renamed_but_not_synced_ends_the_process)
{
    unsigned stops = 0;
    for (uint64_t call = 1; call < 40; call++) {
        struct engine_fixture fixture;
        engine_fixture_init(&fixture);
        assert_ok(engine_fixture_open(&fixture));
        engine_fixture_set(&fixture, "a", "1", 0);
        assert_true(engine_fixture_commit(&fixture));
        fake_disk_set_fault(fixture.disk, (struct fake_disk_fault){.kind = FAKE_DISK_FAIL,
                                                                   .status = STATUS_IO,
                                                                   .call = call,
                                                                   .counts_changes = true});
        bool is_stopped;
        (void)engine_fixture_checkpoint(&fixture, &is_stopped);
        stops += is_stopped;
        engine_fixture_crash(&fixture, call);
        assert_ok(engine_fixture_open(&fixture));
        assert_string_equal(engine_fixture_get(&fixture, "a"), "1");
        engine_fixture_deinit(&fixture);
    }
    assert_int_equal(stops, 1);
}

RUN_TESTS(CHECK(every_call_fails_once), CHECK(every_call_fails_from_then_on),
          CHECK(every_write_is_short_once), CHECK(every_call_finds_the_disk_full_once),
          CHECK(every_sync_loses_its_data_once_and_then_succeeds),
          CHECK(a_full_disk_refuses_writes_until_there_is_room_again),
          CHECK(a_checkpoint_makes_room_on_a_full_disk),
          CHECK(a_restart_on_a_full_disk_finds_everything),
          CHECK(a_failed_checkpoint_leaves_the_one_before_it_in_force),
          CHECK(checkpoints_that_fail_for_hours_lose_nothing),
          CHECK(a_manifest_that_was_renamed_but_not_synced_ends_the_process))
