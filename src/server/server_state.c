#include "server/server_state.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "command/latency.h"
#include "command/registry.h"
#include "command/slowlog.h"
#include "command/statistics.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "keyspace/slab_arenas.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/pages.h"
#include "os/process.h"
#include "server/option_hooks.h"

/* Forty hexadecimal digits that no other start has. */
static void make_id(char out[SERVER_ID_TEXT_BYTES])
{
    uint8_t random[(SERVER_ID_TEXT_BYTES - 1) / 2];
    entropy_fill(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) (void)snprintf(out + 2 * i, 3, "%02x", random[i]);
}

static char *take_text(void (*append)(struct buf *out))
{
    struct buf text = {0};
    append(&text);
    buf_append_byte(&text, '\0');
    return text.data;
}

void server_state_init(struct server_state *state, struct services *services)
{
    memset(state, 0, sizeof(*state));
    options_init(&state->options);
    state->services = services;
    state->slowlog = slowlog_create();
    state->latency = latency_create();
    make_id(state->run_id);
    make_id(state->replication_id);
    state->executable = take_text(process_executable);
    state->system_name = take_text(process_system_name);
    state->start_ns = clock_monotonic_ns(&clock_system);
    state->start_wall_us = clock_wall_us(&clock_system);
}

void server_state_deinit(struct server_state *state)
{
    statistics_destroy(state->statistics);
    slowlog_destroy(state->slowlog);
    latency_destroy(state->latency);
    memory_free(state->executable);
    memory_free(state->system_name);
    buf_deinit(&state->config_path);
    options_deinit(&state->options);
}

void server_state_start(struct server_state *state, unsigned worker_count)
{
    struct services *services = state->services;
    ASSERT(state->statistics == NULL);
    state->statistics = statistics_create(registry_count(services->registry), worker_count);
    services->statistics = state->statistics;
    services->slowlog = state->slowlog;
    services->latency = state->latency;
    option_hooks_run_all(state);
}

const char *server_state_follow(struct server_state *state, const struct option *option)
{
    return option_hooks_run(state, option);
}

void server_state_ready(struct server_state *state)
{
    state->startup_bytes = server_state_used_bytes(state);
    atomic_store(&state->used_bytes, state->startup_bytes);
    atomic_store(&state->peak_bytes, state->startup_bytes);
    server_state_check_memory(state);
}

uint64_t server_state_used_bytes(const struct server_state *state)
{
    (void)state;
    return memory_heap_bytes() + pages_bytes();
}

void server_state_check_memory(struct server_state *state)
{
    uint64_t limit = (uint64_t)state->options.maxmemory;
    bool is_over = limit > 0 && server_state_used_bytes(state) > limit;
    atomic_store_explicit(&state->is_out_of_memory, is_over, memory_order_relaxed);
}

void server_state_sample(struct server_state *state, uint64_t now_ns)
{
    uint64_t totals[RATES_COUNT] = {
        [RATES_COMMANDS] = statistics_total(state->statistics, STATISTICS_COMMANDS),
        [RATES_INPUT_BYTES] = statistics_total(state->statistics, STATISTICS_INPUT_BYTES),
        [RATES_OUTPUT_BYTES] = statistics_total(state->statistics, STATISTICS_OUTPUT_BYTES),
    };
    rates_sample(&state->rates, now_ns, totals);

    uint64_t used = server_state_used_bytes(state);
    atomic_store_explicit(&state->used_bytes, used, memory_order_relaxed);
    if (used > atomic_load_explicit(&state->peak_bytes, memory_order_relaxed)) {
        atomic_store_explicit(&state->peak_bytes, used, memory_order_relaxed);
    }
    server_state_check_memory(state);
}

void server_state_reset_statistics(struct server_state *state)
{
    statistics_reset(state->statistics);
    if (state->services->engine == NULL) return;
    struct engine_statistics engine;
    engine_statistics(state->services->engine, &engine);
    atomic_store(&state->hits_before, engine.hits);
    atomic_store(&state->misses_before, engine.misses);
    atomic_store(&state->expired_before, engine.expired);
}
