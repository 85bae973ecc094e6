#include "engine/txn.h"

#include <stdio.h>

#include "engine/engine_internal.h"
#include "keyspace/watch.h"
#include "tests/support/check.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/engine_model.h"
#include "tests/support/seed.h"

enum { LONG_BYTES = 5000, MANY_KEYS = 500 };

/* The fixture must not move once it is open: the engine knows its clock. */
#define WITH_ENGINE(fixture, init) \
    struct engine_fixture fixture; \
    init(&fixture); \
    assert_ok(engine_fixture_open(&fixture))

static enum entry_kind kind_of(struct engine_fixture *fixture, const char *name)
{
    struct txn txn;
    struct key key;
    struct item item = engine_fixture_begin(fixture, &txn, 0, &key, name);
    assert_non_null(item.entry);
    enum entry_kind kind = entry_kind(item.entry);
    txn_commit(&txn);
    return kind;
}

/* ---- changes ---- */

TEST(texts_are_stored_in_their_shortest_form)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    char text[LONG_BYTES + 1];
    memset(text, 'x', LONG_BYTES);
    text[LONG_BYTES] = '\0';
    engine_fixture_set(&fixture, "integer", "-12", 0);
    engine_fixture_set(&fixture, "padded", "012", 0);
    engine_fixture_set(&fixture, "empty", "", 0);
    engine_fixture_set(&fixture, "long", text, 0);
    assert_int_equal(kind_of(&fixture, "integer"), ENTRY_INTEGER);
    assert_int_equal(kind_of(&fixture, "padded"), ENTRY_STRING);
    assert_int_equal(kind_of(&fixture, "long"), ENTRY_BLOB);
    assert_string_equal(engine_fixture_get(&fixture, "integer"), "-12");
    assert_string_equal(engine_fixture_get(&fixture, "padded"), "012");
    assert_string_equal(engine_fixture_get(&fixture, "empty"), "");
    assert_string_equal(engine_fixture_get(&fixture, "long"), text);
    assert_string_equal(engine_fixture_get(&fixture, "absent"), "(nil)");
    engine_fixture_deinit(&fixture);
}

TEST(bytes_stay_bytes_even_when_they_look_like_a_number)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    struct txn txn;
    struct key key;
    struct item item = engine_fixture_begin(&fixture, &txn, 0, &key, "a");
    txn_set_bytes(&txn, &item, BYTES_LITERAL("12"), ENTRY_NO_DEADLINE);
    assert_int_equal(entry_kind(item.entry), ENTRY_STRING);
    assert_false(entry_is_raw(item.entry));
    txn_set_raw(&txn, &item, BYTES_LITERAL("13"), ENTRY_NO_DEADLINE);
    assert_true(entry_is_raw(item.entry));
    txn_set_integer(&txn, &item, INT64_MIN, ENTRY_NO_DEADLINE);
    assert_int_equal(entry_integer(item.entry), INT64_MIN);
    txn_commit(&txn);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "-9223372036854775808");
    engine_fixture_deinit(&fixture);
}

TEST(a_range_fills_the_gap_with_zeros_and_keeps_the_deadline)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    int64_t deadline_ms = engine_fixture_now_ms(&fixture) + 1000;
    engine_fixture_set(&fixture, "a", "12", deadline_ms);
    struct txn txn;
    struct key key;
    struct item item = engine_fixture_begin(&fixture, &txn, 0, &key, "a");
    txn_write_range(&txn, &item, 4, BYTES_LITERAL("xy"));
    char scratch[NUMBER_INT_TEXT_MAX];
    assert_bytes_equal(entry_string(item.entry, scratch), BYTES_LITERAL("12\0\0xy"));
    txn_write_range(&txn, &item, 0, BYTES_LITERAL("9"));
    assert_bytes_equal(entry_string(item.entry, scratch), BYTES_LITERAL("92\0\0xy"));
    txn_commit(&txn);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), deadline_ms);
    engine_fixture_append(&fixture, 0, "fresh", "text");
    assert_string_equal(engine_fixture_get(&fixture, "fresh"), "text");
    engine_fixture_deinit(&fixture);
}

TEST(a_deadline_is_replaced_kept_or_taken_away)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    int64_t soon_ms = engine_fixture_now_ms(&fixture) + 50;
    engine_fixture_set(&fixture, "a", "1", soon_ms);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), soon_ms);
    engine_fixture_set(&fixture, "a", "2", TXN_KEEP_DEADLINE);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), soon_ms);
    engine_fixture_set(&fixture, "a", "3", soon_ms + 7);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), soon_ms + 7);
    engine_fixture_set(&fixture, "a", "4", ENTRY_NO_DEADLINE);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), ENTRY_NO_DEADLINE);
    engine_fixture_set(&fixture, "fresh", "5", TXN_KEEP_DEADLINE);
    assert_int_equal(engine_fixture_deadline(&fixture, "fresh"), ENTRY_NO_DEADLINE);
    engine_fixture_deinit(&fixture);
}

TEST(a_deadline_that_is_past_deletes)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    int64_t now_ms = engine_fixture_now_ms(&fixture);
    engine_fixture_set(&fixture, "a", "1", 0);
    engine_fixture_set(&fixture, "a", "2", now_ms);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "(nil)");
    engine_fixture_set(&fixture, "never", "2", now_ms - 1);
    engine_fixture_set(&fixture, "b", "1", 0);
    struct txn txn;
    struct key key;
    struct item item = engine_fixture_begin(&fixture, &txn, 0, &key, "b");
    txn_set_deadline(&txn, &item, now_ms);
    assert_null(item.entry);
    txn_commit(&txn);
    assert_int_equal(engine_fixture_key_count(&fixture), 0);
    engine_fixture_deinit(&fixture);
}

/* What an entry cannot hold, the log must not hold either: it would not load. */
TEST(a_deadline_beyond_all_measure_is_the_latest_there_is)
{
    WITH_ENGINE(fixture, engine_fixture_init);
    engine_fixture_set(&fixture, "a", "1", INT64_MAX);
    engine_fixture_set(&fixture, "b", "1", 0);
    struct txn txn;
    struct key key;
    struct item item = engine_fixture_begin(&fixture, &txn, 0, &key, "b");
    txn_set_deadline(&txn, &item, INT64_MAX);
    txn_commit(&txn);
    engine_fixture_reopen(&fixture);
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), ENTRY_DEADLINE_MAX);
    assert_int_equal(engine_fixture_deadline(&fixture, "b"), ENTRY_DEADLINE_MAX);
    engine_fixture_deinit(&fixture);
}

TEST(what_has_expired_is_hidden_then_deleted_by_a_writer)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    engine_fixture_set(&fixture, "a", "old", engine_fixture_now_ms(&fixture) + 10);
    engine_fixture_advance_ms(&fixture, 9);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "old");
    engine_fixture_advance_ms(&fixture, 1);
    assert_string_equal(engine_fixture_get(&fixture, "a"), "(nil)");
    assert_int_equal(engine_fixture_key_count(&fixture), 1);
    engine_fixture_append(&fixture, 0, "a", "new");
    assert_string_equal(engine_fixture_get(&fixture, "a"), "new");
    assert_int_equal(engine_fixture_deadline(&fixture, "a"), ENTRY_NO_DEADLINE);
    struct engine_statistics statistics;
    engine_statistics(fixture.engine, &statistics);
    assert_int_equal(statistics.expired, 1);
    engine_fixture_deinit(&fixture);
}

static void copy(struct engine_fixture *fixture, const char *from, const char *to)
{
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(fixture, 0), 0, engine_fixture_now_ms(fixture));
    struct key keys[2] = {txn_key(&txn, bytes_of_text(from)), txn_key(&txn, bytes_of_text(to))};
    txn_lock(&txn, keys, 2);
    struct item target = txn_item(&txn, &keys[1]);
    struct item source = txn_item(&txn, &keys[0]);
    txn_copy(&txn, &target, source.entry, entry_deadline(source.entry));
    txn_commit(&txn);
}

static struct blob *blob_at(struct engine_fixture *fixture, const char *name)
{
    struct txn txn;
    struct key key;
    struct item item = engine_fixture_begin(fixture, &txn, 0, &key, name);
    struct blob *blob = entry_blob(item.entry);
    txn_commit(&txn);
    return blob;
}

TEST(copies_share_a_long_value_until_one_of_them_changes)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    char text[LONG_BYTES + 1];
    memset(text, 'x', LONG_BYTES);
    text[LONG_BYTES] = '\0';
    engine_fixture_set(&fixture, "a", text, 0);
    copy(&fixture, "a", "b");
    copy(&fixture, "b", "c");
    assert_ptr_equal(blob_at(&fixture, "a"), blob_at(&fixture, "b"));
    engine_fixture_append(&fixture, 0, "b", "!");
    assert_ptr_not_equal(blob_at(&fixture, "a"), blob_at(&fixture, "b"));
    assert_ptr_equal(blob_at(&fixture, "a"), blob_at(&fixture, "c"));
    assert_string_equal(engine_fixture_get(&fixture, "a"), text);
    assert_int_equal(strlen(engine_fixture_get(&fixture, "b")), LONG_BYTES + 1);
    engine_fixture_remove(&fixture, "a");
    assert_string_equal(engine_fixture_get(&fixture, "c"), text);
    copy(&fixture, "c", "b");
    assert_string_equal(engine_fixture_get(&fixture, "b"), text);
    engine_fixture_deinit(&fixture);
}

TEST(hits_and_misses_are_counted_by_read_alone)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    engine_fixture_set(&fixture, "a", "1", 0);
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(&fixture, 1), 0, engine_fixture_now_ms(&fixture));
    struct key keys[2] = {txn_key(&txn, BYTES_LITERAL("a")), txn_key(&txn, BYTES_LITERAL("b"))};
    txn_lock(&txn, keys, 2);
    assert_non_null(txn_read(&txn, &keys[0]));
    assert_null(txn_read(&txn, &keys[1]));
    assert_null(txn_read(&txn, &keys[1]));
    assert_non_null(txn_peek(&txn, &keys[0]));
    txn_commit(&txn);
    struct engine_statistics statistics;
    engine_statistics(fixture.engine, &statistics);
    assert_int_equal(statistics.hits, 1);
    assert_int_equal(statistics.misses, 2);
    engine_fixture_deinit(&fixture);
}

/* ---- locks ---- */

TEST(many_keys_are_locked_in_order_and_changed_together)
{
    WITH_ENGINE(fixture, engine_fixture_init);
    static char names[MANY_KEYS][16];
    static struct key keys[MANY_KEYS];
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(&fixture, 0), 0, engine_fixture_now_ms(&fixture));
    for (int i = 0; i < MANY_KEYS; i++) {
        /* every key twice: a shard is locked once */
        int size = snprintf(names[i], sizeof names[i], "key %d", i / 2);
        keys[i] = txn_key(&txn, bytes_of(names[i], (size_t)size));
    }
    txn_lock(&txn, keys, MANY_KEYS);
    for (uint32_t i = 1; i < txn.shard_count; i++) {
        assert_true(txn.shards[i - 1]->index < txn.shards[i]->index);
    }
    for (int i = 0; i < MANY_KEYS; i++) {
        struct item item = txn_item(&txn, &keys[i]);
        txn_set_integer(&txn, &item, i, ENTRY_NO_DEADLINE);
    }
    txn_commit(&txn);
    assert_int_equal(engine_fixture_key_count(&fixture), MANY_KEYS / 2);
    engine_fixture_reopen(&fixture);
    assert_int_equal(engine_fixture_key_count(&fixture), MANY_KEYS / 2);
    assert_string_equal(engine_fixture_get(&fixture, "key 100"), "201");
    engine_fixture_deinit(&fixture);
}

/* ---- gates ---- */

/* A key of the same shard whose gate slot is another. */
static void find_neighbour(struct engine_fixture *fixture, const char *name, char out[32])
{
    struct keyspace *keyspace = engine_keyspace(fixture->engine);
    uint64_t hash = hashing_bytes(&keyspace->hashing, bytes_of_text(name));
    for (unsigned i = 0;; i++) {
        (void)snprintf(out, 32, "neighbour %u", i);
        uint64_t other = hashing_bytes(&keyspace->hashing, bytes_of_text(out));
        bool is_same_shard = keyspace_shard(keyspace, hash) == keyspace_shard(keyspace, other);
        if (is_same_shard && hash >> 48 != other >> 48) return;
    }
}

static bool is_waited_for(struct engine_fixture *fixture, uint64_t gate)
{
    return gate > engine_durable(fixture->engine);
}

/* Case 21. */
TEST(readers_wait_for_a_write_that_is_not_durable_and_for_no_other)
{
    WITH_ENGINE(fixture, engine_fixture_init);
    char neighbour[32];
    find_neighbour(&fixture, "a", neighbour);
    engine_fixture_set(&fixture, neighbour, "1", 0);
    assert_true(engine_fixture_commit(&fixture));

    assert_true(is_waited_for(&fixture, engine_fixture_set(&fixture, "a", "1", 0)));
    assert_true(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a")));
    assert_false(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, neighbour)));
    assert_true(engine_fixture_commit(&fixture));
    assert_false(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a")));

    assert_true(is_waited_for(&fixture, engine_fixture_remove(&fixture, "a")));
    assert_string_equal(engine_fixture_get(&fixture, "a"), "(nil)");
    assert_true(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a"))); /* the absence */
    /* One that writes nothing has seen the absence as well. */
    assert_true(is_waited_for(&fixture, engine_fixture_remove(&fixture, "a")));
    assert_false(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, neighbour)));
    assert_true(engine_fixture_commit(&fixture));
    assert_false(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a")));
    engine_fixture_deinit(&fixture);
}

static uint64_t size_gate(struct engine_fixture *fixture, uint32_t database)
{
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(fixture, 0), database, engine_fixture_now_ms(fixture));
    (void)txn_database_size(&txn);
    txn_commit(&txn);
    return txn.gate;
}

static bool each_nothing(void *context, struct entry *entry)
{
    (void)context;
    (void)entry;
    return true;
}

static uint64_t scan_gate(struct engine_fixture *fixture)
{
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(fixture, 0), 0, engine_fixture_now_ms(fixture));
    assert_int_equal(txn_scan(&txn, 0, UINT32_MAX, each_nothing, NULL), 0);
    txn_commit(&txn);
    return txn.gate;
}

TEST(whole_databases_are_waited_for)
{
    WITH_ENGINE(fixture, engine_fixture_init);
    engine_fixture_set(&fixture, "a", "1", 0);
    assert_true(is_waited_for(&fixture, size_gate(&fixture, 0)));
    assert_true(is_waited_for(&fixture, scan_gate(&fixture)));
    assert_true(engine_fixture_commit(&fixture));
    assert_false(is_waited_for(&fixture, size_gate(&fixture, 0)));
    assert_false(is_waited_for(&fixture, scan_gate(&fixture)));

    assert_true(is_waited_for(&fixture, engine_fixture_flush(&fixture, 1, 0)));
    assert_true(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a")));
    assert_true(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "never there")));
    assert_true(is_waited_for(&fixture, size_gate(&fixture, 0)));
    assert_true(engine_fixture_commit(&fixture));
    assert_false(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a")));

    assert_true(is_waited_for(&fixture, engine_fixture_swap(&fixture, 0, 1, 2)));
    assert_true(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a")));
    assert_true(engine_fixture_commit(&fixture));
    assert_false(is_waited_for(&fixture, size_gate(&fixture, 0)));
    engine_fixture_deinit(&fixture);
}

TEST(nobody_waits_when_replies_need_no_sync)
{
    WITH_ENGINE(fixture, engine_fixture_init);
    engine_set_sync(fixture.engine, WAL_SYNC_INTERVAL);
    assert_false(is_waited_for(&fixture, engine_fixture_set(&fixture, "a", "1", 0)));
    assert_int_equal(engine_fixture_read_gate(&fixture, "a"), 0);
    engine_set_sync(fixture.engine, WAL_SYNC_ALWAYS);
    assert_true(is_waited_for(&fixture, engine_fixture_read_gate(&fixture, "a")));
    engine_fixture_deinit(&fixture);

    WITH_ENGINE(memory, engine_fixture_init_in_memory);
    assert_false(is_waited_for(&memory, engine_fixture_set(&memory, "a", "1", 0)));
    engine_fixture_deinit(&memory);
}

/* ---- watching ---- */

struct watcher {
    struct watch_node *node;
    _Atomic uint8_t is_dirty;
};

static void watch(struct engine_fixture *fixture, struct watcher *watcher, uint32_t database,
                  const char *name)
{
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(fixture, 0), database, engine_fixture_now_ms(fixture));
    struct key key = txn_key(&txn, bytes_of_text(name));
    txn_lock(&txn, &key, 1);
    struct shard *shard = keyspace_shard(txn.keyspace, key.hash);
    bool is_there = shard_find(shard, database, key.hash, key.name, NULL) != NULL;
    bool was_expired = is_there && txn_peek(&txn, &key) == NULL;
    atomic_store(&watcher->is_dirty, 0);
    watcher->node = watch_add(shard, database, key.hash, key.name, was_expired, &watcher->is_dirty);
    txn_commit(&txn);
}

static bool end_watch(struct watcher *watcher)
{
    struct shard *shard = watcher->node->shard;
    shard_acquire(shard);
    watch_remove(watcher->node);
    shard_release(shard);
    return atomic_load(&watcher->is_dirty) != 0;
}

TEST(every_kind_of_change_touches_the_watchers_of_its_key)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    struct watcher a;
    struct watcher b;
    for (int kind = 0; kind < 5; kind++) {
        engine_fixture_set(&fixture, "a", "1", 0);
        watch(&fixture, &a, 0, "a");
        watch(&fixture, &b, 0, "b");
        struct txn txn;
        struct key key;
        struct item item = engine_fixture_begin(&fixture, &txn, 0, &key, "a");
        switch (kind) {
        case 0: txn_set_text(&txn, &item, BYTES_LITERAL("2"), ENTRY_NO_DEADLINE); break;
        case 1: txn_set_integer(&txn, &item, 3, ENTRY_NO_DEADLINE); break;
        case 2: txn_write_range(&txn, &item, 0, BYTES_LITERAL("4")); break;
        case 3: txn_set_deadline(&txn, &item, txn.now_ms + 1000); break;
        default: txn_remove(&txn, &item); break;
        }
        txn_commit(&txn);
        assert_true(end_watch(&a));
        assert_false(end_watch(&b));
    }
    engine_fixture_deinit(&fixture);
}

TEST(flushing_touches_watched_keys_that_exist)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    struct watcher there;
    struct watcher absent;
    struct watcher elsewhere;
    engine_fixture_set(&fixture, "a", "1", 0);
    watch(&fixture, &there, 0, "a");
    watch(&fixture, &absent, 0, "b");
    watch(&fixture, &elsewhere, 1, "a");
    engine_fixture_flush(&fixture, 1, 0);
    assert_true(end_watch(&there));
    assert_false(end_watch(&absent));
    assert_false(end_watch(&elsewhere));
    engine_fixture_deinit(&fixture);
}

TEST(swapping_touches_keys_that_exist_on_either_side)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    struct watcher first;
    struct watcher second;
    struct watcher neither;
    struct watcher third;
    engine_fixture_set(&fixture, "a", "1", 0);
    watch(&fixture, &first, 0, "a");
    watch(&fixture, &second, 1, "a");
    watch(&fixture, &neither, 1, "b");
    watch(&fixture, &third, 2, "a");
    engine_fixture_swap(&fixture, 0, 0, 1);
    assert_true(end_watch(&first));
    assert_true(end_watch(&second));
    assert_false(end_watch(&neither));
    assert_false(end_watch(&third));
    engine_fixture_deinit(&fixture);
}

TEST(expiry_touches_watchers_that_saw_the_key_alive)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    struct watcher before;
    struct watcher after;
    engine_fixture_set(&fixture, "a", "1", engine_fixture_now_ms(&fixture) + 10);
    watch(&fixture, &before, 0, "a");
    engine_fixture_advance_ms(&fixture, 20);
    watch(&fixture, &after, 0, "a");
    for (uint32_t i = 0; i < 2; i++) {
        struct engine_worker *worker = engine_fixture_worker(&fixture, i);
        (void)engine_tidy(worker, engine_fixture_now_ms(&fixture), 100);
    }
    assert_int_equal(engine_fixture_key_count(&fixture), 0);
    assert_true(end_watch(&before));
    assert_false(end_watch(&after));
    engine_fixture_deinit(&fixture);
}

/* ---- whole databases ---- */

static bool count_entry(void *context, struct entry *entry)
{
    (void)entry;
    (*(unsigned *)context)++;
    return true;
}

static void expect_live(void *context, struct entry *entry)
{
    (*(unsigned *)context)++;
    assert_bytes_text(entry_key(entry), "alive");
}

TEST(scans_and_random_keys_pass_over_what_has_expired)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    int64_t soon_ms = engine_fixture_now_ms(&fixture) + 10;
    for (int i = 0; i < 20; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "dying %d", i);
        engine_fixture_set(&fixture, name, "1", soon_ms);
    }
    engine_fixture_set(&fixture, "alive", "1", 0);
    engine_fixture_advance_ms(&fixture, 10);

    for (int holds_all = 0; holds_all < 2; holds_all++) {
        struct txn txn;
        txn_begin(&txn, engine_fixture_worker(&fixture, 0), 0, engine_fixture_now_ms(&fixture));
        if (holds_all) txn_lock_all(&txn);
        unsigned count = 0;
        uint64_t cursor = 0;
        do {
            cursor = txn_scan(&txn, cursor, 3, count_entry, &count);
        } while (cursor != 0);
        assert_int_equal(count, 1);
        assert_int_equal(txn_database_size(&txn),
                         21); /* DBSIZE counts them until they are deleted */
        count = 0;
        for (int i = 0; i < 10; i++) (void)txn_random(&txn, expect_live, &count);
        assert_true(count > 0);
        txn_commit(&txn);
    }
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(&fixture, 0), 1, engine_fixture_now_ms(&fixture));
    assert_false(txn_random(&txn, expect_live, NULL));
    txn_commit(&txn);
    engine_fixture_deinit(&fixture);
}

TEST(flushes_and_swaps_in_any_order_agree_with_the_model)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    struct engine_model model;
    struct random random;
    seed_random(&random, "flushes_and_swaps_in_any_order_agree_with_the_model");
    engine_model_init(&model, random_next(&random));
    for (int i = 0; i < 1000 * SEED_STEPS_SCALE; i++) {
        struct engine_worker *worker = engine_fixture_worker(&fixture, i % 2);
        engine_model_step(&model, worker, engine_fixture_now_ms(&fixture));
        engine_fixture_advance_ms(&fixture, (int64_t)random_below(&random, 50));
        if (i % 7 == 0) (void)engine_tidy(worker, engine_fixture_now_ms(&fixture), 5);
        if (i % 100 != 0) continue;
        size_t last = engine_model_count(&model);
        if (!engine_model_find(&model, fixture.engine, engine_fixture_now_ms(&fixture), last, last,
                               &last)) {
            print_error("%s\n", buf_text(&model.message));
            fail();
        }
        engine_model_settle(&model, last);
    }
    engine_model_deinit(&model);
    engine_fixture_deinit(&fixture);
}

TEST(without_a_disk_there_is_nothing_to_checkpoint)
{
    WITH_ENGINE(fixture, engine_fixture_init_in_memory);
    assert_status(engine_checkpoint(fixture.engine), STATUS_NOT_FOUND);
    assert_status(engine_request_checkpoint(fixture.engine), STATUS_NOT_FOUND);
    assert_null(engine_wal(fixture.engine));
    assert_null(engine_refusal(fixture.engine));
    engine_fixture_deinit(&fixture);
}

RUN_TESTS(CHECK(texts_are_stored_in_their_shortest_form),
          CHECK(bytes_stay_bytes_even_when_they_look_like_a_number),
          CHECK(a_range_fills_the_gap_with_zeros_and_keeps_the_deadline),
          CHECK(a_deadline_is_replaced_kept_or_taken_away), CHECK(a_deadline_that_is_past_deletes),
          CHECK(a_deadline_beyond_all_measure_is_the_latest_there_is),
          CHECK(what_has_expired_is_hidden_then_deleted_by_a_writer),
          CHECK(copies_share_a_long_value_until_one_of_them_changes),
          CHECK(hits_and_misses_are_counted_by_read_alone),
          CHECK(many_keys_are_locked_in_order_and_changed_together),
          CHECK(readers_wait_for_a_write_that_is_not_durable_and_for_no_other),
          CHECK(whole_databases_are_waited_for), CHECK(nobody_waits_when_replies_need_no_sync),
          CHECK(every_kind_of_change_touches_the_watchers_of_its_key),
          CHECK(flushing_touches_watched_keys_that_exist),
          CHECK(swapping_touches_keys_that_exist_on_either_side),
          CHECK(expiry_touches_watchers_that_saw_the_key_alive),
          CHECK(scans_and_random_keys_pass_over_what_has_expired),
          CHECK(flushes_and_swaps_in_any_order_agree_with_the_model),
          CHECK(without_a_disk_there_is_nothing_to_checkpoint))
