/* Power cuts and kills at every disk call of a life with transactions of all kinds, checkpoints,
 * segment changes and restarts in it (cases 1, 2, 4, 5, 6, 7, 8, 16, 18, 19, 21, 22, 23, 24). What
 * comes back is compared with the model:
 *
 *   lost      an acknowledged transaction is not there
 *   torn      a state that no whole number of transactions leaves
 *   refused   the start was refused, although nothing acknowledged is damaged
 *
 * One run passes all moments: at each of them the disk is copied as a crash would leave it, and
 * looked at afterwards. CAIRN_TEST_SEED varies the run, CAIRN_TEST_ROUNDS lengthens it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "tests/support/check.h"
#include "tests/support/crash_points.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/engine_model.h"
#include "tests/support/fake_disk.h"
#include "tests/support/seed.h"

enum {
    STEPS = 60,
    BIG_EVERY = 8,
    BIG_VALUE_BYTES = 300 * 1024,
    BIG_SEGMENT_BYTES = 1024 * 1024,
    POINTS_MAX = 256, /* waiting to be looked at */
};

/* A moment at which everything may have ended. */
struct point {
    struct disk *disk;
    int64_t wall_us;
    size_t acknowledged;
    size_t count;
    bool is_kill; /* the machine stays up */
    uint64_t seed;
};

struct tally {
    uint64_t points;
    uint64_t lost;
    uint64_t torn;
    uint64_t refused;
    uint64_t nested; /* crashes of recoveries */
};

struct life {
    uint64_t seed;
    struct engine_fixture fixture;
    struct engine_model model;
    struct crash_points watch;
    struct random random;
    size_t floor; /* transactions acknowledged before the engine that is being opened */
    bool is_checkpointing;
    bool is_inside; /* of the steps between two calls of a checkpoint */
    struct point points[POINTS_MAX];
    size_t point_count;
    struct tally tally;
};

static uint64_t draw(struct life *life, uint64_t bound)
{
    return random_below(&life->random, bound);
}

/* ---- collecting ---- */

static size_t acknowledged(const struct life *life)
{
    if (life->fixture.engine == NULL) return life->floor;
    return engine_model_acknowledged(&life->model, engine_synced(life->fixture.engine));
}

static void take_point(struct life *life, bool is_kill)
{
    if (life->point_count == POINTS_MAX) return;
    struct point *point = &life->points[life->point_count++];
    struct disk *disk = life->fixture.disk;
    uint64_t seed = random_next(&life->random);
    *point = (struct point){
        .disk = is_kill ? fake_disk_clone(disk) : fake_disk_crash(disk, seed),
        .acknowledged = acknowledged(life),
        .count = engine_model_count(&life->model),
        .is_kill = is_kill,
        .seed = seed,
        .wall_us = clock_wall_us(&life->fixture.clock.clock),
    };
}

static void step(struct life *life)
{
    struct engine_worker *worker = engine_fixture_worker(&life->fixture, (uint32_t)draw(life, 2));
    engine_model_step(&life->model, worker, engine_fixture_now_ms(&life->fixture));
    if (draw(life, 3) == 0) assert_true(engine_fixture_commit(&life->fixture));
}

static void on_change(void *context, const char *name)
{
    struct life *life = context;
    take_point(life, draw(life, 6) == 0);
    bool is_walk = life->is_checkpointing && strncmp(name, "checkpoint-", 11) == 0;
    if (!is_walk || life->is_inside) return;
    /* Others go on while a checkpoint is written. */
    life->is_inside = true;
    for (uint64_t i = draw(life, 4); i > 0; i--) step(life);
    life->is_inside = false;
}

/* ---- looking ---- */

static void complain(struct life *life, const struct point *point, const char *what,
                     const char *message)
{
    print_error("seed %llu, after %zu transactions (%zu acknowledged), %s %llu: %s: %s\n",
                (unsigned long long)life->seed, point->count, point->acknowledged,
                point->is_kill ? "kill" : "crash", (unsigned long long)point->seed, what, message);
}

/* An engine-to-be on `disk` at the time of the point. */
static void adopt(struct engine_fixture *fixture, const struct point *point, struct disk *disk)
{
    engine_fixture_init_in_memory(fixture);
    fixture->disk = disk;
    atomic_store(&fixture->clock.wall_us, point->wall_us);
}

/* Opens what a crash left and compares; *out is the number of transactions found. */
static bool recovers(struct life *life, const struct point *point, struct engine_fixture *fixture,
                     size_t first, size_t *out)
{
    enum status status = engine_fixture_open(fixture);
    if (status != STATUS_OK) {
        life->tally.refused++;
        complain(life, point, "refused", buf_text(&fixture->message));
        return false;
    }
    int64_t now_ms = engine_fixture_now_ms(fixture);
    if (engine_model_find(&life->model, fixture->engine, now_ms, first, point->count, out))
        return true;
    struct buf said = {0};
    buf_append_bytes(&said, buf_bytes(&life->model.message));
    bool is_lost = engine_model_find(&life->model, fixture->engine, now_ms, 0, first, out);
    is_lost ? life->tally.lost++ : life->tally.torn++;
    complain(life, point, is_lost ? "lost" : "torn", buf_text(&said));
    buf_deinit(&said);
    return false;
}

/* What was served is durable (case 8), and writing goes on behind a torn tail (case 19). */
static void live_on(struct life *life, const struct point *point, struct engine_fixture *fixture,
                    size_t found)
{
    struct engine_model model;
    engine_fixture_crash(fixture, point->seed + 1);
    size_t again;
    if (!recovers(life, point, fixture, found, &again)) return;
    engine_model_fork(&life->model, again, point->seed, &model);
    for (int i = 0; i < 8; i++) {
        engine_fixture_advance_ms(fixture, (int64_t)random_below(&model.random, 1000));
        engine_model_step(&model, engine_fixture_worker(fixture, i % 2),
                          engine_fixture_now_ms(fixture));
        if (i % 3 == 0) assert_true(engine_fixture_commit(fixture));
    }
    assert_true(engine_fixture_commit(fixture));
    engine_fixture_crash(fixture, point->seed + 2);
    if (engine_fixture_open(fixture) != STATUS_OK) {
        life->tally.refused++;
        complain(life, point, "refused after the life behind it", buf_text(&fixture->message));
    } else if (!engine_model_find(&model, fixture->engine, engine_fixture_now_ms(fixture),
                                  engine_model_count(&model), engine_model_count(&model), &again)) {
        life->tally.torn++;
        complain(life, point, "wrong after the life behind it", buf_text(&model.message));
    }
    engine_model_deinit(&model);
}

/* The power goes once more, at every call of the recovery. */
struct nested {
    struct life *life;
    const struct point *point;
    struct disk *disks[POINTS_MAX];
    size_t count;
    struct disk *disk;
};

static void on_nested_change(void *context, const char *name)
{
    struct nested *nested = context;
    (void)name;
    if (nested->count == POINTS_MAX) return;
    uint64_t seed = nested->point->seed + nested->count;
    nested->disks[nested->count++] = fake_disk_crash(nested->disk, seed);
}

static void crash_recovery(struct life *life, const struct point *point)
{
    struct nested nested = {.life = life, .point = point, .disk = fake_disk_clone(point->disk)};
    struct crash_points watch;
    struct engine_fixture fixture;
    size_t found;
    adopt(&fixture, point, nested.disk);
    crash_points_attach(&watch, nested.disk, on_nested_change, &nested);
    (void)recovers(life, point, &fixture, point->acknowledged, &found);
    crash_points_detach(&watch);
    engine_fixture_deinit(&fixture);
    for (size_t i = 0; i < nested.count; i++) {
        adopt(&fixture, point, nested.disks[i]);
        (void)recovers(life, point, &fixture, point->acknowledged, &found);
        engine_fixture_deinit(&fixture);
    }
    life->tally.nested += nested.count;
}

static void look_at(struct life *life, const struct point *point)
{
    struct engine_fixture fixture;
    size_t found;
    life->tally.points++;
    if (point->seed % 16 == 0 || (point->is_kill && point->seed % 4 == 0))
        crash_recovery(life, point);
    adopt(&fixture, point, point->disk);
    bool is_right = recovers(life, point, &fixture, point->acknowledged, &found);
    if (is_right && point->seed % 4 == 0) live_on(life, point, &fixture, found);
    engine_fixture_deinit(&fixture);
}

static void look_at_all(struct life *life)
{
    assert_true(life->point_count < POINTS_MAX); /* none was passed over */
    for (size_t i = 0; i < life->point_count; i++) look_at(life, &life->points[i]);
    life->point_count = 0;
}

/* ---- the life ---- */

static void open_life(struct life *life)
{
    struct engine_fixture *fixture = &life->fixture;
    fixture->options.sync = draw(life, 4) == 0 ? WAL_SYNC_INTERVAL : WAL_SYNC_ALWAYS;
    crash_points_attach(&life->watch, fixture->disk, on_change, life);
    assert_ok(engine_fixture_open(fixture));
    size_t found;
    if (!engine_model_find(&life->model, fixture->engine, engine_fixture_now_ms(fixture),
                           life->floor, engine_model_count(&life->model), &found)) {
        print_error("seed %llu: %s\n", (unsigned long long)life->seed,
                    buf_text(&life->model.message));
        fail();
    }
    look_at_all(life);
    engine_model_settle(&life->model, found); /* what the last life left decides what happened */
    life->floor = 0;
}

static void restart(struct life *life)
{
    life->floor = acknowledged(life);
    if (draw(life, 2) == 0) { /* else it is killed */
        enum status status = engine_close(life->fixture.engine, draw(life, 3) == 0);
        life->fixture.engine = NULL;
        assert_ok(status);
        life->floor = engine_model_count(&life->model);
    }
    look_at_all(life);
    crash_points_detach(&life->watch);
    engine_fixture_kill(&life->fixture);
    open_life(life);
}

static void checkpoint(struct life *life)
{
    bool is_stopped;
    life->is_checkpointing = true;
    assert_ok(engine_fixture_checkpoint(&life->fixture, &is_stopped));
    life->is_checkpointing = false;
}

static void live(struct life *life)
{
    open_life(life);
    for (int i = 0; i < STEPS; i++) {
        step(life);
        fake_clock_advance(&life->fixture.clock, draw(life, 400) * 1000000);
        if (draw(life, 4) == 0) {
            struct engine_worker *worker = engine_fixture_worker(&life->fixture, i % 2);
            (void)engine_tidy(worker, engine_fixture_now_ms(&life->fixture), 20);
        }
        if (draw(life, 15) == 0) checkpoint(life);
        if (draw(life, 20) == 0) restart(life);
        look_at_all(life);
    }
}

static void run_life(uint64_t seed, struct tally *tally)
{
    struct life *life = memory_zalloc(sizeof *life);
    life->seed = seed;
    random_init(&life->random, seed);
    engine_fixture_init(&life->fixture);
    engine_fixture_found(&life->fixture, seed);
    engine_model_init(&life->model, seed);
    /* So much that a checkpoint is written in several pieces, with transactions in between. */
    if (seed % BIG_EVERY == 0) life->model.value_bytes_max = BIG_VALUE_BYTES;
    if (seed % BIG_EVERY == 0) life->fixture.options.segment_bytes = BIG_SEGMENT_BYTES;
    live(life);
    crash_points_detach(&life->watch);
    engine_fixture_deinit(&life->fixture);
    engine_model_deinit(&life->model);
    tally->points += life->tally.points;
    tally->lost += life->tally.lost;
    tally->torn += life->tally.torn;
    tally->refused += life->tally.refused;
    tally->nested += life->tally.nested;
    memory_free(life);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

TEST(no_crash_loses_tears_or_bars_anything)
{
    uint64_t first = number_from("CAIRN_TEST_SEED", 1);
    uint64_t rounds = number_from("CAIRN_TEST_ROUNDS", 4 * SEED_STEPS_SCALE);
    struct tally tally = {0};
    for (uint64_t i = 0; i < rounds; i++) run_life(first + i, &tally);
    print_message("# crash points: %llu, lost %llu, torn %llu, refused %llu; recoveries crashed: "
                  "%llu; seeds %llu to %llu\n",
                  (unsigned long long)tally.points, (unsigned long long)tally.lost,
                  (unsigned long long)tally.torn, (unsigned long long)tally.refused,
                  (unsigned long long)tally.nested, (unsigned long long)first,
                  (unsigned long long)(first + rounds - 1));
    assert_int_equal(tally.lost, 0);
    assert_int_equal(tally.torn, 0);
    assert_int_equal(tally.refused, 0);
}

RUN_TESTS(CHECK(no_crash_loses_tears_or_bars_anything))
