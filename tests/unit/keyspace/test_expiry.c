#include "keyspace/expiry.h"

#include "base/memory.h"
#include "keyspace/entry.h"
#include "tests/support/check.h"
#include "tests/support/seed.h"

enum { KEY_COUNT = 2000 };

/* Keys by number; a key's hash is its number above the six bits that the wheel uses itself. */
struct model {
    struct expiry expiry;
    int64_t deadlines[KEY_COUNT]; /* ENTRY_NO_DEADLINE: no such key */
    int64_t now_ms;               /* of the running advance */
    int64_t time_ms;              /* the largest so far */
    uint64_t fires;
    uint64_t deaths;
};

static uint64_t hash_of(uint32_t key)
{
    return ((uint64_t)key << 32 | key) << EXPIRY_DATABASE_BITS;
}

static struct model *model_create(int64_t now_ms)
{
    struct model *model = memory_zalloc(sizeof(*model));
    model->time_ms = now_ms;
    expiry_init(&model->expiry, now_ms);
    return model;
}

static void model_destroy(struct model *model)
{
    expiry_deinit(&model->expiry);
    assert_int_equal(expiry_memory_bytes(&model->expiry), 0);
    memory_free(model);
}

static int64_t fire(void *context, uint64_t hash, uint32_t database)
{
    struct model *model = context;
    uint32_t key = (uint32_t)(hash >> (32 + EXPIRY_DATABASE_BITS));
    assert_true(key < KEY_COUNT);
    assert_int_equal(hash, hash_of(key));
    assert_int_equal(database, key % 64);
    model->fires++;
    int64_t deadline_ms = model->deadlines[key];
    if (deadline_ms == ENTRY_NO_DEADLINE) return ENTRY_NO_DEADLINE;
    if (deadline_ms > model->now_ms) return deadline_ms;
    model->deadlines[key] = ENTRY_NO_DEADLINE;
    model->deaths++;
    return ENTRY_NO_DEADLINE;
}

static unsigned advance(struct model *model, int64_t now_ms, unsigned item_max)
{
    model->now_ms = now_ms;
    if (now_ms > model->time_ms) model->time_ms = now_ms;
    return expiry_advance(&model->expiry, now_ms, item_max, fire, model);
}

/* As a store does it: only an earlier deadline is filed. */
static void set_deadline(struct model *model, uint32_t key, int64_t deadline_ms)
{
    int64_t before_ms = model->deadlines[key];
    model->deadlines[key] = deadline_ms;
    if (before_ms != ENTRY_NO_DEADLINE && deadline_ms >= before_ms) return;
    expiry_add(&model->expiry, hash_of(key), key, deadline_ms);
}

static int64_t earliest(const struct model *model)
{
    int64_t earliest_ms = INT64_MAX;
    for (uint32_t key = 0; key < KEY_COUNT; key++) {
        int64_t deadline_ms = model->deadlines[key];
        if (deadline_ms != ENTRY_NO_DEADLINE && deadline_ms < earliest_ms)
            earliest_ms = deadline_ms;
    }
    return earliest_ms;
}

/* Short and long ones alike, below 2^bits_max. */
static int64_t some_span(struct random *random, unsigned bits_max)
{
    uint64_t bits = 1 + random_below(random, bits_max);
    return (int64_t)(random_next(random) >> (64 - bits));
}

static void random_change(struct model *model, struct random *random, unsigned bits_max)
{
    uint32_t key = (uint32_t)random_below(random, KEY_COUNT);
    switch (random_below(random, 8)) {
    case 0: model->deadlines[key] = ENTRY_NO_DEADLINE; break;
    case 1: set_deadline(model, key, model->time_ms + 1 + some_span(random, 8)); break;
    default: {
        int64_t deadline_ms = model->time_ms + 1 + some_span(random, bits_max);
        set_deadline(model, key,
                     deadline_ms <= ENTRY_DEADLINE_MAX ? deadline_ms : ENTRY_DEADLINE_MAX);
    }
    }
}

static void run_model(int64_t start_ms, unsigned deadline_bits, unsigned step_bits,
                      const char *name)
{
    struct random random;
    seed_random(&random, name);
    struct model *model = model_create(start_ms);
    for (unsigned step = 0; step < 3000 * SEED_STEPS_SCALE; step++) {
        for (unsigned i = 0; i < 5; i++) random_change(model, &random, deadline_bits);
        int64_t now_ms = model->time_ms + some_span(&random, step_bits);
        if (random_below(&random, 10) == 0) now_ms = model->time_ms - some_span(&random, 20);
        if (now_ms < 0) now_ms = 0;
        assert_true(expiry_next_ms(&model->expiry) <= earliest(model) ||
                    earliest(model) <= model->expiry.now_ms);
        unsigned item_max = 1 + (unsigned)random_below(&random, 50);
        while (advance(model, now_ms, item_max) == item_max) continue;
        /* Nobody lives past the time, nobody dies before it. */
        if (now_ms == model->time_ms) assert_true(earliest(model) > now_ms);
        assert_true(expiry_next_ms(&model->expiry) <= earliest(model));
    }
    advance(model, ENTRY_DEADLINE_MAX, UINT32_MAX);
    assert_int_equal(earliest(model), INT64_MAX);
    assert_int_equal(model->expiry.item_count, 0);
    assert_int_equal(expiry_next_ms(&model->expiry), INT64_MAX);
    print_message("# %llu fires, %llu deaths\n", (unsigned long long)model->fires,
                  (unsigned long long)model->deaths);
    model_destroy(model);
}

TEST(agrees_with_a_model_over_milliseconds)
{
    run_model(1767225600000, 14, 6, __func__);
}

TEST(agrees_with_a_model_over_hours)
{
    run_model(1767225600123, 30, 22, __func__);
}

TEST(agrees_with_a_model_over_years)
{
    run_model(1767225600123, 47, 36, __func__);
}

TEST(agrees_with_a_model_from_the_beginning_of_time)
{
    run_model(0, 45, 30, __func__);
}

TEST(keys_die_within_their_millisecond)
{
    struct model *model = model_create(1000);
    const int64_t spans[] = {1, 2, 255, 256, 257, 16383, 16384, 16385, 1048576, 1048577, 70000000};
    for (uint32_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        set_deadline(model, i, 1000 + spans[i]);
    }
    for (uint32_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        advance(model, 1000 + spans[i] - 1, UINT32_MAX);
        assert_int_equal(model->deadlines[i], 1000 + spans[i]);
        advance(model, 1000 + spans[i], UINT32_MAX);
        assert_int_equal(model->deadlines[i], ENTRY_NO_DEADLINE);
    }
    model_destroy(model);
}

TEST(past_deadline_fires_with_the_next_advance)
{
    struct model *model = model_create(5000);
    set_deadline(model, 3, 10);
    assert_int_equal(expiry_next_ms(&model->expiry), 5000);
    assert_int_equal(advance(model, 5000, 10), 1);
    assert_int_equal(model->deaths, 1);
    model_destroy(model);
}

TEST(jump_of_years_works_in_slices)
{
    struct model *model = model_create(1767225600000);
    struct random random;
    seed_random(&random, __func__);
    for (uint32_t key = 0; key < KEY_COUNT; key++) {
        set_deadline(model, key, model->time_ms + 1 + some_span(&random, 38));
    }
    int64_t later_ms = model->time_ms + 40ll * 365 * 24 * 3600 * 1000;
    unsigned calls = 1;
    while (advance(model, later_ms, 64) == 64) calls++;
    assert_int_equal(model->deaths, KEY_COUNT);
    /* Nothing was fired that often that slicing would not pay. */
    assert_true(model->fires <= KEY_COUNT * EXPIRY_LEVELS);
    assert_true(calls >= KEY_COUNT / 64);
    assert_int_equal(model->expiry.now_ms, later_ms);
    model_destroy(model);
}

TEST(clock_that_steps_back_changes_nothing)
{
    struct model *model = model_create(100 * 1000);
    set_deadline(model, 1, 100 * 1000 + 50);
    assert_int_equal(advance(model, 40 * 1000, 10), 0);
    assert_int_equal(model->expiry.now_ms, 100 * 1000);
    set_deadline(model, 2, 60 * 1000); /* a deadline of the clock as it is now */
    assert_int_equal(advance(model, 60 * 1000, 10), 0);
    assert_int_equal(advance(model, 100 * 1000 + 50, 10), 2);
    assert_int_equal(model->deaths, 2);
    model_destroy(model);
}

TEST(later_deadline_needs_no_new_item)
{
    struct model *model = model_create(1000);
    set_deadline(model, 1, 2000);
    for (int64_t i = 1; i < 100; i++) set_deadline(model, 1, 2000 + i * 1000);
    assert_int_equal(model->expiry.item_count, 1);
    advance(model, 50 * 1000, 100);
    assert_int_equal(model->deadlines[1], 101 * 1000);
    advance(model, 101 * 1000, 100);
    assert_int_equal(model->deadlines[1], ENTRY_NO_DEADLINE);
    model_destroy(model);
}

TEST(empty_wheel_jumps_for_free)
{
    struct model *model = model_create(0);
    assert_int_equal(expiry_next_ms(&model->expiry), INT64_MAX);
    assert_int_equal(advance(model, ENTRY_DEADLINE_MAX, 1), 0);
    assert_int_equal(model->expiry.now_ms, ENTRY_DEADLINE_MAX);
    assert_int_equal(expiry_memory_bytes(&model->expiry), 0);
    model_destroy(model);
}

RUN_TESTS(CHECK(agrees_with_a_model_over_milliseconds), CHECK(agrees_with_a_model_over_hours),
          CHECK(agrees_with_a_model_over_years),
          CHECK(agrees_with_a_model_from_the_beginning_of_time),
          CHECK(keys_die_within_their_millisecond),
          CHECK(past_deadline_fires_with_the_next_advance), CHECK(jump_of_years_works_in_slices),
          CHECK(clock_that_steps_back_changes_nothing), CHECK(later_deadline_needs_no_new_item),
          CHECK(empty_wheel_jumps_for_free))
