/* What the server's own commands need of the process: options, counters, names, times. The first
 * member of struct server, so that services->context leads here. */
#ifndef SERVER_SERVER_STATE_H
#define SERVER_SERVER_STATE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "command/services.h"
#include "os/lock.h"
#include "server/options.h"
#include "server/rates.h"

struct latency;
struct slowlog;
struct statistics;

enum { SERVER_ID_TEXT_BYTES = 41 };

struct server_state {
    struct options options;
    struct services *services; /* borrowed: what the server filled in */
    struct statistics *statistics;
    struct slowlog *slowlog;
    struct latency *latency;

    /* Fixed from server_state_init on. */
    char run_id[SERVER_ID_TEXT_BYTES];
    char replication_id[SERVER_ID_TEXT_BYTES];
    char *executable;
    char *system_name;      /* "Linux 6.1.0 x86_64" */
    struct buf config_path; /* absolute; empty: started without a file */
    uint64_t start_ns;      /* monotonic */
    int64_t start_wall_us;
    uint64_t startup_bytes; /* used_memory when the server was ready: server_state_ready */

    /* Changed by the server, read by any thread. */
    _Atomic bool is_loading;
    _Atomic bool has_no_active_expiry; /* DEBUG SET-ACTIVE-EXPIRE 0: the tidying workers look */
    _Atomic bool
        is_out_of_memory; /* used_memory is above maxmemory: denyoom commands are refused */
    _Atomic bool is_shutting_down;
    _Atomic uint32_t blocked_clients;
    _Atomic int64_t pause_until_ms; /* CLIENT PAUSE, wall clock; 0: none */
    _Atomic bool pause_only_writes;
    _Atomic uint64_t used_bytes; /* newest sample of server_state_sample */
    _Atomic uint64_t peak_bytes;

    struct rates rates; /* written by server_state_sample */

    /* What CONFIG RESETSTAT subtracts from counters that never step back. */
    _Atomic uint64_t hits_before, misses_before, expired_before;
};

/* Options at their defaults, names and times. `statistics` is created later, when the threads are
 * counted. */
void server_state_init(struct server_state *state, struct services *services);
void server_state_deinit(struct server_state *state);
/* After options are read: makes the counters of this many workers, puts them into `services` too,
 * and the options' values where they are needed (log level, slow log, latency monitor). */
void server_state_start(struct server_state *state, unsigned worker_count);
/* Part of options.on_change: brings a changed option to the message log, the slow log, the latency
 * monitor ... NULL, or why its value cannot be taken. */
const char *server_state_follow(struct server_state *state, const struct option *option);
/* The server is about to accept connections. */
void server_state_ready(struct server_state *state);
/* From the cron, about ten times a second: rates, used memory, its peak, is_out_of_memory. */
void server_state_sample(struct server_state *state, uint64_t now_ns);
/* Looks at maxmemory anew. Any thread. */
void server_state_check_memory(struct server_state *state);
/* CONFIG RESETSTAT. */
void server_state_reset_statistics(struct server_state *state);
/* Heap, slabs and arenas, as INFO's used_memory. */
uint64_t server_state_used_bytes(const struct server_state *state);

static inline struct server_state *server_state_of(const struct services *services)
{
    return services->context;
}

#endif
