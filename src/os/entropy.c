#include "os/entropy.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

void entropy_fill(void *out, size_t size)
{
    char *next = out;
    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0) {
            ASSERT(errno == EINTR);
            continue;
        }
        next += got;
        size -= (size_t)got;
    }
}

uint64_t entropy_u64(void)
{
    uint64_t value;
    entropy_fill(&value, sizeof value);
    return value;
}
