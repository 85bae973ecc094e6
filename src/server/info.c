/* INFO: each section is a function and a row. Fields that have no meaning here are given the value
 * that says so (no forks, no replicas), because dashboards and clients look for them. */
#include "server/info.h"

#include <inttypes.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "command/registry.h"
#include "command/session.h"
#include "command/statistics.h"
#include "command/version.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "os/clock.h"
#include "os/process.h"
#include "server/server_state.h"

/* What one INFO is made from. */
struct info {
    struct server_state *state;
    struct engine_statistics engine;
    bool has_all_shards;
    struct buf *out;
};

static void line(struct info *info, const char *format, ...) PRINTF_LIKE(2, 3);

static void line(struct info *info, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(info->out, format, arguments);
    va_end(arguments);
    buf_append_text(info->out, "\r\n");
}

static void line_number(struct info *info, const char *name, uint64_t value)
{
    line(info, "%s:%" PRIu64, name, value);
}

/* used_memory:123456 and used_memory_human:120.56K */
static void line_bytes(struct info *info, const char *name, uint64_t bytes)
{
    line_number(info, name, bytes);
    buf_printf(info->out, "%s_human:", name);
    text_append_human_bytes(info->out, bytes);
    buf_append_text(info->out, "\r\n");
}

static uint64_t total(const struct info *info, enum statistics_total which)
{
    return statistics_total(info->state->statistics, which);
}

static double percent_of(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static double ratio_of(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

/* ---- sections ---- */

static void append_server(struct info *info)
{
    static const char *const supervisors[] = {"no", "upstart", "systemd", "auto"};
    struct server_state *state = info->state;
    uint64_t uptime_s = (clock_monotonic_ns(&clock_system) - state->start_ns) / 1000000000u;
    int64_t now_us = clock_wall_us(&clock_system);
    line(info, "redis_version:" VERSION_REDIS_TEXT);
    line(info, "server_name:cairn");
    line(info, "cairn_version:" VERSION_CAIRN_TEXT);
    line(info, "redis_git_sha1:00000000");
    line(info, "redis_git_dirty:0");
    line(info, "redis_build_id:0");
    line(info, "redis_mode:standalone");
    line(info, "os:%s", state->system_name);
    line(info, "arch_bits:%zu", sizeof(void *) * 8);
    line(info, "monotonic_clock:POSIX clock_gettime");
    line(info, "multiplexing_api:epoll");
    line(info, "atomicvar_api:c11-builtin");
    line(info, "gcc_version:%s", __VERSION__);
    line(info, "process_id:%" PRId64, process_id());
    line(info, "process_supervised:%s", supervisors[state->options.supervised]);
    line(info, "run_id:%s", state->run_id);
    line(info, "tcp_port:%" PRId64, state->options.port);
    line(info, "server_time_usec:%" PRId64, now_us);
    line_number(info, "uptime_in_seconds", uptime_s);
    line_number(info, "uptime_in_days", uptime_s / 86400);
    line(info, "hz:%" PRId64, state->options.hz);
    line(info, "configured_hz:%" PRId64, state->options.hz);
    line(info, "lru_clock:%" PRId64, (now_us / 1000000) & 0xffffff);
    line(info, "executable:%s", state->executable);
    line(info, "config_file:%.*s", (int)state->config_path.size, state->config_path.data);
    line(info, "io_threads_active:0");
    line(info, "threads:%" PRId64, state->options.threads);
    line(info, "shards:%" PRIu32,
         state->services->engine != NULL ? engine_keyspace(state->services->engine)->shard_count
                                         : 0);
    if (state->options.port == 0) return;
    struct buf bind = {0};
    options_copy_text(&state->options, &state->options.bind, &bind);
    line(info, "listener0:name=tcp,bind=%s,port=%" PRId64, buf_text(&bind), state->options.port);
    buf_deinit(&bind);
}

struct client_sums {
    uint64_t input_max;
    uint64_t output_max;
    uint64_t input_bytes;
    uint64_t output_bytes;
};

/* The sizes of other workers' buffers are read without a lock: they are hints, as in CLIENT LIST.
 */
static bool sum_client(void *context, struct session *session)
{
    struct client_sums *sums = context;
    uint64_t input = __atomic_load_n(&session->input_bytes, __ATOMIC_RELAXED);
    uint64_t output = __atomic_load_n(&session->output_bytes, __ATOMIC_RELAXED);
    if (input > sums->input_max) sums->input_max = input;
    if (output > sums->output_max) sums->output_max = output;
    sums->input_bytes += input;
    sums->output_bytes += output;
    return true;
}

static struct client_sums sum_clients(const struct info *info)
{
    struct client_sums sums = {0};
    struct sessions *sessions = info->state->services->sessions;
    if (sessions != NULL) sessions_each(sessions, sum_client, &sums);
    return sums;
}

static void append_clients(struct info *info)
{
    struct server_state *state = info->state;
    struct sessions *sessions = state->services->sessions;
    struct client_sums sums = sum_clients(info);
    line_number(info, "connected_clients", sessions != NULL ? sessions_count(sessions) : 0);
    line(info, "cluster_connections:0");
    line(info, "maxclients:%" PRId64, state->options.maxclients);
    line_number(info, "client_recent_max_input_buffer", sums.input_max);
    line_number(info, "client_recent_max_output_buffer", sums.output_max);
    line(info, "blocked_clients:%" PRIu32, state->blocked_clients);
    line(info, "tracking_clients:0");
    line(info, "pubsub_clients:0");
    line(info, "watching_clients:0");
    line(info, "clients_in_timeout_table:0");
    line(info, "total_blocking_keys:0");
    line(info, "total_blocking_keys_on_nokey:0");
}

static void append_used_memory(struct info *info, uint64_t used)
{
    struct server_state *state = info->state;
    uint64_t peak = state->peak_bytes > used ? state->peak_bytes : used;
    uint64_t overhead = used > info->engine.keyspace_bytes ? used - info->engine.keyspace_bytes : 0;
    uint64_t dataset = used - overhead;
    uint64_t net = used > state->startup_bytes ? used - state->startup_bytes : used;
    line_bytes(info, "used_memory", used);
    line_bytes(info, "used_memory_rss", process_resident_bytes());
    line_bytes(info, "used_memory_peak", peak);
    line(info, "used_memory_peak_perc:%.2f%%", percent_of(used, peak));
    line_number(info, "used_memory_overhead", overhead);
    line_number(info, "used_memory_startup", state->startup_bytes);
    line_number(info, "used_memory_dataset", dataset);
    line(info, "used_memory_dataset_perc:%.2f%%", percent_of(dataset < net ? dataset : net, net));
    line_number(info, "allocator_allocated", memory_heap_bytes());
}

static void append_memory(struct info *info)
{
    struct server_state *state = info->state;
    uint64_t used = server_state_used_bytes(state);
    uint64_t resident = process_resident_bytes();
    struct client_sums clients = sum_clients(info);
    append_used_memory(info, used);
    line_bytes(info, "total_system_memory", process_machine_bytes());
    line_bytes(info, "used_memory_lua", 0);
    line_number(info, "used_memory_vm_eval", 0);
    line_number(info, "used_memory_scripts_eval", 0);
    line_number(info, "number_of_cached_scripts", 0);
    line_number(info, "number_of_functions", 0);
    line_number(info, "number_of_libraries", 0);
    line_number(info, "used_memory_vm_functions", 0);
    line_bytes(info, "used_memory_vm_total", 0);
    line_number(info, "used_memory_functions", 0);
    line_bytes(info, "used_memory_scripts", 0);
    line_bytes(info, "maxmemory", (uint64_t)state->options.maxmemory);
    line(info,
         "maxmemory_policy:noeviction"); /* the one in force, whatever maxmemory-policy says */
    line(info, "mem_fragmentation_ratio:%.2f", ratio_of(resident, used));
    line(info, "mem_fragmentation_bytes:%" PRId64, (int64_t)(resident - used));
    line(info, "mem_not_counted_for_evict:0");
    line(info, "mem_replication_backlog:0");
    line(info, "mem_total_replication_buffers:0");
    line(info, "mem_clients_slaves:0");
    line_number(info, "mem_clients_normal", clients.input_bytes + clients.output_bytes);
    line(info, "mem_cluster_links:0");
    line_number(info, "mem_aof_buffer", info->engine.wal.pending_bytes);
    line(info, "mem_allocator:%s", memory_allocator_name());
    line(info, "active_defrag_running:0");
    line(info, "lazyfree_pending_objects:0");
    line(info, "lazyfreed_objects:0");
}

/* The checkpoint is what Redis's RDB fields tell of, and what compacts the log, so the AOF rewrite
 * fields too. */
static void append_checkpoint(struct info *info)
{
    const struct engine_statistics *engine = &info->engine;
    const char *status = engine->checkpoint_last_failed ? "err" : "ok";
    line(info, "current_cow_peak:0");
    line(info, "current_cow_size:0");
    line(info, "current_cow_size_age:0");
    line(info, "current_fork_perc:0.00");
    line_number(info, "current_save_keys_processed",
                engine->checkpoint_running ? engine->checkpoint_keys_done : 0);
    line(info, "current_save_keys_total:0");
    line_number(info, "rdb_changes_since_last_save", engine->changes_since_checkpoint);
    line(info, "rdb_bgsave_in_progress:%d", engine->checkpoint_running);
    line(info, "rdb_last_save_time:%" PRId64, engine->checkpoint_last_wall_s);
    line(info, "rdb_last_bgsave_status:%s", status);
    line(info, "rdb_last_bgsave_time_sec:%" PRId64,
         engine->checkpoint_count > 0 ? engine->checkpoint_last_seconds : -1);
    line(info, "rdb_current_bgsave_time_sec:%" PRId64, engine->checkpoint_running_seconds);
    line_number(info, "rdb_saves", engine->checkpoint_count);
    line(info, "rdb_last_cow_size:0");
    line(info, "rdb_last_load_keys_expired:0");
    line_number(info, "rdb_last_load_keys_loaded", engine->loaded_keys);
    line(info, "aof_enabled:%d", engine->has_log);
    line(info, "aof_rewrite_in_progress:0");
    line(info, "aof_rewrite_scheduled:0");
    line(info, "aof_last_rewrite_time_sec:-1");
    line(info, "aof_current_rewrite_time_sec:-1");
    line(info, "aof_last_bgrewrite_status:%s", status);
    line(info, "aof_rewrites:0");
    line(info, "aof_rewrites_consecutive_failures:0");
    line(info, "aof_last_write_status:%s", engine->has_failed || engine->is_full ? "err" : "ok");
    line(info, "aof_last_cow_size:0");
}

static void append_log(struct info *info)
{
    static const char *const losses[] = {
        [WAL_SYNC_ALWAYS] = "0", [WAL_SYNC_INTERVAL] = "1000", [WAL_SYNC_NEVER] = "-1"};
    const struct wal_statistics *wal = &info->engine.wal;
    line_number(info, "aof_current_size", wal->disk_bytes);
    line_number(info, "aof_base_size", info->engine.checkpoint_bytes);
    line(info, "aof_pending_rewrite:0");
    line_number(info, "aof_buffer_length", wal->pending_bytes);
    line(info, "aof_pending_bio_fsync:0");
    line(info, "aof_delayed_fsync:0");
    line_number(info, "log_segments", wal->segments);
    line_number(info, "log_commits", wal->cuts);
    line_number(info, "log_bytes_appended", wal->bytes_appended);
    line_number(info, "log_bytes_written", wal->bytes_written);
    line_number(info, "log_durable_epoch", wal->durable_epoch);
    line_number(info, "log_commit_usec_p50", wal->commit_ns_p50 / 1000);
    line_number(info, "log_commit_usec_max", wal->commit_ns_max / 1000);
    /* How much of what was acknowledged a power cut can take, in milliseconds; -1: unbounded. */
    line(info, "log_acknowledged_loss_ms_max:%s",
         losses[engine_sync(info->state->services->engine)]);
}

static void append_persistence(struct info *info)
{
    line(info, "loading:%d", info->state->is_loading);
    line(info, "async_loading:0");
    append_checkpoint(info);
    line(info, "module_fork_in_progress:0");
    line(info, "module_fork_last_cow_size:0");
    line(info, "load_ms:%" PRId64, info->engine.load_ms);
    if (info->engine.has_log) append_log(info);
}

static void append_traffic(struct info *info)
{
    const struct rates *rates = &info->state->rates;
    line_number(info, "total_connections_received", total(info, STATISTICS_CONNECTIONS));
    line_number(info, "total_commands_processed", total(info, STATISTICS_COMMANDS));
    line_number(info, "instantaneous_ops_per_sec", rates_read(rates, RATES_COMMANDS));
    line_number(info, "total_net_input_bytes", total(info, STATISTICS_INPUT_BYTES));
    line_number(info, "total_net_output_bytes", total(info, STATISTICS_OUTPUT_BYTES));
    line(info, "total_net_repl_input_bytes:0");
    line(info, "total_net_repl_output_bytes:0");
    line(info, "instantaneous_input_kbps:%.2f",
         (double)rates_read(rates, RATES_INPUT_BYTES) / 1024);
    line(info, "instantaneous_output_kbps:%.2f",
         (double)rates_read(rates, RATES_OUTPUT_BYTES) / 1024);
    line(info, "instantaneous_input_repl_kbps:0.00");
    line(info, "instantaneous_output_repl_kbps:0.00");
    line_number(info, "rejected_connections", total(info, STATISTICS_CONNECTIONS_REJECTED));
}

/* Never below zero: the counters may be read before the reset that they are compared with. */
static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static void append_stats(struct info *info)
{
    struct server_state *state = info->state;
    append_traffic(info);
    line(info, "sync_full:0");
    line(info, "sync_partial_ok:0");
    line(info, "sync_partial_err:0");
    line_number(info, "expired_keys", since(info->engine.expired, state->expired_before));
    line(info, "expired_stale_perc:0.00");
    line(info, "expired_time_cap_reached_count:0");
    line(info, "expire_cycle_cpu_milliseconds:0");
    line_number(info, "evicted_keys", total(info, STATISTICS_EVICTED_KEYS));
    line_number(info, "evicted_clients", total(info, STATISTICS_EVICTED_CLIENTS));
    line(info, "total_eviction_exceeded_time:0");
    line(info, "current_eviction_exceeded_time:0");
    line_number(info, "keyspace_hits", since(info->engine.hits, state->hits_before));
    line_number(info, "keyspace_misses", since(info->engine.misses, state->misses_before));
    line(info, "pubsub_channels:0");
    line(info, "pubsub_patterns:0");
    line(info, "pubsubshard_channels:0");
    line(info, "latest_fork_usec:0");
    line(info, "total_forks:0");
    line(info, "migrate_cached_sockets:0");
    line(info, "slave_expires_tracked_keys:0");
    line(info, "active_defrag_hits:0");
    line(info, "active_defrag_misses:0");
    line(info, "active_defrag_key_hits:0");
    line(info, "active_defrag_key_misses:0");
    line(info, "total_active_defrag_time:0");
    line(info, "current_active_defrag_time:0");
    line(info, "tracking_total_keys:0");
    line(info, "tracking_total_items:0");
    line(info, "tracking_total_prefixes:0");
    line(info, "unexpected_error_replies:0");
    line_number(info, "total_error_replies", total(info, STATISTICS_ERRORS));
    line(info, "dump_payload_sanitizations:0");
    line_number(info, "total_reads_processed", total(info, STATISTICS_READS));
    line_number(info, "total_writes_processed", total(info, STATISTICS_WRITES));
    line(info, "io_threaded_reads_processed:0");
    line(info, "io_threaded_writes_processed:0");
    line(info, "reply_buffer_shrinks:0");
    line(info, "reply_buffer_expands:0");
}

static void append_replication(struct info *info)
{
    line(info, "role:master");
    line(info, "connected_slaves:0");
    line(info, "master_failover_state:no-failover");
    line(info, "master_replid:%s", info->state->replication_id);
    line(info, "master_replid2:0000000000000000000000000000000000000000");
    line(info, "master_repl_offset:0");
    line(info, "second_repl_offset:-1");
    line(info, "repl_backlog_active:0");
    line(info, "repl_backlog_size:1048576");
    line(info, "repl_backlog_first_byte_offset:0");
    line(info, "repl_backlog_histlen:0");
}

static void append_cpu(struct info *info)
{
    struct process_cpu own = process_cpu_own();
    struct process_cpu children = process_cpu_children();
    struct process_cpu thread = process_cpu_thread();
    line(info, "used_cpu_sys:%.6f", own.system_s);
    line(info, "used_cpu_user:%.6f", own.user_s);
    line(info, "used_cpu_sys_children:%.6f", children.system_s);
    line(info, "used_cpu_user_children:%.6f", children.user_s);
    line(info, "used_cpu_sys_main_thread:%.6f", thread.system_s);
    line(info, "used_cpu_user_main_thread:%.6f", thread.user_s);
}

static void append_modules(struct info *info)
{
    (void)info; /* none, and the heading says so */
}

static void append_commandstats(struct info *info)
{
    const struct registry *registry = info->state->services->registry;
    for (unsigned i = 0; i < registry_count(registry); i++) {
        struct statistics_command_sum sum = statistics_command_at(info->state->statistics, i);
        if (sum.calls == 0 && sum.rejected == 0 && sum.failed == 0) continue;
        uint64_t usec = sum.elapsed_ns / 1000;
        double mean = sum.calls > 0 ? (double)sum.elapsed_ns / 1000 / (double)sum.calls : 0;
        line(info,
             "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64
             ",usec_per_call=%.2f,rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64,
             registry_at(registry, i)->name, sum.calls, usec, mean, sum.rejected, sum.failed);
    }
}

static void append_error(void *context, const char *name, uint64_t count)
{
    line(context, "errorstat_%s:count=%" PRIu64, name, count);
}

static void append_errorstats(struct info *info)
{
    statistics_each_error(info->state->statistics, append_error, info);
}

/* p50=12.031,p99=... of the percentiles in `texts`. */
static void append_percentiles(struct info *info, const struct histogram *histogram,
                               const char *texts)
{
    const char *separator = "";
    while (*texts != '\0') {
        size_t size = strcspn(texts, " ");
        double percent;
        if (number_parse_double(bytes_of(texts, size), &percent)) {
            double usec = (double)histogram_percentile(histogram, percent) / 1000;
            buf_printf(info->out, "%sp%.*s=%.3f", separator, (int)size, texts, usec);
            separator = ",";
        }
        texts += size + strspn(texts + size, " ");
    }
}

static void append_latencystats(struct info *info)
{
    struct server_state *state = info->state;
    if (state->options.latency_tracking == 0) return;
    struct buf percentiles = {0};
    options_copy_text(&state->options, &state->options.latency_tracking_info_percentiles,
                      &percentiles);
    struct histogram *histogram = memory_alloc(sizeof(*histogram));
    for (unsigned i = 0; i < registry_count(state->services->registry); i++) {
        histogram_reset(histogram);
        if (!statistics_histogram(state->statistics, i, histogram)) continue;
        buf_printf(info->out,
                   "latency_percentiles_usec_%s:", registry_at(state->services->registry, i)->name);
        append_percentiles(info, histogram, buf_text(&percentiles));
        buf_append_text(info->out, "\r\n");
    }
    memory_free(histogram);
    buf_deinit(&percentiles);
}

static void append_cluster(struct info *info)
{
    line(info, "cluster_enabled:0");
}

struct database_counts {
    uint64_t keys;
    uint64_t deadlines;
};

static void count_shard(struct shard *shard, uint32_t database_count,
                        struct database_counts *counts)
{
    for (uint32_t i = 0; i < database_count; i++) {
        counts[i].keys += shard_count(shard, i);
        counts[i].deadlines += shard_deadline_count(shard, i);
    }
}

static void append_keyspace(struct info *info)
{
    struct engine *engine = info->state->services->engine;
    if (engine == NULL) return;
    struct keyspace *keyspace = engine_keyspace(engine);
    struct database_counts *counts = memory_zalloc(keyspace->database_count * sizeof(counts[0]));
    for (uint32_t i = 0; i < keyspace->shard_count; i++) {
        struct shard *shard = &keyspace->shards[i];
        if (info->has_all_shards) {
            count_shard(shard, keyspace->database_count, counts);
        } else {
            shard_acquire(shard);
            count_shard(shard, keyspace->database_count, counts);
            shard_release(shard);
        }
    }
    for (uint32_t i = 0; i < keyspace->database_count; i++) {
        if (counts[i].keys == 0) continue;
        line(info, "db%" PRIu32 ":keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=0", i,
             counts[i].keys, counts[i].deadlines);
    }
    memory_free(counts);
}

/* ---- the table ---- */

enum section_set { SECTION_DEFAULT = 1, SECTION_ALL = 2, SECTION_EVERYTHING = 4 };

static const struct section {
    const char *title;
    void (*append)(struct info *info);
    unsigned sets;
} sections[] = {
    {"Server",       append_server,       SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Clients",      append_clients,      SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Memory",       append_memory,       SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Persistence",  append_persistence,  SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Stats",        append_stats,        SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Replication",  append_replication,  SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"CPU",          append_cpu,          SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Modules",      append_modules,      SECTION_DEFAULT | SECTION_EVERYTHING              },
    {"Commandstats", append_commandstats, SECTION_ALL | SECTION_EVERYTHING                  },
    {"Errorstats",   append_errorstats,   SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Latencystats", append_latencystats, SECTION_ALL | SECTION_EVERYTHING                  },
    {"Cluster",      append_cluster,      SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
    {"Keyspace",     append_keyspace,     SECTION_DEFAULT | SECTION_ALL | SECTION_EVERYTHING},
};

static bool is_named(const struct section *section, struct bytes name)
{
    if (bytes_is_word(name, "default")) return (section->sets & SECTION_DEFAULT) != 0;
    if (bytes_is_word(name, "all")) return (section->sets & SECTION_ALL) != 0;
    if (bytes_is_word(name, "everything")) return (section->sets & SECTION_EVERYTHING) != 0;
    return bytes_is_word(name, section->title);
}

static bool is_wanted(const struct section *section, const struct bytes *names, size_t count)
{
    if (count == 0) return (section->sets & SECTION_DEFAULT) != 0;
    for (size_t i = 0; i < count; i++) {
        if (is_named(section, names[i])) return true;
    }
    return false;
}

void info_append(struct server_state *state, const struct bytes *names, size_t count,
                 bool has_all_shards, struct buf *out)
{
    struct info info = {.state = state, .has_all_shards = has_all_shards, .out = out};
    if (state->services->engine != NULL) engine_statistics(state->services->engine, &info.engine);
    const char *gap = "";
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (!is_wanted(&sections[i], names, count)) continue;
        line(&info, "%s# %s", gap, sections[i].title);
        sections[i].append(&info);
        gap = "\r\n";
    }
}
