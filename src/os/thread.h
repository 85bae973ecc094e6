/* Threads: start, join, name. */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "base/status.h"

struct thread {
    pthread_t handle;
};

/* `name` (at most 15 bytes) shows in top and gdb. STATUS_NO_MEMORY when the system refuses. All
 * signals are blocked in the new thread: the main thread takes them. */
MUST_USE enum status thread_start(struct thread *out, const char *name, void (*run)(void *context),
                                  void *context);
void thread_join(struct thread *thread);

/* Asks for a lower (positive) or higher (negative) priority for the calling thread; refusals are
 * ignored. */
void thread_set_nice(int nice);
/* Cores this process may use: affinity mask and cgroup quota, at least 1. */
uint32_t thread_core_count(void);
/* CPU nanoseconds the calling thread has used. */
uint64_t thread_cpu_ns(void);

#endif
