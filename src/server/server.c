#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/text.h"
#include "command/registry.h"
#include "command/session.h"
#include "command/statistics.h"
#include "engine/engine.h"
#include "families/families.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/messages.h"
#include "protocol/resp_reply.h"
#include "server/client.h"
#include "server/monitors.h"
#include "server/option_hooks.h"
#include "server/server_commands.h"

static_assert(offsetof(struct server, state) == 0, "services.context is both");

enum { SERVER_SPARE_FILES = 64 }; /* file descriptors beside those of clients */

/* -------------------------------------------------------------------------------------------------------------
 * services */

static void wake(struct services *services, struct session *session)
{
    struct server *server = services->context;
    worker_call(&server->workers[session->worker]);
}

static void call_all_workers(struct server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++) worker_wake(&server->workers[i]);
}

static void pause_clients(struct services *services, int64_t until_ms, bool only_writes)
{
    struct server *server = services->context;
    atomic_store(&server->state.pause_only_writes, only_writes);
    atomic_store(&server->state.pause_until_ms, until_ms);
    call_all_workers(server);
}

static void request_shutdown(struct services *services, bool has_save, bool is_nosave)
{
    struct server *server = services->context;
    atomic_store(&server->has_save, has_save);
    atomic_store(&server->is_nosave, is_nosave);
    /* The main thread sits in sigtimedwait. */
    (void)kill(getpid(), SIGTERM);
}

static void copy_password(struct services *services, struct buf *out)
{
    struct server *server = services->context;
    options_copy_text(&server->state.options, &server->state.options.requirepass, out);
}

static uint64_t monotonic_ns(struct services *services)
{
    struct server *server = services->context;
    return clock_monotonic_ns(server->clock);
}

static int64_t wall_us(struct services *services)
{
    struct server *server = services->context;
    return clock_wall_us(server->clock);
}

static void fill_services(struct server *server)
{
    struct services *services = &server->services;
    services->context = server;
    services->suspend = worker_suspend;
    services->wake = wake;
    services->pause = pause_clients;
    services->shutdown = request_shutdown;
    services->monitor = monitors_set;
    services->observe = monitors_observe;
    services->reply_ops = resp_reply_ops;
    services->password = copy_password;
    services->monotonic_ns = monotonic_ns;
    services->wall_us = wall_us;
    services->engine = server->engine;
}

/* --------------------------------------------------------------------------------------------------------------
 * the engine */

static void on_durable(void *context, uint64_t durable)
{
    struct server *server = context;
    (void)durable;
    if (!atomic_load_explicit(&server->has_workers, memory_order_acquire)) return;
    for (uint32_t i = 0; i < server->worker_count; i++) worker_notify_durable(&server->workers[i]);
}

static enum wal_sync sync_of(int64_t appendfsync)
{
    switch (appendfsync) {
    case APPENDFSYNC_NO: return WAL_SYNC_NEVER;
    case APPENDFSYNC_EVERYSEC: return WAL_SYNC_INTERVAL;
    default: return WAL_SYNC_ALWAYS;
    }
}

static const char *on_option_change(void *context, const struct option *option)
{
    struct server *server = context;
    if (strcmp(option->name, "appendfsync") == 0) {
        engine_set_sync(server->engine, sync_of(server->state.options.appendfsync));
    }
    return option_hooks_run(&server->state, option);
}

static int exit_code_of(enum status status)
{
    switch (status) {
    case STATUS_CORRUPT:
    case STATUS_VERSION:
    case STATUS_TORN: return SERVER_EXIT_DAMAGED;
    case STATUS_IO:
    case STATUS_NO_SPACE: return SERVER_EXIT_IO;
    default: return SERVER_EXIT_START;
    }
}

static int open_engine(struct server *server)
{
    struct options *options = &server->state.options;
    enum status status = disk_posix_open(options->dir, &server->disk);
    if (status != STATUS_OK) {
        message_warning("the data directory %s cannot be used: %s", options->dir,
                        status == STATUS_INVALID ? "it is not a directory" : status_text(status));
        return SERVER_EXIT_START;
    }
    struct engine_options engine_options = {
        .disk = server->disk,
        .clock = server->clock,
        .has_log = options->appendonly != 0,
        .sync = sync_of(options->appendfsync),
        .worker_count = server->worker_count,
        .shard_count = (uint32_t)options->shards,
        .database_count = (uint32_t)options->databases,
        .segment_bytes = (uint64_t)options->log_segment_bytes,
        .flush_ms = (uint32_t)options->log_flush_ms,
        .checkpoint_log_bytes = (uint64_t)options->checkpoint_log_bytes,
        .has_threads = true,
        .context = server,
        .on_durable = on_durable,
    };
    struct buf message = {0};
    status = engine_open(&engine_options, &server->engine, &message);
    if (status != STATUS_OK)
        message_warning("the data in %s cannot be opened: %s", options->dir, buf_text(&message));
    buf_deinit(&message);
    return status == STATUS_OK ? SERVER_EXIT_OK : exit_code_of(status);
}

/* --------------------------------------------------------------------------------------------------------------
 * listeners */

static bool listen_tcp(struct server *server, struct bytes address)
{
    struct options *options = &server->state.options;
    char text[256];
    bool may_fail = address.size > 0 && address.data[0] == '-';
    if (may_fail) address = bytes_part(address, 1, address.size);
    (void)snprintf(text, sizeof text, "%.*s", (int)address.size, address.data);
    struct buf message = {0};
    enum status status = listener_open_tcp(&server->listeners[server->listener_count], text,
                                           (uint16_t)options->port, (int)options->tcp_backlog,
                                           &message);
    if (status == STATUS_OK) server->listener_count++;
    const char *hint = status == STATUS_IN_USE ? " (--port N chooses another)" : "";
    if (status != STATUS_OK && !may_fail) message_warning("%s%s", buf_text(&message), hint);
    buf_deinit(&message);
    /* An address family that this machine lacks is no reason to stop when the address may fail; a
     * port in use is. */
    return status == STATUS_OK || (may_fail && status != STATUS_IN_USE);
}

static bool listen_addresses(struct server *server)
{
    struct buf bind = {0};
    options_copy_text(&server->state.options, &server->state.options.bind, &bind);
    struct bytes rest = buf_bytes(&bind);
    bool is_ok = true;
    while (is_ok && rest.size > 0) {
        const char *space = memchr(rest.data, ' ', rest.size);
        size_t size = space != NULL ? (size_t)(space - rest.data) : rest.size;
        if (size > 0 && server->listener_count < SERVER_LISTENERS_MAX - 1) {
            is_ok = listen_tcp(server, bytes_of(rest.data, size));
        }
        rest = bytes_part(rest, size + 1, rest.size);
    }
    buf_deinit(&bind);
    return is_ok;
}

static bool listen_unix(struct server *server)
{
    struct options *options = &server->state.options;
    if (options->unixsocket[0] == '\0') return true;
    struct buf message = {0};
    enum status status = listener_open_unix(&server->listeners[server->listener_count],
                                            options->unixsocket, (unsigned)options->unixsocketperm,
                                            (int)options->tcp_backlog, &message);
    if (status == STATUS_OK) server->listener_count++;
    if (status != STATUS_OK) message_warning("%s", buf_text(&message));
    buf_deinit(&message);
    return status == STATUS_OK;
}

static int open_listeners(struct server *server)
{
    bool is_ok = (server->state.options.port == 0 || listen_addresses(server)) &&
                 listen_unix(server);
    if (is_ok && server->listener_count == 0) {
        message_warning("nothing to listen on: set port or unixsocket");
        is_ok = false;
    }
    return is_ok ? SERVER_EXIT_OK : SERVER_EXIT_START;
}

/* As many file descriptors as maxclients wants, or fewer clients. */
static void raise_file_limit(struct server *server)
{
    struct options *options = &server->state.options;
    struct rlimit limit;
    rlim_t wanted = (rlim_t)options->maxclients + SERVER_SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    struct rlimit raised = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
    raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    int64_t clients = (int64_t)limit.rlim_cur - SERVER_SPARE_FILES;
    if (clients < 1) clients = 1;
    if (clients >= options->maxclients) return;
    message_warning(
        "maxclients is lowered from %lld to %lld: the system allows %llu open files (ulimit -n)",
        (long long)options->maxclients, (long long)clients, (unsigned long long)limit.rlim_cur);
    options->maxclients = clients;
}

/* --------------------------------------------------------------------------------------------------------
 * periodic work */

/* `save` without a log: a checkpoint when so many changes are so old. With a log every change is on
 * disk already and checkpoints follow the log's size. */
static void check_save_points(struct server *server, int64_t now_ms)
{
    if (engine_wal(server->engine) != NULL) return;
    struct options_save_point points[OPTIONS_SAVE_POINTS_MAX];
    size_t count = options_save_points(&server->state.options, points);
    struct engine_checkpoint_state state;
    engine_checkpoint_state(server->engine, &state);
    for (size_t i = 0; i < count; i++) {
        bool is_due = state.changes >= (uint64_t)points[i].changes &&
                      now_ms / 1000 - state.last_wall_s >= points[i].seconds;
        if (is_due && !state.is_running) {
            message_notice("%lld changes in %lld seconds: taking a checkpoint",
                           (long long)points[i].changes, (long long)points[i].seconds);
            (void)!engine_request_checkpoint(server->engine);
            return;
        }
    }
}

void server_tick(struct server *server, uint64_t now_ns, int64_t now_ms)
{
    engine_sample_memory(server->engine);
    server_state_sample(&server->state, now_ns);
    check_save_points(server, now_ms);
}

/* --------------------------------------------------------------------------------------------------------------
 * life */

static int create_workers(struct server *server)
{
    server->workers = memory_alloc_aligned(CACHE_LINE_BYTES,
                                           server->worker_count * sizeof *server->workers);
    memset(server->workers, 0, server->worker_count * sizeof *server->workers);
    for (uint32_t i = 0; i < server->worker_count; i++) {
        if (worker_init(&server->workers[i], server, i) != STATUS_OK) return SERVER_EXIT_START;
    }
    atomic_store_explicit(&server->has_workers, true, memory_order_release);
    return SERVER_EXIT_OK;
}

static int start_workers(struct server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        enum status status = worker_start(&server->workers[i]);
        if (status != STATUS_OK) {
            message_warning("worker %u could not be started: %s", i, status_text(status));
            return SERVER_EXIT_START;
        }
    }
    return SERVER_EXIT_OK;
}

static void stop_workers(struct server *server)
{
    atomic_store(&server->is_stopping, true);
    call_all_workers(server);
    for (uint32_t i = 0; i < server->worker_count; i++) worker_join(&server->workers[i]);
}

/* Waits for a reason to stop. */
static void wait_for_end(struct server *server)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    for (;;) {
        int number = sigwaitinfo(&signals, NULL);
        if (number == SIGTERM || number == SIGINT) return;
        if (number == SIGHUP) {
            struct buf path = {0};
            options_copy_text(&server->state.options, &server->state.options.logfile, &path);
            if (messages_set_file(buf_text(&path)) != STATUS_OK)
                message_warning("the log file could not be reopened");
            buf_deinit(&path);
        }
    }
}

/* A second SIGTERM or SIGINT while stopping ends the process at once: what was acknowledged is on
 * disk anyway. */
static void allow_impatience(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static bool wants_checkpoint(struct server *server)
{
    if (atomic_load(&server->is_nosave)) return false;
    if (atomic_load(&server->has_save)) return true;
    struct options_save_point points[OPTIONS_SAVE_POINTS_MAX];
    return engine_wal(server->engine) == NULL &&
           options_save_points(&server->state.options, points) > 0;
}

static int close_engine(struct server *server)
{
    bool has_checkpoint = wants_checkpoint(server);
    enum status status = engine_close(server->engine, has_checkpoint);
    if (status == STATUS_OK) return SERVER_EXIT_OK;
    message_warning("the data could not be closed cleanly: %s; everything acknowledged is on disk",
                    status_text(status));
    return SERVER_EXIT_IO;
}

static bool write_pid_file(const struct options *options)
{
    if (options->pidfile[0] == '\0') return false;
    FILE *file = fopen(options->pidfile, "we");
    if (file == NULL) {
        message_warning("the pid file %s cannot be written", options->pidfile);
        return false;
    }
    (void)fprintf(file, "%d\n", (int)getpid());
    (void)fclose(file);
    return true;
}

/* What an OK means is said when it does not mean the disk. */
static void tell_durability(const struct options *options)
{
    if (options->appendonly == 0) {
        message_warning("appendonly no: there is no log, an OK does not survive a crash");
    } else if (options->appendfsync != APPENDFSYNC_ALWAYS) {
        message_warning(
            "appendfsync is not always: an OK may precede the disk, and be lost with the machine or the process");
    }
}

static int serve(struct server *server)
{
    int code = open_listeners(server);
    if (code == SERVER_EXIT_OK) code = create_workers(server);
    if (code == SERVER_EXIT_OK) code = start_workers(server);
    if (code != SERVER_EXIT_OK) return code;

    server_state_ready(&server->state);
    server->has_pid_file = write_pid_file(&server->state.options);
    tell_durability(&server->state.options);
    message_notice("Ready to accept connections tcp");
    wait_for_end(server);
    message_notice("stopping: finishing what has begun");
    allow_impatience();
    stop_workers(server);
    return SERVER_EXIT_OK;
}

static void destroy_workers(struct server *server)
{
    if (!atomic_load(&server->has_workers)) return;
    for (uint32_t i = 0; i < server->worker_count; i++) worker_deinit(&server->workers[i]);
}

int server_run(struct server *server)
{
    struct options *options = &server->state.options;
    server->clock = &clock_system;
    server->worker_count = (uint32_t)options->threads;
    raise_file_limit(server);
    fill_services(server);
    server->services.sessions = sessions_create();
    server->services.registry = registry_create(server_families, server_family_count);
    server_state_start(&server->state, server->worker_count);
    options->context = server;
    options->on_change = on_option_change;

    int code = open_engine(server);
    if (code == SERVER_EXIT_OK) {
        server->services.engine = server->engine;
        code = serve(server);
        for (uint32_t i = 0; i < server->listener_count; i++) listener_close(&server->listeners[i]);
        int closed = close_engine(server);
        if (code == SERVER_EXIT_OK) code = closed;
        destroy_workers(server);
    }
    if (server->disk != NULL) server->disk->ops->close_disk(server->disk);
    if (server->has_pid_file) (void)unlink(options->pidfile);
    if (code == SERVER_EXIT_OK) message_notice("bye");
    memory_free(server->workers);
    registry_destroy(server->services.registry);
    sessions_destroy(server->services.sessions);
    return code;
}
