/* A worker: one thread, one event loop, its clients for life. It reads from all ready clients,
 * parses up to 64 requests over all of them, asks the caches for their keys, runs them, and sends
 * what may leave.
 *
 * Nothing in the loop waits but the poller. Other threads reach a worker through its mailbox and
 * its wake-up. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "base/heap.h"
#include "base/links.h"
#include "command/dispatch.h"
#include "net/conn.h"
#include "os/lock.h"
#include "os/thread.h"

struct client;
struct poller;
struct server;

enum {
    WORKER_BATCH_REQUESTS = 64,
    WORKER_BATCH_ARGUMENTS = 512, /* inline; a longer request takes them from the arena */
    WORKER_BATCH_A_CLIENT = 32,   /* requests of one client in a batch: fairness */
    WORKER_ROUNDS = 32,           /* batches before the sockets are looked at again */
    WORKER_EVENTS = 256,
    WORKER_TICK_MS = 100, /* the longest sleep */
    WORKER_TIDY_MS = 10,  /* between looks for expired keys while there is traffic */
    WORKER_STALLED_INPUT_BYTES_MAX = 64 * 1024 *
                                     1024, /* of a client that does not read its replies */
    WORKER_TIDY_KEYS = 1000,               /* expired keys deleted in one go */
    WORKER_LEAD_US_MAX =
        2000,              /* a commit slower than this is left to the log writer for a second */
    WORKER_STOP_MS = 3000, /* for replies that wait for the disk when the server stops */
};

struct batch_entry {
    struct client *client;
    struct request request;
    size_t consumed;
    const char *error; /* a protocol error: said, then the connection is closed */
};

struct CACHE_ALIGNED worker {
    struct server *server;
    uint32_t index;
    struct thread thread;
    struct poller *poller;
    struct conn_pool pool;
    struct dispatcher dispatcher;
    struct links clients;
    struct links ready;   /* by run_link */
    struct links paused;  /* by run_link: CLIENT PAUSE holds them */
    struct links touched; /* by flush_link: wrote something in this loop */
    struct links gated;   /* by flush_link: output that waits for the disk */
    struct heap timers;
    uint64_t now_ns;
    int64_t now_ms;
    int64_t tidied_ms;   /* when expired keys were last looked for */
    int64_t tidy_due_ms; /* when the next one expires */
    int64_t ticked_ms;
    uint32_t suspended_count;
    uint64_t durable_seen;  /* as of the last look at the gated output */
    uint64_t lead_again_ns; /* not before this does the worker commit itself: the disk was slow */
    bool is_backlogged;     /* nothing runs until the disk has caught up */
    bool has_closing;
    bool is_accepting; /* worker 0: listeners are polled */
    int64_t accept_again_ms;
    _Atomic uint32_t client_count;
    _Atomic uint32_t is_waiting; /* asleep, wants to be woken when `durable` moves */
    _Atomic uint32_t is_called;  /* a session's flags were changed by another thread */
    struct mutex mail_lock;
    struct links mail GUARDED_BY(mail_lock);
    _Atomic uint32_t has_mail;

    uint32_t batch_count;
    uint32_t batch_arguments;
    struct batch_entry batch[WORKER_BATCH_REQUESTS];
    struct bytes arguments[WORKER_BATCH_ARGUMENTS];
};

MUST_USE enum status worker_init(struct worker *worker, struct server *server, uint32_t index);
void worker_deinit(struct worker *worker);
MUST_USE enum status worker_start(struct worker *worker);
void worker_join(struct worker *worker);

/* Any thread. */
void worker_wake(struct worker *worker);
/* `durable` moved: wakes the worker if it sleeps over gated output. */
void worker_notify_durable(struct worker *worker);
/* Some session's atomic flags changed. */
void worker_call(struct worker *worker);
/* A socket that was accepted for this worker. */
struct worker_connection {
    int fd;
    bool is_unix;
    char address[48];
    char local_address[48];
};
void worker_post_connection(struct worker *worker, const struct worker_connection *connection);
/* A line for the worker's monitors; copied. */
void worker_post_monitor_line(struct worker *worker, struct bytes line);

/* From client.c's services: see command/services.h. */
void worker_suspend(struct call *call, uint64_t gate, uint64_t deadline_ns,
                    void (*resume)(struct call *call));

#endif
