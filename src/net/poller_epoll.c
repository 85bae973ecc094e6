/* Readiness by epoll. The poller is woken through an eventfd, written at most once between two
 * waits however many threads wake it. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"
#include "net/poller.h"

enum { EPOLL_EVENTS_MAX = 256, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct epoll_poller {
    struct poller poller; /* first */
    int epoll_fd;
    int wake_fd;
    bool has_fine_timeout;     /* epoll_pwait2 is there (Linux 5.11, and no filter forbids it) */
    _Atomic bool is_signalled; /* wake_fd is readable, or about to be */
    struct epoll_event events[EPOLL_EVENTS_MAX];
};

static struct epoll_poller *epoll_of(struct poller *poller)
{
    return (struct epoll_poller *)poller;
}

static struct epoll_event event_of(unsigned interest, void *owner)
{
    struct epoll_event event = {.data.ptr = owner};
    if (interest & POLLER_READ) event.events |= EPOLLIN;
    if (interest & POLLER_WRITE) event.events |= EPOLLOUT;
    return event;
}

static unsigned ready_of(uint32_t events)
{
    unsigned ready = 0;
    if (events & EPOLLIN) ready |= POLLER_READ;
    if (events & EPOLLOUT) ready |= POLLER_WRITE;
    if (events & (EPOLLHUP | EPOLLERR)) ready |= POLLER_HANGUP;
    return ready;
}

/* Empties the eventfd before the flag falls: who raises the flag in between need not write, since
 * this wait reports the wake-up anyway, and what was handed over before is visible through the
 * exchange. */
static void take_signal(struct epoll_poller *poller)
{
    uint64_t count;
    ssize_t size = read(poller->wake_fd, &count, sizeof(count));
    ASSERT(size == sizeof(count) || errno == EAGAIN || errno == EINTR);
    (void)atomic_exchange(&poller->is_signalled, false);
}

static int timeout_ms(uint64_t timeout_ns)
{
    if (timeout_ns == UINT64_MAX) return -1;
    uint64_t rounded = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS != 0);
    return rounded > INT32_MAX ? INT32_MAX : (int)rounded;
}

/* Waits to the nanosecond where the kernel can, else to the next millisecond. */
static int wait_some(struct epoll_poller *poller, int event_max, uint64_t timeout_ns)
{
    bool is_timed = timeout_ns != 0 && timeout_ns != UINT64_MAX;
    if (is_timed && poller->has_fine_timeout) {
        struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
                                   .tv_nsec = (long)(timeout_ns % NS_PER_S)};
        int count = epoll_pwait2(poller->epoll_fd, poller->events, event_max, &timeout, NULL);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
        poller->has_fine_timeout = false;
    }
    return epoll_wait(poller->epoll_fd, poller->events, event_max, timeout_ms(timeout_ns));
}

static void destroy(struct poller *poller)
{
    if (poller == NULL) return;
    struct epoll_poller *epoll = epoll_of(poller);
    if (epoll->wake_fd >= 0) close(epoll->wake_fd);
    if (epoll->epoll_fd >= 0) close(epoll->epoll_fd);
    memory_free(epoll);
}

static enum status add(struct poller *poller, int fd, unsigned interest, void *owner)
{
    ASSERT(fd >= 0);
    struct epoll_event event = event_of(interest, owner);
    int result = epoll_ctl(epoll_of(poller)->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (result == 0) return STATUS_OK;
    return errno == ENOMEM || errno == ENOSPC ? STATUS_NO_MEMORY : STATUS_IO;
}

static enum status create(struct poller **out)
{
    struct epoll_poller *poller = memory_zalloc(sizeof(*poller));
    poller->poller.ops = &poller_epoll;
    poller->has_fine_timeout = true;
    poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    poller->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum status status = STATUS_NO_MEMORY;
    if (poller->epoll_fd >= 0 && poller->wake_fd >= 0) {
        status = add(&poller->poller, poller->wake_fd, POLLER_READ, NULL);
    }
    if (status != STATUS_OK) {
        destroy(&poller->poller);
        return status;
    }
    *out = &poller->poller;
    return STATUS_OK;
}

static void change(struct poller *poller, int fd, unsigned interest, void *owner)
{
    struct epoll_event event = event_of(interest, owner);
    int result = epoll_ctl(epoll_of(poller)->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    ASSERT(result == 0);
}

static void remove_fd(struct poller *poller, int fd)
{
    int result = epoll_ctl(epoll_of(poller)->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    ASSERT(result == 0);
}

static unsigned wait_events(struct poller *poller, struct poller_event *events, unsigned event_max,
                            uint64_t timeout_ns)
{
    ASSERT(event_max > 0);
    struct epoll_poller *epoll = epoll_of(poller);
    int wanted = event_max < EPOLL_EVENTS_MAX ? (int)event_max : EPOLL_EVENTS_MAX;
    int count = wait_some(epoll, wanted, timeout_ns);
    ASSERT(count >= 0 || errno == EINTR);

    for (int i = 0; i < count; i++) {
        void *owner = epoll->events[i].data.ptr;
        if (owner == NULL) take_signal(epoll);
        events[i] = (struct poller_event){.owner = owner,
                                          .ready = ready_of(epoll->events[i].events)};
    }
    return count > 0 ? (unsigned)count : 0;
}

static void wake(struct poller *poller)
{
    struct epoll_poller *epoll = epoll_of(poller);
    if (atomic_exchange(&epoll->is_signalled, true)) return;
    uint64_t one = 1;
    ssize_t size = write(epoll->wake_fd, &one, sizeof(one));
    ASSERT(size == sizeof(one) || errno == EAGAIN || errno == EINTR);
}

const struct poller_ops poller_epoll = {
    .name = "epoll",
    .create = create,
    .destroy = destroy,
    .add = add,
    .change = change,
    .remove = remove_fd,
    .wait = wait_events,
    .wake = wake,
};
