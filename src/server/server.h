/* One process: options, the engine, workers, listeners, the periodic work, an orderly stop. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "command/services.h"
#include "net/listener.h"
#include "server/server_state.h"
#include "server/worker.h"

enum {
    SERVER_LISTENERS_MAX = 18,
    SERVER_EXIT_OK = 0,
    SERVER_EXIT_USAGE = 1,
    SERVER_EXIT_START = 2,
    SERVER_EXIT_DAMAGED = 3,
    SERVER_EXIT_IO = 74,
};

struct server {
    struct server_state state; /* first: services.context is both */
    struct services services;
    struct clock *clock;
    struct disk *disk;
    struct engine *engine;
    struct worker *workers;
    uint32_t worker_count;
    struct listener listeners[SERVER_LISTENERS_MAX];
    uint32_t listener_count;
    _Atomic uint32_t client_count;
    _Atomic bool has_workers; /* all are made: they may be woken */
    _Atomic bool is_stopping;
    _Atomic bool has_save; /* SHUTDOWN SAVE: a last checkpoint */
    _Atomic bool is_nosave;
    bool has_pid_file;
};

/* Starts everything, serves until SIGTERM, SIGINT or SHUTDOWN, stops everything. Returns the exit
 * code. Options are read into server->state already; all signals are blocked by the caller. */
int server_run(struct server *server);

/* About ten times a second, by worker 0. */
void server_tick(struct server *server, uint64_t now_ns, int64_t now_ms);

#endif
