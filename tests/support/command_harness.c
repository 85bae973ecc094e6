#include "tests/support/command_harness.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "command/dispatch.h"
#include "command/latency.h"
#include "command/registry.h"
#include "command/services.h"
#include "command/session.h"
#include "command/slowlog.h"
#include "engine/engine.h"
#include "families/families.h"
#include "os/clock.h"
#include "protocol/resp_reply.h"

enum { WORDS_MAX = 64, SHARD_COUNT = 64, DATABASE_COUNT = 16 };

struct command_harness {
    struct engine *engine;
    struct services services;
    struct dispatcher dispatcher;
    struct session session;
    struct reply reply;
    struct sink sink;
    struct buf output; /* size is brought up to date from the sink after each run */
};

static void grow(struct sink *sink, size_t size)
{
    struct command_harness *harness = CONTAINER_OF(sink, struct command_harness, sink);
    struct buf *output = &harness->output;
    if (sink->next) output->size = (size_t)(sink->next - output->data);
    sink->next = buf_reserve(output, size);
    sink->end = output->data + output->capacity;
}

static void attach(struct sink *sink, struct bytes bytes, void (*release)(void *owner), void *owner)
{
    sink_write(sink, bytes);
    release(owner);
}

static const struct sink_ops sink_ops = {grow, attach};

struct command_harness *command_harness_create(void)
{
    struct command_harness *harness = memory_zalloc(sizeof *harness);
    struct engine_options options = {
        .clock = &clock_system,
        .worker_count = 1,
        .shard_count = SHARD_COUNT,
        .database_count = DATABASE_COUNT,
    };
    struct buf message = {0};
    enum status status = engine_open(&options, &harness->engine, &message);
    ASSERT(status == STATUS_OK);
    buf_deinit(&message);

    struct services *services = &harness->services;
    services->engine = harness->engine;
    services->registry = registry_create(families, families_count);
    services->statistics = statistics_create(registry_count(services->registry), 1);
    services->slowlog = slowlog_create();
    services->latency = latency_create();
    services->sessions = sessions_create();
    services->reply_ops = resp_reply_ops;
    dispatcher_init(&harness->dispatcher, services, engine_worker_at(harness->engine, 0),
                    statistics_worker_at(services->statistics, 0));
    dispatcher_set_slow(&harness->dispatcher, -1);

    session_init(&harness->session, services->sessions, 0, COMMAND_HARNESS_BEGIN_MS);
    harness->session.flags |= SESSION_AUTHENTICATED;
    harness->sink.ops = &sink_ops;
    harness->reply.sink = &harness->sink;
    command_harness_set_protocol(harness, 2);
    command_harness_set_time(harness, COMMAND_HARNESS_BEGIN_MS);
    return harness;
}

void command_harness_destroy(struct command_harness *harness)
{
    session_deinit(&harness->session);
    dispatcher_deinit(&harness->dispatcher);
    sessions_destroy(harness->services.sessions);
    latency_destroy(harness->services.latency);
    slowlog_destroy(harness->services.slowlog);
    statistics_destroy(harness->services.statistics);
    registry_destroy(harness->services.registry);
    enum status status = engine_close(harness->engine, false);
    ASSERT(status == STATUS_OK);
    buf_deinit(&harness->output);
    memory_free(harness);
}

struct bytes command_harness_run_words(struct command_harness *harness, const struct bytes *words,
                                       uint32_t count)
{
    harness->output.size = 0;
    harness->sink.next = NULL;
    harness->sink.end = NULL;
    struct bytes *arguments = arena_alloc(&harness->dispatcher.arena, count * sizeof *arguments);
    memcpy(arguments, words, count * sizeof *arguments);
    struct request request = {.arguments = arguments, .argument_count = count};
    dispatch_prepare(&harness->dispatcher, &harness->session, &request);
    enum dispatch_result result = dispatch_run(&harness->dispatcher, &harness->session, &request,
                                               &harness->reply);
    ASSERT(result == DISPATCH_DONE);
    arena_reset(&harness->dispatcher.arena);
    if (harness->sink.next)
        harness->output.size = (size_t)(harness->sink.next - harness->output.data);
    return buf_bytes(&harness->output);
}

/* "\r\n" becomes a blank, the last one nothing. */
static const char *flatten(struct buf *text)
{
    size_t size = 0;
    for (size_t i = 0; i < text->size; i++) {
        bool is_end = text->data[i] == '\r' && i + 1 < text->size && text->data[i + 1] == '\n';
        text->data[size++] = is_end ? ' ' : text->data[i];
        i += is_end;
    }
    text->size = size > 0 && text->data[size - 1] == ' ' ? size - 1 : size;
    return buf_text(text);
}

const char *command_harness_run(struct command_harness *harness, const char *line)
{
    struct buf storage = {0};
    struct buf words = {0};
    bool is_split = text_split_words(bytes_of_text(line), &storage, &words);
    ASSERT(is_split);
    const struct text_word *word = (const struct text_word *)(const void *)words.data;
    uint32_t count = (uint32_t)(words.size / sizeof *word);
    ASSERT(count <= WORDS_MAX);
    struct bytes arguments[WORDS_MAX];
    for (uint32_t i = 0; i < count; i++)
        arguments[i] = bytes_of(storage.data + word[i].offset, word[i].size);
    command_harness_run_words(harness, arguments, count);
    buf_deinit(&storage);
    buf_deinit(&words);
    return flatten(&harness->output);
}

void command_harness_set_time(struct command_harness *harness, int64_t now_ms)
{
    harness->dispatcher.now_ms = now_ms;
}

void command_harness_set_protocol(struct command_harness *harness, unsigned protocol)
{
    harness->reply.ops = resp_reply_ops(protocol);
    harness->reply.protocol = (uint8_t)protocol;
}
