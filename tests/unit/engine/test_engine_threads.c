/* Four threads of transactions with a real log writer and housekeeper, checkpoints, expiry, flushes
 * and swaps at the same time, on a disk in memory; and crashes while they run (cases 1, 2, 18, 22).
 * Run under the thread sanitizer. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "os/thread.h"
#include "tests/support/check.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/fake_disk.h"
#include "tests/support/seed.h"

enum {
    THREADS = 4,
    ROUNDS = 600 * SEED_STEPS_SCALE,
    WAIT_EVERY = 16,
    CRASHES = 6 * SEED_STEPS_SCALE,
    BALLAST_DATABASE = 1,
    WILD_DATABASE = 2, /* flushed and swapped with the next one all the time */
};

struct team;

struct member {
    struct team *team;
    struct thread thread;
    uint32_t index;
    struct random random;
    uint64_t own;    /* what its own counter stands at */
    uint64_t shared; /* how often it has added to the shared one */
    uint64_t gate;   /* of the newest transaction */
    _Atomic uint64_t own_acknowledged;
    _Atomic uint64_t shared_acknowledged;
    _Atomic uint64_t torn_pairs;
};

struct team {
    struct engine_fixture fixture;
    struct member members[THREADS];
};

static int64_t now_ms(void)
{
    return clock_wall_us(&clock_system) / 1000;
}

static struct engine_worker *seat_of(const struct member *member)
{
    return engine_worker_at(member->team->fixture.engine, member->index);
}

static void begin(const struct member *member, struct txn *txn, uint32_t database)
{
    txn_begin(txn, seat_of(member), database, now_ms());
}

static uint64_t random_of(struct member *member, uint64_t bound)
{
    return random_below(&member->random, bound);
}

static void commit(struct member *member, struct txn *txn)
{
    txn_commit(txn);
    if (txn->gate > member->gate) member->gate = txn->gate;
}

static uint64_t number_in(struct txn *txn, const struct key *key)
{
    const struct entry *entry = txn_peek(txn, key);
    if (entry == NULL) return 0;
    ASSERT(entry_kind(entry) == ENTRY_INTEGER);
    return (uint64_t)entry_integer(entry);
}

/* ---- what they do ---- */

static void set_number(struct txn *txn, const struct key *key, uint64_t number)
{
    struct item item = txn_item(txn, key);
    txn_set_integer(txn, &item, (int64_t)number, TXN_KEEP_DEADLINE);
}

/* Its own counter and the shared one go up together. */
static void count(struct member *member)
{
    char name[16];
    (void)snprintf(name, sizeof name, "own %u", member->index);
    struct txn txn;
    begin(member, &txn, 0);
    struct key keys[2] = {txn_key(&txn, bytes_of_text(name)),
                          txn_key(&txn, BYTES_LITERAL("shared"))};
    txn_lock(&txn, keys, 2);
    set_number(&txn, &keys[0], ++member->own);
    set_number(&txn, &keys[1], number_in(&txn, &keys[1]) + 1);
    member->shared++;
    commit(member, &txn);
}

/* Two keys that are always the same, whoever looks. */
static void lock_pair(struct member *member, struct txn *txn, struct key keys[2])
{
    begin(member, txn, 0);
    keys[0] = txn_key(txn, BYTES_LITERAL("left"));
    keys[1] = txn_key(txn, BYTES_LITERAL("right"));
    txn_lock(txn, keys, 2);
}

static void write_pair(struct member *member)
{
    struct txn txn;
    struct key keys[2];
    lock_pair(member, &txn, keys);
    uint64_t number = random_next(&member->random) >> 1;
    set_number(&txn, &keys[1], number);
    set_number(&txn, &keys[0], number);
    commit(member, &txn);
}

static void read_pair(struct member *member)
{
    struct txn txn;
    struct key keys[2];
    lock_pair(member, &txn, keys);
    if (number_in(&txn, &keys[0]) != number_in(&txn, &keys[1]))
        atomic_fetch_add(&member->torn_pairs, 1);
    commit(member, &txn);
}

/* Long and short values with and without deadlines, appends, copies of each other's. */
static void stir(struct member *member)
{
    char name[32];
    static const char text[6000] = "x";
    (void)snprintf(name, sizeof name, "ballast %u", (unsigned)random_of(member, 200));
    struct txn txn;
    begin(member, &txn, BALLAST_DATABASE);
    struct key keys[2] = {txn_key(&txn, bytes_of_text(name)), txn_key(&txn, BYTES_LITERAL("copy"))};
    txn_lock(&txn, keys, 2);
    struct item item = txn_item(&txn, &keys[0]);
    uint64_t kind = random_of(member, 8);
    int64_t deadline_ms = random_of(member, 3) == 0
                              ? txn.now_ms + 1 + (int64_t)random_of(member, 30)
                              : ENTRY_NO_DEADLINE;
    if (kind == 0 && item.entry != NULL) {
        txn_remove(&txn, &item);
    } else if (kind == 1 && item.entry != NULL) {
        txn_write_range(&txn, &item, 0, bytes_of(text, random_of(member, 100)));
    } else if (kind == 2 && item.entry != NULL) {
        txn_set_deadline(&txn, &item, deadline_ms);
    } else if (kind == 3 && item.entry != NULL) {
        struct item copy = txn_item(&txn, &keys[1]);
        item = txn_item(&txn, &keys[0]);
        if (item.entry != NULL) txn_copy(&txn, &copy, item.entry, deadline_ms);
    } else {
        txn_set_bytes(&txn, &item, bytes_of(text, random_of(member, sizeof text)), deadline_ms);
    }
    commit(member, &txn);
}

static void be_wild(struct member *member)
{
    struct txn txn;
    begin(member, &txn, WILD_DATABASE);
    txn_lock_all(&txn);
    uint64_t kind = random_of(member, 3);
    if (kind == 0) txn_flush(&txn, WILD_DATABASE);
    if (kind == 1) txn_swap(&txn, WILD_DATABASE, WILD_DATABASE + 1);
    struct key key = txn_key(&txn, BYTES_LITERAL("wild"));
    set_number(&txn, &key, member->own);
    commit(member, &txn);
}

static bool pass_over(void *context, struct entry *entry)
{
    (void)entry;
    (*(uint64_t *)context)++;
    return true;
}

static void look_around(struct member *member)
{
    struct txn txn;
    uint64_t seen = 0;
    begin(member, &txn, BALLAST_DATABASE);
    (void)txn_scan(&txn, random_of(member, UINT64_C(1) << 52), 20, pass_over, &seen);
    (void)txn_database_size(&txn);
    commit(member, &txn);
    (void)engine_tidy(seat_of(member), now_ms(), 20);
}

static void wait_for_disk(struct member *member)
{
    struct wal *wal = engine_wal(member->team->fixture.engine);
    engine_kick(member->team->fixture.engine);
    if (wal_wait(wal, member->gate, 60 * UINT64_C(1000000000)) != STATUS_OK) return;
    atomic_store(&member->own_acknowledged, member->own);
    atomic_store(&member->shared_acknowledged, member->shared);
}

static void run(void *context)
{
    struct member *member = context;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        count(member);
        random_of(member, 2) == 0 ? write_pair(member) : read_pair(member);
        stir(member);
        if (i % 10 == 0) look_around(member);
        if (i % 25 == 0) be_wild(member);
        if (i % WAIT_EVERY == 0) wait_for_disk(member);
    }
    wait_for_disk(member);
}

/* ---- the team ---- */

static void start(struct team *team, const char *test)
{
    struct random random;
    seed_random(&random, test);
    engine_fixture_init(&team->fixture);
    team->fixture.options.worker_count = THREADS;
    team->fixture.options.has_threads = true;
    team->fixture.options.clock = &clock_system;
    team->fixture.options.checkpoint_log_bytes = 1024 * 1024;
    team->fixture.options.segment_bytes = 1024 * 1024; /* a starved housekeeper trims late */
    assert_ok(engine_fixture_open(&team->fixture));
    for (uint32_t i = 0; i < THREADS; i++) {
        struct member *member = &team->members[i];
        member->team = team;
        member->index = i;
        random_init(&member->random, random_next(&random));
        assert_ok(thread_start(&member->thread, "member", run, member));
    }
}

static void join(struct team *team)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        thread_join(&team->members[i].thread);
        assert_int_equal(atomic_load(&team->members[i].torn_pairs), 0);
    }
}

/* The numbers that are there. */
static uint64_t number_at(struct engine_fixture *fixture, const char *name)
{
    const char *text = engine_fixture_get(fixture, name);
    return strcmp(text, "(nil)") == 0 ? 0 : strtoull(text, NULL, 10);
}

static uint64_t own_number(struct engine_fixture *fixture, uint32_t index)
{
    char name[16];
    (void)snprintf(name, sizeof name, "own %u", index);
    return number_at(fixture, name);
}

TEST(threads_change_the_same_keys_while_checkpoints_are_taken)
{
    static struct team team;
    team = (struct team){0};
    start(&team, "threads_change_the_same_keys_while_checkpoints_are_taken");
    struct engine_statistics statistics;
    for (unsigned i = 0; i < 10; i++) {
        enum status status = i % 2 == 0 ? engine_checkpoint(team.fixture.engine)
                                        : engine_request_checkpoint(team.fixture.engine);
        assert_true(status == STATUS_OK || status == STATUS_IN_USE);
        engine_sample_memory(team.fixture.engine);
        engine_statistics(team.fixture.engine, &statistics);
        assert_false(statistics.has_failed);
    }
    join(&team);
    engine_statistics(team.fixture.engine, &statistics);
    assert_true(statistics.checkpoint_count >= 1);
    uint64_t wild[2] = {keyspace_count(engine_keyspace(team.fixture.engine), WILD_DATABASE),
                        keyspace_count(engine_keyspace(team.fixture.engine), WILD_DATABASE + 1)};
    assert_ok(engine_fixture_close(&team.fixture));

    team.fixture.options.has_threads = false;
    team.fixture.options.worker_count = 1; /* any number reads what four have written */
    assert_ok(engine_fixture_open(&team.fixture));
    uint64_t shared = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(own_number(&team.fixture, i), ROUNDS);
        shared += team.members[i].shared;
    }
    assert_int_equal(number_at(&team.fixture, "shared"), shared);
    assert_int_equal(number_at(&team.fixture, "left"), number_at(&team.fixture, "right"));
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(keyspace_count(engine_keyspace(team.fixture.engine), WILD_DATABASE + i),
                         wild[i]);
    }
    engine_fixture_deinit(&team.fixture);
}

/* What a power cut at this moment would leave. */
static void crash_now(struct team *team, uint64_t seed)
{
    uint64_t own[THREADS];
    uint64_t shared = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        own[i] = atomic_load(&team->members[i].own_acknowledged);
        shared += atomic_load(&team->members[i].shared_acknowledged);
    }
    struct engine_fixture fixture;
    engine_fixture_init_in_memory(&fixture);
    fixture.options.clock = &clock_system;
    fixture.disk = fake_disk_crash(team->fixture.disk, seed);
    enum status status = engine_fixture_open(&fixture);
    if (status != STATUS_OK)
        print_error("seed %llu: %s\n", (unsigned long long)seed, buf_text(&fixture.message));
    assert_ok(status);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_true(own_number(&fixture, i) >= own[i]);
        sum += own_number(&fixture, i);
    }
    assert_true(number_at(&fixture, "shared") >= shared);
    assert_int_equal(number_at(&fixture, "shared"), sum); /* each transaction is there as a whole */
    assert_int_equal(number_at(&fixture, "left"), number_at(&fixture, "right"));
    engine_fixture_deinit(&fixture);
}

TEST(crashes_while_threads_run_lose_nothing_and_halve_nothing)
{
    static struct team team;
    team = (struct team){0};
    start(&team, "crashes_while_threads_run_lose_nothing_and_halve_nothing");
    unsigned while_running = 0;
    for (uint64_t seed = 1; seed <= CRASHES; seed++) {
        crash_now(&team, seed);
        while_running += atomic_load(&team.members[0].own_acknowledged) < ROUNDS;
    }
    print_message("# crashes while threads run: %u\n", while_running);
    join(&team);
    crash_now(&team, 0);
    engine_fixture_deinit(&team.fixture);
}

/* Case 26: the checkpoint waits for a log that waits for room; closing does not wait for either. */
TEST(closing_on_a_full_disk_takes_no_time)
{
    struct engine_fixture fixture;
    static char value[50001];
    memset(value, 'v', 50000);
    engine_fixture_init(&fixture);
    fixture.options.has_threads = true;
    fixture.options.clock = &clock_system;
    fake_disk_set_capacity(fixture.disk, 1500 * 1024);
    assert_ok(engine_fixture_open(&fixture));
    uint64_t gate = 0;
    for (unsigned i = 0; i < 60; i++) gate = engine_fixture_set(&fixture, "a", value, 0);
    assert_status(wal_wait(engine_wal(fixture.engine), gate, 300 * UINT64_C(1000000)),
                  STATUS_WOULD_BLOCK);
    assert_ok(engine_request_checkpoint(fixture.engine));
    struct engine_statistics statistics;
    do {
        engine_statistics(fixture.engine, &statistics);
    } while (!statistics.checkpoint_running && statistics.checkpoint_attempts == 0);
    uint64_t began_ns = clock_monotonic_ns(&clock_system);
    (void)!engine_fixture_close(&fixture);
    assert_true(clock_monotonic_ns(&clock_system) - began_ns < 10 * UINT64_C(1000000000));
    fake_disk_set_capacity(fixture.disk, UINT64_MAX);
    assert_ok(engine_fixture_open(&fixture));
    engine_fixture_deinit(&fixture);
}

/* The next start finds the old checkpoint or the new one, and the log behind it. */
TEST(closing_while_a_checkpoint_runs)
{
    for (unsigned i = 0; i < 5; i++) {
        struct engine_fixture fixture;
        engine_fixture_init(&fixture);
        fixture.options.has_threads = true;
        fixture.options.clock = &clock_system;
        assert_ok(engine_fixture_open(&fixture));
        engine_fixture_set(&fixture, "a", "1", 0);
        assert_ok(engine_request_checkpoint(fixture.engine));
        assert_ok(engine_fixture_close(&fixture));
        assert_ok(engine_fixture_open(&fixture));
        assert_string_equal(engine_fixture_get(&fixture, "a"), "1");
        engine_fixture_deinit(&fixture);
    }
}

RUN_TESTS(CHECK(threads_change_the_same_keys_while_checkpoints_are_taken),
          CHECK(crashes_while_threads_run_lose_nothing_and_halve_nothing),
          CHECK(closing_on_a_full_disk_takes_no_time), CHECK(closing_while_a_checkpoint_runs))
