/* The table of all options: adding one is a row here and, if the code reads it, a field in struct
 * options. Rows without a field are kept and echoed by CONFIG GET. Flags say what a row is worth:
 * IGNORED has no meaning here (no forks, no packed encodings to tune, no replication timers), LATER
 * will have one and refuses to pretend. */
#include <assert.h>
#include <stddef.h>

#include "server/option.h"
#include "server/option_checks.h"
#include "server/options.h"

#define FIELD(name) offsetof(struct options, name)
#define MUT OPTION_MUTABLE
#define IGN (OPTION_MUTABLE | OPTION_IGNORED)
#define BOOL_ROW(row_name, row_flags, row_offset, row_fallback, row_summary, ...) \
    { \
        .name = row_name, .type = OPTION_BOOL, .flags = (row_flags), .offset = (row_offset), \
        .fallback = row_fallback, .summary = row_summary, ##__VA_ARGS__ \
    }
#define NUMBER_ROW(row_type, row_name, row_flags, row_offset, row_fallback, row_low, row_high, \
                   row_summary, ...) \
    { \
        .name = row_name, .type = (row_type), .flags = (row_flags) | OPTION_IS_LIMITED, \
        .offset = (row_offset), .fallback = row_fallback, .low = (row_low), .high = (row_high), \
        .summary = row_summary, ##__VA_ARGS__ \
    }
#define INTEGER_ROW(...) NUMBER_ROW(OPTION_INTEGER, __VA_ARGS__)
#define MEMORY_ROW(...) NUMBER_ROW(OPTION_MEMORY, __VA_ARGS__)
#define CHOICE_ROW(row_name, row_flags, row_offset, row_fallback, row_choices, row_summary, ...) \
    { \
        .name = row_name, .type = OPTION_CHOICE, .flags = (row_flags), .offset = (row_offset), \
        .fallback = row_fallback, .choices = (row_choices), .summary = row_summary, ##__VA_ARGS__ \
    }
#define TEXT_ROW(row_type, row_name, row_flags, row_offset, row_fallback, row_summary, ...) \
    { \
        .name = row_name, .type = (row_type), .flags = (row_flags), .offset = (row_offset), \
        .fallback = row_fallback, .summary = row_summary, ##__VA_ARGS__ \
    }
#define ECHO_TEXT(row_name, row_fallback) \
    TEXT_ROW(OPTION_TEXT, row_name, IGN, 0, row_fallback, no_meaning)
#define ECHO_BOOL(row_name, row_fallback, ...) \
    BOOL_ROW(row_name, IGN, 0, row_fallback, no_meaning, ##__VA_ARGS__)
#define ECHO_INTEGER(row_name, row_fallback, row_low, row_high, ...) \
    INTEGER_ROW(row_name, IGN, 0, row_fallback, row_low, row_high, no_meaning, ##__VA_ARGS__)
#define ECHO_MEMORY(row_name, row_fallback, ...) \
    MEMORY_ROW(row_name, IGN, 0, row_fallback, 0, INT64_MAX, no_meaning, ##__VA_ARGS__)

#define no_meaning "Accepted and echoed; it has no meaning here."
#define comes_with_replication "Accepted and echoed; it will matter once there are replicas."
#define comes_with_cluster "Accepted and echoed; it will matter once there is a cluster."
#define comes_with_tls "Accepted and echoed; it will matter once there is TLS."

static const char *const choices_appendfsync[] = {"everysec", "always", "no", NULL};
static const char *const choices_loglevel[] = {"debug",   "verbose", "notice",
                                               "warning", "nothing", NULL};
static const char *const choices_supervised[] = {"no", "upstart", "systemd", "auto", NULL};
static const char *const choices_debug[] = {"no", "yes", "local", NULL};
static const char *const choices_policy[] = {"volatile-lru",   "volatile-lfu", "volatile-random",
                                             "volatile-ttl",   "allkeys-lru",  "allkeys-lfu",
                                             "allkeys-random", "noeviction",   NULL};
static const char *const choices_diskless_load[] = {"disabled", "on-empty-db", "swapdb", NULL};
static const char *const choices_oom_score[] = {"no", "yes", "relative", "absolute", NULL};
static const char *const choices_sanitize[] = {"no", "yes", "clients", NULL};
static const char *const choices_pubsub_default[] = {"resetchannels", "allchannels", NULL};
static const char *const choices_endpoint[] = {"ip", "hostname", "unknown-endpoint", NULL};
static const char *const choices_propagation_error[] = {"ignore", "panic", "panic-on-replicas",
                                                        NULL};
static const char *const choices_facility[] = {"user",   "local0", "local1", "local2", "local3",
                                               "local4", "local5", "local6", "local7", NULL};
static const char *const choices_tls_clients[] = {"no", "yes", "optional", NULL};

/* ---- what follows from a value ---- */

static void follow_output_limits(struct options *options)
{
    int64_t limits[CLIENT_CLASS_COUNT][3];
    bool is_named[CLIENT_CLASS_COUNT] = {0};
    option_checks_read_limits(options->client_output_buffer_limit, limits, is_named);
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        if (!is_named[i]) continue;
        options->output_limits[i].hard_bytes = limits[i][0];
        options->output_limits[i].soft_bytes = limits[i][1];
        options->output_limits[i].soft_seconds = limits[i][2];
    }
}

static void follow_requirepass(struct options *options)
{
    options->has_password = options->requirepass[0] != '\0';
}

/* ---- the rows ---- */

const struct option option_rows[] = {
    CHOICE_ROW("acl-pubsub-default", IGN, 0, "resetchannels", choices_pubsub_default, no_meaning),
    TEXT_ROW(OPTION_TEXT, "aclfile", OPTION_LATER, 0, "", "File of users. Not implemented yet."),
    ECHO_INTEGER("acllog-max-len", "128", 0, INT64_MAX),
    ECHO_INTEGER("active-defrag-cycle-max", "25", 1, 99),
    ECHO_INTEGER("active-defrag-cycle-min", "1", 1, 99),
    ECHO_MEMORY("active-defrag-ignore-bytes", "104857600"),
    ECHO_INTEGER("active-defrag-max-scan-fields", "1000", 1, INT64_MAX),
    ECHO_INTEGER("active-defrag-threshold-lower", "10", 0, 1000),
    ECHO_INTEGER("active-defrag-threshold-upper", "100", 0, 1000),
    ECHO_INTEGER("active-expire-effort", "1", 1, 10),
    ECHO_BOOL("activedefrag", "no"),
    ECHO_BOOL("activerehashing", "yes"),
    ECHO_BOOL("always-show-logo", "no"),
    ECHO_BOOL("aof-disable-auto-gc", "no"),
    ECHO_BOOL("aof-load-truncated", "yes"),
    ECHO_BOOL("aof-rewrite-incremental-fsync", "yes"),
    ECHO_BOOL("aof-timestamp-enabled", "no"),
    ECHO_BOOL("aof-use-rdb-preamble", "yes"),
    ECHO_TEXT("aof_rewrite_cpulist", ""),
    ECHO_TEXT("appenddirname", "appendonlydir"),
    ECHO_TEXT("appendfilename", "appendonly.aof"),
    CHOICE_ROW(
        "appendfsync", MUT, FIELD(appendfsync), "always", choices_appendfsync,
        "When a write is on disk: always (before its reply), everysec, or no (when the system likes)."),
    BOOL_ROW("appendonly", MUT | OPTION_FIXED, FIELD(appendonly), "yes",
             "Keep a log of all writes in `dir`."),
    ECHO_MEMORY("auto-aof-rewrite-min-size", "67108864"),
    ECHO_INTEGER("auto-aof-rewrite-percentage", "100", 0, INT64_MAX),
    ECHO_TEXT("bgsave_cpulist", ""),
    TEXT_ROW(OPTION_WORDS, "bind", MUT | OPTION_FIXED, FIELD(bind), "127.0.0.1 -::1",
             "Addresses to listen on; one with '-' before it may be missing on this machine."),
    TEXT_ROW(OPTION_TEXT, "bind-source-addr", IGN, 0, "", comes_with_replication),
    ECHO_TEXT("bio_cpulist", ""),
    INTEGER_ROW("busy-reply-threshold", MUT, FIELD(busy_reply_threshold), "5000", 0, INT64_MAX,
                "Milliseconds after which a running script may be told to stop.",
                .alias = "lua-time-limit"),
    MEMORY_ROW("checkpoint-log-bytes", 0, FIELD(checkpoint_log_bytes), "268435456", 1 << 20,
               INT64_MAX,
               "A checkpoint starts when this much log has gathered, or as much as there is data."),
    TEXT_ROW(
        OPTION_SPECIAL, "client-output-buffer-limit", MUT, FIELD(client_output_buffer_limit),
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        "Per class of clients: bytes of unsent replies that close a connection at once, and bytes that do after "
        "some seconds.",
        .check = option_checks_output_limits, .merge = option_checks_merge_limits,
        .follow = follow_output_limits),
    MEMORY_ROW("client-query-buffer-limit", MUT, FIELD(client_query_buffer_limit), "1073741824",
               1024 * 1024, INT64_MAX, "Bytes of unparsed requests that close a connection."),
    BOOL_ROW("cluster-allow-pubsubshard-when-down", IGN, 0, "yes", comes_with_cluster),
    BOOL_ROW("cluster-allow-reads-when-down", IGN, 0, "no", comes_with_cluster),
    BOOL_ROW("cluster-allow-replica-migration", IGN, 0, "yes", comes_with_cluster),
    INTEGER_ROW("cluster-announce-bus-port", IGN, 0, "0", 0, 65535, comes_with_cluster),
    TEXT_ROW(OPTION_TEXT, "cluster-announce-hostname", IGN, 0, "", comes_with_cluster),
    TEXT_ROW(OPTION_TEXT, "cluster-announce-ip", IGN, 0, "", comes_with_cluster),
    INTEGER_ROW("cluster-announce-port", IGN, 0, "0", 0, 65535, comes_with_cluster),
    INTEGER_ROW("cluster-announce-tls-port", IGN, 0, "0", 0, 65535, comes_with_cluster),
    TEXT_ROW(OPTION_TEXT, "cluster-config-file", OPTION_IGNORED, 0, "nodes.conf",
             comes_with_cluster),
    BOOL_ROW("cluster-enabled", OPTION_LATER, 0, "no", "Many primaries. Not implemented yet."),
    MEMORY_ROW("cluster-link-sendbuf-limit", IGN, 0, "0", 0, INT64_MAX, comes_with_cluster),
    INTEGER_ROW("cluster-migration-barrier", IGN, 0, "1", 0, INT64_MAX, comes_with_cluster),
    INTEGER_ROW("cluster-node-timeout", IGN, 0, "15000", 0, INT64_MAX, comes_with_cluster),
    INTEGER_ROW("cluster-port", OPTION_IGNORED, 0, "0", 0, 65535, comes_with_cluster),
    CHOICE_ROW("cluster-preferred-endpoint-type", IGN, 0, "ip", choices_endpoint,
               comes_with_cluster),
    BOOL_ROW("cluster-replica-no-failover", IGN, 0, "no", comes_with_cluster,
             .alias = "cluster-slave-no-failover"),
    INTEGER_ROW("cluster-replica-validity-factor", IGN, 0, "10", 0, INT64_MAX, comes_with_cluster,
                .alias = "cluster-slave-validity-factor"),
    BOOL_ROW("cluster-require-full-coverage", IGN, 0, "yes", comes_with_cluster),
    ECHO_BOOL("crash-log-enabled", "yes"),
    ECHO_BOOL("crash-memcheck-enabled", "yes"),
    BOOL_ROW("daemonize", OPTION_IGNORED, 0, "no",
             "The server stays in the foreground; a service manager keeps it."),
    INTEGER_ROW("databases", 0, FIELD(databases), "16", 1, 16384,
                "Numbered databases, chosen by SELECT."),
    TEXT_ROW(OPTION_TEXT, "dbfilename", IGN, 0, "dump.rdb", no_meaning),
    TEXT_ROW(OPTION_TEXT, "dir", MUT | OPTION_FIXED, FIELD(dir), ".", "The directory of the data."),
    ECHO_BOOL("disable-thp", "yes"),
    ECHO_BOOL("dynamic-hz", "yes"),
    CHOICE_ROW("enable-debug-command", 0, FIELD(enable_debug_command), "no", choices_debug,
               "Who may call DEBUG: nobody, everybody, or connections from this machine."),
    CHOICE_ROW("enable-module-command", OPTION_IGNORED, 0, "no", choices_debug, no_meaning),
    CHOICE_ROW("enable-protected-configs", OPTION_IGNORED, 0, "no", choices_debug, no_meaning),
    ECHO_INTEGER("hash-max-listpack-entries", "512", 0, INT64_MAX,
                 .alias = "hash-max-ziplist-entries"),
    ECHO_MEMORY("hash-max-listpack-value", "64", .alias = "hash-max-ziplist-value"),
    ECHO_MEMORY("hll-sparse-max-bytes", "3000"),
    INTEGER_ROW("hz", MUT, FIELD(hz), "10", 1, 500,
                "How often a second housekeeping looks around."),
    ECHO_TEXT("ignore-warnings", ""),
    INTEGER_ROW("io-threads", OPTION_IGNORED, 0, "1", 1, 128,
                "Accepted and echoed; see `threads`."),
    BOOL_ROW("io-threads-do-reads", OPTION_IGNORED, 0, "no", "Accepted and echoed; see `threads`."),
    ECHO_BOOL("jemalloc-bg-thread", "yes"),
    INTEGER_ROW("latency-monitor-threshold", MUT, FIELD(latency_monitor_threshold), "0", 0,
                INT64_MAX,
                "Milliseconds from which the latency monitor records an event; 0 switches it off."),
    BOOL_ROW("latency-tracking", MUT, FIELD(latency_tracking), "yes",
             "Keep a latency histogram of every command."),
    TEXT_ROW(OPTION_SPECIAL, "latency-tracking-info-percentiles", MUT,
             FIELD(latency_tracking_info_percentiles), "50 99 99.9",
             "The percentiles in INFO latencystats.", .check = option_checks_percentiles),
    ECHO_BOOL("lazyfree-lazy-eviction", "no"),
    ECHO_BOOL("lazyfree-lazy-expire", "no"),
    ECHO_BOOL("lazyfree-lazy-server-del", "no"),
    ECHO_BOOL("lazyfree-lazy-user-del", "no"),
    ECHO_BOOL("lazyfree-lazy-user-flush", "no"),
    ECHO_INTEGER("lfu-decay-time", "1", 0, INT64_MAX),
    ECHO_INTEGER("lfu-log-factor", "10", 0, INT64_MAX),
    ECHO_INTEGER("list-compress-depth", "0", 0, INT64_MAX),
    ECHO_INTEGER("list-max-listpack-size", "-2", INT64_MIN, INT64_MAX,
                 .alias = "list-max-ziplist-size"),
    INTEGER_ROW(
        "log-flush-ms", 0, FIELD(log_flush_ms), "100", 1, 10000,
        "With appendfsync everysec or no: milliseconds within which a write is handed to the system."),
    MEMORY_ROW("log-segment-bytes", 0, FIELD(log_segment_bytes), "67108864", 1 << 20,
               INT64_C(1) << 32, "Size of one file of the log."),
    TEXT_ROW(OPTION_TEXT, "logfile", 0, FIELD(logfile), "",
             "Where messages go; empty: standard output."),
    CHOICE_ROW("loglevel", MUT, FIELD(loglevel), "notice", choices_loglevel,
               "The least important messages to print."),
    TEXT_ROW(OPTION_TEXT, "masterauth", IGN | OPTION_SECRET, 0, "", comes_with_replication),
    TEXT_ROW(OPTION_TEXT, "masteruser", IGN, 0, "", comes_with_replication),
    INTEGER_ROW("maxclients", MUT, FIELD(maxclients), "10000", 1, UINT32_MAX,
                "Connections at a time."),
    MEMORY_ROW("maxmemory", MUT, FIELD(maxmemory), "0", 0, INT64_MAX,
               "Bytes of memory above which commands that need more are refused; 0: no limit."),
    ECHO_TEXT("maxmemory-clients", "0"),
    ECHO_INTEGER("maxmemory-eviction-tenacity", "10", 0, 100),
    CHOICE_ROW(
        "maxmemory-policy", MUT | OPTION_WARNS, FIELD(maxmemory_policy), "noeviction",
        choices_policy,
        "What to do at maxmemory. Only noeviction is in force yet; others are kept and echoed."),
    ECHO_INTEGER("maxmemory-samples", "5", 1, 64),
    INTEGER_ROW("min-replicas-max-lag", IGN, 0, "10", 0, INT64_MAX, comes_with_replication,
                .alias = "min-slaves-max-lag"),
    INTEGER_ROW("min-replicas-to-write", MUT | OPTION_LATER, 0, "0", 0, INT64_MAX,
                "Replicas that a write waits for. Not implemented yet.",
                .alias = "min-slaves-to-write"),
    ECHO_BOOL("no-appendfsync-on-rewrite", "no"),
    TEXT_ROW(OPTION_SPECIAL, "notify-keyspace-events", IGN, 0, "",
             "Accepted and echoed; events will be published once there is pub/sub.",
             .check = option_checks_keyspace_events),
    CHOICE_ROW("oom-score-adj", IGN, 0, "no", choices_oom_score, no_meaning),
    TEXT_ROW(OPTION_WORDS, "oom-score-adj-values", IGN, 0, "0 200 800", no_meaning),
    TEXT_ROW(OPTION_TEXT, "pidfile", 0, FIELD(pidfile), "",
             "Holds the process number while the server runs."),
    INTEGER_ROW("port", MUT | OPTION_FIXED, FIELD(port), "6379", 0, 65535,
                "TCP port of RESP; 0: none."),
    TEXT_ROW(OPTION_TEXT, "proc-title-template", IGN, 0, "{title} {listen-addr} {server-mode}",
             no_meaning),
    CHOICE_ROW("propagation-error-behavior", IGN, 0, "ignore", choices_propagation_error,
               no_meaning),
    BOOL_ROW("protected-mode", MUT, FIELD(protected_mode), "yes",
             "Without a password, answer only connections from this machine."),
    MEMORY_ROW("proto-max-bulk-len", MUT, FIELD(proto_max_bulk_len), "536870912", 1024 * 1024,
               512 * 1024 * 1024, "Bytes of the longest argument and of the longest string."),
    ECHO_BOOL("rdb-del-sync-files", "no"),
    ECHO_BOOL("rdb-save-incremental-fsync", "yes"),
    ECHO_BOOL("rdbchecksum", "yes"),
    ECHO_BOOL("rdbcompression", "yes"),
    MEMORY_ROW("repl-backlog-size", IGN, 0, "1048576", 1, INT64_MAX, comes_with_replication),
    INTEGER_ROW("repl-backlog-ttl", IGN, 0, "3600", 0, INT64_MAX, comes_with_replication),
    BOOL_ROW("repl-disable-tcp-nodelay", IGN, 0, "no", comes_with_replication),
    CHOICE_ROW("repl-diskless-load", IGN, 0, "disabled", choices_diskless_load,
               comes_with_replication),
    BOOL_ROW("repl-diskless-sync", IGN, 0, "yes", comes_with_replication),
    INTEGER_ROW("repl-diskless-sync-delay", IGN, 0, "5", 0, INT64_MAX, comes_with_replication),
    INTEGER_ROW("repl-diskless-sync-max-replicas", IGN, 0, "0", 0, INT64_MAX,
                comes_with_replication),
    INTEGER_ROW("repl-ping-replica-period", IGN, 0, "10", 1, INT64_MAX, comes_with_replication,
                .alias = "repl-ping-slave-period"),
    INTEGER_ROW("repl-timeout", IGN, 0, "60", 1, INT64_MAX, comes_with_replication),
    TEXT_ROW(OPTION_TEXT, "replica-announce-ip", IGN, 0, "", comes_with_replication,
             .alias = "slave-announce-ip"),
    INTEGER_ROW("replica-announce-port", IGN, 0, "0", 0, 65535, comes_with_replication,
                .alias = "slave-announce-port"),
    BOOL_ROW("replica-announced", IGN, 0, "yes", comes_with_replication),
    BOOL_ROW("replica-ignore-disk-write-errors", IGN, 0, "no", comes_with_replication),
    BOOL_ROW("replica-ignore-maxmemory", IGN, 0, "yes", comes_with_replication,
             .alias = "slave-ignore-maxmemory"),
    BOOL_ROW("replica-lazy-flush", IGN, 0, "no", comes_with_replication,
             .alias = "slave-lazy-flush"),
    INTEGER_ROW("replica-priority", IGN, 0, "100", 0, INT64_MAX, comes_with_replication,
                .alias = "slave-priority"),
    BOOL_ROW("replica-read-only", IGN, 0, "yes", comes_with_replication,
             .alias = "slave-read-only"),
    BOOL_ROW("replica-serve-stale-data", IGN, 0, "yes", comes_with_replication,
             .alias = "slave-serve-stale-data"),
    TEXT_ROW(OPTION_WORDS, "replicaof", OPTION_LATER, 0, "",
             "The primary to copy. Not implemented yet.", .alias = "slaveof"),
    TEXT_ROW(OPTION_TEXT, "requirepass", MUT | OPTION_SECRET, FIELD(requirepass), "",
             "The password that AUTH asks for; empty: none.", .follow = follow_requirepass),
    CHOICE_ROW("sanitize-dump-payload", IGN, 0, "no", choices_sanitize, no_meaning),
    TEXT_ROW(
        OPTION_SPECIAL, "save", MUT, FIELD(save), "3600 1 300 100 60 10000",
        "Without a log: start a checkpoint after so many seconds when there were so many changes.",
        .check = option_checks_save, .merge = option_checks_merge_save),
    ECHO_TEXT("server_cpulist", ""),
    ECHO_INTEGER("set-max-intset-entries", "512", 0, INT64_MAX),
    ECHO_INTEGER("set-max-listpack-entries", "128", 0, INT64_MAX),
    ECHO_MEMORY("set-max-listpack-value", "64"),
    ECHO_BOOL("set-proc-title", "yes"),
    INTEGER_ROW(
        "shards", 0, FIELD(shards), "0", 0, 2048,
        "Parts of the keyspace with a lock each, rounded up to a power of two; 0: by the number of threads."),
    TEXT_ROW(OPTION_WORDS, "shutdown-on-sigint", IGN, 0, "default", no_meaning),
    TEXT_ROW(OPTION_WORDS, "shutdown-on-sigterm", IGN, 0, "default", no_meaning),
    INTEGER_ROW("shutdown-timeout", MUT, FIELD(shutdown_timeout), "10", 0, INT64_MAX,
                "Seconds that an orderly stop waits for clients to take their replies."),
    INTEGER_ROW("slowlog-log-slower-than", MUT, FIELD(slowlog_log_slower_than), "10000", -1,
                INT64_MAX, "Microseconds from which a command is in the slow log; -1: none is."),
    INTEGER_ROW("slowlog-max-len", MUT, FIELD(slowlog_max_len), "128", 0, INT64_MAX,
                "Commands in the slow log."),
    ECHO_INTEGER("socket-mark-id", "0", 0, UINT32_MAX),
    BOOL_ROW("stop-writes-on-bgsave-error", IGN, 0, "yes",
             "Accepted and echoed; writes are always refused when they cannot be made durable."),
    ECHO_MEMORY("stream-node-max-bytes", "4096"),
    ECHO_INTEGER("stream-node-max-entries", "100", 0, INT64_MAX),
    CHOICE_ROW("supervised", OPTION_WARNS, FIELD(supervised), "no", choices_supervised,
               "Whom to tell that the server is ready; nobody is told yet."),
    ECHO_BOOL("syslog-enabled", "no"),
    CHOICE_ROW("syslog-facility", OPTION_IGNORED, 0, "local0", choices_facility, no_meaning),
    ECHO_TEXT("syslog-ident", "cairn"),
    INTEGER_ROW("tcp-backlog", 0, FIELD(tcp_backlog), "511", 0, INT32_MAX,
                "Connections that wait to be accepted."),
    INTEGER_ROW(
        "tcp-keepalive", MUT, FIELD(tcp_keepalive), "300", 0, INT32_MAX,
        "Seconds of silence after which the system asks whether a client is still there; 0: never."),
    INTEGER_ROW("threads", 0, FIELD(threads), "0", 0, 1024,
                "Threads that serve; 0: as many as cores."),
    INTEGER_ROW("timeout", MUT, FIELD(timeout), "0", 0, INT32_MAX,
                "Seconds of silence after which a connection is closed; 0: never."),
    CHOICE_ROW("tls-auth-clients", IGN, 0, "yes", choices_tls_clients, comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-ca-cert-dir", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-ca-cert-file", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-cert-file", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-ciphers", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-ciphersuites", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-client-cert-file", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-client-key-file", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-client-key-file-pass", IGN | OPTION_SECRET, 0, "", comes_with_tls),
    BOOL_ROW("tls-cluster", IGN, 0, "no", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-dh-params-file", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-key-file", IGN, 0, "", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-key-file-pass", IGN | OPTION_SECRET, 0, "", comes_with_tls),
    INTEGER_ROW("tls-port", MUT | OPTION_LATER, 0, "0", 0, 65535,
                "TCP port of RESP over TLS. Not implemented yet."),
    BOOL_ROW("tls-prefer-server-ciphers", IGN, 0, "no", comes_with_tls),
    TEXT_ROW(OPTION_TEXT, "tls-protocols", IGN, 0, "", comes_with_tls),
    BOOL_ROW("tls-replication", IGN, 0, "no", comes_with_tls),
    INTEGER_ROW("tls-session-cache-size", IGN, 0, "20480", 0, INT64_MAX, comes_with_tls),
    INTEGER_ROW("tls-session-cache-timeout", IGN, 0, "300", 0, INT64_MAX, comes_with_tls),
    BOOL_ROW("tls-session-caching", IGN, 0, "yes", comes_with_tls),
    ECHO_INTEGER("tracking-table-max-keys", "1000000", 0, INT64_MAX),
    TEXT_ROW(OPTION_TEXT, "unixsocket", 0, FIELD(unixsocket), "",
             "Path of a socket to listen on as well; empty: none."),
    NUMBER_ROW(OPTION_OCTAL, "unixsocketperm", 0, FIELD(unixsocketperm), "0", 0, 0777,
               "Permissions of the unix socket, in octal."),
    ECHO_INTEGER("zset-max-listpack-entries", "128", 0, INT64_MAX,
                 .alias = "zset-max-ziplist-entries"),
    ECHO_MEMORY("zset-max-listpack-value", "64", .alias = "zset-max-ziplist-value"),
};

const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);
static_assert(sizeof(option_rows) / sizeof(option_rows[0]) <= OPTIONS_ROWS_MAX,
              "a slot for every row");
