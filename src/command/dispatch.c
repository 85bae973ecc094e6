/* The run of a command is short enough to read aloud, see dispatch_run. Everything unusual
 * (refusals, MULTI, pauses, monitors, the slow log) is one test of a flag away from the straight
 * line. */
#include "command/dispatch.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "command/admission.h"
#include "command/latency.h"
#include "command/multi.h"
#include "command/registry.h"
#include "command/services.h"
#include "command/session.h"
#include "command/slowlog.h"
#include "keyspace/watch.h"

enum {
    DISPATCH_ARENA_BYTES = 64 * 1024,
    DISPATCH_LATENCY_NS = 1000000, /* the latency monitor counts whole milliseconds */
    UNKNOWN_NAME_BYTES_MAX =
        128, /* of an unknown command's name and arguments, in the error text */
};

/* -------------------------------------------------------------------------------------------------
 * replies nobody wants */

static void discard_grow(struct sink *sink, size_t size)
{
    struct dispatcher *dispatcher = CONTAINER_OF(sink, struct dispatcher, discard);
    if (size <= sizeof dispatcher->discard_bytes) {
        sink->next = dispatcher->discard_bytes;
        sink->end = dispatcher->discard_bytes + sizeof dispatcher->discard_bytes;
        return;
    }
    sink->next = arena_alloc(&dispatcher->arena, size);
    sink->end = sink->next + size;
}

static void discard_attach(struct sink *sink, struct bytes bytes, void (*release)(void *owner),
                           void *owner)
{
    (void)sink;
    (void)bytes;
    release(owner);
}

static const struct sink_ops discard_ops = {discard_grow, discard_attach};

/* ---------------------------------------------------------------------------------------------------------------
 * life */

void dispatcher_init(struct dispatcher *dispatcher, struct services *services,
                     struct engine_worker *worker, struct statistics_worker *statistics)
{
    *dispatcher = (struct dispatcher){
        .services = services,
        .worker = worker,
        .statistics = statistics,
        .ticks = statistics_ticks(services->statistics),
        .discard = {.ops = &discard_ops},
    };
    arena_init(&dispatcher->arena, DISPATCH_ARENA_BYTES);
}

void dispatcher_set_slow(struct dispatcher *dispatcher, int64_t slow_us)
{
    dispatcher->slow_ns = slow_us < 0 ? UINT64_MAX : (uint64_t)slow_us * 1000;
    dispatcher->notable_ns = dispatcher->slow_ns < DISPATCH_LATENCY_NS ? dispatcher->slow_ns
                                                                       : DISPATCH_LATENCY_NS;
}

void dispatcher_deinit(struct dispatcher *dispatcher)
{
    arena_deinit(&dispatcher->arena);
}

/* ----------------------------------------------------------------------------------------------------------------
 * keys */

static const struct hashing *hashing_of(const struct dispatcher *dispatcher)
{
    return &dispatcher->worker->keyspace->hashing;
}

/* -------------------------------------------------------------------------------------------------------
 * before the run */

/* Up to 8 bytes of a name as one word: two loads that may overlap, so equal words of equal sizes
 * are equal names. */
ALWAYS_INLINE uint64_t word_of(struct bytes name)
{
    if (name.size >= 4 && name.size <= 8) {
        uint32_t first, last;
        memcpy(&first, name.data, sizeof first);
        memcpy(&last, name.data + name.size - sizeof last, sizeof last);
        return (uint64_t)last << 32 | first;
    }
    if (name.size != 3) return 0;
    uint16_t first;
    memcpy(&first, name.data, sizeof first);
    return (uint64_t)(unsigned char)name.data[2] << 16 | first;
}

static NO_INLINE void find(struct dispatcher *dispatcher, struct request *request, uint64_t word)
{
    const struct registry *registry = dispatcher->services->registry;
    const struct command *command = registry_find(registry, request->arguments[0]);
    request->command = command;
    if (command == NULL) return;
    if (command->subcommands == NULL) {
        request->index = registry_index(registry, command);
        dispatcher->last = (struct dispatch_memory){word, (uint32_t)request->arguments[0].size,
                                                    request->index, command};
        return;
    }
    /* A container without a function of its own is its subcommands; an unknown one is found out
     * when it is run. */
    const struct command *subcommand = request->argument_count >= 2
                                           ? registry_find_subcommand(command,
                                                                      request->arguments[1])
                                           : NULL;
    if (subcommand != NULL) request->command = subcommand;
    request->index = registry_index(registry, request->command);
}

void dispatch_prepare(struct dispatcher *dispatcher, const struct session *session,
                      struct request *request)
{
    request->is_hashed = false;
    request->has_one_key = false;
    const struct dispatch_memory *last = &dispatcher->last;
    uint64_t word = word_of(request->arguments[0]);
    if (LIKELY(word == last->name && word != 0 && request->arguments[0].size == last->size)) {
        request->command = last->command;
        request->index = last->index;
    } else {
        find(dispatcher, request, word);
        if (request->command == NULL) return;
    }
    const struct command_keys *keys = &request->command->keys;
    uint32_t first = (uint32_t)keys->first;
    if (first == 0 || first >= request->argument_count) return;
    request->key_at = first;
    request->has_one_key = keys->first == keys->last && keys->count_at == 0;
    request->is_hashed = true;
    request->hash = hashing_bytes(hashing_of(dispatcher), request->arguments[first]);
    keyspace_prefetch_bucket(dispatcher->worker->keyspace, session->database, request->hash);
}

void dispatch_prefetch(const struct dispatcher *dispatcher, const struct session *session,
                       const struct request *request)
{
    if (!request->is_hashed) return;
    keyspace_prefetch_entry(dispatcher->worker->keyspace, session->database, request->hash);
}

static NO_INLINE void refuse_unknown(const struct request *request, struct reply *reply)
{
    struct buf arguments = {0};
    for (uint32_t i = 1; i < request->argument_count && arguments.size < UNKNOWN_NAME_BYTES_MAX;
         i++) {
        struct bytes argument = bytes_part(request->arguments[i], 0,
                                           UNKNOWN_NAME_BYTES_MAX - arguments.size);
        buf_printf(&arguments, "'%.*s' ", (int)argument.size, argument.data);
    }
    struct bytes name = bytes_part(request->arguments[0], 0, UNKNOWN_NAME_BYTES_MAX);
    reply_errorf(reply, "ERR unknown command '%.*s', with args beginning with: %s", (int)name.size,
                 name.data, buf_text(&arguments));
    buf_deinit(&arguments);
}

static NO_INLINE void refuse_subcommand(const struct request *request, struct reply *reply)
{
    struct bytes subcommand = bytes_part(request->arguments[1], 0, UNKNOWN_NAME_BYTES_MAX);
    char name[32] = {0};
    for (size_t i = 0; i + 1 < sizeof name && request->command->name[i] != '\0'; i++) {
        char c = request->command->name[i];
        name[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    reply_errorf(reply, "ERR unknown subcommand '%.*s'. Try %s HELP.", (int)subcommand.size,
                 subcommand.data, name);
}

/* A refused command spoils the transaction that is being queued. */
static void spoil_multi(struct session *session)
{
    if ((session->flags & SESSION_IN_MULTI) != 0) session->flags |= SESSION_DIRTY_EXEC;
}

static bool is_exec(const struct command *command)
{
    return strcmp(command->name, "exec") == 0;
}

/* EXEC counts as what it will run. */
static uint32_t flags_of(const struct session *session, const struct command *command)
{
    uint32_t flags = command->flags;
    if (session->multi == NULL || !is_exec(command)) return flags;
    return flags | (session->multi->flags & (CMD_WRITE | CMD_GROWS_MEMORY | CMD_MAY_REPLICATE));
}

/* Says why the command is not run. It spoils the transaction being queued; of EXEC itself it ends
 * it. */
static NO_INLINE void refuse(struct dispatcher *dispatcher, struct session *session,
                             const struct request *request, struct reply *reply, const char *text)
{
    statistics_reject(dispatcher->statistics, request->index);
    if (!is_exec(request->command)) {
        reply_error(reply, text);
        spoil_multi(session);
        return;
    }
    multi_clear(session);
    multi_unwatch(session, false);
    const char *reason = strncmp(text, "ERR ", 4) == 0 ? text + 4 : text;
    reply_errorf(reply, "EXECABORT Transaction discarded because of: %s", reason);
}

/* A subcommand has its own row; a container's row with further arguments means that there was
 * none. */
static bool has_no_such_subcommand(const struct request *request)
{
    return request->command->subcommands != NULL && request->argument_count > 1;
}

/* The request does not name a command, or not with so many arguments. */
static NO_INLINE void refuse_malformed(struct dispatcher *dispatcher, struct session *session,
                                       const struct request *request, struct reply *reply)
{
    if (request->command == NULL) {
        refuse_unknown(request, reply);
        spoil_multi(session);
    } else if (has_no_such_subcommand(request)) {
        refuse_subcommand(request, reply);
        spoil_multi(session);
    } else {
        char text[96];
        (void)snprintf(text, sizeof text, "ERR wrong number of arguments for '%s' command",
                       request->command->name);
        refuse(dispatcher, session, request, reply, text);
    }
}

ALWAYS_INLINE bool is_well_formed(const struct request *request)
{
    const struct command *command = request->command;
    if (command == NULL || !command_takes(command, request->argument_count)) return false;
    return command->function != NULL &&
           (command->subcommands == NULL || request->argument_count == 1);
}

static NO_INLINE bool is_refused(struct dispatcher *dispatcher, struct session *session,
                                 const struct request *request, struct reply *reply)
{
    struct admission admission = {
        .session = session,
        .command = request->command,
        .flags = flags_of(session, request->command),
        .guards = dispatcher->guards,
        .refusal = dispatcher->refusal,
    };
    const char *refusal = admission_refusal(&admission);
    if (refusal != NULL) refuse(dispatcher, session, request, reply, refusal);
    return refusal != NULL;
}

ALWAYS_INLINE bool is_paused(const struct dispatcher *dispatcher, const struct session *session,
                             const struct request *request)
{
    if (LIKELY(dispatcher->pause_until_ms == 0)) return false;
    if (dispatcher->now_ms >= dispatcher->pause_until_ms || request->command == NULL) return false;
    if (!dispatcher->pause_only_writes) return true;
    return (flags_of(session, request->command) & (CMD_WRITE | CMD_MAY_REPLICATE)) != 0;
}

/* -------------------------------------------------------------------------------------------------------------
 * the run */

/* Any number of keys: all of them hashed, all of their shards locked. */
static NO_INLINE void lock_keys(struct call *call, const struct request *request)
{
    struct txn *txn = call->txn;
    struct command_key_range range = command_key_range(request->command, request->arguments,
                                                       request->argument_count);
    if ((request->command->flags & CMD_ALL_SHARDS) != 0 && txn->shard_count == 0) txn_lock_all(txn);
    if (range.count == 0) return;
    struct key *keys = arena_alloc(call->arena, memory_size_mul(range.count, sizeof *keys));
    for (uint32_t i = 0; i < range.count; i++) {
        keys[i] = txn_key(txn, call->arguments[range.first + i * range.step]);
    }
    call->keys = keys;
    call->key_count = range.count;
    if (txn->shard_count == 0) txn_lock(txn, keys, range.count);
}

/* Locks what the command touches, unless EXEC has done so for the whole queue, and runs it. */
ALWAYS_INLINE void run_function(struct call *call, const struct request *request)
{
    struct key one;
    if (LIKELY(request->has_one_key)) {
        one = (struct key){request->arguments[request->key_at], request->hash};
        call->keys = &one;
        call->key_count = 1;
        if (LIKELY(call->txn->shard_count == 0)) txn_lock_one(call->txn, &one);
    } else {
        lock_keys(call, request);
    }
    request->command->function(call);
}

ALWAYS_INLINE void observe(struct services *services, const struct session *session,
                           const struct request *request)
{
    if (LIKELY(atomic_load_explicit(&services->monitor_count, memory_order_relaxed) == 0)) return;
    if ((request->command->flags & (CMD_SKIP_MONITOR | CMD_ADMIN | CMD_SECRET)) != 0) return;
    services->observe(services, session, request->arguments, request->argument_count);
}

ALWAYS_INLINE struct call call_for(struct dispatcher *dispatcher, struct session *session,
                                   const struct request *request, struct txn *txn,
                                   struct reply *reply)
{
    return (struct call){
        .command = request->command,
        .arguments = request->arguments,
        .argument_count = request->argument_count,
        .txn = txn,
        .reply = reply,
        .session = session,
        .arena = &dispatcher->arena,
        .services = dispatcher->services,
        .dispatcher = dispatcher,
        .now_ms = dispatcher->now_ms,
    };
}

static void log_slow(struct dispatcher *dispatcher, const struct session *session,
                     const struct request *request, uint64_t elapsed_us)
{
    if ((request->command->flags & (CMD_SKIP_SLOWLOG | CMD_SECRET)) != 0) return;
    struct slowlog_sample sample = {
        .arguments = request->arguments,
        .argument_count = request->argument_count,
        .elapsed_us = elapsed_us,
        .wall_s = dispatcher->now_ms / 1000,
        .address = session->address,
        .client_name = session->name,
    };
    slowlog_record(dispatcher->services->slowlog, &sample);
}

/* It took long enough for the slow log or the latency monitor. */
static NO_INLINE void note_slow(struct dispatcher *dispatcher, const struct session *session,
                                const struct request *request, uint64_t elapsed_ns)
{
    const struct command *command = request->command;
    if (elapsed_ns >= dispatcher->slow_ns)
        log_slow(dispatcher, session, request, elapsed_ns / 1000);
    const char *event = (command->flags & CMD_FAST) != 0 ? "fast-command" : "command";
    latency_record(dispatcher->services->latency, event, dispatcher->now_ms / 1000,
                   elapsed_ns / 1000000);
}

/* The time since it was last asked. Reading the counter is dear on virtual machines (30 ns), so the
 * end of one command is the beginning of the next. */
ALWAYS_INLINE uint64_t take_time(struct dispatcher *dispatcher)
{
    uint64_t now = ticks_now(dispatcher->ticks);
    uint64_t elapsed = now - dispatcher->last_ticks;
    dispatcher->last_ticks = now;
    return ticks_to_ns(dispatcher->ticks, elapsed);
}

void dispatch_begin_batch(struct dispatcher *dispatcher)
{
    (void)take_time(dispatcher);
}

/* Opens the transaction, runs the function in it, commits, counts. */
ALWAYS_INLINE void run(struct dispatcher *dispatcher, struct session *session,
                       const struct request *request, struct reply *reply)
{
    struct services *services = dispatcher->services;
    observe(services, session, request);
    uint64_t errors = reply->error_count;

    struct txn txn;
    txn_begin(&txn, dispatcher->worker, session->database, dispatcher->now_ms);
    struct call call = call_for(dispatcher, session, request, &txn, reply);
    run_function(&call, request);
    txn_commit(&txn);
    if (txn.gate > session->gate) session->gate = txn.gate;

    uint64_t elapsed_ns = take_time(dispatcher);
    statistics_count(dispatcher->statistics, request->index, elapsed_ns,
                     reply->error_count != errors);
    if (UNLIKELY(elapsed_ns >= dispatcher->notable_ns))
        note_slow(dispatcher, session, request, elapsed_ns);
}

ALWAYS_INLINE void note_command(struct session *session, const struct command *command,
                                int64_t now_ms)
{
    session->last_command = command;
    session->active_ms = now_ms;
    session->command_count++;
}

ALWAYS_INLINE void admit_and_run(struct dispatcher *dispatcher, struct session *session,
                                 const struct request *request, struct reply *reply)
{
    if (UNLIKELY(!is_well_formed(request))) {
        refuse_malformed(dispatcher, session, request, reply);
        return;
    }
    bool is_plain = dispatcher->guards == 0 &&
                    (session->flags & (SESSION_AUTHENTICATED | SESSION_IN_MULTI)) ==
                        SESSION_AUTHENTICATED;
    if (UNLIKELY(!is_plain) && is_refused(dispatcher, session, request, reply)) return;
    note_command(session, request->command, dispatcher->now_ms);
    if (UNLIKELY((session->flags & SESSION_IN_MULTI) != 0) &&
        (request->command->flags & CMD_TRANSACTION) == 0) {
        multi_queue(session, request->command, request->arguments, request->argument_count);
        reply_simple(reply, BYTES_LITERAL("QUEUED"));
        return;
    }
    run(dispatcher, session, request, reply);
}

/* CLIENT REPLY: OFF drops this reply, SKIP drops the next one. */
static NO_INLINE void run_without_reply(struct dispatcher *dispatcher, struct session *session,
                                        const struct request *request, struct reply *reply)
{
    bool was_off = (session->flags & SESSION_REPLY_OFF) != 0;
    bool skips = (session->flags & SESSION_REPLY_SKIP_NEXT) != 0;
    if (skips) {
        session->flags &= ~(uint32_t)SESSION_REPLY_SKIP_NEXT;
        session->flags |= SESSION_REPLY_SKIP;
    }
    struct sink *sink = reply->sink;
    bool says_on = was_off && request->command != NULL &&
                   bytes_is_word(bytes_of_text(request->command->name), "client|reply") &&
                   request->argument_count == 3 && bytes_is_word(request->arguments[2], "on");
    if (!says_on) reply->sink = &dispatcher->discard;
    admit_and_run(dispatcher, session, request, reply);
    reply->sink = sink;
    session->flags &= ~(uint32_t)SESSION_REPLY_SKIP;
}

enum dispatch_result dispatch_run(struct dispatcher *dispatcher, struct session *session,
                                  const struct request *request, struct reply *reply)
{
    if (UNLIKELY(is_paused(dispatcher, session, request))) return DISPATCH_PAUSED;
    if (UNLIKELY((session->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT)) != 0)) {
        run_without_reply(dispatcher, session, request, reply);
    } else {
        admit_and_run(dispatcher, session, request, reply);
    }
    return DISPATCH_DONE;
}

void dispatch_resume(struct dispatcher *dispatcher, struct session *session,
                     const struct request *request, struct reply *reply,
                     void (*resume)(struct call *call))
{
    struct txn txn;
    txn_begin(&txn, dispatcher->worker, session->database, dispatcher->now_ms);
    struct call call = call_for(dispatcher, session, request, &txn, reply);
    struct sink *sink = reply->sink;
    if ((session->flags & SESSION_REPLY_OFF) != 0) reply->sink = &dispatcher->discard;
    resume(&call);
    reply->sink = sink;
    txn_commit(&txn);
    if (txn.gate > session->gate) session->gate = txn.gate;
}

/* ----------------------------------------------------------------------------------------------------------------
 * EXEC */

static void append_keys(struct buf *keys, const struct txn *txn,
                        const struct queued_command *queued)
{
    struct command_key_range range = command_key_range(queued->command, queued->arguments,
                                                       queued->argument_count);
    for (uint32_t i = 0; i < range.count; i++) {
        struct key key = txn_key(txn, queued->arguments[range.first + i * range.step]);
        buf_append(keys, &key, sizeof key);
    }
}

/* The union of all shards that the queue and the watches touch, at once and in order. */
static void lock_queue(struct txn *txn, const struct multi *multi)
{
    if ((multi->flags & (CMD_TOUCHES_KEYS_ANYWHERE | CMD_ALL_SHARDS | CMD_MOVABLE_KEYS)) != 0) {
        txn_lock_all(txn);
        return;
    }
    struct buf keys = {0};
    for (uint32_t i = 0; i < multi->count; i++) append_keys(&keys, txn, &multi->queue[i]);
    for (const struct watch_node *node = multi->watches; node != NULL; node = node->next) {
        struct key key = {bytes_of(node->key, node->key_bytes), node->hash};
        buf_append(&keys, &key, sizeof key);
    }
    txn_lock(txn, (const struct key *)(const void *)keys.data,
             (uint32_t)(keys.size / sizeof(struct key)));
    buf_deinit(&keys);
}

/* A watched key whose deadline passed since counts as changed, whether or not it is deleted yet. */
static bool has_watch_expired(struct txn *txn, const struct multi *multi)
{
    for (const struct watch_node *node = multi->watches; node != NULL; node = node->next) {
        if (node->was_expired) continue;
        struct entry *entry = shard_find(node->shard, node->database, node->hash,
                                         bytes_of(node->key, node->key_bytes), NULL);
        if (entry == NULL) continue;
        int64_t deadline_ms = entry_deadline(entry);
        if (deadline_ms != ENTRY_NO_DEADLINE && deadline_ms <= txn->now_ms) return true;
    }
    return false;
}

static void run_queued(struct call *exec, const struct queued_command *queued)
{
    struct dispatcher *dispatcher = exec->dispatcher;
    struct session *session = exec->session;
    struct request request = {
        .arguments = (struct bytes *)(uintptr_t)queued->arguments,
        .argument_count = queued->argument_count,
    };
    dispatch_prepare(dispatcher, session, &request);
    observe(dispatcher->services, session, &request);
    uint64_t errors = exec->reply->error_count;
    exec->txn->database = session->database; /* SELECT may stand in the queue */
    struct call call = call_for(dispatcher, session, &request, exec->txn, exec->reply);
    run_function(&call, &request);
    statistics_count(dispatcher->statistics, request.index, take_time(dispatcher),
                     exec->reply->error_count != errors);
}

void dispatch_exec(struct call *call)
{
    struct session *session = call->session;
    struct multi *multi = multi_of(session);
    lock_queue(call->txn, multi);
    bool is_dirty = atomic_load_explicit(&session->is_watch_dirty, memory_order_relaxed) != 0 ||
                    has_watch_expired(call->txn, multi);
    multi_unwatch(session, true);
    if (is_dirty) {
        reply_nil_array(call->reply);
    } else {
        session->flags &= ~(uint32_t)SESSION_IN_MULTI;
        session->flags |= SESSION_IN_EXEC;
        reply_array(call->reply, multi->count);
        for (uint32_t i = 0; i < multi->count; i++) run_queued(call, &multi->queue[i]);
        session->flags &= ~(uint32_t)SESSION_IN_EXEC;
    }
    multi_clear(session);
}
