/* Two locks. `struct lock` spins briefly and then yields: for holds of microseconds, four bytes,
 * no system call to release. `struct mutex` sleeps: for cold paths, with a condition to wait on.
 * Both check ranks in debug builds. */
#ifndef OS_LOCK_H
#define OS_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "os/lock_ranks.h"

struct CAPABILITY("lock") lock {
    _Atomic uint32_t word; /* 0 free, 1 held */
};

void lock_acquire_slow(struct lock *lock);
#ifdef CAIRN_DEBUG
void lock_rank_acquired(const void *lock, enum lock_rank rank, uint32_t order);
void lock_rank_released(const void *lock);
#else
#define lock_rank_acquired(lock, rank, order) ((void)0)
#define lock_rank_released(lock) ((void)0)
#endif

/* `order` tells locks of one rank apart (the shard index); 0 elsewhere. */
ALWAYS_INLINE void lock_acquire(struct lock *lock, enum lock_rank rank, uint32_t order)
    ACQUIRES(lock) NO_LOCK_ANALYSIS
{
    uint32_t expected = 0;
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &lock->word, &expected, 1, memory_order_acquire, memory_order_relaxed))) {
        lock_acquire_slow(lock);
    }
    (void)rank;
    (void)order;
    lock_rank_acquired(lock, rank, order);
}

ALWAYS_INLINE bool lock_try_acquire(struct lock *lock, enum lock_rank rank, uint32_t order)
    TRY_ACQUIRES(true, lock) NO_LOCK_ANALYSIS
{
    uint32_t expected = 0;
    if (!atomic_compare_exchange_strong_explicit(&lock->word, &expected, 1, memory_order_acquire,
                                                 memory_order_relaxed)) {
        return false;
    }
    (void)rank;
    (void)order;
    lock_rank_acquired(lock, rank, order);
    return true;
}

ALWAYS_INLINE void lock_release(struct lock *lock) RELEASES(lock) NO_LOCK_ANALYSIS
{
    lock_rank_released(lock);
    atomic_store_explicit(&lock->word, 0, memory_order_release);
}

struct CAPABILITY("mutex") mutex {
    pthread_mutex_t mutex;
    enum lock_rank rank;
};

struct condition {
    pthread_cond_t condition; /* on CLOCK_MONOTONIC */
};

void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_deinit(struct mutex *mutex);
void mutex_acquire(struct mutex *mutex) ACQUIRES(mutex);
bool mutex_try_acquire(struct mutex *mutex) TRY_ACQUIRES(true, mutex);
void mutex_release(struct mutex *mutex) RELEASES(mutex);

void condition_init(struct condition *condition);
void condition_deinit(struct condition *condition);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);
void condition_wait(struct condition *condition, struct mutex *mutex) REQUIRES(mutex);
/* False when `timeout_ns` passed first. */
bool condition_wait_for(struct condition *condition, struct mutex *mutex, uint64_t timeout_ns)
    REQUIRES(mutex);

#endif
