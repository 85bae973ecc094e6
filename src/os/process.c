#include "os/process.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/assert.h"

uint64_t process_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    unsigned long long total;
    unsigned long long resident;
    int count = fscanf(file, "%llu %llu", &total, &resident);
    (void)fclose(file);
    return count == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t process_machine_bytes(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

int64_t process_id(void)
{
    return getpid();
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static struct process_cpu usage(int who)
{
    struct rusage usage = {0};
    int result = getrusage(who, &usage);
    ASSERT(result == 0);
    return (struct process_cpu){seconds(usage.ru_stime), seconds(usage.ru_utime)};
}

struct process_cpu process_cpu_own(void)
{
    return usage(RUSAGE_SELF);
}

struct process_cpu process_cpu_children(void)
{
    return usage(RUSAGE_CHILDREN);
}

struct process_cpu process_cpu_thread(void)
{
    return usage(RUSAGE_THREAD);
}

void process_system_name(struct buf *out)
{
    struct utsname name;
    if (uname(&name) != 0) return;
    buf_printf(out, "%s %s %s", name.sysname, name.release, name.machine);
}

void process_executable(struct buf *out)
{
    ssize_t size = readlink("/proc/self/exe", buf_reserve(out, PATH_MAX), PATH_MAX);
    if (size > 0) out->size += (size_t)size;
}

uint64_t process_raise_files(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    struct rlimit raised = {.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max,
                            .rlim_max = limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}
