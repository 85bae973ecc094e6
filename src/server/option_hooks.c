#include "server/option_hooks.h"

#include "base/assert.h"
#include "command/latency.h"
#include "command/slowlog.h"
#include "command/statistics.h"
#include "os/messages.h"
#include "os/process.h"
#include "server/server_state.h"

enum { FILES_BESIDE_CLIENTS = 32 };

static const char *apply_loglevel(struct server_state *state)
{
    static const enum message_level levels[] = {
        [LOGLEVEL_DEBUG] = MESSAGE_LEVEL_DEBUG,
        [LOGLEVEL_VERBOSE] = MESSAGE_LEVEL_VERBOSE,
        [LOGLEVEL_NOTICE] = MESSAGE_LEVEL_NOTICE,
        [LOGLEVEL_WARNING] = MESSAGE_LEVEL_WARNING,
        [LOGLEVEL_NOTHING] = (enum message_level)(MESSAGE_LEVEL_WARNING + 1),
    };
    messages_set_level(levels[state->options.loglevel]);
    return NULL;
}

static const char *apply_slowlog_threshold(struct server_state *state)
{
    slowlog_set_threshold(state->slowlog, state->options.slowlog_log_slower_than);
    return NULL;
}

static const char *apply_slowlog_capacity(struct server_state *state)
{
    slowlog_set_capacity(state->slowlog, (uint64_t)state->options.slowlog_max_len);
    return NULL;
}

static const char *apply_latency_threshold(struct server_state *state)
{
    latency_set_threshold(state->latency, (uint64_t)state->options.latency_monitor_threshold);
    return NULL;
}

static const char *apply_latency_tracking(struct server_state *state)
{
    statistics_set_histograms(state->statistics, state->options.latency_tracking != 0);
    return NULL;
}

static const char *apply_maxmemory(struct server_state *state)
{
    server_state_check_memory(state);
    return NULL;
}

static const char *apply_maxclients(struct server_state *state)
{
    uint64_t wanted = (uint64_t)state->options.maxclients + FILES_BESIDE_CLIENTS;
    if (process_raise_files(wanted) >= wanted) return NULL;
    return "The operating system is not able to handle the specified number of clients";
}

static const struct hook {
    const char *name;
    const char *(*apply)(struct server_state *state);
    bool runs_at_start;
} hooks[] = {
    {"latency-monitor-threshold", apply_latency_threshold, true },
    {"latency-tracking",          apply_latency_tracking,  true },
    {"loglevel",                  apply_loglevel,          true },
    {"maxclients",                apply_maxclients,        false},
    {"maxmemory",                 apply_maxmemory,         true },
    {"slowlog-log-slower-than",   apply_slowlog_threshold, true },
    {"slowlog-max-len",           apply_slowlog_capacity,  true },
};

const char *option_hooks_run(struct server_state *state, const struct option *option)
{
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
        if (strcmp(hooks[i].name, option->name) == 0) return hooks[i].apply(state);
    }
    return NULL;
}

void option_hooks_run_all(struct server_state *state)
{
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
        ASSERT(option_find(bytes_of_text(hooks[i].name)) != NULL);
        if (!hooks[i].runs_at_start) continue;
        const char *reason = hooks[i].apply(state);
        ASSERT(reason == NULL);
    }
}
