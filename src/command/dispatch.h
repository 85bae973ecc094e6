/* Running commands: find the row, ask every admission, queue it inside MULTI, lock the shards of its keys, run it, commit,
 * note what its reply waits for. The only place that runs commands. One dispatcher a worker. */
#ifndef COMMAND_DISPATCH_H
#define COMMAND_DISPATCH_H

#include "base/arena.h"
#include "command/call.h"
#include "command/statistics.h"
#include "engine/engine.h"

struct services;

struct dispatcher {
    struct services *services;
    struct engine_worker *worker;
    struct statistics_worker *statistics;
    const struct ticks *ticks;
    struct arena arena;       /* for the running batch; the owner resets it */
    int64_t now_ms;           /* wall clock, once a loop */
    uint32_t guards;          /* enum admission_guards, once a loop */
    const char *refusal;
    int64_t slow_us;          /* slowlog threshold, once a loop */
    int64_t pause_until_ms;   /* CLIENT PAUSE, once a loop; 0: none */
    bool pause_only_writes;
    struct sink discard;      /* where replies go that nobody wants */
    char discard_bytes[4096];
};

/* One parsed request on its way. */
struct request {
    const struct command *command; /* NULL: unknown; a subcommand's own row */
    struct bytes *arguments;
    uint32_t argument_count;
    bool is_hashed;
    uint64_t hash; /* of the first key */
};

enum dispatch_result {
    DISPATCH_DONE,
    DISPATCH_PAUSED, /* not run: CLIENT PAUSE holds it back */
};

void dispatcher_init(struct dispatcher *dispatcher, struct services *services, struct engine_worker *worker,
                     struct statistics_worker *statistics);
void dispatcher_deinit(struct dispatcher *dispatcher);

/* Finds the row, hashes the first key and asks the caches for the key's bucket. */
void dispatch_prepare(struct dispatcher *dispatcher, const struct session *session, struct request *request);
/* Later: asks for the entry itself. */
void dispatch_prefetch(const struct dispatcher *dispatcher, const struct session *session,
                       const struct request *request);
enum dispatch_result dispatch_run(struct dispatcher *dispatcher, struct session *session,
                                  const struct request *request, struct reply *reply);

/* Runs the second half of a suspended command. */
void dispatch_resume(struct dispatcher *dispatcher, struct session *session, const struct request *request,
                     struct reply *reply, void (*resume)(struct call *call));

/* EXEC's work, inside EXEC's own call: locks all keys of the queue and of the watches, runs the queue in one
 * transaction, or answers nil when a watched key changed. */
void dispatch_exec(struct call *call);

#endif
