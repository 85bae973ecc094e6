#include "keyspace/table.h"

#include "base/memory.h"
#include "tests/support/check.h"
#include "tests/support/seed.h"

enum { ID_COUNT = 100 * 1000 };

struct item {
    uint64_t hash;
    uint32_t id;
};

/* What the table should hold, by id. */
struct model {
    struct table table;
    struct item *items[ID_COUNT];
    uint64_t (*hash_of_id)(const struct table *table, uint32_t id);
    uint64_t count;
    uint64_t since[ID_COUNT]; /* step of the insert */
    uint8_t seen[ID_COUNT];   /* how often the running scan gave it */
    size_t allocated_bytes;
};

static uint64_t hash_of_item(const void *context, const void *item)
{
    (void)context;
    return ((const struct item *)item)->hash;
}

static void *allocate(void *context, size_t size)
{
    struct model *model = context;
    model->allocated_bytes += size;
    return memset(memory_alloc_aligned(CACHE_LINE_BYTES, size), 0, size);
}

static void release(void *context, void *memory, size_t size)
{
    struct model *model = context;
    model->allocated_bytes -= size;
    memset(memory, 0xdb, size);
    memory_free(memory);
}

static const struct table_type type = {hash_of_item, allocate, release};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static uint64_t with_prefix(const struct table *table, uint64_t hash)
{
    return table->shift == 0 ? hash : table->prefix | hash >> table->shift;
}

static uint64_t even_hash(const struct table *table, uint32_t id)
{
    return with_prefix(table, mix(id + 1));
}

static uint64_t equal_hash(const struct table *table, uint32_t id)
{
    (void)id;
    return with_prefix(table, UINT64_MAX);
}

/* A few values, at the ends and in the middle, each very often. */
static uint64_t crowded_hash(const struct table *table, uint32_t id)
{
    static const uint64_t places[] = {0,         1, 1ull << 63, (1ull << 63) + 1, UINT64_MAX - 1,
                                      UINT64_MAX};
    return with_prefix(table, places[id % 6]);
}

/* All tags alike, places even. */
static uint64_t one_tag_hash(const struct table *table, uint32_t id)
{
    return with_prefix(table, mix(id + 1)) & ~(uint64_t)0xff;
}

static struct model *model_create(unsigned shift, uint64_t prefix,
                                  uint64_t (*hash_of_id)(const struct table *table, uint32_t id))
{
    struct model *model = memory_zalloc(sizeof(*model));
    model->hash_of_id = hash_of_id;
    table_init(&model->table, &type, model, shift, prefix);
    return model;
}

static void model_destroy(struct model *model)
{
    table_deinit(&model->table);
    assert_int_equal(model->allocated_bytes, 0);
    for (uint32_t id = 0; id < ID_COUNT; id++) memory_free(model->items[id]);
    memory_free(model);
}

static bool has_id(const void *item, const void *key)
{
    return ((const struct item *)item)->id == *(const uint32_t *)key;
}

static struct item *find(struct model *model, uint32_t id, struct table_slot *out_slot)
{
    uint64_t hash = model->hash_of_id(&model->table, id);
    return table_find(&model->table, hash, has_id, &id, out_slot);
}

static void insert(struct model *model, uint32_t id, uint64_t step)
{
    struct item *item = memory_alloc(sizeof(*item));
    *item = (struct item){model->hash_of_id(&model->table, id), id};
    model->items[id] = item;
    model->since[id] = step;
    model->count++;
    table_insert(&model->table, item->hash, item);
}

static void remove_id(struct model *model, uint32_t id, struct table_slot slot)
{
    table_remove(&model->table, model->items[id]->hash, slot);
    memory_free(model->items[id]);
    model->items[id] = NULL;
    model->count--;
}

/* Puts an absent id in, takes a present one out; the table agrees with the model before. */
static void toggle(struct model *model, uint32_t id, uint64_t step)
{
    struct table_slot slot;
    assert_ptr_equal(find(model, id, &slot), model->items[id]);
    if (model->items[id] != NULL) {
        remove_id(model, id, slot);
    } else {
        insert(model, id, step);
    }
    assert_int_equal(model->table.count, model->count);
}

/* Every item of the array stands behind its home, on a path of counters that know of it. */
static uint64_t check_array(const struct table *table, const struct table_array *array, bool is_old)
{
    if (array->buckets == NULL) return 0;
    uint64_t total = array->home_count + array->tail_count;
    uint32_t *passed = memory_zalloc(total * sizeof(*passed));
    uint64_t count = 0;
    for (uint64_t i = 0; i < total; i++) {
        for (unsigned j = 0; j < TABLE_BUCKET_ITEMS; j++) {
            if (array->buckets[i].tags[j] == 0) continue;
            struct item *item = table_word_item(table_word(&array->buckets[i], j));
            assert_int_equal(array->buckets[i].tags[j], table_tag(item->hash));
            uint64_t home = table_home(table, array, item->hash);
            assert_true(home <= i);
            if (is_old) assert_true(home >= table->frontier);
            for (uint64_t k = home; k < i; k++) passed[k]++;
            count++;
        }
    }
    for (uint64_t i = 0; i < total; i++) {
        uint8_t overflow = array->buckets[i].overflow;
        if (overflow != 255) assert_int_equal(overflow, passed[i]);
    }
    assert_int_equal(array->buckets[total - 1].overflow, 0);
    memory_free(passed);
    return count;
}

static void check_sound(const struct model *model)
{
    const struct table *table = &model->table;
    uint64_t count = check_array(table, &table->current, false);
    count += check_array(table, &table->old, true);
    assert_int_equal(count, model->count);
    assert_int_equal(table_memory_bytes(table), model->allocated_bytes);
}

struct scan {
    struct model *model;
    uint64_t first;
    uint64_t given;
};

static bool note_seen(void *context, void *item, uint64_t hash)
{
    struct scan *scan = context;
    const struct item *one = item;
    assert_int_equal(one->hash, hash);
    assert_true(hash >= scan->first);
    scan->model->seen[one->id]++;
    scan->given++;
    return scan->given % 13 != 0;
}

/* One call; at the end, whoever was there all the time has been seen once. */
static uint64_t scan_some(struct model *model, uint64_t position, uint64_t started,
                          unsigned buckets)
{
    if (position == 0) memset(model->seen, 0, sizeof(model->seen));
    struct scan scan = {.model = model, .first = position};
    uint64_t next = table_scan(&model->table, position, buckets, note_seen, &scan);
    if (next != 0) {
        assert_true(next > position);
        return next;
    }
    for (uint32_t id = 0; id < ID_COUNT; id++) {
        if (model->items[id] == NULL) continue;
        if (model->since[id] <= started) assert_int_equal(model->seen[id], 1);
    }
    return 0;
}

struct run {
    unsigned shift;
    uint64_t prefix;
    uint32_t id_count;
    uint64_t steps;
    uint64_t (*hash_of_id)(const struct table *table, uint32_t id);
};

/* Random inserts and removes around a changing target, with a scan going on all the time. Ids that
 * were seen and come again are new elements to the scan, so they count from their insert on. */
static void run_model(const struct run *run, const char *name)
{
    struct random random;
    seed_random(&random, name);
    struct model *model = model_create(run->shift, run->prefix, run->hash_of_id);
    uint64_t position = 0;
    uint64_t started = 0;
    uint64_t target = run->id_count / 2;
    uint64_t rehashes = 0;
    uint64_t scans = 0;
    bool was_rehashing = false;
    for (uint64_t step = 1; step <= run->steps; step++) {
        if (step % (run->steps / 12) == 0) target = random_below(&random, run->id_count);
        uint32_t id = (uint32_t)random_below(&random, run->id_count);
        bool wants_more = model->count < target ? random_below(&random, 8) != 0
                                                : random_below(&random, 8) == 0;
        if ((model->items[id] == NULL) == wants_more) {
            toggle(model, id, step);
        } else {
            assert_ptr_equal(find(model, id, NULL), model->items[id]);
        }
        if (random_below(&random, 4) == 0) {
            if (position == 0) started = step;
            position = scan_some(model, position, started, (unsigned)random_below(&random, 4));
            scans += position == 0;
        }
        bool is_rehashing = model->table.old.buckets != NULL;
        rehashes += is_rehashing && !was_rehashing;
        was_rehashing = is_rehashing;
        if (step % (run->steps / 20) == 0) check_sound(model);
    }
    print_message("# %s: %llu rehashes, %llu scans\n", name, (unsigned long long)rehashes,
                  (unsigned long long)scans);
    assert_true(rehashes > 0);
    model_destroy(model);
}

TEST(agrees_with_a_model_while_it_grows_shrinks_and_is_scanned)
{
    const struct run run = {0, 0, ID_COUNT, 300 * 1000ull * SEED_STEPS_SCALE, even_hash};
    run_model(&run, __func__);
}

TEST(agrees_with_a_model_when_it_is_small)
{
    const struct run run = {0, 0, 300, 200 * 1000ull * SEED_STEPS_SCALE, even_hash};
    run_model(&run, __func__);
}

TEST(agrees_with_a_model_below_a_prefix)
{
    const struct run run = {11, 0x5a6ull << 53, 40 * 1000, 150 * 1000ull * SEED_STEPS_SCALE,
                            even_hash};
    run_model(&run, __func__);
}

TEST(agrees_with_a_model_when_all_tags_are_alike)
{
    const struct run run = {0, 0, 5000, 40 * 1000ull * SEED_STEPS_SCALE, one_tag_hash};
    run_model(&run, __func__);
}

TEST(agrees_with_a_model_when_all_hashes_are_equal)
{
    const struct run run = {6, 63ull << 58, 2000, 8 * 1000ull * SEED_STEPS_SCALE, equal_hash};
    run_model(&run, __func__);
}

TEST(agrees_with_a_model_when_hashes_crowd_in_places)
{
    const struct run run = {0, 0, 6000, 8 * 1000ull * SEED_STEPS_SCALE, crowded_hash};
    run_model(&run, __func__);
}

TEST(equal_hashes_do_not_blow_up_memory)
{
    struct model *model = model_create(0, 0, equal_hash);
    enum { COUNT = 5000 };
    for (uint32_t id = 0; id < COUNT; id++) insert(model, id, 0);
    check_sound(model);
    assert_true(model->allocated_bytes < COUNT * 64);
    for (uint32_t id = 0; id < COUNT; id++)
        assert_ptr_equal(find(model, id, NULL), model->items[id]);
    model_destroy(model);
}

TEST(saturated_counters_lose_nothing)
{
    /* More than 255 items pass over the first buckets, then go again. */
    struct model *model = model_create(0, 0, crowded_hash);
    for (uint32_t id = 0; id < 3000; id++) insert(model, id, 0);
    for (uint32_t id = 0; id < 3000; id++) {
        if (id % 10 != 0) toggle(model, id, 1);
    }
    check_sound(model);
    for (uint32_t id = 0; id < 3000; id++)
        assert_ptr_equal(find(model, id, NULL), model->items[id]);
    assert_int_equal(scan_some(model, 0, 0, UINT32_MAX) != 0, true);
    model_destroy(model);
}

TEST(empty_table_finds_nothing_and_holds_no_memory)
{
    struct model *model = model_create(0, 0, even_hash);
    assert_null(find(model, 1, NULL));
    assert_null(table_random_item(&model->table, 7));
    assert_int_equal(table_memory_bytes(&model->table), 0);
    assert_int_equal(scan_some(model, 0, 0, 1), 0);
    assert_false(table_rehash_step(&model->table, 1));
    model_destroy(model);
}

TEST(load_stays_within_its_bounds)
{
    struct model *model = model_create(0, 0, even_hash);
    double bytes_per_item = 0;
    uint64_t samples = 0;
    for (uint32_t id = 0; id < ID_COUNT; id++) {
        insert(model, id, 0);
        if (id < 5000) continue;
        bytes_per_item += (double)table_memory_bytes(&model->table) / (double)model->count;
        samples++;
        if (model->table.old.buckets == NULL) {
            double slots = (double)model->table.current.home_count * TABLE_BUCKET_ITEMS;
            assert_true((double)model->count <= slots * 0.82 + 1);
            assert_true((double)model->count >= slots * 0.55);
        }
    }
    print_message("# index bytes an item on average: %.2f\n", bytes_per_item / (double)samples);
    assert_true(bytes_per_item / (double)samples < 12.5);

    for (uint32_t id = 0; id < ID_COUNT - 10; id++) toggle(model, id, 1);
    while (table_rehash_step(&model->table, 1000)) continue;
    assert_true(table_memory_bytes(&model->table) < 16 * 1024);
    model_destroy(model);
}

TEST(reserve_avoids_rehashes)
{
    struct model *model = model_create(0, 0, even_hash);
    table_reserve(&model->table, ID_COUNT);
    size_t bytes = model->allocated_bytes;
    for (uint32_t id = 0; id < ID_COUNT; id++) insert(model, id, 0);
    assert_int_equal(model->allocated_bytes, bytes);
    assert_null(model->table.old.buckets);
    check_sound(model);
    model_destroy(model);
}

TEST(reserve_keeps_what_is_there)
{
    struct model *model = model_create(0, 0, even_hash);
    for (uint32_t id = 0; id < 1000; id++) insert(model, id, 0);
    table_reserve(&model->table, 50 * 1000);
    for (uint32_t id = 1000; id < 1100; id++) insert(model, id, 0);
    check_sound(model);
    for (uint32_t id = 0; id < 1100; id++)
        assert_ptr_equal(find(model, id, NULL), model->items[id]);
    model_destroy(model);
}

TEST(marks_stay_with_their_item)
{
    struct model *model = model_create(0, 0, even_hash);
    for (uint32_t id = 0; id < 2000; id++) {
        insert(model, id, 0);
        struct table_slot slot;
        assert_non_null(find(model, id, &slot));
        assert_int_equal(table_slot_marks(slot), 0);
        table_slot_set_marks(slot, id % 8);
    }
    for (uint32_t id = 0; id < 2000; id++) {
        struct table_slot slot;
        assert_non_null(find(model, id, &slot));
        assert_int_equal(table_slot_marks(slot), id % 8);
        struct item *other = memory_alloc(sizeof(*other));
        *other = *model->items[id];
        table_slot_replace(slot, other);
        memory_free(model->items[id]);
        model->items[id] = other;
        assert_int_equal(table_slot_marks(slot), id % 8);
        assert_ptr_equal(table_slot_item(slot), other);
    }
    model_destroy(model);
}

TEST(random_items_are_spread_evenly)
{
    struct random random;
    seed_random(&random, __func__);
    struct model *model = model_create(0, 0, even_hash);
    enum { COUNT = 500, DRAWS = 100 * 1000 };
    for (uint32_t id = 0; id < COUNT; id++) insert(model, id, 0);
    uint32_t draws[COUNT] = {0};
    for (int i = 0; i < DRAWS; i++) {
        struct item *item = table_random_item(&model->table, random_next(&random));
        draws[item->id]++;
    }
    for (uint32_t id = 0; id < COUNT; id++) {
        assert_true(draws[id] > DRAWS / COUNT / 2);
        assert_true(draws[id] < DRAWS / COUNT * 2);
    }
    model_destroy(model);
}

TEST(random_item_is_found_in_a_nearly_empty_table)
{
    struct model *model = model_create(0, 0, even_hash);
    table_reserve(&model->table, 50 * 1000);
    insert(model, 17, 0);
    for (uint64_t i = 0; i < 100; i++) {
        struct item *item = table_random_item(&model->table, mix(i));
        assert_int_equal(item->id, 17);
    }
    model_destroy(model);
}

static void count_drained(void *context, void *item)
{
    uint8_t *seen = context;
    seen[((struct item *)item)->id]++;
}

TEST(draining_gives_each_item_once)
{
    struct model *model = model_create(0, 0, even_hash);
    uint32_t count = 0;
    /* In the middle of a rehash. */
    while (count < 1000 || model->table.frontier == 0) insert(model, count++, 0);
    struct table moved;
    table_move(&model->table, &moved);
    assert_int_equal(model->table.count, 0);
    assert_null(find(model, 1, NULL));

    uint64_t cursor = 0;
    unsigned calls = 1;
    while (!table_drain(&moved, &cursor, 7, count_drained, model->seen)) calls++;
    assert_true(calls > 10);
    for (uint32_t id = 0; id < ID_COUNT; id++) assert_int_equal(model->seen[id], id < count);
    table_deinit(&moved);
    model_destroy(model);
}

struct between {
    uint64_t first;
    uint64_t last;
    uint32_t count;
};

static bool check_between(void *context, void *item, uint64_t hash)
{
    (void)item;
    struct between *between = context;
    assert_true(hash >= between->first);
    assert_true(hash <= between->last);
    between->count++;
    return false;
}

TEST(each_between_gives_exactly_the_range)
{
    struct random random;
    seed_random(&random, __func__);
    struct model *model = model_create(6, 9ull << 58, even_hash);
    uint32_t id_count = 0;
    while (id_count < 3000 || model->table.frontier == 0) insert(model, id_count++, 0);
    for (int i = 0; i < 200; i++) {
        uint64_t a = with_prefix(&model->table, random_next(&random));
        uint64_t b = with_prefix(&model->table, random_next(&random));
        if (i == 0) a = 0;
        if (i == 1) b = UINT64_MAX;
        struct between between = {a < b ? a : b, a < b ? b : a, 0};
        table_each_between(&model->table, between.first, between.last, check_between, &between);
        uint32_t expected = 0;
        for (uint32_t id = 0; id < id_count; id++) {
            uint64_t hash = model->items[id]->hash;
            expected += hash >= between.first && hash <= between.last;
        }
        assert_int_equal(between.count, expected);
    }
    model_destroy(model);
}

TEST(walk_stops_at_whole_granules)
{
    struct model *model = model_create(6, 3ull << 58, even_hash);
    for (uint32_t id = 0; id < 20 * 1000; id++) insert(model, id, 0);
    memset(model->seen, 0, sizeof(model->seen));
    struct scan scan = {.model = model};
    uint64_t position = 0;
    do {
        struct table_walk walk = {note_seen, &scan, 30, 1, false};
        scan.first = position;
        position = table_walk(&model->table, position, &walk);
        assert_int_equal(position % (1u << 30), 0);
        assert_int_equal(walk.bucket_max, 0);
    } while (position != 0);
    for (uint32_t id = 0; id < 20 * 1000; id++) assert_int_equal(model->seen[id], 1);
    model_destroy(model);
}

static void remove_foreign_slot(void *context)
{
    (void)context;
    struct model *model = model_create(6, 1ull << 58, even_hash);
    struct item item = {2ull << 58, 1};
    struct table_slot slot = {(struct table_bucket *)(uintptr_t)64, 0};
    table_remove(&model->table, item.hash, slot);
}

TEST(foreign_slots_are_refused)
{
    assert_aborts(remove_foreign_slot, NULL);
}

TEST(prefetching_reads_any_state_of_the_table)
{
    struct model *model = model_create(0, 0, even_hash);
    for (uint32_t id = 0; id < 3000; id++) {
        uint64_t hash = even_hash(&model->table, id);
        table_prefetch_bucket(&model->table, hash);
        table_prefetch_item(&model->table, hash);
        insert(model, id, 0);
        table_prefetch_item(&model->table, hash);
    }
    model_destroy(model);
}

RUN_TESTS(CHECK(agrees_with_a_model_while_it_grows_shrinks_and_is_scanned),
          CHECK(agrees_with_a_model_when_it_is_small), CHECK(agrees_with_a_model_below_a_prefix),
          CHECK(agrees_with_a_model_when_all_tags_are_alike),
          CHECK(agrees_with_a_model_when_all_hashes_are_equal),
          CHECK(agrees_with_a_model_when_hashes_crowd_in_places),
          CHECK(equal_hashes_do_not_blow_up_memory), CHECK(saturated_counters_lose_nothing),
          CHECK(empty_table_finds_nothing_and_holds_no_memory), CHECK(load_stays_within_its_bounds),
          CHECK(reserve_avoids_rehashes), CHECK(reserve_keeps_what_is_there),
          CHECK(marks_stay_with_their_item), CHECK(random_items_are_spread_evenly),
          CHECK(random_item_is_found_in_a_nearly_empty_table), CHECK(draining_gives_each_item_once),
          CHECK(each_between_gives_exactly_the_range), CHECK(walk_stops_at_whole_granules),
          CHECK(foreign_slots_are_refused), CHECK(prefetching_reads_any_state_of_the_table))
