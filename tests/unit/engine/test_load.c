/* What a start brings back: checkpoint and log together, by sequence numbers, tables and
 * deadlines. Crashes are in test_engine_crash.c; here the process stops well, or is killed, at
 * chosen moments. */
#include <stdio.h>

#include "engine/engine.h"
#include "engine/load.h"
#include "storage/manifest.h"
#include "tests/support/check.h"
#include "tests/support/crash_points.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/engine_model.h"
#include "tests/support/fake_disk.h"
#include "tests/support/seed.h"

enum { VALUE_BYTES = 40000 };

static void checkpoint(struct engine_fixture *fixture)
{
    bool is_stopped;
    assert_ok(engine_fixture_checkpoint(fixture, &is_stopped));
}

static void open_new(struct engine_fixture *fixture)
{
    engine_fixture_init(fixture);
    assert_ok(engine_fixture_open(fixture));
}

TEST(everything_comes_back_with_and_without_a_checkpoint)
{
    struct engine_fixture fixture;
    struct engine_model model;
    struct random random;
    seed_random(&random, "everything_comes_back_with_and_without_a_checkpoint");
    open_new(&fixture);
    engine_model_init(&model, random_next(&random));
    for (int round = 0; round < 10 * SEED_STEPS_SCALE; round++) {
        for (int i = 0; i < 30; i++) {
            struct engine_worker *worker = engine_fixture_worker(&fixture, i % 2);
            engine_model_step(&model, worker, engine_fixture_now_ms(&fixture));
            engine_fixture_advance_ms(&fixture, (int64_t)random_below(&random, 100));
            if (random_below(&random, 40) == 0) checkpoint(&fixture);
        }
        engine_fixture_reopen(&fixture);
        size_t last = engine_model_count(&model);
        if (!engine_model_find(&model, fixture.engine, engine_fixture_now_ms(&fixture), last, last,
                               &last)) {
            print_error("round %d: %s\n", round, buf_text(&model.message));
            fail();
        }
        engine_model_settle(&model, last);
    }
    engine_model_deinit(&model);
    engine_fixture_deinit(&fixture);
}

/* ---- the order of records ---- */

/* Both workers' runs of one epoch are merged by the sequence numbers. */
TEST(two_workers_that_write_the_same_key_in_turn)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    for (int i = 0; i < 20; i++) {
        char letter[2] = {(char)('a' + i), '\0'};
        engine_fixture_append(&fixture, (uint32_t)(i % 3 == 0), "key", letter);
    }
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "key"), "abcdefghijklmnopqrst");
    engine_fixture_deinit(&fixture);
}

/* The log of a checkpoint begins before its walk: what was published but not written then is in
 * both, and the worker whose run stands first may have written later. */
TEST(records_that_the_checkpoint_holds_may_come_in_any_order)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_append(&fixture, 1, "key", "a");
    engine_fixture_append(&fixture, 0, "key", "b");
    checkpoint(&fixture);
    engine_fixture_append(&fixture, 1, "key", "c");
    engine_fixture_append(&fixture, 0, "key", "d");
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "key"), "abcd");
    engine_fixture_deinit(&fixture);
}

/* ---- changes while a checkpoint walks ---- */

/* Calls `act` before the n-th write to a checkpoint file. */
struct interruption {
    struct crash_points points;
    struct engine_fixture *fixture;
    unsigned writes;
    unsigned at;
    void (*act)(struct interruption *interruption);
    char keys[64][32]; /* of one partition */
    unsigned key_count;
};

static void on_change(void *context, const char *name)
{
    struct interruption *interruption = context;
    if (strncmp(name, "checkpoint-", 11) != 0) return;
    if (++interruption->writes == interruption->at) interruption->act(interruption);
}

static void checkpoint_interrupted(struct engine_fixture *fixture,
                                   struct interruption *interruption)
{
    interruption->fixture = fixture;
    crash_points_attach(&interruption->points, fixture->disk, on_change, interruption);
    checkpoint(fixture);
    assert_true(interruption->writes >= interruption->at);
    crash_points_detach(&interruption->points);
}

/* Keys of one partition with long values, in a shard with so many others that each few of them make
 * a chunk: the walk is interrupted, by a write to the file, between two chunks of the same
 * partition. */
static void fill_partition(struct engine_fixture *fixture, struct interruption *interruption)
{
    const struct keyspace *keyspace = engine_keyspace(fixture->engine);
    static char value[VALUE_BYTES + 1];
    memset(value, 'v', VALUE_BYTES);
    for (unsigned i = 0; interruption->key_count < 64; i++) {
        char name[32];
        int size = snprintf(name, sizeof name, "key %u", i);
        uint64_t hash = hashing_bytes(&keyspace->hashing, bytes_of(name, (size_t)size));
        if (keyspace_shard(keyspace, hash)->index != 5) continue;
        bool is_ours = hashing_partition(hash) % 64 == 40;
        engine_fixture_set(fixture, name, is_ours ? value : "1", 0);
        if (is_ours) strcpy(interruption->keys[interruption->key_count++], name);
    }
}

static void append_to_all(struct interruption *interruption)
{
    for (unsigned i = 0; i < interruption->key_count; i++) {
        (void)engine_fixture_append(interruption->fixture, i % 2, interruption->keys[i], "!");
    }
}

static void check_appended(struct engine_fixture *fixture, const struct interruption *interruption,
                           size_t marks)
{
    for (unsigned i = 0; i < interruption->key_count; i++) {
        const char *value = engine_fixture_get(fixture, interruption->keys[i]);
        assert_int_equal(strlen(value), VALUE_BYTES + marks);
        for (size_t mark = 0; mark < marks; mark++)
            assert_int_equal(value[VALUE_BYTES + mark], '!');
    }
}

TEST(changes_behind_and_ahead_of_the_walk_are_there_once)
{
    struct engine_fixture fixture;
    static struct interruption interruption;
    interruption = (struct interruption){.at = 2, .act = append_to_all};
    engine_fixture_init(&fixture);
    fixture.options.segment_bytes = 1024 * 1024;
    assert_ok(engine_fixture_open(&fixture));
    fill_partition(&fixture, &interruption);
    append_to_all(&(struct interruption){.fixture = &fixture}); /* none: it has no keys */
    checkpoint_interrupted(&fixture, &interruption);
    engine_fixture_reopen(&fixture);
    check_appended(&fixture, &interruption, 1);
    interruption.fixture = &fixture;
    append_to_all(&interruption);
    engine_fixture_reopen(&fixture);
    check_appended(&fixture, &interruption, 2);
    engine_fixture_deinit(&fixture);
}

/* Loads a directory that no engine has opened, to see what was replayed. */
static struct load_result load(struct engine_fixture *fixture)
{
    struct manifest manifest;
    struct buf message = {0};
    struct hashing hashing;
    manifest_init(&manifest);
    assert_ok(manifest_load(&manifest, fixture->disk, &message));
    memcpy(hashing.secret, manifest.secret, sizeof hashing.secret);
    struct keyspace_options options = {.shard_count = KEYSPACE_SHARDS_MIN,
                                       .database_count = manifest.table_count,
                                       .reader_count = 1,
                                       .now_ms = engine_fixture_now_ms(fixture),
                                       .hashing = &hashing};
    struct keyspace *keyspace = keyspace_create(&options);
    memcpy(keyspace->table_ids, manifest.tables, manifest.table_count * sizeof *manifest.tables);
    keyspace->next_table_id = manifest.next_table;
    struct load_options load_options = {.disk = fixture->disk,
                                        .keyspace = keyspace,
                                        .manifest = &manifest,
                                        .now_ms = engine_fixture_now_ms(fixture)};
    struct load_result result;
    assert_ok(load_run(&load_options, &result, &message));
    keyspace_destroy(keyspace);
    manifest_deinit(&manifest);
    buf_deinit(&message);
    return result;
}

/* Every effect of today may be replayed twice without harm; those of tomorrow (a push to a list)
 * may not. */
TEST(what_a_chunk_holds_is_not_replayed_over_it)
{
    struct engine_fixture fixture;
    static struct interruption interruption;
    interruption = (struct interruption){.at = 2, .act = append_to_all};
    engine_fixture_init(&fixture);
    fixture.options.segment_bytes = 1024 * 1024;
    assert_ok(engine_fixture_open(&fixture));
    fill_partition(&fixture, &interruption);
    assert_true(engine_fixture_commit(&fixture));
    checkpoint_interrupted(&fixture, &interruption);
    assert_ok(engine_fixture_close(&fixture));
    struct load_result result = load(&fixture);
    assert_int_equal(result.records + result.skipped, interruption.key_count);
    assert_true(result.records > 0);  /* behind the walk */
    assert_true(result.skipped > 10); /* ahead of it */
    engine_fixture_deinit(&fixture);
}

/* Without a log the checkpoint's chunks are all there is; a log that is switched on later follows
 * the newest of them. */
TEST(a_log_begun_behind_a_checkpoint_that_had_none)
{
    struct engine_fixture fixture;
    static struct interruption interruption;
    interruption = (struct interruption){.at = 2, .act = append_to_all};
    engine_fixture_init(&fixture);
    fixture.options.has_log = false;
    fixture.options.segment_bytes = 1024 * 1024;
    assert_ok(engine_fixture_open(&fixture));
    fill_partition(&fixture, &interruption);
    checkpoint_interrupted(&fixture, &interruption);
    fixture.options.has_log = true;
    engine_fixture_reopen(&fixture);
    engine_fixture_set(&fixture, interruption.keys[0], "new", 0);
    engine_fixture_set(&fixture, interruption.keys[63], "new", 0);
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, interruption.keys[0]), "new");
    assert_string_equal(engine_fixture_get(&fixture, interruption.keys[63]), "new");
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, interruption.keys[63]), "new");
    engine_fixture_deinit(&fixture);
}

static void change_databases(struct interruption *interruption)
{
    struct engine_fixture *fixture = interruption->fixture;
    engine_fixture_flush(fixture, 0, 0);
    engine_fixture_set(fixture, "flushed", "again", 0);
    engine_fixture_swap(fixture, 1, 1, 2);
    engine_fixture_set_in(fixture, 0, 2, "swapped", "later", 0);
    engine_fixture_flush(fixture, 1, 3);
}

/* Before the walk, in its middle and after its end. */
TEST(databases_change_places_while_a_checkpoint_walks)
{
    for (unsigned at = 1; at <= 4; at++) {
        struct engine_fixture fixture;
        static struct interruption interruption;
        interruption = (struct interruption){.at = at, .act = change_databases};
        engine_fixture_init(&fixture);
        fixture.options.segment_bytes = 1024 * 1024;
        assert_ok(engine_fixture_open(&fixture));
        fill_partition(&fixture, &interruption);
        engine_fixture_set(&fixture, "flushed", "once", 0);
        engine_fixture_set_in(&fixture, 0, 1, "swapped", "once", 0);
        engine_fixture_set_in(&fixture, 1, 3, "gone", "once", 0);
        checkpoint_interrupted(&fixture, &interruption);
        engine_fixture_set_in(&fixture, 0, 1, "swapped", "last", 0);
        for (int i = 0; i < 2; i++) {
            engine_fixture_reopen(&fixture);
            assert_int_equal(engine_fixture_key_count(&fixture), 3);
            assert_string_equal(engine_fixture_get(&fixture, "flushed"), "again");
            assert_string_equal(engine_fixture_get_in(&fixture, 1, "swapped"), "last");
            assert_string_equal(engine_fixture_get_in(&fixture, 2, "swapped"), "later");
        }
        engine_fixture_deinit(&fixture);
    }
}

/* ---- the number of databases ---- */

TEST(new_databases_are_empty_whatever_the_log_did_to_the_others)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set_in(&fixture, 0, 3, "a", "old", 0);
    engine_fixture_flush(&fixture, 0, 3); /* takes the number of the next table */
    engine_fixture_set_in(&fixture, 0, 3, "a", "new", 0);
    engine_fixture_swap(&fixture, 0, 2, 3);
    fixture.options.database_count = 9;
    for (int i = 0; i < 3; i++) {
        engine_fixture_reopen(&fixture);
        assert_int_equal(engine_fixture_key_count(&fixture), (uint64_t)i + 1);
        assert_string_equal(engine_fixture_get_in(&fixture, 2, "a"), "new");
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        engine_fixture_set_in(&fixture, 1, (uint32_t)(4 + i), "b", value, 0);
        engine_fixture_flush(&fixture, 0, 8);
        engine_fixture_swap(&fixture, 0, 7, 8);
    }
    engine_fixture_reopen(&fixture);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(engine_fixture_get_in(&fixture, 4 + i, "b")[0], '0' + (char)i);
    }
    engine_fixture_deinit(&fixture);
}

/* Case 17. */
TEST(fewer_databases_than_the_directory_holds_are_refused)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    assert_ok(engine_fixture_close(&fixture));
    fixture.options.database_count = 3;
    assert_status(engine_fixture_open(&fixture), STATUS_INVALID);
    assert_non_null(strstr(buf_text(&fixture.message), "--databases 4"));
    engine_fixture_deinit(&fixture);
}

TEST(shards_and_workers_may_be_more_or_fewer)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    for (uint32_t i = 1; i < 5; i++) {
        engine_fixture_append(&fixture, 0, "a", "x");
        if (i == 3) checkpoint(&fixture);
        engine_fixture_append(&fixture, fixture.options.worker_count - 1, "a", "y");
        fixture.options.worker_count = 5 - i;
        fixture.options.shard_count = 64u << (i % 3);
        engine_fixture_reopen(&fixture);
    }
    assert_string_equal(engine_fixture_get(&fixture, "a"), "xyxyxyxy");
    engine_fixture_deinit(&fixture);
}

/* ---- the log off and on ---- */

TEST(a_run_without_a_log_leaves_the_log_as_it_was)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set(&fixture, "a", "logged", 0);
    fixture.options.has_log = false;
    engine_fixture_reopen(&fixture);
    assert_null(engine_wal(fixture.engine));
    assert_int_equal(engine_fixture_set(&fixture, "a", "not logged", 0), 0);
    engine_fixture_flush(&fixture, 0, 1);
    fixture.options.has_log = true;
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "logged");
    engine_fixture_deinit(&fixture);
}

TEST(a_checkpoint_of_a_run_without_a_log_takes_the_place_of_the_log)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set(&fixture, "a", "logged", 0);
    engine_fixture_flush(&fixture, 0, 1);
    fixture.options.has_log = false;
    engine_fixture_reopen(&fixture);
    engine_fixture_set(&fixture, "a", "saved", 0);
    engine_fixture_flush(&fixture, 0, 2);
    engine_fixture_set_in(&fixture, 0, 2, "b", "saved", 0);
    checkpoint(&fixture);
    fixture.options.has_log = true;
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "saved");
    engine_fixture_append(&fixture, 1, "a", "+logged");
    engine_fixture_set_in(&fixture, 0, 2, "b", "logged", 0);
    for (int i = 0; i < 2; i++) {
        engine_fixture_reopen(&fixture);
        assert_string_equal(engine_fixture_get(&fixture, "a"), "saved+logged");
        assert_string_equal(engine_fixture_get_in(&fixture, 2, "b"), "logged");
    }
    engine_fixture_deinit(&fixture);
}

TEST(closing_with_a_checkpoint_saves_what_no_log_holds)
{
    struct engine_fixture fixture;
    engine_fixture_init(&fixture);
    fixture.options.has_log = false;
    assert_ok(engine_fixture_open(&fixture));
    engine_fixture_set(&fixture, "a", "saved", 0);
    assert_ok(engine_close(fixture.engine, true));
    fixture.engine = NULL;
    engine_fixture_kill(&fixture);
    assert_ok(engine_fixture_open(&fixture));
    assert_string_equal(engine_fixture_get(&fixture, "a"), "saved");
    engine_fixture_deinit(&fixture);
}

/* ---- time: case 24 ---- */

TEST(deadlines_are_absolute)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    int64_t deadline_ms = engine_fixture_now_ms(&fixture) + 10000;
    engine_fixture_set(&fixture, "a", "1", deadline_ms);
    engine_fixture_advance_ms(&fixture, 4000);
    engine_fixture_reopen(&fixture);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), deadline_ms);
    checkpoint(&fixture);
    engine_fixture_advance_ms(&fixture, 5999);
    engine_fixture_reopen(&fixture);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), deadline_ms);
    engine_fixture_advance_ms(&fixture, 1);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "(nil)");
    engine_fixture_reopen(&fixture);
    assert_int_equal(engine_fixture_key_count(&fixture), 0);
    engine_fixture_deinit(&fixture);
}

/* A key whose deadline has passed before the start, but that was changed after its deadline had
 * been put off. */
TEST(replay_does_not_expire_what_was_alive_when_it_was_written)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set(&fixture, "a", "1", engine_fixture_now_ms(&fixture) + 10);
    engine_fixture_append(&fixture, 0, "a", "2");
    engine_fixture_set(&fixture, "b", "1", engine_fixture_now_ms(&fixture) + 10);
    struct txn txn;
    struct key key;
    struct item item = engine_fixture_begin(&fixture, &txn, 0, &key, "a");
    txn_set_deadline(&txn, &item, ENTRY_NO_DEADLINE);
    txn_commit(&txn);
    engine_fixture_append(&fixture, 1, "a", "3");
    engine_fixture_advance_ms(&fixture, 1000000);
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "123");
    assert_string_equal(engine_fixture_get(&fixture, "b"), "(nil)");
    engine_fixture_deinit(&fixture);
}

/* The old value and its deadline are still in the log when the next start replays what was appended
 * to nothing. */
TEST(appending_to_what_expired_while_no_server_ran)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set(&fixture, "a", "old", engine_fixture_now_ms(&fixture) + 10);
    assert_ok(engine_fixture_close(&fixture));
    engine_fixture_advance_ms(&fixture, 1000);
    assert_ok(engine_fixture_open(&fixture));
    engine_fixture_append(&fixture, 0, "a", "new");
    for (int i = 0; i < 2; i++) {
        engine_fixture_reopen(&fixture);
        assert_string_equal(engine_fixture_get(&fixture, "a"), "new");
        assert_int_equal(engine_fixture_deadline(&fixture, "a"), ENTRY_NO_DEADLINE);
    }
    engine_fixture_deinit(&fixture);
}

static void step_hours(struct engine_fixture *fixture, int64_t hours)
{
    fake_clock_step_wall(&fixture->clock, hours * 3600 * INT64_C(1000000));
}

TEST(a_clock_that_goes_back_revives_nothing_and_kills_nothing)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    int64_t now_ms = engine_fixture_now_ms(&fixture);
    engine_fixture_set(&fixture, "short", "1", now_ms + 1000);
    engine_fixture_set(&fixture, "long", "1", now_ms + 7200 * 1000);
    engine_fixture_advance_ms(&fixture, 2000);
    engine_fixture_set(&fixture, "other", "1", 0); /* the log knows what time it was */
    assert_ok(engine_fixture_close(&fixture));
    step_hours(&fixture, -1);
    assert_ok(engine_fixture_open(&fixture));
    assert_string_equal(engine_fixture_get(&fixture, "short"), "(nil)");
    assert_int_equal(engine_fixture_deadline(&fixture, "long"), now_ms + 7200 * 1000);
    /* What is written now counts by the clock of now. */
    engine_fixture_set(&fixture, "new", "1", engine_fixture_now_ms(&fixture) + 1000);
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "new"), "1");
    engine_fixture_deinit(&fixture);
}

/* What a start dropped was seen to be gone, although nothing was written in that run. */
TEST(what_one_start_found_expired_no_later_one_revives)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set(&fixture, "short", "1", engine_fixture_now_ms(&fixture) + 1000);
    assert_ok(engine_fixture_close(&fixture));
    engine_fixture_advance_ms(&fixture, 2000);
    assert_ok(engine_fixture_open(&fixture));
    assert_string_equal(engine_fixture_get(&fixture, "short"), "(nil)");
    assert_ok(engine_fixture_close(&fixture));
    step_hours(&fixture, -1);
    assert_ok(engine_fixture_open(&fixture));
    assert_string_equal(engine_fixture_get(&fixture, "short"), "(nil)");
    engine_fixture_deinit(&fixture);
}

TEST(a_clock_that_goes_ahead_expires_by_the_deadline_alone)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    int64_t now_ms = engine_fixture_now_ms(&fixture);
    engine_fixture_set(&fixture, "short", "1", now_ms + 1000);
    engine_fixture_set(&fixture, "long", "1", now_ms + 3601 * 1000);
    engine_fixture_set(&fixture, "ever", "1", 0);
    assert_ok(engine_fixture_close(&fixture));
    step_hours(&fixture, 1);
    assert_ok(engine_fixture_open(&fixture));
    assert_int_equal(engine_fixture_key_count(&fixture), 2);
    assert_int_equal(engine_fixture_deadline(&fixture, "long"), now_ms + 3601 * 1000);
    engine_fixture_deinit(&fixture);
}

/* ---- directories that are not in order: cases 14, 17, 29 ---- */

TEST(a_second_engine_on_the_same_directory_is_refused)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    struct engine_fixture second = fixture;
    second.engine = NULL;
    second.message = (struct buf){0};
    assert_status(engine_fixture_open(&second), STATUS_IN_USE);
    assert_non_null(strstr(buf_text(&second.message), "another process"));
    buf_deinit(&second.message);
    engine_fixture_set(&fixture, "a", "1", 0);
    engine_fixture_reopen(&fixture);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "1");
    engine_fixture_deinit(&fixture);
}

struct search {
    const char *prefix;
    char name[DISK_NAME_MAX + 1];
    unsigned count;
};

static void note_name(void *context, const char *name)
{
    struct search *search = context;
    if (strncmp(name, search->prefix, strlen(search->prefix)) != 0) return;
    strcpy(search->name, name);
    search->count++;
}

static struct search find_files(struct engine_fixture *fixture, const char *prefix)
{
    struct search search = {.prefix = prefix};
    assert_ok(fixture->disk->ops->list(fixture->disk, note_name, &search));
    return search;
}

static void remove_files(struct engine_fixture *fixture, const char *prefix)
{
    for (;;) {
        struct search search = find_files(fixture, prefix);
        if (search.count == 0) return;
        assert_ok(fixture->disk->ops->remove(fixture->disk, search.name));
    }
}

static void check_refused_without(const char *prefix, const char *said)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set(&fixture, "a", "1", 0);
    assert_true(engine_fixture_commit(&fixture));
    checkpoint(&fixture);
    engine_fixture_set(&fixture, "a", "2", 0);
    assert_ok(engine_fixture_close(&fixture));
    remove_files(&fixture, prefix);
    assert_status(engine_fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(buf_text(&fixture.message), said));
    engine_fixture_deinit(&fixture);
}

TEST(a_directory_from_which_a_file_was_taken_is_refused)
{
    check_refused_without("MANIFEST", "MANIFEST");
    check_refused_without("checkpoint-", "checkpoint-");
    check_refused_without("log-", "log-");
}

TEST(files_that_no_manifest_names_are_removed)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    engine_fixture_set(&fixture, "a", "1", 0);
    checkpoint(&fixture);
    struct search named = find_files(&fixture, "checkpoint-");
    assert_int_equal(named.count, 1);
    assert_ok(engine_fixture_close(&fixture));
    fake_disk_put(fixture.disk, "checkpoint-000000000000ffff.ckpt", BYTES_LITERAL("half"));
    fake_disk_put(fixture.disk, "notes.txt", BYTES_LITERAL("somebody else's"));
    fake_disk_put(fixture.disk, "checkpoint-notes.txt", BYTES_LITERAL("somebody else's"));
    assert_ok(engine_fixture_open(&fixture));
    assert_int_equal(find_files(&fixture, "checkpoint-0").count, 1);
    assert_string_equal(find_files(&fixture, "checkpoint-0").name, named.name);
    assert_int_equal(find_files(&fixture, "checkpoint-notes").count, 1);
    assert_int_equal(find_files(&fixture, "notes").count, 1);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "1");
    engine_fixture_deinit(&fixture);
}

TEST(checkpoints_trim_the_log)
{
    struct engine_fixture fixture;
    open_new(&fixture);
    char value[3001];
    memset(value, 'v', 3000);
    value[3000] = '\0';
    unsigned most = 0;
    for (int i = 0; i < 400; i++) {
        engine_fixture_set(&fixture, "a", value, 0);
        assert_true(engine_fixture_commit(&fixture));
        if (i % 100 == 99) checkpoint(&fixture);
        unsigned count = find_files(&fixture, "log-").count;
        if (count > most) most = count;
    }
    assert_true(most >= 3);
    assert_true(find_files(&fixture, "log-").count <= 2);
    assert_int_equal(find_files(&fixture, "checkpoint-").count, 1);
    engine_fixture_deinit(&fixture);
}

RUN_TESTS(CHECK(everything_comes_back_with_and_without_a_checkpoint),
          CHECK(two_workers_that_write_the_same_key_in_turn),
          CHECK(records_that_the_checkpoint_holds_may_come_in_any_order),
          CHECK(changes_behind_and_ahead_of_the_walk_are_there_once),
          CHECK(what_a_chunk_holds_is_not_replayed_over_it),
          CHECK(a_log_begun_behind_a_checkpoint_that_had_none),
          CHECK(databases_change_places_while_a_checkpoint_walks),
          CHECK(new_databases_are_empty_whatever_the_log_did_to_the_others),
          CHECK(fewer_databases_than_the_directory_holds_are_refused),
          CHECK(shards_and_workers_may_be_more_or_fewer),
          CHECK(a_run_without_a_log_leaves_the_log_as_it_was),
          CHECK(a_checkpoint_of_a_run_without_a_log_takes_the_place_of_the_log),
          CHECK(closing_with_a_checkpoint_saves_what_no_log_holds), CHECK(deadlines_are_absolute),
          CHECK(replay_does_not_expire_what_was_alive_when_it_was_written),
          CHECK(appending_to_what_expired_while_no_server_ran),
          CHECK(a_clock_that_goes_back_revives_nothing_and_kills_nothing),
          CHECK(what_one_start_found_expired_no_later_one_revives),
          CHECK(a_clock_that_goes_ahead_expires_by_the_deadline_alone),
          CHECK(a_second_engine_on_the_same_directory_is_refused),
          CHECK(a_directory_from_which_a_file_was_taken_is_refused),
          CHECK(files_that_no_manifest_names_are_removed), CHECK(checkpoints_trim_the_log))
