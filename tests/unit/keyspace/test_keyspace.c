#include "keyspace/keyspace.h"

#include <pthread.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/memory.h"
#include "keyspace/reclaim.h"
#include "tests/support/check.h"
#include "tests/support/keyspace_model.h"
#include "tests/support/seed.h"
#include "value/blob.h"

static struct keyspace *create(uint32_t reader_count)
{
    struct hashing hashing;
    for (unsigned i = 0; i < HASHING_SECRET_BYTES; i++) hashing.secret[i] = (uint8_t)(i * 73 + 5);
    struct keyspace_options options = {
        .shard_count = 64,
        .database_count = 4,
        .reader_count = reader_count,
        .now_ms = 1000,
        .hashing = &hashing,
    };
    return keyspace_create(&options);
}

struct found {
    uint64_t hash;
    struct shard *shard;
    struct entry *entry;
    struct table_slot slot;
};

static struct found find(struct keyspace *keyspace, struct bytes key)
{
    struct found found = {.hash = hashing_bytes(&keyspace->hashing, key)};
    found.shard = keyspace_shard(keyspace, found.hash);
    found.entry = shard_find(found.shard, 0, found.hash, key, &found.slot);
    return found;
}

static struct entry *store(struct keyspace *keyspace, struct bytes key, struct bytes text,
                           int64_t deadline_ms)
{
    struct found found = find(keyspace, key);
    struct entry_value value = {ENTRY_STRING, .string = text};
    return shard_store(found.shard, 0, found.hash, key, found.entry != NULL ? &found.slot : NULL,
                       &value, deadline_ms);
}

static struct bytes key_of(char *buffer, size_t size, unsigned number)
{
    int length = snprintf(buffer, size, "key:%u", number);
    return bytes_of(buffer, (size_t)length);
}

static uint64_t draw_random(void *context, uint64_t bound)
{
    return random_below(context, bound);
}

static void run_model(uint32_t key_count, unsigned steps, const char *name)
{
    struct random random;
    seed_random(&random, name);
    struct keyspace_model_source source = {draw_random, &random};
    struct keyspace_model *model = keyspace_model_create(key_count, &source);
    for (unsigned i = 1; i <= steps; i++) {
        keyspace_model_step(model);
        if (i % (steps / 5) == 0) keyspace_model_check(model);
    }
    print_message("# %llu scans\n", (unsigned long long)keyspace_model_scans(model));
    keyspace_model_destroy(model);
}

TEST(agrees_with_a_model_of_many_keys)
{
    run_model(10 * 1000, 30 * 1000 * SEED_STEPS_SCALE, __func__);
}

TEST(agrees_with_a_model_of_few_keys)
{
    run_model(50, 30 * 1000 * SEED_STEPS_SCALE, __func__);
}

TEST(same_class_is_stored_in_place)
{
    struct keyspace *keyspace = create(0);
    struct bytes key = BYTES_LITERAL("key");
    struct entry *entry = store(keyspace, key, BYTES_LITERAL("0123456789"), ENTRY_NO_DEADLINE);
    assert_ptr_equal(store(keyspace, key, BYTES_LITERAL("abcdef"), ENTRY_NO_DEADLINE), entry);
    assert_ptr_not_equal(
        store(keyspace, key, BYTES_LITERAL("0123456789abcdef0123456789abcdef"), ENTRY_NO_DEADLINE),
        entry);
    assert_int_equal(keyspace_count(keyspace, 0), 1);
    keyspace_destroy(keyspace);
}

TEST(long_string_becomes_a_blob_and_is_counted)
{
    struct keyspace *keyspace = create(0);
    struct bytes key = BYTES_LITERAL("key");
    char *text = memory_zalloc(ENTRY_INLINE_VALUE_MAX + 1);
    struct entry *entry = store(keyspace, key, bytes_of(text, ENTRY_INLINE_VALUE_MAX), 0);
    assert_int_equal(entry_kind(entry), ENTRY_STRING);
    struct found found = find(keyspace, key);
    assert_int_equal(found.shard->blob_bytes, 0);
    entry = store(keyspace, key, bytes_of(text, ENTRY_INLINE_VALUE_MAX + 1), 0);
    assert_int_equal(entry_kind(entry), ENTRY_BLOB);
    assert_int_equal(found.shard->blob_bytes, blob_memory_bytes(entry_blob(entry)));
    store(keyspace, key, BYTES_LITERAL("short"), 0);
    assert_int_equal(found.shard->blob_bytes, 0);
    memory_free(text);
    keyspace_destroy(keyspace);
}

TEST(appends_to_a_long_string_are_amortised)
{
    struct keyspace *keyspace = create(0);
    struct bytes key = BYTES_LITERAL("log");
    const struct blob *blob = NULL;
    size_t capacity = 0;
    unsigned growths = 0;
    size_t size = 0;
    for (unsigned i = 0; i < 20 * 1000; i++) {
        struct found found = find(keyspace, key);
        struct bytes piece = BYTES_LITERAL("0123456");
        struct entry *entry = shard_write_range(
            found.shard, 0, found.hash, key, found.entry != NULL ? &found.slot : NULL, size, piece);
        size += piece.size;
        assert_int_equal(entry_string_length(entry), size);
        if (entry_kind(entry) == ENTRY_STRING) {
            assert_true(entry_is_raw(entry));
            continue;
        }
        blob = entry_blob(entry);
        growths += blob->capacity != capacity;
        capacity = blob->capacity;
    }
    assert_non_null(blob);
    assert_true(growths < 20);
    for (size_t i = 0; i < size; i++) assert_int_equal(blob->data[i], "0123456"[i % 7]);
    keyspace_destroy(keyspace);
}

TEST(written_number_stays_text)
{
    struct keyspace *keyspace = create(0);
    struct bytes key = BYTES_LITERAL("n");
    struct found found = find(keyspace, key);
    struct entry_value value = {ENTRY_INTEGER, .integer = 12};
    shard_store(found.shard, 0, found.hash, key, NULL, &value, 5000);
    found = find(keyspace, key);
    struct entry *entry = shard_write_range(found.shard, 0, found.hash, key, &found.slot, 2,
                                            BYTES_LITERAL("34"));
    char scratch[NUMBER_INT_TEXT_MAX];
    assert_bytes_text(entry_string(entry, scratch), "1234");
    assert_int_equal(entry_kind(entry), ENTRY_STRING);
    assert_true(entry_is_raw(entry));
    assert_int_equal(entry_deadline(entry), 5000);
    keyspace_destroy(keyspace);
}

TEST(deadline_beyond_the_largest_is_the_largest)
{
    struct keyspace *keyspace = create(0);
    struct entry *entry = store(keyspace, BYTES_LITERAL("k"), BYTES_LITERAL("v"), INT64_MAX);
    assert_int_equal(entry_deadline(entry), ENTRY_DEADLINE_MAX);
    keyspace_destroy(keyspace);
}

/* SET EX, DEL and again: each leaves an item in the wheel that no key needs any more. */
TEST(wheel_full_of_waste_is_made_anew)
{
    struct keyspace *keyspace = create(0);
    struct bytes kept = BYTES_LITERAL("kept");
    struct bytes key = BYTES_LITERAL("key");
    store(keyspace, kept, BYTES_LITERAL("v"), 9000);
    struct shard *shard = find(keyspace, key).shard;
    for (unsigned i = 0; i < 10 * 1000; i++) {
        store(keyspace, key, BYTES_LITERAL("v"), 100 * 1000 + i);
        struct found found = find(keyspace, key);
        shard_remove(shard, 0, found.hash, found.slot);
        shard_tidy(shard, 16);
    }
    while (shard_tidy(shard, 16)) continue;
    assert_true(shard->expiry.item_count < 5000);
    assert_int_equal(shard->deadline_count, find(keyspace, kept).shard == shard);
    keyspace_destroy(keyspace);
}

static bool count_entry(void *context, struct entry *entry)
{
    unsigned *count = context;
    assert_non_null(entry);
    (*count)++;
    return true;
}

static bool stop_at_once(void *context, struct entry *entry)
{
    (void)count_entry(context, entry);
    return false;
}

TEST(scan_crosses_shards_and_reports_gates)
{
    struct keyspace *keyspace = create(0);
    char buffer[32];
    for (unsigned i = 0; i < 1000; i++) {
        store(keyspace, key_of(buffer, sizeof(buffer), i), BYTES_LITERAL("v"), 0);
    }
    keyspace->shards[63].newest_gate = 7;
    uint64_t gate = 3;
    uint64_t cursor = 0;
    unsigned count = 0;
    unsigned calls = 0;
    do {
        cursor = keyspace_scan(keyspace, 0, cursor, 10, false, count_entry, &count, &gate);
        calls++;
    } while (cursor != 0);
    assert_int_equal(count, 1000);
    assert_true(calls > 10);
    assert_int_equal(gate, 7);
    assert_int_equal(keyspace_scan(keyspace, 0, UINT64_MAX, 10, false, count_entry, &count, &gate),
                     0);
    count = 0;
    assert_int_not_equal(
        keyspace_scan(keyspace, 0, 0, UINT32_MAX, false, stop_at_once, &count, &gate), 0);
    assert_true(count <= 9);
    assert_int_equal(keyspace_scan(keyspace, 3, 0, 1, false, count_entry, &count, &gate), 0);
    keyspace_destroy(keyspace);
}

TEST(flushed_memory_comes_back_in_slices)
{
    struct keyspace *keyspace = create(0);
    char buffer[32];
    for (unsigned i = 0; i < 20 * 1000; i++) {
        store(keyspace, key_of(buffer, sizeof(buffer), i), BYTES_LITERAL("some value"), 0);
    }
    keyspace_flush(keyspace, 0);
    struct shard *shard = &keyspace->shards[5];
    size_t object_bytes = shard->slab.object_bytes;
    assert_true(object_bytes > 0);
    assert_true(shard_tidy(shard, 16));
    assert_true(shard->slab.object_bytes < object_bytes);
    assert_true(shard->slab.object_bytes > object_bytes / 2);
    /* The database is used again meanwhile. */
    store(keyspace, BYTES_LITERAL("new"), BYTES_LITERAL("v"), 0);
    for (uint32_t i = 0; i < 64; i++) {
        while (shard_tidy(&keyspace->shards[i], 64)) continue;
    }
    assert_int_equal(shard->slab.object_bytes,
                     find(keyspace, BYTES_LITERAL("new")).shard == shard ? 16 : 0);
    assert_int_equal(keyspace_count(keyspace, 0), 1);
    keyspace_destroy(keyspace);
}

/* Writers under the shard locks, readers that only prefetch, flushes and swaps in between. */
enum { WRITERS = 2, PREFETCHERS = 2, THREAD_KEYS = 4000, THREAD_ROUNDS = 20000 };

struct team {
    struct keyspace *keyspace;
    _Atomic bool is_over;
};

struct member {
    struct team *team;
    uint32_t index;
};

static void *run_writer(void *context)
{
    struct member *member = context;
    struct keyspace *keyspace = member->team->keyspace;
    struct random random;
    random_init(&random, member->index);
    char buffer[32];
    for (unsigned i = 0; i < THREAD_ROUNDS; i++) {
        struct bytes key = key_of(buffer, sizeof(buffer),
                                  (unsigned)random_below(&random, THREAD_KEYS));
        uint64_t hash = hashing_bytes(&keyspace->hashing, key);
        struct shard *shard = keyspace_shard(keyspace, hash);
        bool wants_more = i % THREAD_ROUNDS < THREAD_ROUNDS / 2;
        shard_acquire(shard);
        struct table_slot slot;
        struct entry *entry = shard_find(shard, 0, hash, key, &slot);
        if (entry == NULL) {
            struct entry_value value = {ENTRY_STRING, .string = key};
            shard_store(shard, 0, hash, key, NULL, &value, 0);
        } else if (!wants_more) {
            shard_remove(shard, 0, hash, slot);
        }
        shard_tidy(shard, 8);
        shard_release(shard);
    }
    return NULL;
}

static void *run_prefetcher(void *context)
{
    struct member *member = context;
    struct keyspace *keyspace = member->team->keyspace;
    char buffer[32];
    for (unsigned i = 0; !atomic_load(&member->team->is_over); i++) {
        reclaim_enter(keyspace->reclaim, member->index);
        for (unsigned j = 0; j < 16; j++) {
            struct bytes key = key_of(buffer, sizeof(buffer), (i * 16 + j) % THREAD_KEYS);
            uint64_t hash = hashing_bytes(&keyspace->hashing, key);
            keyspace_prefetch_bucket(keyspace, j % 2, hash);
            keyspace_prefetch_entry(keyspace, j % 2, hash);
        }
        assert_true(keyspace_count(keyspace, 0) <= THREAD_KEYS);
    }
    reclaim_leave(keyspace->reclaim, member->index);
    return NULL;
}

static void hold_all(struct keyspace *keyspace, bool is_held) NO_LOCK_ANALYSIS
{
    for (uint32_t i = 0; i < keyspace->shard_count; i++) {
        if (is_held) {
            shard_acquire(&keyspace->shards[i]);
        } else {
            shard_release(&keyspace->shards[i]);
        }
    }
}

TEST(prefetching_threads_disturb_nobody)
{
    struct team team = {.keyspace = create(PREFETCHERS)};
    pthread_t threads[WRITERS + PREFETCHERS];
    struct member members[WRITERS + PREFETCHERS];
    for (uint32_t i = 0; i < WRITERS + PREFETCHERS; i++) {
        members[i] = (struct member){&team, i < PREFETCHERS ? i : i - PREFETCHERS};
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < PREFETCHERS ? run_prefetcher : run_writer, &members[i]),
                         0);
    }
    for (unsigned i = 0; i < 30; i++) {
        hold_all(team.keyspace, true);
        if (i % 3 == 0) keyspace_flush(team.keyspace, i % 2);
        keyspace_swap(team.keyspace, 0, 1);
        hold_all(team.keyspace, false);
        unsigned count = 0;
        uint64_t gate = 0;
        (void)keyspace_scan(team.keyspace, 0, 0, 1000, false, count_entry, &count, &gate);
    }
    for (uint32_t i = PREFETCHERS; i < WRITERS + PREFETCHERS; i++) pthread_join(threads[i], NULL);
    atomic_store(&team.is_over, true);
    for (uint32_t i = 0; i < PREFETCHERS; i++) pthread_join(threads[i], NULL);
    keyspace_destroy(team.keyspace);
}

RUN_TESTS(CHECK(agrees_with_a_model_of_many_keys), CHECK(agrees_with_a_model_of_few_keys),
          CHECK(same_class_is_stored_in_place), CHECK(long_string_becomes_a_blob_and_is_counted),
          CHECK(appends_to_a_long_string_are_amortised), CHECK(written_number_stays_text),
          CHECK(deadline_beyond_the_largest_is_the_largest),
          CHECK(wheel_full_of_waste_is_made_anew), CHECK(scan_crosses_shards_and_reports_gates),
          CHECK(flushed_memory_comes_back_in_slices), CHECK(prefetching_threads_disturb_nobody))
