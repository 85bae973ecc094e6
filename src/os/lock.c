#include "os/lock.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

enum { LOCK_SPIN_COUNT_MAX = 64 };

/* ---- ranks ---- */

#ifdef CAIRN_DEBUG

/* EXEC may hold every shard; all other ranks are held once. */
enum { LOCK_HELD_MAX = 4096 + 16 };

struct held_lock {
    const void *lock;
    enum lock_rank rank;
    uint32_t order;
};

/* What this thread holds, in the order it was taken, which is ascending: the last one has the
 * highest rank. */
static _Thread_local struct held_lock held[LOCK_HELD_MAX];
static _Thread_local uint32_t held_count;

void lock_rank_acquired(const void *lock, enum lock_rank rank, uint32_t order)
{
    if (held_count > 0) {
        const struct held_lock *last = &held[held_count - 1];
        bool rank_rises = rank > last->rank;
        bool is_next_shard = rank == LOCK_RANK_SHARD && last->rank == rank && order > last->order;
        ASSERT(rank_rises || is_next_shard);
    }
    ASSERT(held_count < LOCK_HELD_MAX);
    held[held_count++] = (struct held_lock){lock, rank, order};
}

void lock_rank_released(const void *lock)
{
    uint32_t place = held_count;
    while (place > 0 && held[place - 1].lock != lock) place--;
    ASSERT(place > 0); /* this thread holds it */
    memmove(&held[place - 1], &held[place], (held_count - place) * sizeof(held[0]));
    held_count--;
}

#endif

/* ---- spinning lock ---- */

static void pause_core(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Reading before trying keeps the line shared among those who wait. */
static bool try_quietly(struct lock *lock)
{
    uint32_t expected = 0;
    return atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 &&
           atomic_compare_exchange_weak_explicit(&lock->word, &expected, 1, memory_order_acquire,
                                                 memory_order_relaxed);
}

void lock_acquire_slow(struct lock *lock)
{
    for (int i = 0; i < LOCK_SPIN_COUNT_MAX; i++) {
        if (try_quietly(lock)) return;
        pause_core();
    }
    /* The holder is probably not running: let it. */
    while (!try_quietly(lock)) sched_yield();
}

/* ---- sleeping lock ---- */

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
    int result = pthread_mutex_init(&mutex->mutex, NULL);
    ASSERT(result == 0);
    mutex->rank = rank;
}

void mutex_deinit(struct mutex *mutex)
{
    int result = pthread_mutex_destroy(&mutex->mutex);
    ASSERT(result == 0); /* nobody holds it */
}

void mutex_acquire(struct mutex *mutex) NO_LOCK_ANALYSIS
{
    int result = pthread_mutex_lock(&mutex->mutex);
    ASSERT(result == 0);
    lock_rank_acquired(mutex, mutex->rank, 0);
}

bool mutex_try_acquire(struct mutex *mutex) NO_LOCK_ANALYSIS
{
    int result = pthread_mutex_trylock(&mutex->mutex);
    if (result == EBUSY) return false;
    ASSERT(result == 0);
    lock_rank_acquired(mutex, mutex->rank, 0);
    return true;
}

void mutex_release(struct mutex *mutex) NO_LOCK_ANALYSIS
{
    lock_rank_released(mutex);
    int result = pthread_mutex_unlock(&mutex->mutex);
    ASSERT(result == 0);
}

void condition_init(struct condition *condition)
{
    pthread_condattr_t attributes;
    int result = pthread_condattr_init(&attributes);
    ASSERT(result == 0);
    result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    ASSERT(result == 0);
    result = pthread_cond_init(&condition->condition, &attributes);
    ASSERT(result == 0);
    pthread_condattr_destroy(&attributes);
}

void condition_deinit(struct condition *condition)
{
    int result = pthread_cond_destroy(&condition->condition);
    ASSERT(result == 0);
}

void condition_signal(struct condition *condition)
{
    int result = pthread_cond_signal(&condition->condition);
    ASSERT(result == 0);
}

void condition_broadcast(struct condition *condition)
{
    int result = pthread_cond_broadcast(&condition->condition);
    ASSERT(result == 0);
}

void condition_wait(struct condition *condition, struct mutex *mutex)
{
    int result = pthread_cond_wait(&condition->condition, &mutex->mutex);
    ASSERT(result == 0);
}

bool condition_wait_for(struct condition *condition, struct mutex *mutex, uint64_t timeout_ns)
{
    struct timespec deadline;
    int result = clock_gettime(CLOCK_MONOTONIC, &deadline);
    ASSERT(result == 0);
    uint64_t nanoseconds = (uint64_t)deadline.tv_nsec + timeout_ns % 1000000000;
    deadline.tv_sec += (time_t)(timeout_ns / 1000000000 + nanoseconds / 1000000000);
    deadline.tv_nsec = (long)(nanoseconds % 1000000000);

    result = pthread_cond_timedwait(&condition->condition, &mutex->mutex, &deadline);
    if (result == ETIMEDOUT) return false;
    ASSERT(result == 0);
    return true;
}
