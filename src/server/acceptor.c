#include "server/acceptor.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/statistics.h"
#include "net/poller.h"
#include "os/messages.h"
#include "server/server.h"
#include "server/worker.h"

static const char too_many[] = "-ERR max number of clients reached\r\n";
static const char is_protected[] =
    "-DENIED Cairn runs in protected mode: it listens beyond this machine and has no password, so it answers local "
    "clients only. Set a password (requirepass), bind it to 127.0.0.1, or start it with --protected-mode no.\r\n";

void acceptor_start(struct worker *worker)
{
    struct server *server = worker->server;
    for (uint32_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        if (worker->poller->ops->add(worker->poller, listener->fd, POLLER_READ, listener) !=
            STATUS_OK) {
            message_warning("a listener could not be polled");
        }
    }
    worker->is_accepting = true;
}

static void take_break(struct worker *worker)
{
    struct server *server = worker->server;
    for (uint32_t i = 0; i < server->listener_count; i++) {
        worker->poller->ops->remove(worker->poller, server->listeners[i].fd);
    }
    worker->is_accepting = false;
    worker->accept_again_ms = worker->now_ms + ACCEPTOR_BREAK_MS;
}

void acceptor_resume(struct worker *worker)
{
    if (worker->is_accepting || worker->now_ms < worker->accept_again_ms) return;
    acceptor_start(worker);
}

bool acceptor_owns(const struct server *server, const void *owner)
{
    const struct listener *listener = owner;
    return listener >= server->listeners && listener < server->listeners + server->listener_count;
}

static struct worker *least_busy(struct server *server)
{
    struct worker *best = &server->workers[0];
    for (uint32_t i = 1; i < server->worker_count; i++) {
        struct worker *worker = &server->workers[i];
        uint32_t count = atomic_load_explicit(&worker->client_count, memory_order_relaxed);
        if (count < atomic_load_explicit(&best->client_count, memory_order_relaxed)) best = worker;
    }
    return best;
}

static bool is_local(const struct worker_connection *connection)
{
    return connection->is_unix || strncmp(connection->address, "127.", 4) == 0 ||
           strncmp(connection->address, "[::1]", 5) == 0 ||
           strncmp(connection->address, "[::ffff:127.", 12) == 0;
}

/* The text to refuse the connection with, or NULL. */
static const char *refusal(const struct server *server, const struct worker_connection *connection)
{
    const struct options *options = &server->state.options;
    uint32_t count = atomic_load_explicit(&server->client_count, memory_order_relaxed);
    if (count >= (uint64_t)atomic_load_explicit(&options->maxclients, memory_order_relaxed))
        return too_many;
    bool is_open = atomic_load_explicit(&options->protected_mode, memory_order_relaxed) == 0 ||
                   atomic_load_explicit(&options->has_password, memory_order_relaxed) != 0;
    return is_open || is_local(connection) ? NULL : is_protected;
}

void acceptor_drop(struct worker *worker, int fd)
{
    atomic_fetch_sub_explicit(&worker->client_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&worker->server->client_count, 1, memory_order_relaxed);
    (void)close(fd);
}

static void hand_over(struct worker *worker, const struct worker_connection *connection)
{
    struct server *server = worker->server;
    statistics_add(worker->dispatcher.statistics, STATISTICS_CONNECTIONS, 1);
    const char *text = refusal(server, connection);
    if (text != NULL) {
        statistics_add(worker->dispatcher.statistics, STATISTICS_CONNECTIONS_REJECTED, 1);
        /* The socket is new: its buffer is empty and takes the line, or nobody reads it. */
        (void)!send(connection->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)close(connection->fd);
        return;
    }
    struct worker *target = least_busy(server);
    atomic_fetch_add_explicit(&target->client_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&server->client_count, 1, memory_order_relaxed);
    worker_post_connection(target, connection);
}

void acceptor_accept(struct worker *worker, void *owner)
{
    struct listener *listener = owner;
    unsigned keepalive_s = (unsigned)atomic_load_explicit(
        &worker->server->state.options.tcp_keepalive, memory_order_relaxed);
    for (unsigned i = 0; i < ACCEPTOR_BURST; i++) {
        struct worker_connection connection = {.is_unix = listener->is_unix};
        enum status status = listener_accept(listener, keepalive_s, &connection.fd,
                                             connection.address, connection.local_address);
        if (status == STATUS_OK) {
            hand_over(worker, &connection);
        } else if (status == STATUS_NO_MEMORY) {
            message_warning("out of file descriptors: no connections are accepted for %d ms",
                            ACCEPTOR_BREAK_MS);
            take_break(worker);
            return;
        } else if (status != STATUS_CLOSED) {
            return;
        }
    }
}
