/* What commands need from the floors above or from the process as a whole, handed down as a table
 * of functions: the server fills it in; unit tests fill in what they need. */
#ifndef COMMAND_SERVICES_H
#define COMMAND_SERVICES_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/status.h"

struct call;
struct engine;
struct latency;
struct registry;
struct reply_ops;
struct session;
struct sessions;
struct slowlog;
struct statistics;

struct services {
    void *context; /* struct server */
    struct engine *engine;
    struct registry *registry;
    struct sessions *sessions;
    struct statistics *statistics; /* command/statistics.h */
    struct slowlog *slowlog;
    struct latency *latency;
    _Atomic uint32_t
        monitor_count; /* sessions that said MONITOR: observe() is called while there are any */

    /* The running command's client gets no further command run until `deadline_ns` (monotonic; 0:
     * none) has passed or `gate` (0: none) is durable or the session is unblocked or killed; then
     * resume(call) says the reply, in a call of its own with the same arguments; it may suspend
     * again. The function that suspends says no reply itself. Inside EXEC nothing waits: resume is
     * called at once. */
    void (*suspend)(struct call *call, uint64_t gate, uint64_t deadline_ns,
                    void (*resume)(struct call *call));
    /* Wakes the worker of a session whose atomic flags were changed. */
    void (*wake)(struct services *services, struct session *session);
    /* CLIENT PAUSE: until wall-clock milliseconds; writes only or all. 0 ends it. */
    void (*pause)(struct services *services, int64_t until_ms, bool only_writes);
    /* SHUTDOWN: starts an orderly stop. */
    void (*shutdown)(struct services *services, bool has_save, bool is_nosave);
    /* Puts the session on the list of monitors, or takes it off. */
    void (*monitor)(struct services *services, struct session *session, bool on);
    /* A command is about to run: tells the monitors. */
    void (*observe)(struct services *services, const struct session *session,
                    const struct bytes *arguments, uint32_t argument_count);
    /* The row of reply functions for a protocol number (HELLO). */
    const struct reply_ops *(*reply_ops)(unsigned protocol);
    /* requirepass; empty: none. Appends to out. */
    void (*password)(struct services *services, struct buf *out);
    uint64_t (*monotonic_ns)(struct services *services);
    int64_t (*wall_us)(struct services *services);
};

#endif
