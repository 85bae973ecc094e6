/* Every setting of the server: where it is kept, how it is set at start and while running.
 *
 * Who may read what. Numbers (booleans and choices too) are atomic: any thread reads them with a
 * plain load, at any time. Texts may be replaced while the server runs: outside of start and stop
 * they are read with options_copy_text, which takes the lock (LOCK_RANK_CONFIG). All changes go
 * through options_set (start, one thread) or options_change (any thread). */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/status.h"
#include "os/lock.h"
#include "server/option.h"

enum {
    OPTIONS_SAVE_POINTS_MAX = 16,
    OPTIONS_ROWS_MAX = 256,
};

enum options_appendfsync { APPENDFSYNC_EVERYSEC, APPENDFSYNC_ALWAYS, APPENDFSYNC_NO };
enum options_loglevel {
    LOGLEVEL_DEBUG,
    LOGLEVEL_VERBOSE,
    LOGLEVEL_NOTICE,
    LOGLEVEL_WARNING,
    LOGLEVEL_NOTHING
};
enum options_supervised { SUPERVISED_NO, SUPERVISED_UPSTART, SUPERVISED_SYSTEMD, SUPERVISED_AUTO };
enum options_debug_command { DEBUG_COMMAND_NO, DEBUG_COMMAND_YES, DEBUG_COMMAND_LOCAL };
/* client-output-buffer-limit of one class of clients. */
enum options_client_class {
    CLIENT_CLASS_NORMAL,
    CLIENT_CLASS_REPLICA,
    CLIENT_CLASS_PUBSUB,
    CLIENT_CLASS_COUNT
};

struct options_output_limit {
    _Atomic int64_t hard_bytes; /* 0: none */
    _Atomic int64_t soft_bytes; /* 0: none */
    _Atomic int64_t soft_seconds;
};

struct options {
    struct mutex lock; /* LOCK_RANK_CONFIG */

    /* network */
    char *bind; /* addresses between single spaces, '-' before one that may fail; "" is none */
    char *unixsocket; /* "" is none */
    _Atomic int64_t port;
    _Atomic int64_t unixsocketperm;
    _Atomic int64_t tcp_backlog;
    _Atomic int64_t tcp_keepalive;
    _Atomic int64_t timeout;
    _Atomic int64_t protected_mode;
    _Atomic int64_t maxclients;
    _Atomic int64_t proto_max_bulk_len;
    _Atomic int64_t client_query_buffer_limit;
    struct options_output_limit
        output_limits[CLIENT_CLASS_COUNT]; /* follow client_output_buffer_limit */
    char *client_output_buffer_limit;

    /* process */
    char *logfile; /* "" is standard output */
    char *pidfile;
    _Atomic int64_t loglevel;
    _Atomic int64_t supervised;
    _Atomic int64_t threads;
    _Atomic int64_t hz;
    _Atomic int64_t shutdown_timeout;
    _Atomic int64_t enable_debug_command;

    /* data */
    char *dir;
    char *save; /* "3600 1 300 100 60 10000", "" is none */
    _Atomic int64_t databases;
    _Atomic int64_t shards; /* 0: by the number of threads */
    _Atomic int64_t appendonly;
    _Atomic int64_t appendfsync;
    _Atomic int64_t log_segment_bytes;
    _Atomic int64_t checkpoint_log_bytes;
    _Atomic int64_t log_flush_ms;
    _Atomic int64_t maxmemory;        /* 0: none */
    _Atomic int64_t maxmemory_policy; /* echoed only: noeviction is what happens */

    /* access and observation */
    char *requirepass;            /* "" is none */
    _Atomic int64_t has_password; /* follows requirepass */
    _Atomic int64_t slowlog_log_slower_than;
    _Atomic int64_t slowlog_max_len;
    _Atomic int64_t latency_monitor_threshold;
    _Atomic int64_t latency_tracking;
    char *latency_tracking_info_percentiles;
    _Atomic int64_t busy_reply_threshold;

    /* Rows that have no field of their own: by row index. */
    struct option_slot slots[OPTIONS_ROWS_MAX];
    bool is_set[OPTIONS_ROWS_MAX]; /* by a file or the command line */

    /* What a run-time change must reach: called after the values are in place, for each changed
     * row, without the lock. NULL or an error text, which takes the whole change back. */
    const char *(*on_change)(void *context, const struct option *option);
    void *context;
    struct buf warnings; /* lines for the log, gathered at start, before there is one */
};

/* The defaults. */
void options_init(struct options *options);
void options_deinit(struct options *options);

/* One setting at start, already split into words. False with a sentence in *error. */
bool options_set(struct options *options, struct bytes name, const struct bytes *values,
                 size_t count, struct buf *error);
/* CONFIG SET: all pairs (name, value, name, value ...) or none. False with the whole error reply in
 * *error. */
bool options_change(struct options *options, const struct bytes *pairs, size_t pair_count,
                    struct buf *error);

/* Calls each(context, name, value) for every option and alias that one of the patterns matches,
 * once. */
void options_match(struct options *options, const struct bytes *patterns, size_t count,
                   void (*each)(void *context, struct bytes name, struct bytes value),
                   void *context);
/* The value as CONFIG GET prints it, appended to *out. */
void options_print(struct options *options, const struct option *option, struct buf *out);
/* Appends a text field, read under the lock. */
void options_copy_text(struct options *options, char *const *field, struct buf *out);

/* `save`, decoded. Returns the number of points. */
struct options_save_point {
    int64_t seconds;
    int64_t changes;
};
size_t options_save_points(struct options *options,
                           struct options_save_point out[OPTIONS_SAVE_POINTS_MAX]);

/* The option nearest to a misspelt name; NULL when none is near. */
const char *options_nearest(struct bytes name);

#endif
