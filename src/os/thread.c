#include "os/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"

enum {
    THREAD_NAME_BYTES = 16, /* the kernel's, with the NUL */
    THREAD_CPU_COUNT_MAX = 64 * 1024,
    CGROUP_PATH_BYTES = 4096,
};

/* ---- start and join ---- */

/* What a new thread needs to know; it frees it. */
struct start {
    char name[THREAD_NAME_BYTES];
    void (*run)(void *context);
    void *context;
};

static void *run_thread(void *argument)
{
    struct start start = *(struct start *)argument;
    memory_free(argument);
    (void)pthread_setname_np(pthread_self(), start.name);
    start.run(start.context);
    return NULL;
}

/* Creates the thread with all signals blocked; it inherits the mask of its creator. */
static int create_without_signals(pthread_t *out, struct start *start)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    int result = pthread_sigmask(SIG_SETMASK, &all, &before);
    ASSERT(result == 0);
    int created = pthread_create(out, NULL, run_thread, start);
    result = pthread_sigmask(SIG_SETMASK, &before, NULL);
    ASSERT(result == 0);
    return created;
}

enum status thread_start(struct thread *out, const char *name, void (*run)(void *context),
                         void *context)
{
    ASSERT(strlen(name) < THREAD_NAME_BYTES);
    struct start *start = memory_zalloc(sizeof(*start));
    memcpy(start->name, name, strlen(name));
    start->run = run;
    start->context = context;

    pthread_t handle;
    if (create_without_signals(&handle, start) != 0) {
        memory_free(start);
        return STATUS_NO_MEMORY;
    }
    out->handle = handle;
    return STATUS_OK;
}

void thread_join(struct thread *thread)
{
    int result = pthread_join(thread->handle, NULL);
    ASSERT(result == 0);
}

void thread_set_nice(int nice)
{
    /* On Linux the priority belongs to the thread, not to the process. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}

uint64_t thread_cpu_ns(void)
{
    struct timespec used;
    int result = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    ASSERT(result == 0);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* ---- how many cores ---- */

/* The kernel refuses a mask that is shorter than its own, so the mask grows until it fits. */
static uint32_t count_affinity(void)
{
    for (int cpu_count = 1024; cpu_count <= THREAD_CPU_COUNT_MAX; cpu_count *= 2) {
        cpu_set_t *mask = CPU_ALLOC((size_t)cpu_count);
        if (mask == NULL) break;
        size_t mask_size = CPU_ALLOC_SIZE((size_t)cpu_count);
        int count = 0;
        if (sched_getaffinity(0, mask_size, mask) == 0) count = CPU_COUNT_S(mask_size, mask);
        CPU_FREE(mask);
        if (count > 0) return (uint32_t)count;
    }
    return 1;
}

/* The first line of a small file; false when there is none. */
static bool read_line(const char *path, char *out, int size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    bool has_line = fgets(out, size, file) != NULL;
    (void)fclose(file);
    return has_line;
}

/* Cores that a quota of microseconds in a period comes to, rounded up; 0 when there is no quota. */
static uint32_t quota_cores(long long quota_us, long long period_us)
{
    if (quota_us <= 0 || period_us <= 0) return 0;
    return (uint32_t)((quota_us + period_us - 1) / period_us);
}

static uint32_t smaller_quota(uint32_t a, uint32_t b)
{
    if (a == 0) return b;
    if (b == 0) return a;
    return a < b ? a : b;
}

/* cgroup v2: "QUOTA PERIOD" or "max PERIOD" in cpu.max of the group at `path` ("/..." below the
 * mount). */
static uint32_t quota_of_group(const char *path)
{
    char file[CGROUP_PATH_BYTES + 64];
    char line[128];
    snprintf(file, sizeof(file), "/sys/fs/cgroup%s/cpu.max", path);
    if (!read_line(file, line, sizeof(line))) return 0;

    char *rest;
    long long quota_us = strtoll(line, &rest, 10);
    if (rest == line) return 0; /* "max" */
    return quota_cores(quota_us, strtoll(rest, NULL, 10));
}

/* Every group from ours up to the root may set a quota; in a container the root is all that is
 * visible. */
static uint32_t quota_v2(void)
{
    char path[CGROUP_PATH_BYTES];
    uint32_t quota = quota_of_group("");
    if (!read_line("/proc/self/cgroup", path, sizeof(path))) return quota;
    if (strncmp(path, "0::/", 4) != 0) return quota;

    memmove(path, path + 3, strlen(path + 3) + 1);
    path[strcspn(path, "\n")] = '\0';
    while (path[0] != '\0') {
        quota = smaller_quota(quota, quota_of_group(path));
        *strrchr(path, '/') = '\0';
    }
    return quota;
}

static uint32_t quota_v1(void)
{
    char quota_us[64];
    char period_us[64];
    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota_us, sizeof(quota_us))) return 0;
    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period_us, sizeof(period_us))) return 0;
    return quota_cores(strtoll(quota_us, NULL, 10), strtoll(period_us, NULL, 10));
}

uint32_t thread_core_count(void)
{
    uint32_t quota = smaller_quota(quota_v1(), quota_v2());
    uint32_t count = smaller_quota(count_affinity(), quota);
    return count > 0 ? count : 1;
}
