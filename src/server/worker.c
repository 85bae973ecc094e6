#include "server/worker.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "command/admission.h"
#include "command/services.h"
#include "command/session.h"
#include "command/slowlog.h"
#include "command/statistics.h"
#include "keyspace/reclaim.h"
#include "net/poller.h"
#include "os/clock.h"
#include "os/messages.h"
#include "protocol/resp_reply.h"
#include "server/acceptor.h"
#include "server/client.h"
#include "server/server.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

/* -------------------------------------------------------------------------------------------------------
 * running lists */

static void make_ready(struct worker *worker, struct client *client)
{
    if (client->hold != CLIENT_RUNS || links_is_linked(&client->run_link)) return;
    links_push_back(&worker->ready, &client->run_link);
}

static void make_touched(struct worker *worker, struct client *client)
{
    if (!links_is_linked(&client->flush_link))
        links_push_back(&worker->touched, &client->flush_link);
}

/* Nothing more of it is run; what it has been told already is not sent either. */
static void close_soon(struct worker *worker, struct client *client)
{
    client->hold = CLIENT_CLOSING;
    worker->has_closing = true;
}

static struct reply reply_for(struct worker *worker, struct client *client)
{
    return (struct reply){
        .ops = resp_reply_ops(client->session.protocol),
        .sink = &client->conn.sink,
        .protocol = client->session.protocol,
        .statistics = worker->dispatcher.statistics,
    };
}

/* -------------------------------------------------------------------------------------------------------
 * the batch: parse */

static struct resp_limits limits_of(const struct worker *worker, const struct client *client)
{
    return (struct resp_limits){
        .bulk_bytes_max = (uint64_t)atomic_load_explicit(
            &worker->server->state.options.proto_max_bulk_len, memory_order_relaxed),
        .argument_count_max = RESP_ARGUMENTS_MAX,
        .is_authenticated = (client->session.flags & SESSION_AUTHENTICATED) != 0,
    };
}

/* Takes one request of the client into the batch; false when there is none for now. */
static bool take_request(struct worker *worker, struct client *client,
                         const struct resp_limits *limits)
{
    struct bytes input = conn_input(&client->conn);
    input = bytes_part(input, client->parsed, input.size);
    if (input.size == 0) return false;

    struct resp_request parsed;
    enum resp_result result = resp_parse(
        &client->parser, input, limits, worker->arguments + worker->batch_arguments,
        WORKER_BATCH_ARGUMENTS - worker->batch_arguments, &worker->dispatcher.arena, &parsed);
    if (result == RESP_MORE) {
        client->wanted = parsed.wanted;
        client->is_incomplete = true;
        return false;
    }
    client->wanted = 0;
    struct batch_entry *entry = &worker->batch[worker->batch_count++];
    entry->client = client;
    if (UNLIKELY(result == RESP_ERROR)) {
        entry->error = parsed.error;
        entry->consumed = input.size;
        entry->request.argument_count = 0;
        entry->request.is_hashed = false;
        client->parsed += input.size;
        return false;
    }
    entry->error = NULL;
    entry->consumed = parsed.consumed;
    entry->request.arguments = parsed.arguments;
    entry->request.argument_count = parsed.argument_count;
    entry->request.is_hashed = false;
    client->parsed += parsed.consumed;
    if (parsed.argument_count == 0) return true;
    if (parsed.arguments == worker->arguments + worker->batch_arguments) {
        worker->batch_arguments += parsed.argument_count;
    }
    dispatch_prepare(&worker->dispatcher, &client->session, &entry->request);
    return true;
}

static void take_requests(struct worker *worker, struct client *client)
{
    struct resp_limits limits = limits_of(worker, client);
    client->parsed = 0;
    client->executed = 0;
    client->is_incomplete = false;
    for (unsigned i = 0; i < WORKER_BATCH_A_CLIENT && worker->batch_count < WORKER_BATCH_REQUESTS;
         i++) {
        if (!take_request(worker, client, &limits)) break;
        /* Before AUTH each request is judged when the one before it has run. */
        if (!limits.is_authenticated) break;
    }
}

/* ---------------------------------------------------------------------------------------------------------
 * the batch: run */

/* Somebody lured a browser into talking to us: the rest of what it says must not be run. */
static bool is_http(const struct request *request)
{
    return request->command == NULL && (bytes_is_word(request->arguments[0], "post") ||
                                        bytes_is_word(request->arguments[0], "host:"));
}

ALWAYS_INLINE void run_entry(struct worker *worker, struct batch_entry *entry, struct reply *reply)
{
    struct client *client = entry->client;
    struct session *session = &client->session;
    if (UNLIKELY(entry->error != NULL)) {
        reply_error(reply, entry->error);
        client->hold = CLIENT_ENDING;
    } else if (UNLIKELY(entry->request.argument_count == 0)) {
        /* "*0" or an empty line: nothing to run. */
    } else if (UNLIKELY(is_http(&entry->request))) {
        message_warning("possible cross-protocol attack from %s: the connection is closed",
                        session->address);
        close_soon(worker, client);
    } else if (UNLIKELY(dispatch_run(&worker->dispatcher, session, &entry->request, reply) ==
                        DISPATCH_PAUSED)) {
        client->hold = CLIENT_PAUSED;
        return;
    } else if (UNLIKELY((session->flags & SESSION_CLOSE_AFTER_REPLY) != 0)) {
        client->hold = CLIENT_ENDING;
    }
    client->executed += entry->consumed;
}

static void run_batch(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->batch_count; i++) {
        struct batch_entry *entry = &worker->batch[i];
        dispatch_prefetch(&worker->dispatcher, &entry->client->session, &entry->request);
    }
    const struct client *client = NULL;
    struct reply reply = {0};
    dispatch_begin_batch(&worker->dispatcher);
    for (uint32_t i = 0; i < worker->batch_count; i++) {
        struct batch_entry *entry = &worker->batch[i];
        if (entry->client != client) {
            client = entry->client;
            reply = reply_for(worker, entry->client);
        }
        if (LIKELY(client->hold == CLIENT_RUNS)) run_entry(worker, entry, &reply);
    }
}

/* The client's part of the batch is over: its output waits for what it saw and wrote, its input
 * moves on. */
static void settle(struct worker *worker, struct client *client)
{
    if (UNLIKELY(client->executed < client->parsed)) {
        /* What was parsed but not run is parsed again, from its beginning, when the client runs
         * again. */
        resp_parser_deinit(&client->parser);
        resp_parser_init(&client->parser);
        client->is_incomplete = false;
        client->wanted = 0;
    }
    conn_mark(&client->conn, client->session.gate);
    conn_consume(&client->conn, client->executed);
    bool is_deaf = (client->conn.interest & POLLER_READ) == 0;
    if (UNLIKELY(is_deaf) && client->hold == CLIENT_RUNS && !client->has_ended)
        conn_set_reading(&client->conn, true);
    make_touched(worker, client);
    if (client->hold == CLIENT_PAUSED) links_push_back(&worker->paused, &client->run_link);
    if (client->hold != CLIENT_RUNS) return;
    if (client->is_incomplete || conn_input(&client->conn).size == 0) {
        if (client->has_ended) client->hold = CLIENT_ENDING;
        return;
    }
    if (conn_output_size(&client->conn) > CONN_OUTPUT_PAUSE_BYTES) {
        client->hold = CLIENT_STALLED;
        return;
    }
    make_ready(worker, client);
}

/* One batch over the clients at the front of the list. */
static void run_round(struct worker *worker)
{
    struct links taken;
    links_init(&taken);
    worker->batch_count = 0;
    worker->batch_arguments = 0;
    while (!links_is_empty(&worker->ready) && worker->batch_count < WORKER_BATCH_REQUESTS &&
           worker->batch_arguments < WORKER_BATCH_ARGUMENTS) {
        struct client *client = CONTAINER_OF(worker->ready.next, struct client, run_link);
        links_remove(&client->run_link);
        links_push_back(&taken, &client->run_link);
        take_requests(worker, client);
    }
    run_batch(worker);
    while (!links_is_empty(&taken)) {
        struct client *client = CONTAINER_OF(taken.next, struct client, run_link);
        links_remove(&client->run_link);
        settle(worker, client);
    }
    arena_reset(&worker->dispatcher.arena);
}

/* -----------------------------------------------------------------------------------------------------------
 * suspension */

void worker_suspend(struct call *call, uint64_t gate, uint64_t deadline_ns,
                    void (*resume)(struct call *call))
{
    if ((call->session->flags & SESSION_IN_EXEC) != 0) {
        resume(call);
        return;
    }
    struct client *client = client_of_session(call->session);
    client_suspend(client, call, gate, resume);
    client->hold = CLIENT_SUSPENDED;
    client->worker->suspended_count++;
    if (deadline_ns != 0) heap_insert(&client->worker->timers, &client->timer, deadline_ns);
}

/* Runs the second half; it may suspend again. */
static void resume(struct worker *worker, struct client *client)
{
    struct suspension suspension = *client->suspension;
    struct reply reply = reply_for(worker, client);
    /* The arguments must outlive the call, the suspension must not. */
    *client->suspension = (struct suspension){0};
    client_end_suspension(client);
    worker->suspended_count--;
    client->hold = CLIENT_RUNS;
    dispatch_resume(&worker->dispatcher, &client->session, &suspension.request, &reply,
                    suspension.resume);
    client_free_request(&suspension.request);

    atomic_store_explicit(&client->session.is_unblocked, 0, memory_order_relaxed);
    conn_mark(&client->conn, client->session.gate);
    make_touched(worker, client);
    if (client->hold == CLIENT_RUNS && (client->session.flags & SESSION_CLOSE_AFTER_REPLY) != 0) {
        client->hold = CLIENT_ENDING;
    }
    make_ready(worker, client);
}

static void resume_late(struct worker *worker)
{
    for (;;) {
        struct heap_node *node = heap_first(&worker->timers);
        if (node == NULL || node->key > worker->now_ns) return;
        heap_remove(&worker->timers, node);
        resume(worker, CONTAINER_OF(node, struct client, timer));
    }
}

static bool may_resume(const struct client *client, uint64_t durable)
{
    uint64_t gate = client->suspension->gate;
    if (gate != 0 && gate <= durable) return true;
    return atomic_load_explicit(&client->session.is_unblocked, memory_order_relaxed) != 0;
}

static void resume_reached(struct worker *worker)
{
    if (worker->suspended_count == 0) return;
    uint64_t durable = engine_durable(worker->server->engine);
    LINKS_FOR_EACH (link, &worker->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if (client->suspension != NULL && may_resume(client, durable)) resume(worker, client);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * output */

/* A gate that will never be reached: the log has failed. Nobody may learn what the reply says. */
static bool is_lost(const struct worker *worker, const struct client *client)
{
    struct wal *wal = engine_wal(worker->server->engine);
    return wal != NULL && wal_has_failed(wal) && conn_gate(&client->conn) > wal_durable(wal);
}

static void flush(struct worker *worker, struct client *client, uint64_t durable)
{
    if (client->hold == CLIENT_CLOSING) return;
    uint64_t before = client->conn.output_sent;
    if (conn_flush(&client->conn, durable) != STATUS_OK) {
        close_soon(worker, client);
        return;
    }
    statistics_add(worker->dispatcher.statistics, STATISTICS_OUTPUT_BYTES,
                   client->conn.output_sent - before);
    uint64_t unsent = conn_output_size(&client->conn);
    __atomic_store_n(&client->session.output_bytes, unsent, __ATOMIC_RELAXED);
    if (unsent == 0) {
        if (client->hold == CLIENT_ENDING) close_soon(worker, client);
    } else if (conn_gate(&client->conn) > durable) {
        if (is_lost(worker, client)) {
            close_soon(worker, client);
        } else {
            links_push_back(&worker->gated, &client->flush_link);
        }
    }
    if (client->hold == CLIENT_STALLED && unsent <= CONN_OUTPUT_PAUSE_BYTES / 2) {
        client->hold = CLIENT_RUNS;
        if (!client->has_ended) conn_set_reading(&client->conn, true);
        make_ready(worker, client);
    }
}

static void flush_list(struct worker *worker, struct links *list, uint64_t durable)
{
    struct links taken;
    links_init(&taken);
    links_splice(&taken, list);
    while (!links_is_empty(&taken)) {
        struct client *client = CONTAINER_OF(taken.next, struct client, flush_link);
        links_remove(&client->flush_link);
        flush(worker, client, durable);
    }
}

/* A worker whose only client waits for the disk has nothing better to do than to commit itself. Not
 * when the disk was slow the last time: somebody may want to connect. */
static bool lead_commit(struct worker *worker)
{
    if (atomic_load_explicit(&worker->client_count, memory_order_relaxed) != 1) return false;
    if (!links_is_empty(&worker->ready) || worker->now_ns < worker->lead_again_ns) return false;
    uint64_t began_ns = clock_monotonic_ns(worker->server->clock);
    if (!engine_commit(worker->server->engine)) return false;
    uint64_t ended_ns = clock_monotonic_ns(worker->server->clock);
    if (ended_ns - began_ns > WORKER_LEAD_US_MAX * 1000ull)
        worker->lead_again_ns = ended_ns + NS_PER_S;
    return true;
}

/* Sends what may leave; returns whether anything waits for the disk. */
static bool flush_all(struct worker *worker)
{
    uint64_t durable = engine_durable(worker->server->engine);
    flush_list(worker, &worker->gated, durable);
    flush_list(worker, &worker->touched, durable);
    if (links_is_empty(&worker->gated)) return false;
    if (lead_commit(worker)) {
        flush_list(worker, &worker->gated, engine_durable(worker->server->engine));
        if (links_is_empty(&worker->gated)) return false;
    }
    engine_kick(worker->server->engine);
    return true;
}

/* ----------------------------------------------------------------------------------------------------------------
 * input */

/* The client has closed its sending side. What has been asked is run and answered, as far as it
 * reads; half a request, or a command that waits for something, ends with it. */
static void note_end(struct worker *worker, struct client *client)
{
    bool has_output = conn_output_size(&client->conn) > 0;
    bool may_run = client->hold == CLIENT_RUNS && links_is_linked(&client->run_link);
    bool is_told = (client->session.flags & SESSION_MONITOR) == 0 && client->suspension == NULL;
    if (!is_told || !(has_output || may_run)) {
        close_soon(worker, client);
        return;
    }
    client->has_ended = true;
    /* Only its sending side is known to be closed: what it is owed still goes out. */
    client->conn.is_closed = false;
    conn_set_reading(&client->conn, false);
    if (client->hold == CLIENT_RUNS && !may_run) client->hold = CLIENT_ENDING;
}

static void receive(struct worker *worker, struct client *client)
{
    size_t had = conn_input(&client->conn).size;
    enum status status = conn_receive(&client->conn, client->wanted);
    if (status == STATUS_WOULD_BLOCK) return;
    if (status != STATUS_OK) {
        /* What came before the end, perhaps with it, is run first. */
        if (conn_input(&client->conn).size > 0) make_ready(worker, client);
        note_end(worker, client);
        return;
    }
    size_t has = conn_input(&client->conn).size;
    statistics_add(worker->dispatcher.statistics, STATISTICS_INPUT_BYTES, has - had);
    __atomic_store_n(&client->session.input_bytes, has, __ATOMIC_RELAXED);
    uint64_t limit = (uint64_t)atomic_load_explicit(
        &worker->server->state.options.client_query_buffer_limit, memory_order_relaxed);
    if (has > limit) {
        message_warning("client %s is closed: its request is longer than client-query-buffer-limit",
                        client->session.address);
        close_soon(worker, client);
        return;
    }
    bool is_held = client->hold != CLIENT_RUNS || worker->is_backlogged;
    if (is_held && has > WORKER_STALLED_INPUT_BYTES_MAX) conn_set_reading(&client->conn, false);
    make_ready(worker, client);
}

static void handle_event(struct worker *worker, const struct poller_event *event)
{
    if (event->owner == NULL) return;
    if (acceptor_owns(worker->server, event->owner)) {
        acceptor_accept(worker, event->owner);
        return;
    }
    struct client *client = event->owner;
    if (client->hold == CLIENT_CLOSING) return;
    if ((event->ready & POLLER_HANGUP) != 0 && (event->ready & POLLER_READ) == 0) {
        close_soon(worker, client);
        return;
    }
    if ((event->ready & POLLER_WRITE) != 0) make_touched(worker, client);
    if ((event->ready & POLLER_READ) != 0) receive(worker, client);
}

/* ----------------------------------------------------------------------------------------------------------
 * other threads */

void worker_wake(struct worker *worker)
{
    worker->poller->ops->wake(worker->poller);
}

void worker_notify_durable(struct worker *worker)
{
    if (atomic_exchange_explicit(&worker->is_waiting, 0, memory_order_seq_cst) != 0)
        worker_wake(worker);
}

void worker_call(struct worker *worker)
{
    atomic_store_explicit(&worker->is_called, 1, memory_order_release);
    worker_wake(worker);
}

enum mail_kind { MAIL_CONNECTION, MAIL_MONITOR_LINE };

struct mail {
    struct links link;
    enum mail_kind kind;
    int fd;
    bool is_unix;
    char address[48];
    char local_address[48];
    size_t line_bytes;
    char line[];
};

static void post(struct worker *worker, struct mail *mail)
{
    mutex_acquire(&worker->mail_lock);
    links_push_back(&worker->mail, &mail->link);
    mutex_release(&worker->mail_lock);
    atomic_store_explicit(&worker->has_mail, 1, memory_order_release);
    worker_wake(worker);
}

void worker_post_connection(struct worker *worker, const struct worker_connection *connection)
{
    struct mail *mail = memory_zalloc(sizeof *mail);
    mail->kind = MAIL_CONNECTION;
    mail->fd = connection->fd;
    mail->is_unix = connection->is_unix;
    memcpy(mail->address, connection->address, sizeof mail->address);
    memcpy(mail->local_address, connection->local_address, sizeof mail->local_address);
    post(worker, mail);
}

void worker_post_monitor_line(struct worker *worker, struct bytes line)
{
    struct mail *mail = memory_zalloc(sizeof *mail + line.size);
    mail->kind = MAIL_MONITOR_LINE;
    mail->line_bytes = line.size;
    memcpy(mail->line, line.data, line.size);
    post(worker, mail);
}

static void adopt(struct worker *worker, const struct mail *mail)
{
    struct client *client = client_create(worker, mail->fd, worker->now_ms);
    if (client == NULL) {
        acceptor_drop(worker, mail->fd);
        return;
    }
    session_set_peer(&client->session, mail->fd, mail->address, mail->local_address);
    if (mail->is_unix) client->session.flags |= SESSION_UNIX_SOCKET;
    if (atomic_load_explicit(&worker->server->state.options.has_password, memory_order_relaxed) ==
        0) {
        client->session.flags |= SESSION_AUTHENTICATED;
    }
    /* Most clients have said something by the time they are handed over. */
    receive(worker, client);
}

static void tell_monitors(struct worker *worker, struct bytes line)
{
    LINKS_FOR_EACH (link, &worker->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if ((client->session.flags & SESSION_MONITOR) == 0 || client->hold == CLIENT_CLOSING)
            continue;
        if (conn_output_size(&client->conn) > CONN_OUTPUT_PAUSE_BYTES) {
            message_warning("monitor %s does not read: closed", client->session.address);
            close_soon(worker, client);
            continue;
        }
        struct reply reply = reply_for(worker, client);
        reply_simple(&reply, line);
        make_touched(worker, client);
    }
}

static void read_mail(struct worker *worker)
{
    if (LIKELY(atomic_load_explicit(&worker->has_mail, memory_order_acquire) == 0)) return;
    struct links taken;
    links_init(&taken);
    mutex_acquire(&worker->mail_lock);
    atomic_store_explicit(&worker->has_mail, 0, memory_order_relaxed);
    links_splice(&taken, &worker->mail);
    mutex_release(&worker->mail_lock);
    while (!links_is_empty(&taken)) {
        struct mail *mail = CONTAINER_OF(taken.next, struct mail, link);
        links_remove(&mail->link);
        if (mail->kind == MAIL_CONNECTION) {
            adopt(worker, mail);
        } else {
            tell_monitors(worker, bytes_of(mail->line, mail->line_bytes));
        }
        memory_free(mail);
    }
}

/* CLIENT KILL and CLIENT UNBLOCK from elsewhere. */
static void answer_call(struct worker *worker)
{
    if (LIKELY(atomic_load_explicit(&worker->is_called, memory_order_relaxed) == 0)) return;
    atomic_exchange_explicit(&worker->is_called, 0, memory_order_acquire);
    LINKS_FOR_EACH (link, &worker->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if (atomic_load_explicit(&client->session.is_killed, memory_order_relaxed) != 0)
            close_soon(worker, client);
    }
    resume_reached(worker);
}

/* -------------------------------------------------------------------------------------------------------
 * from time to time */

static void close_clients(struct worker *worker)
{
    if (LIKELY(!worker->has_closing)) return;
    worker->has_closing = false;
    LINKS_FOR_EACH (link, &worker->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if (client->hold != CLIENT_CLOSING) continue;
        if (client->suspension != NULL) worker->suspended_count--;
        if ((client->session.flags & SESSION_MONITOR) != 0) {
            worker->server->services.monitor(&worker->server->services, &client->session, false);
        }
        client_destroy(client);
        atomic_fetch_sub_explicit(&worker->client_count, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&worker->server->client_count, 1, memory_order_relaxed);
    }
}

static void end_pause(struct worker *worker)
{
    struct dispatcher *dispatcher = &worker->dispatcher;
    if (LIKELY(links_is_empty(&worker->paused))) return;
    if (dispatcher->pause_until_ms > worker->now_ms && !dispatcher->pause_only_writes) return;
    /* Those whose command is still held back will come again. */
    struct links taken;
    links_init(&taken);
    links_splice(&taken, &worker->paused);
    while (!links_is_empty(&taken)) {
        struct client *client = CONTAINER_OF(taken.next, struct client, run_link);
        links_remove(&client->run_link);
        if (client->hold != CLIENT_PAUSED) continue;
        client->hold = CLIENT_RUNS;
        make_ready(worker, client);
    }
}

/* `timeout`: clients that have said nothing for so many seconds. */
static void close_idle(struct worker *worker)
{
    int64_t timeout_ms =
        atomic_load_explicit(&worker->server->state.options.timeout, memory_order_relaxed) * 1000;
    if (timeout_ms == 0) return;
    LINKS_FOR_EACH (link, &worker->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        bool may_idle = client->suspension != NULL ||
                        (client->session.flags & SESSION_MONITOR) != 0;
        if (!may_idle && worker->now_ms - client->session.active_ms > timeout_ms)
            close_soon(worker, client);
    }
}

static void tidy(struct worker *worker)
{
    if (worker->now_ms == worker->tidied_ms) return;
    if (worker->now_ms < worker->tidy_due_ms && worker->now_ms - worker->tidied_ms < WORKER_TIDY_MS)
        return;
    worker->tidied_ms = worker->now_ms;
    bool is_off = atomic_load_explicit(&worker->server->state.has_no_active_expiry,
                                       memory_order_relaxed);
    int64_t wait_ms = is_off ? WORKER_TICK_MS
                             : engine_tidy(worker->dispatcher.worker, worker->now_ms,
                                           WORKER_TIDY_KEYS);
    if (wait_ms > WORKER_TICK_MS) wait_ms = WORKER_TICK_MS;
    worker->tidy_due_ms = worker->now_ms + wait_ms;
}

static void tick(struct worker *worker)
{
    if (worker->now_ms - worker->ticked_ms < WORKER_TICK_MS) return;
    worker->ticked_ms = worker->now_ms;
    close_idle(worker);
    if (worker->index == 0) server_tick(worker->server, worker->now_ns, worker->now_ms);
}

/* What changes seldom is read once a loop. */
static void look_around(struct worker *worker)
{
    struct server *server = worker->server;
    struct dispatcher *dispatcher = &worker->dispatcher;
    worker->now_ns = clock_monotonic_ns(server->clock);
    worker->now_ms = clock_wall_us(server->clock) / 1000;
    dispatcher->now_ms = worker->now_ms;
    dispatcher->refusal = engine_refusal(server->engine);
    dispatcher->guards = dispatcher->refusal != NULL ? GUARD_REFUSED : 0;
    if (UNLIKELY(atomic_load_explicit(&server->state.is_out_of_memory, memory_order_relaxed))) {
        dispatcher->guards |= GUARD_OUT_OF_MEMORY;
    }
    dispatcher_set_slow(dispatcher, slowlog_threshold_us(server->state.slowlog));
    dispatcher->pause_until_ms = atomic_load_explicit(&server->state.pause_until_ms,
                                                      memory_order_relaxed);
    dispatcher->pause_only_writes = atomic_load_explicit(&server->state.pause_only_writes,
                                                         memory_order_relaxed);
}

/* -------------------------------------------------------------------------------------------------------------
 * the loop */

static uint64_t sleep_ns(const struct worker *worker)
{
    if (worker->is_backlogged) return NS_PER_MS;
    if (!links_is_empty(&worker->ready)) return 0;
    int64_t wait_ms = worker->tidy_due_ms - worker->now_ms;
    if (wait_ms > WORKER_TICK_MS) wait_ms = WORKER_TICK_MS;
    if (!links_is_empty(&worker->paused)) {
        int64_t pause_ms = worker->dispatcher.pause_until_ms - worker->now_ms;
        if (pause_ms < wait_ms) wait_ms = pause_ms;
        if (worker->dispatcher.pause_only_writes && wait_ms > 10) wait_ms = 10;
    }
    if (wait_ms < 1) wait_ms = 1;
    uint64_t wait_ns = (uint64_t)wait_ms * NS_PER_MS;
    const struct heap_node *timer = heap_first(&worker->timers);
    if (timer != NULL) {
        uint64_t until_ns = timer->key > worker->now_ns ? timer->key - worker->now_ns : 0;
        if (until_ns < wait_ns) wait_ns = until_ns;
    }
    return wait_ns;
}

static unsigned wait_for_events(struct worker *worker, struct poller_event *events, bool is_gated)
{
    uint64_t timeout_ns = sleep_ns(worker);
    if (timeout_ns > 0 && (is_gated || worker->suspended_count > 0)) {
        /* Announce first, look again after: the committer does it the other way round. */
        uint64_t durable = engine_durable(worker->server->engine);
        atomic_store_explicit(&worker->is_waiting, 1, memory_order_seq_cst);
        if (engine_durable(worker->server->engine) != durable || worker->durable_seen != durable)
            timeout_ns = 0;
    }
    struct reclaim *reclaim = engine_keyspace(worker->server->engine)->reclaim;
    if (timeout_ns > 0) reclaim_leave(reclaim, worker->index);
    unsigned count = worker->poller->ops->wait(worker->poller, events, WORKER_EVENTS, timeout_ns);
    reclaim_enter(reclaim, worker->index);
    atomic_store_explicit(&worker->is_waiting, 0, memory_order_relaxed);
    return count;
}

/* A disk that is slower than the clients must not cost memory without bound: they wait. */
static void run_rounds(struct worker *worker)
{
    worker->is_backlogged = engine_is_backlogged(worker->server->engine);
    for (unsigned i = 0;
         i < WORKER_ROUNDS && !worker->is_backlogged && !links_is_empty(&worker->ready); i++) {
        run_round(worker);
    }
}

static bool loop_once(struct worker *worker)
{
    struct poller_event events[WORKER_EVENTS];
    worker->durable_seen = engine_durable(worker->server->engine);
    bool is_gated = flush_all(worker);
    close_clients(worker);
    unsigned count = wait_for_events(worker, events, is_gated);

    look_around(worker);
    for (unsigned i = 0; i < count; i++) handle_event(worker, &events[i]);
    read_mail(worker);
    answer_call(worker);
    resume_late(worker);
    resume_reached(worker);
    end_pause(worker);
    run_rounds(worker);
    tidy(worker);
    tick(worker);
    if (worker->index == 0) acceptor_resume(worker);
    return !atomic_load_explicit(&worker->server->is_stopping, memory_order_relaxed);
}

/* Replies of what has run leave if the disk is quick enough; then everybody is disconnected. */
static void finish(struct worker *worker)
{
    uint64_t end_ns = clock_monotonic_ns(worker->server->clock) + WORKER_STOP_MS * NS_PER_MS;
    struct poller_event events[WORKER_EVENTS];
    while (flush_all(worker) && clock_monotonic_ns(worker->server->clock) < end_ns) {
        (void)worker->poller->ops->wait(worker->poller, events, WORKER_EVENTS, NS_PER_MS);
    }
    LINKS_FOR_EACH (link, &worker->clients)
        close_soon(worker, CONTAINER_OF(link, struct client, link));
    close_clients(worker);
    read_mail(worker);
    LINKS_FOR_EACH (link, &worker->clients)
        close_soon(worker, CONTAINER_OF(link, struct client, link));
    close_clients(worker);
}

static void run(void *context)
{
    struct worker *worker = context;
    struct reclaim *reclaim = engine_keyspace(worker->server->engine)->reclaim;
    reclaim_enter(reclaim, worker->index);
    look_around(worker);
    if (worker->index == 0) acceptor_start(worker);
    while (loop_once(worker)) {}
    finish(worker);
    reclaim_leave(reclaim, worker->index);
}

/* -----------------------------------------------------------------------------------------------------------------
 * life */

enum status worker_init(struct worker *worker, struct server *server, uint32_t index)
{
    *worker = (struct worker){.server = server, .index = index};
    links_init(&worker->clients);
    links_init(&worker->ready);
    links_init(&worker->paused);
    links_init(&worker->touched);
    links_init(&worker->gated);
    links_init(&worker->mail);
    mutex_init(&worker->mail_lock, LOCK_RANK_MAILBOX);
    conn_pool_init(&worker->pool);
    dispatcher_init(&worker->dispatcher, &server->services, engine_worker_at(server->engine, index),
                    statistics_worker_at(server->state.statistics, index));
    return poller_create(&worker->poller);
}

void worker_deinit(struct worker *worker)
{
    ASSERT(links_is_empty(&worker->clients));
    if (worker->poller != NULL) worker->poller->ops->destroy(worker->poller);
    dispatcher_deinit(&worker->dispatcher);
    conn_pool_deinit(&worker->pool);
    heap_deinit(&worker->timers);
    mutex_deinit(&worker->mail_lock);
}

enum status worker_start(struct worker *worker)
{
    char name[16] = "worker";
    (void)snprintf(name, sizeof name, "worker-%u", worker->index);
    return thread_start(&worker->thread, name, run, worker);
}

void worker_join(struct worker *worker)
{
    thread_join(&worker->thread);
}
