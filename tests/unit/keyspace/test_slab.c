#include "keyspace/slab.h"

#include "base/memory.h"
#include "keyspace/slab_arenas.h"
#include "tests/support/check.h"
#include "tests/support/seed.h"

struct object {
    unsigned char *memory;
    size_t size;
    unsigned char fill;
};

/* Random allocations of a few slabs in one pool, each full of its own byte. */
enum { SLAB_COUNT = 3, OBJECT_COUNT = 4000 };

struct model {
    struct slab_arenas *arenas;
    struct slab slabs[SLAB_COUNT];
    struct object objects[SLAB_COUNT][OBJECT_COUNT];
    size_t object_bytes[SLAB_COUNT];
    size_t heap_bytes[SLAB_COUNT];
};

static struct model *model_create(void)
{
    struct model *model = memory_zalloc(sizeof(*model));
    model->arenas = slab_arenas_create();
    for (unsigned i = 0; i < SLAB_COUNT; i++) slab_init(&model->slabs[i], model->arenas);
    return model;
}

static void model_destroy(struct model *model)
{
    for (unsigned i = 0; i < SLAB_COUNT; i++) slab_deinit(&model->slabs[i]);
    slab_arenas_destroy(model->arenas);
    memory_free(model);
}

static void count_bytes(struct model *model, unsigned slab, size_t size, bool is_new)
{
    size_t *bytes = size > SLAB_OBJECT_MAX ? &model->heap_bytes[slab] : &model->object_bytes[slab];
    size_t change = slab_class_bytes(size);
    *bytes = is_new ? *bytes + change : *bytes - change;
}

static void allocate(struct model *model, unsigned slab, unsigned at, size_t size,
                     unsigned char fill)
{
    unsigned char *memory = slab_allocate(&model->slabs[slab], size);
    assert_int_equal((uintptr_t)memory % 8, 0);
    assert_int_equal((uintptr_t)memory >> 48, 0);
    memset(memory, fill, slab_class_bytes(size));
    model->objects[slab][at] = (struct object){memory, size, fill};
    count_bytes(model, slab, size, true);
}

static void check_and_free(struct model *model, unsigned slab, unsigned at)
{
    struct object *object = &model->objects[slab][at];
    size_t class_bytes = slab_class_bytes(object->size);
    for (size_t i = 0; i < class_bytes; i++) assert_int_equal(object->memory[i], object->fill);
    slab_free(&model->slabs[slab], object->memory, object->size);
    count_bytes(model, slab, object->size, false);
    object->memory = NULL;
}

static size_t some_size(struct random *random)
{
    switch (random_below(random, 20)) {
    case 0: return 1 + random_below(random, 6000);
    case 1:
    case 2: return 1 + random_below(random, 600);
    default: return 20 + random_below(random, 100);
    }
}

static void check_sums(const struct model *model)
{
    size_t page_bytes = 0;
    for (unsigned i = 0; i < SLAB_COUNT; i++) {
        const struct slab *slab = &model->slabs[i];
        assert_int_equal(slab->object_bytes, model->object_bytes[i]);
        assert_int_equal(slab->heap_bytes, model->heap_bytes[i]);
        assert_true(slab->object_bytes <= slab->page_bytes);
        page_bytes += slab->page_bytes;
    }
    assert_true(page_bytes <= slab_arenas_bytes(model->arenas));
}

TEST(objects_never_overlap_and_all_bytes_come_back)
{
    struct random random;
    seed_random(&random, __func__);
    struct model *model = model_create();
    unsigned steps = 60 * 1000 * SEED_STEPS_SCALE;
    unsigned percent_full = 90;
    for (unsigned step = 0; step < steps; step++) {
        if (step % (steps / 10) == 0) percent_full = (unsigned)random_below(&random, 101);
        unsigned slab = (unsigned)random_below(&random, SLAB_COUNT);
        unsigned at = (unsigned)random_below(&random, OBJECT_COUNT);
        if (model->objects[slab][at].memory != NULL) check_and_free(model, slab, at);
        if (random_below(&random, 100) < percent_full) {
            allocate(model, slab, at, some_size(&random), (unsigned char)step);
        }
        if (step % 5000 == 0) check_sums(model);
    }
    for (unsigned slab = 0; slab < SLAB_COUNT; slab++) {
        for (unsigned at = 0; at < OBJECT_COUNT; at++) {
            if (model->objects[slab][at].memory != NULL) check_and_free(model, slab, at);
        }
        assert_int_equal(model->slabs[slab].page_bytes, 0);
        assert_int_equal(model->slabs[slab].object_bytes, 0);
        assert_int_equal(model->slabs[slab].heap_bytes, 0);
    }
    /* One whole arena may be kept for the next one who asks. */
    assert_true(slab_arenas_bytes(model->arenas) <= SLAB_ARENA_BYTES);
    model_destroy(model);
}

TEST(classes_rise_and_hold_their_sizes)
{
    unsigned count = slab_class_count();
    assert_true(count <= SLAB_CLASS_COUNT);
    assert_int_equal(slab_class_size(0), 16);
    assert_int_equal(slab_class_size(count - 1), SLAB_OBJECT_MAX);
    for (unsigned i = 1; i < count; i++) {
        size_t below = slab_class_size(i - 1);
        size_t size = slab_class_size(i);
        assert_true(size > below);
        assert_int_equal(size % 8, 0);
        if (size <= 256) assert_int_equal(size - below, 8);
        assert_true(size <= below + (below <= 256 ? 16 : below / 8));
        assert_int_equal(slab_class_bytes(below + 1), size);
        assert_int_equal(slab_class_bytes(size), size);
    }
    assert_int_equal(slab_class_bytes(1), 16);
    assert_int_equal(slab_class_bytes(SLAB_OBJECT_MAX + 1), 4096);
}

TEST(same_class_is_what_fits_in_place)
{
    assert_true(slab_same_class(81, 88));
    assert_false(slab_same_class(88, 89));
    assert_true(slab_same_class(1, 16));
    assert_false(slab_same_class(SLAB_OBJECT_MAX, SLAB_OBJECT_MAX + 1));
    assert_true(slab_same_class(70001, 70008));
    assert_false(slab_same_class(70001, 80000));
}

TEST(little_data_takes_little_memory)
{
    struct slab_arenas *arenas = slab_arenas_create();
    struct slab slab;
    slab_init(&slab, arenas);
    void *small = slab_allocate(&slab, 50);
    assert_int_equal(slab.page_bytes, 1024);
    void *middle = slab_allocate(&slab, 1000);
    assert_int_equal(slab.page_bytes, 1024 + 4096);
    void *large = slab_allocate(&slab, 4080);
    assert_int_equal(slab.page_bytes, 1024 + 4096 + 16 * 1024);
    slab_free(&slab, small, 50);
    slab_free(&slab, middle, 1000);
    slab_free(&slab, large, 4080);
    assert_int_equal(slab.page_bytes, 0);
    slab_deinit(&slab);
    slab_arenas_destroy(arenas);
}

TEST(much_data_wastes_less_than_two_percent)
{
    struct slab_arenas *arenas = slab_arenas_create();
    struct slab slab;
    slab_init(&slab, arenas);
    for (size_t size = 24; size <= 248; size += 32) {
        size_t pages_before = slab.page_bytes;
        size_t objects_before = slab.object_bytes;
        for (size_t i = 0; i < 4 * 1024 * 1024 / size; i++) slab_allocate(&slab, size);
        double waste = (double)(slab.page_bytes - pages_before) /
                       (double)(slab.object_bytes - objects_before);
        assert_true(waste < 1.02);
    }
    assert_true((double)slab_arenas_bytes(arenas) <
                (double)slab.page_bytes + 2.0 * SLAB_ARENA_BYTES);
    slab_deinit(&slab);
    slab_arenas_destroy(arenas);
}

TEST(deinit_gives_back_what_is_still_in_use)
{
    struct slab_arenas *arenas = slab_arenas_create();
    struct slab slab;
    slab_init(&slab, arenas);
    for (size_t size = 1; size <= SLAB_OBJECT_MAX; size += 13) {
        for (int i = 0; i < 20; i++) slab_allocate(&slab, size);
    }
    slab_deinit(&slab);
    assert_int_equal(slab.page_bytes, 0);
    assert_true(slab_arenas_bytes(arenas) <= SLAB_ARENA_BYTES);
    slab_arenas_destroy(arenas);
}

TEST(pages_of_an_arena_do_not_overlap)
{
    /* All blocks of one arena in pages of all orders: the first page of a block and the one behind
     * the arena's header included. */
    struct slab_arenas *arenas = slab_arenas_create();
    enum { PAGE_COUNT = 300 };
    void *pages[PAGE_COUNT];
    size_t sizes[PAGE_COUNT];
    for (unsigned i = 0; i < PAGE_COUNT; i++) {
        enum slab_order order = i % SLAB_ORDER_COUNT;
        pages[i] = slab_arenas_acquire(arenas, order, &sizes[i]);
        assert_true(sizes[i] <= slab_order_bytes(order));
        assert_true(sizes[i] >= slab_order_bytes(order) - 128);
        memset(pages[i], (int)i, sizes[i]);
    }
    for (unsigned i = 0; i < PAGE_COUNT; i++) {
        const unsigned char *bytes = pages[i];
        for (size_t at = 0; at < sizes[i]; at++) assert_int_equal(bytes[at], i % 256);
        assert_ptr_equal(slab_arenas_page_of(bytes + sizes[i] - 8), pages[i]);
        assert_ptr_equal(slab_arenas_page_of(bytes), pages[i]);
    }
    for (unsigned i = 0; i < PAGE_COUNT; i++) slab_arenas_release(arenas, pages[i]);
    slab_arenas_destroy(arenas);
}

static void free_with_wrong_size(void *context)
{
    (void)context;
    struct slab slab;
    slab_init(&slab, slab_arenas_create());
    slab_free(&slab, slab_allocate(&slab, 100), 200);
}

TEST(wrong_size_is_refused)
{
    assert_aborts(free_with_wrong_size, NULL);
}

RUN_TESTS(CHECK(objects_never_overlap_and_all_bytes_come_back),
          CHECK(classes_rise_and_hold_their_sizes), CHECK(same_class_is_what_fits_in_place),
          CHECK(little_data_takes_little_memory), CHECK(much_data_wastes_less_than_two_percent),
          CHECK(deinit_gives_back_what_is_still_in_use), CHECK(pages_of_an_arena_do_not_overlap),
          CHECK(wrong_size_is_refused))
