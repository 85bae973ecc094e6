#include "value/blob.h"

#include <pthread.h>

#include "tests/support/check.h"

static struct blob *blob_of_text(const char *text)
{
    struct blob *blob = blob_create(strlen(text), strlen(text));
    memcpy(blob->data, text, blob->size);
    return blob;
}

TEST(only_holder_changes_in_place)
{
    struct blob *blob = blob_of_text("hello");
    struct blob *own = blob_own(blob, 5);
    assert_ptr_equal(own, blob);
    own->data[0] = 'j';
    assert_bytes_text(blob_bytes(own), "jello");
    blob_release(own);
}

TEST(second_holder_keeps_what_it_saw)
{
    struct blob *blob = blob_of_text("hello");
    struct blob *held = blob_acquire(blob);
    struct blob *own = blob_own(blob, 8);
    assert_ptr_not_equal(own, held);
    assert_true(own->capacity >= 8);
    own->data[0] = 'j';
    assert_bytes_text(blob_bytes(held), "hello");
    assert_bytes_text(blob_bytes(own), "jello");
    /* The reference was consumed: held is alone again. */
    assert_ptr_equal(blob_own(held, 5), held);
    blob_release(held);
    blob_release(own);
}

TEST(appends_are_amortised)
{
    struct blob *blob = blob_create(0, 0);
    unsigned growths = 0;
    for (unsigned i = 0; i < 100 * 1000; i++) {
        size_t capacity = blob->capacity;
        blob = blob_own(blob, blob->size + 1);
        growths += blob->capacity != capacity;
        blob->data[blob->size++] = (char)i;
    }
    assert_true(growths < 60);
    assert_true(blob->capacity <= blob->size * 3 / 2 + 16);
    for (unsigned i = 0; i < blob->size; i++) assert_int_equal(blob->data[i], (char)i);
    assert_true(blob_memory_bytes(blob) >= blob->capacity);
    blob_release(blob);
}

TEST(releasing_nothing_is_fine)
{
    blob_release(NULL);
}

enum { READERS = 3, ROUNDS = 2000 };

/* The holder of the key, as under its shard lock. */
struct shared {
    pthread_mutex_t mutex;
    struct blob *blob;
};

/* All bytes of one version are alike. */
static void *read_versions(void *context)
{
    struct shared *shared = context;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&shared->mutex);
        struct blob *blob = blob_acquire(shared->blob);
        pthread_mutex_unlock(&shared->mutex);
        for (size_t i = 1; i < blob->size; i++) assert_int_equal(blob->data[i], blob->data[0]);
        blob_release(blob);
    }
    return NULL;
}

TEST(readers_in_other_threads_see_whole_versions)
{
    struct shared shared = {.blob = blob_create(100, 100)};
    memset(shared.blob->data, 0, 100);
    pthread_mutex_init(&shared.mutex, NULL);
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_versions, &shared), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&shared.mutex);
        shared.blob = blob_own(shared.blob, 100);
        memset(shared.blob->data, round, 100);
        pthread_mutex_unlock(&shared.mutex);
    }
    for (int i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&shared.mutex);
    blob_release(shared.blob);
}

static void release_twice(void *context)
{
    struct blob *blob = context;
    atomic_store(&blob->references, 0);
    blob_release(blob);
}

TEST(too_many_releases_are_refused)
{
    struct blob *blob = blob_of_text("x");
    assert_aborts(release_twice, blob);
    blob_release(blob);
}

RUN_TESTS(CHECK(only_holder_changes_in_place), CHECK(second_holder_keeps_what_it_saw),
          CHECK(appends_are_amortised), CHECK(releasing_nothing_is_fine),
          CHECK(readers_in_other_threads_see_whole_versions), CHECK(too_many_releases_are_refused))
