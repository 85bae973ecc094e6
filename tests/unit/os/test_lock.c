#include "os/lock.h"

#include "os/thread.h"
#include "tests/support/check.h"

enum { THREAD_COUNT = 4, STEP_COUNT = 20000 };

struct counter {
    struct lock lock;
    struct mutex mutex;
    int value;
};

static void count_under_lock(void *context)
{
    struct counter *counter = context;
    for (int i = 0; i < STEP_COUNT; i++) {
        lock_acquire(&counter->lock, LOCK_RANK_SHARD, 0);
        counter->value++;
        lock_release(&counter->lock);
    }
}

static void count_under_mutex(void *context)
{
    struct counter *counter = context;
    for (int i = 0; i < STEP_COUNT; i++) {
        mutex_acquire(&counter->mutex);
        counter->value++;
        mutex_release(&counter->mutex);
    }
}

static void run_in_threads(void (*run)(void *context), void *context)
{
    struct thread threads[THREAD_COUNT];
    for (int i = 0; i < THREAD_COUNT; i++) {
        assert_ok(thread_start(&threads[i], "counter", run, context));
    }
    for (int i = 0; i < THREAD_COUNT; i++) thread_join(&threads[i]);
}

TEST(lock_lets_one_thread_in_at_a_time)
{
    struct counter counter = {0};
    run_in_threads(count_under_lock, &counter);
    assert_int_equal(counter.value, THREAD_COUNT * STEP_COUNT);
}

TEST(mutex_lets_one_thread_in_at_a_time)
{
    struct counter counter = {0};
    mutex_init(&counter.mutex, LOCK_RANK_LOG);
    run_in_threads(count_under_mutex, &counter);
    assert_int_equal(counter.value, THREAD_COUNT * STEP_COUNT);
    mutex_deinit(&counter.mutex);
}

static void try_both(void *context)
{
    struct counter *counter = context;
    bool has_lock = lock_try_acquire(&counter->lock, LOCK_RANK_SHARD, 0);
    if (has_lock) lock_release(&counter->lock);
    bool has_mutex = mutex_try_acquire(&counter->mutex);
    if (has_mutex) mutex_release(&counter->mutex);
    counter->value = (int)has_lock + (int)has_mutex;
}

static int count_free(struct counter *counter)
{
    struct thread thread;
    assert_ok(thread_start(&thread, "try", try_both, counter));
    thread_join(&thread);
    return counter->value;
}

TEST(trying_does_not_wait)
{
    struct counter counter = {0};
    mutex_init(&counter.mutex, LOCK_RANK_LOG);
    assert_int_equal(count_free(&counter), 2);
    lock_acquire(&counter.lock, LOCK_RANK_SHARD, 0);
    mutex_acquire(&counter.mutex);
    assert_int_equal(count_free(&counter), 0);
    mutex_release(&counter.mutex);
    lock_release(&counter.lock);
    assert_int_equal(count_free(&counter), 2);
    mutex_deinit(&counter.mutex);
}

/* Ping-pong: each side waits for its turn. */
struct game {
    struct mutex mutex;
    struct condition changed;
    int turn;
};

static void answer(void *context)
{
    struct game *game = context;
    for (int turn = 1; turn < 200; turn += 2) {
        mutex_acquire(&game->mutex);
        while (game->turn != turn) condition_wait(&game->changed, &game->mutex);
        game->turn++;
        condition_signal(&game->changed);
        mutex_release(&game->mutex);
    }
}

TEST(signal_wakes_the_waiter)
{
    struct game game = {0};
    mutex_init(&game.mutex, LOCK_RANK_LOG);
    condition_init(&game.changed);
    struct thread thread;
    assert_ok(thread_start(&thread, "answer", answer, &game));
    for (int turn = 0; turn < 200; turn += 2) {
        mutex_acquire(&game.mutex);
        while (game.turn != turn) condition_wait(&game.changed, &game.mutex);
        game.turn++;
        condition_broadcast(&game.changed);
        mutex_release(&game.mutex);
    }
    thread_join(&thread);
    assert_int_equal(game.turn, 200);
    condition_deinit(&game.changed);
    mutex_deinit(&game.mutex);
}

TEST(waiting_ends_when_the_time_is_over)
{
    struct game game = {0};
    mutex_init(&game.mutex, LOCK_RANK_LOG);
    condition_init(&game.changed);
    mutex_acquire(&game.mutex);
    assert_false(condition_wait_for(&game.changed, &game.mutex, 1000000));
    assert_false(condition_wait_for(&game.changed, &game.mutex, 0));
    mutex_release(&game.mutex);
    condition_deinit(&game.changed);
    mutex_deinit(&game.mutex);
}

#ifdef CAIRN_DEBUG

/* The locks of an array are one to the analysis. */
static void take_rising_ranks(void) NO_LOCK_ANALYSIS
{
    struct lock shards[3] = {0};
    struct mutex log;
    mutex_init(&log, LOCK_RANK_LOG);
    for (uint32_t i = 0; i < 3; i++) lock_acquire(&shards[i], LOCK_RANK_SHARD, i);
    mutex_acquire(&log);
    lock_release(&shards[0]);
    lock_release(&shards[2]);
    mutex_release(&log);
    lock_acquire(&shards[2], LOCK_RANK_SHARD, 2);
    lock_release(&shards[1]);
    lock_release(&shards[2]);
    lock_acquire(&shards[0], LOCK_RANK_SHARD, 0);
    lock_release(&shards[0]);
    mutex_deinit(&log);
}

TEST(rising_ranks_and_shards_are_accepted)
{
    take_rising_ranks();
}

static void take_falling_ranks(void *context) NO_LOCK_ANALYSIS
{
    struct lock *locks = context;
    lock_acquire(&locks[0], LOCK_RANK_LOG, 0);
    lock_acquire(&locks[1], LOCK_RANK_COMMIT, 0);
}

static void take_same_rank(void *context) NO_LOCK_ANALYSIS
{
    struct lock *locks = context;
    lock_acquire(&locks[0], LOCK_RANK_LOG, 0);
    lock_acquire(&locks[1], LOCK_RANK_LOG, 1);
}

static void take_falling_shards(void *context) NO_LOCK_ANALYSIS
{
    struct lock *locks = context;
    lock_acquire(&locks[0], LOCK_RANK_SHARD, 1);
    lock_acquire(&locks[1], LOCK_RANK_SHARD, 0);
}

static void release_what_is_not_held(void *context) NO_LOCK_ANALYSIS
{
    struct lock *locks = context;
    lock_release(&locks[0]);
}

TEST(wrong_order_aborts)
{
    struct lock locks[2] = {0};
    assert_aborts(take_falling_ranks, locks);
    assert_aborts(take_same_rank, locks);
    assert_aborts(take_falling_shards, locks);
    assert_aborts(release_what_is_not_held, locks);
}

RUN_TESTS(CHECK(lock_lets_one_thread_in_at_a_time), CHECK(mutex_lets_one_thread_in_at_a_time),
          CHECK(trying_does_not_wait), CHECK(signal_wakes_the_waiter),
          CHECK(waiting_ends_when_the_time_is_over), CHECK(rising_ranks_and_shards_are_accepted),
          CHECK(wrong_order_aborts))

#else

RUN_TESTS(CHECK(lock_lets_one_thread_in_at_a_time), CHECK(mutex_lets_one_thread_in_at_a_time),
          CHECK(trying_does_not_wait), CHECK(signal_wakes_the_waiter),
          CHECK(waiting_ends_when_the_time_is_over))

#endif
