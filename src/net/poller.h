/* Readiness of file descriptors, behind a table of functions: epoll first, others are further rows.
 * A poller belongs to one thread; only poller_wake may be called from others. Level-triggered. */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include <stdint.h>

#include "base/status.h"

enum poller_interest {
    POLLER_READ = 1,
    POLLER_WRITE = 2,
    POLLER_HANGUP = 4 /* reported, never asked for */
};

struct poller_event {
    void *owner;    /* NULL: woken */
    unsigned ready; /* poller_interest bits */
};

struct poller;
struct poller_ops {
    const char *name;
    enum status (*create)(struct poller **out);
    void (*destroy)(struct poller *poller);
    enum status (*add)(struct poller *poller, int fd, unsigned interest, void *owner);
    void (*change)(struct poller *poller, int fd, unsigned interest, void *owner);
    void (*remove)(struct poller *poller, int fd);
    /* At most `event_max`; timeout in nanoseconds, 0: do not wait, UINT64_MAX: for ever. */
    unsigned (*wait)(struct poller *poller, struct poller_event *events, unsigned event_max,
                     uint64_t timeout_ns);
    void (*wake)(struct poller *poller);
};

struct poller {
    const struct poller_ops *ops;
};

extern const struct poller_ops poller_epoll;

MUST_USE enum status poller_create(struct poller **out); /* the best one here */

#endif
