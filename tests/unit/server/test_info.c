#include "server/info.h"

#include "base/memory.h"
#include "command/registry.h"
#include "command/session.h"
#include "command/slowlog.h"
#include "command/statistics.h"
#include "server/server_commands.h"
#include "server/server_state.h"
#include "tests/support/check.h"

struct fixture {
    struct server_state state;
    struct services services;
    struct buf text;
};

/* A process without an engine. */
static struct fixture *setup(void)
{
    struct fixture *fixture = memory_zalloc(sizeof(*fixture));
    fixture->services.context = &fixture->state;
    fixture->services.registry = registry_create(server_families, server_family_count);
    fixture->services.sessions = sessions_create();
    server_state_init(&fixture->state, &fixture->services);
    server_state_start(&fixture->state, 1);
    server_state_ready(&fixture->state);
    return fixture;
}

static void teardown(struct fixture *fixture)
{
    server_state_deinit(&fixture->state);
    sessions_destroy(fixture->services.sessions);
    registry_destroy(fixture->services.registry);
    buf_deinit(&fixture->text);
    memory_free(fixture);
}

static const char *info(struct fixture *fixture, const char *name)
{
    struct bytes section = bytes_of_text(name);
    fixture->text.size = 0;
    info_append(&fixture->state, &section, name[0] != '\0', false, &fixture->text);
    return buf_text(&fixture->text);
}

static void count_command(struct fixture *fixture, const char *name, uint64_t elapsed_ns)
{
    const struct command *command = registry_find_full(fixture->services.registry,
                                                       bytes_of_text(name));
    assert_non_null(command);
    struct statistics_worker *worker = statistics_worker_at(fixture->state.statistics, 0);
    statistics_count(worker, registry_index(fixture->services.registry, command), elapsed_ns,
                     false);
}

TEST(fields_that_clients_look_for_are_there)
{
    static const char *const fields[] = {
        "redis_version:7.2.4",
        "redis_mode:standalone",
        "os:Linux ",
        "arch_bits:64",
        "process_id:",
        "run_id:",
        "tcp_port:6379",
        "uptime_in_seconds:",
        "config_file:",
        "hz:10",
        "connected_clients:0",
        "blocked_clients:0",
        "maxclients:10000",
        "tracking_clients:0",
        "used_memory:",
        "used_memory_human:",
        "used_memory_rss:",
        "used_memory_rss_human:",
        "used_memory_peak:",
        "used_memory_peak_human:",
        "used_memory_lua:",
        "used_memory_dataset:",
        "used_memory_overhead:",
        "used_memory_startup:",
        "maxmemory:0",
        "maxmemory_human:0B",
        "maxmemory_policy:noeviction",
        "mem_fragmentation_ratio:",
        "total_system_memory:",
        "mem_allocator:",
        "lazyfree_pending_objects:",
        "loading:0",
        "rdb_changes_since_last_save:",
        "rdb_bgsave_in_progress:0",
        "rdb_last_save_time:",
        "rdb_last_bgsave_status:ok",
        "aof_enabled:",
        "aof_rewrite_in_progress:0",
        "aof_last_bgrewrite_status:ok",
        "aof_last_write_status:ok",
        "total_connections_received:0",
        "total_commands_processed:0",
        "instantaneous_ops_per_sec:0",
        "total_net_input_bytes:0",
        "total_net_output_bytes:0",
        "rejected_connections:0",
        "expired_keys:0",
        "evicted_keys:0",
        "keyspace_hits:0",
        "keyspace_misses:0",
        "pubsub_channels:0",
        "pubsub_patterns:0",
        "latest_fork_usec:0",
        "total_error_replies:0",
        "role:master",
        "connected_slaves:0",
        "master_replid:",
        "master_repl_offset:0",
        "repl_backlog_active:0",
        "repl_backlog_size:",
        "used_cpu_sys:",
        "used_cpu_user:",
        "cluster_enabled:0",
    };
    struct fixture *fixture = setup();
    const char *text = info(fixture, "");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct buf line = {0};
        buf_printf(&line, "\r\n%s", fields[i]);
        if (strstr(text, buf_text(&line)) == NULL) fail_msg("%s is missing", fields[i]);
        buf_deinit(&line);
    }
    teardown(fixture);
}

TEST(every_line_is_a_heading_a_field_or_empty)
{
    struct fixture *fixture = setup();
    count_command(fixture, "get", 1000);
    const char *text = info(fixture, "everything");
    while (*text != '\0') {
        size_t size = strcspn(text, "\r\n");
        assert_int_equal(text[size], '\r');
        assert_int_equal(text[size + 1], '\n');
        if (size > 0) assert_true(strncmp(text, "# ", 2) == 0 || memchr(text, ':', size) != NULL);
        text += size + 2;
    }
    teardown(fixture);
}

TEST(sections_are_chosen_by_name)
{
    struct fixture *fixture = setup();
    assert_string_equal(info(fixture, "cluster"), "# Cluster\r\ncluster_enabled:0\r\n");
    assert_string_equal(info(fixture, "CLUSTER"), "# Cluster\r\ncluster_enabled:0\r\n");
    assert_string_equal(info(fixture, "nosuch"), "");
    assert_non_null(strstr(info(fixture, ""), "# Modules\r\n"));
    assert_null(strstr(info(fixture, ""), "# Commandstats"));
    assert_non_null(strstr(info(fixture, "all"), "# Commandstats"));
    assert_null(strstr(info(fixture, "all"), "# Modules"));
    assert_non_null(strstr(info(fixture, "everything"), "# Modules"));

    struct bytes names[] = {BYTES_LITERAL("keyspace"), BYTES_LITERAL("cluster"),
                            BYTES_LITERAL("cluster")};
    fixture->text.size = 0;
    info_append(&fixture->state, names, 3, false, &fixture->text);
    assert_string_equal(buf_text(&fixture->text),
                        "# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n");
    teardown(fixture);
}

TEST(commands_and_errors_that_were_counted_are_shown)
{
    struct fixture *fixture = setup();
    count_command(fixture, "get", 1500);
    count_command(fixture, "get", 500);
    count_command(fixture, "config|get", 3000);
    statistics_count_error(statistics_worker_at(fixture->state.statistics, 0),
                           BYTES_LITERAL("WRONGTYPE x"));
    const char *text = info(fixture, "commandstats");
    assert_non_null(strstr(
        text, "cmdstat_get:calls=2,usec=2,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n"));
    assert_non_null(strstr(text, "cmdstat_config|get:calls=1,usec=3,"));
    assert_null(strstr(text, "cmdstat_set:"));
    assert_string_equal(info(fixture, "errorstats"),
                        "# Errorstats\r\nerrorstat_WRONGTYPE:count=1\r\n");
    assert_non_null(
        strstr(info(fixture, "latencystats"), "latency_percentiles_usec_get:p50=0.503,p99="));
    assert_non_null(strstr(info(fixture, "stats"), "\r\ntotal_commands_processed:3\r\n"));
    server_state_reset_statistics(&fixture->state);
    assert_string_equal(info(fixture, "commandstats"), "# Commandstats\r\n");
    teardown(fixture);
}

TEST(rates_are_a_mean_of_the_newest_samples)
{
    struct rates rates = {0};
    uint64_t totals[RATES_COUNT] = {0};
    for (uint64_t i = 1; i <= RATES_SAMPLES + 1; i++) {
        totals[RATES_COMMANDS] += 100;
        rates_sample(&rates, i * 100000000, totals); /* 100 in a tenth of a second */
    }
    assert_int_equal(rates_read(&rates, RATES_COMMANDS), 1000);
    assert_int_equal(rates_read(&rates, RATES_INPUT_BYTES), 0);
    totals[RATES_COMMANDS] = 50; /* after a reset */
    rates_sample(&rates, 100000000000, totals);
    assert_true(rates_read(&rates, RATES_COMMANDS) < 1000);
}

TEST(memory_over_the_limit_is_noticed)
{
    struct fixture *fixture = setup();
    server_state_check_memory(&fixture->state);
    assert_false(fixture->state.is_out_of_memory);
    fixture->state.options.maxmemory = 1;
    server_state_check_memory(&fixture->state);
    bool is_counted = server_state_used_bytes(&fixture->state) >
                      1; /* not under the address sanitizer */
    assert_int_equal(fixture->state.is_out_of_memory, is_counted);
    fixture->state.options.maxmemory = INT64_MAX;
    server_state_sample(&fixture->state, 1);
    assert_false(fixture->state.is_out_of_memory);
    assert_true(fixture->state.peak_bytes >= fixture->state.used_bytes);
    teardown(fixture);
}

static const char *change(struct fixture *fixture, struct bytes name, struct bytes value,
                          struct buf *error)
{
    struct bytes pair[] = {name, value};
    error->size = 0;
    (void)options_change(&fixture->state.options, pair, 1, error);
    const char *reason = server_state_follow(&fixture->state, option_find(name));
    return reason != NULL ? reason : buf_text(error);
}

TEST(changed_options_reach_what_they_rule)
{
    struct fixture *fixture = setup();
    struct buf error = {0};
    assert_string_equal(
        change(fixture, BYTES_LITERAL("slowlog-log-slower-than"), BYTES_LITERAL("7"), &error), "");
    assert_int_equal(slowlog_threshold_us(fixture->state.slowlog), 7);
    assert_string_equal(
        change(fixture, BYTES_LITERAL("latency-tracking"), BYTES_LITERAL("no"), &error), "");
    count_command(fixture, "get", 1500);
    assert_string_equal(info(fixture, "latencystats"), "# Latencystats\r\n");
    assert_non_null(
        strstr(change(fixture, BYTES_LITERAL("maxclients"), BYTES_LITERAL("4000000000"), &error),
               "not able to handle"));
    buf_deinit(&error);
    teardown(fixture);
}

RUN_TESTS(CHECK(fields_that_clients_look_for_are_there),
          CHECK(every_line_is_a_heading_a_field_or_empty), CHECK(sections_are_chosen_by_name),
          CHECK(commands_and_errors_that_were_counted_are_shown),
          CHECK(rates_are_a_mean_of_the_newest_samples), CHECK(memory_over_the_limit_is_noticed),
          CHECK(changed_options_reach_what_they_rule))
