#include "command/latency.h"

#include <inttypes.h>

#include "base/arena.h"
#include "command/call.h"
#include "command/registry.h"
#include "command/services.h"
#include "command/statistics.h"
#include "server/server_commands.h"

/* ---- events ---- */

static void reply_samples(void *context, const struct latency_event *event)
{
    struct reply *reply = context;
    reply_array(reply, event->sample_count);
    for (uint32_t i = 0; i < event->sample_count; i++) {
        reply_array(reply, 2);
        reply_integer(reply, event->samples[i].wall_s);
        reply_integer(reply, (int64_t)event->samples[i].elapsed_ms);
    }
}

static void cmd_latency_history(struct call *call)
{
    if (latency_find(call->services->latency, call_argument(call, 2), reply_samples, call->reply))
        return;
    reply_array(call->reply, 0);
}

static void start_events(void *context, uint32_t count)
{
    reply_array(context, count);
}

static void reply_latest(void *context, const struct latency_event *event)
{
    struct reply *reply = context;
    const struct latency_sample *latest = &event->samples[event->sample_count - 1];
    reply_array(reply, 4);
    reply_text(reply, event->name);
    reply_integer(reply, latest->wall_s);
    reply_integer(reply, (int64_t)latest->elapsed_ms);
    reply_integer(reply, (int64_t)event->longest_ms);
}

static void cmd_latency_latest(struct call *call)
{
    latency_each(call->services->latency, start_events, reply_latest, call->reply);
}

static void cmd_latency_reset(struct call *call)
{
    uint32_t count = 0;
    if (call->argument_count == 2) count = latency_reset(call->services->latency, BYTES_EMPTY);
    for (uint32_t i = 2; i < call->argument_count; i++) {
        struct bytes name = call_argument(call, i);
        if (name.size > 0) count += latency_reset(call->services->latency, name);
    }
    reply_integer(call->reply, count);
}

/* One line a sample: how long ago, how long it took, and a bar. */
static void reply_graph(void *context, const struct latency_event *event)
{
    enum { BAR_WIDTH = 50, GRAPH_SAMPLES = 20 };
    struct call *call = context;
    struct buf text = {0};
    uint32_t first = event->sample_count > GRAPH_SAMPLES ? event->sample_count - GRAPH_SAMPLES : 0;
    buf_printf(&text, "%s - longest ever %" PRIu64 " ms\n", event->name, event->longest_ms);
    for (uint32_t i = first; i < event->sample_count; i++) {
        const struct latency_sample *sample = &event->samples[i];
        buf_printf(&text, "%8" PRId64 "s ago %8" PRIu64 " ms |",
                   call->now_ms / 1000 - sample->wall_s, sample->elapsed_ms);
        uint64_t width = event->longest_ms > 0 ? sample->elapsed_ms * BAR_WIDTH / event->longest_ms
                                               : 0;
        for (uint64_t j = 0; j < width; j++) buf_append_byte(&text, '#');
        buf_append_byte(&text, '\n');
    }
    call->reply->ops->verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static void cmd_latency_graph(struct call *call)
{
    struct bytes name = call_argument(call, 2);
    if (latency_find(call->services->latency, name, reply_graph, call)) return;
    reply_errorf(call->reply, "ERR No samples available for event '%.*s'", (int)name.size,
                 name.data);
}

/* ---- DOCTOR ---- */

static void start_report(void *context, uint32_t count)
{
    if (count == 0)
        buf_append_text(context,
                        "No event has taken longer than latency-monitor-threshold so far.\n");
}

static const char *advise(const char *name)
{
    static const struct {
        const char *name;
        const char *advice;
    } rows[] = {
        {"command",
         "SLOWLOG GET shows which commands took long; those that look at many elements usually do."   },
        {"fast-command",
         "commands of constant time took long: the machine is busy or swaps, or threads exceed cores."},
        {"aof-fsync-always",
         "the disk is slow to write; appendfsync everysec does not wait for it."                      },
        {"expire-cycle",     "very many keys expire at once; spread their deadlines."                 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0) return rows[i].advice;
    }
    return "see the server's log at these times.";
}

static void report_event(void *context, const struct latency_event *event)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < event->sample_count; i++) sum += event->samples[i].elapsed_ms;
    buf_printf(context,
               "%s: %" PRIu32 " times since %" PRId64 ", mean %" PRIu64 " ms, longest %" PRIu64
               " ms: %s\n",
               event->name, event->sample_count, event->samples[0].wall_s,
               sum / event->sample_count, event->longest_ms, advise(event->name));
}

static void cmd_latency_doctor(struct call *call)
{
    struct latency *latency = call->services->latency;
    struct buf text = {0};
    if (latency_threshold_ms(latency) == 0) {
        buf_append_text(
            &text,
            "The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> switches "
            "it on.\n");
    } else {
        latency_each(latency, start_report, report_event, &text);
    }
    call->reply->ops->verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

/* ---- HISTOGRAM ---- */

/* Powers of two of microseconds, by the number of calls up to each, as Redis gives them. */
enum { HISTOGRAM_FIRST_BITS = 10, HISTOGRAM_STEPS = HISTOGRAM_TOP_BITS - HISTOGRAM_FIRST_BITS + 1 };

struct step {
    uint64_t usec;
    uint64_t count;
};

/* The steps at which the count rises; returns how many there are. */
static uint32_t cumulate(const struct histogram *histogram, struct step out[HISTOGRAM_STEPS])
{
    uint32_t step_count = 0;
    uint64_t seen = 0;
    unsigned bucket = 0;
    for (unsigned bits = HISTOGRAM_FIRST_BITS; bits <= HISTOGRAM_TOP_BITS; bits++) {
        uint64_t before = seen;
        uint64_t end = UINT64_C(1) << bits;
        for (; bucket < HISTOGRAM_BUCKETS && histogram_bucket_top(bucket) < end; bucket++) {
            seen += atomic_load_explicit(&histogram->counts[bucket], memory_order_relaxed);
        }
        if (seen > before) out[step_count++] = (struct step){end / 1000, seen};
    }
    return step_count;
}

static void reply_histogram(struct reply *reply, const char *name,
                            const struct histogram *histogram)
{
    struct step steps[HISTOGRAM_STEPS];
    uint32_t step_count = cumulate(histogram, steps);
    reply_text(reply, name);
    reply_map(reply, 2);
    reply_text(reply, "calls");
    reply_integer(reply, (int64_t)histogram_count(histogram));
    reply_text(reply, "histogram_usec");
    reply_map(reply, step_count);
    for (uint32_t i = 0; i < step_count; i++) {
        reply_integer(reply, (int64_t)steps[i].usec);
        reply_integer(reply, (int64_t)steps[i].count);
    }
}

/* Marks a command, or all subcommands of a container. */
static void mark(const struct registry *registry, const struct command *command, bool *is_wanted)
{
    if (command == NULL) return;
    is_wanted[registry_index(registry, command)] = true;
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++)
        is_wanted[registry_index(registry, inner)] = true;
}

static void cmd_latency_histogram(struct call *call)
{
    const struct registry *registry = call->services->registry;
    unsigned count = registry_count(registry);
    bool *is_wanted = arena_zalloc(call->arena, count);
    if (call->argument_count == 2) memset(is_wanted, true, count);
    for (uint32_t i = 2; i < call->argument_count; i++) {
        mark(registry, registry_find_full(registry, call_argument(call, i)), is_wanted);
    }

    /* The histograms grow while we look: what the reply says must be what was counted for its
     * length. */
    struct histogram **histograms = arena_zalloc(call->arena, count * sizeof(histograms[0]));
    uint64_t reply_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!is_wanted[i] || statistics_command_at(call->services->statistics, i).calls == 0)
            continue;
        struct histogram *histogram = arena_zalloc(call->arena, sizeof(*histogram));
        if (!statistics_histogram(call->services->statistics, i, histogram)) continue;
        histograms[i] = histogram;
        reply_count++;
    }
    reply_map(call->reply, reply_count);
    for (unsigned i = 0; i < count; i++) {
        if (histograms[i] != NULL)
            reply_histogram(call->reply, registry_at(registry, i)->name, histograms[i]);
    }
}

static void cmd_latency_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Explain in words what took long.",
        "GRAPH <event>",
        "    Draw the newest samples of an event.",
        "HISTORY <event>",
        "    Return the samples of an event: time and milliseconds.",
        "LATEST",
        "    Return the newest sample of every event.",
        "RESET [<event> ...]",
        "    Forget the samples of these events (default: of all).",
        "HISTOGRAM [<command> ...]",
        "    Return how long commands took: microseconds and how many took at most so long.",
    };
    reply_help(call->reply, "LATENCY", lines, sizeof(lines) / sizeof(lines[0]));
}

/* ---- rows ---- */

enum { FLAGS_LATENCY = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE };

/* clang-format off */
static const struct command latency_commands[] = {
    {"latency|doctor", cmd_latency_doctor, 2, FLAGS_LATENCY, {0, 0, 0, 0},
     "", "2.8.13", "Explains in words what took long.", "server", "O(1)", "", NULL},
    {"latency|graph", cmd_latency_graph, 3, FLAGS_LATENCY, {0, 0, 0, 0},
     "event", "2.8.13", "Draws the newest samples of an event.", "server", "O(1)", "", NULL},
    {"latency|help", cmd_latency_help, 2, CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "2.8.13", "Explains the subcommands.", "server", "O(1)", "", NULL},
    {"latency|histogram", cmd_latency_histogram, -2, FLAGS_LATENCY, {0, 0, 0, 0},
     "[command ...]", "7.0.0", "Tells how long commands took.", "server",
     "O(N) where N is the number of commands", "", NULL},
    {"latency|history", cmd_latency_history, 3, FLAGS_LATENCY, {0, 0, 0, 0},
     "event", "2.8.13", "Lists the samples of an event.", "server", "O(1)", "", NULL},
    {"latency|latest", cmd_latency_latest, 2, FLAGS_LATENCY, {0, 0, 0, 0},
     "", "2.8.13", "Lists the newest sample of every event.", "server", "O(1)", "", NULL},
    {"latency|reset", cmd_latency_reset, -2, FLAGS_LATENCY, {0, 0, 0, 0},
     "[event ...]", "2.8.13", "Forgets samples.", "server", "O(1)", "", NULL},
    {0},
};

static const struct command commands[] = {
    {"latency", NULL, -2, 0, {0, 0, 0, 0},
     "", "2.8.13", "Commands about what took long.", "server", "Depends on subcommand.", "",
     latency_commands},
};
/* clang-format on */

const struct family latency_family = FAMILY("latency", commands);
