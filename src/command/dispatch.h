/* Running commands: find the row, ask every admission, queue it inside MULTI, lock the shards of
 * its keys, run it, commit, note what its reply waits for. The only place that runs commands. One
 * dispatcher a worker. */
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
    struct arena arena;  /* for the running batch; the owner resets it */
    uint64_t last_ticks; /* when the last command ended, or the batch began */
    int64_t now_ms;      /* wall clock, once a loop */
    uint32_t guards;     /* enum admission_guards, once a loop */
    const char *refusal;
    uint64_t slow_ns; /* slowlog threshold, UINT64_MAX: off; once a loop */
    uint64_t
        notable_ns; /* from here on a command is worth a second look: slow log, latency monitor */
    int64_t pause_until_ms; /* CLIENT PAUSE, once a loop; 0: none */
    bool pause_only_writes;
    struct dispatch_memory {
        uint64_t
            name; /* the last command's name as it was sent, at most 8 bytes, and its size; 0: none */
        uint32_t size;
        uint32_t index;
        const struct command *command;
    } last;
    struct sink discard; /* where replies go that nobody wants */
    char discard_bytes[4096];
};

/* One parsed request on its way. */
struct request {
    const struct command *command; /* NULL: unknown; a subcommand's own row */
    struct bytes *arguments;
    uint32_t argument_count;
    uint32_t index; /* of the row in the registry, when there is one */
    bool is_hashed; /* `hash` is that of the first key */
    bool has_one_key;
    uint32_t key_at; /* the first key's place */
    uint64_t hash;
};

enum dispatch_result {
    DISPATCH_DONE,
    DISPATCH_PAUSED, /* not run: CLIENT PAUSE holds it back */
};

/* From the slow log's setting: microseconds, negative is off. */
void dispatcher_set_slow(struct dispatcher *dispatcher, int64_t slow_us);
void dispatcher_init(struct dispatcher *dispatcher, struct services *services,
                     struct engine_worker *worker, struct statistics_worker *statistics);
void dispatcher_deinit(struct dispatcher *dispatcher);

/* Before the first dispatch_run of a batch: commands are timed from the end of the one before. */
void dispatch_begin_batch(struct dispatcher *dispatcher);
/* Finds the row, hashes the first key and asks the caches for the key's bucket. */
void dispatch_prepare(struct dispatcher *dispatcher, const struct session *session,
                      struct request *request);
/* Later: asks for the entry itself. */
void dispatch_prefetch(const struct dispatcher *dispatcher, const struct session *session,
                       const struct request *request);
enum dispatch_result dispatch_run(struct dispatcher *dispatcher, struct session *session,
                                  const struct request *request, struct reply *reply);

/* Runs the second half of a suspended command. */
void dispatch_resume(struct dispatcher *dispatcher, struct session *session,
                     const struct request *request, struct reply *reply,
                     void (*resume)(struct call *call));

/* EXEC's work, inside EXEC's own call: locks all keys of the queue and of the watches, runs the
 * queue in one transaction, or answers nil when a watched key changed. */
void dispatch_exec(struct call *call);

#endif
