#include "server/client.h"

#include "base/assert.h"
#include "base/memory.h"
#include "server/server.h"
#include "server/worker.h"

struct client *client_create(struct worker *worker, int fd, int64_t now_ms)
{
    struct client *client = memory_zalloc(sizeof *client);
    if (conn_init(&client->conn, fd, worker->poller, &worker->pool, client) != STATUS_OK) {
        memory_free(client);
        return NULL;
    }
    client->worker = worker;
    session_init(&client->session, worker->server->services.sessions, worker->index, now_ms);
    resp_parser_init(&client->parser);
    links_init(&client->run_link);
    links_init(&client->flush_link);
    links_push_back(&worker->clients, &client->link);
    return client;
}

void client_destroy(struct client *client)
{
    client_end_suspension(client);
    links_remove(&client->link);
    links_remove(&client->run_link);
    links_remove(&client->flush_link);
    session_deinit(&client->session);
    resp_parser_deinit(&client->parser);
    conn_deinit(&client->conn);
    memory_free(client);
}

void client_suspend(struct client *client, const struct call *call, uint64_t gate,
                    void (*resume)(struct call *call))
{
    ASSERT(client->suspension == NULL);
    struct suspension *suspension = memory_zalloc(sizeof *suspension);
    suspension->resume = resume;
    suspension->gate = gate;
    suspension->request.command = call->command;
    suspension->request.argument_count = call->argument_count;
    suspension->request.arguments = memory_alloc(call->argument_count * sizeof(struct bytes));
    for (uint32_t i = 0; i < call->argument_count; i++) {
        struct bytes argument = call->arguments[i];
        char *copy = memory_alloc(argument.size + 1);
        memcpy(copy, argument.data, argument.size);
        suspension->request.arguments[i] = bytes_of(copy, argument.size);
    }
    client->suspension = suspension;
    client->session.flags |= SESSION_BLOCKED;
    atomic_fetch_add_explicit(&client->worker->server->state.blocked_clients, 1,
                              memory_order_relaxed);
}

void client_free_request(struct request *request)
{
    for (uint32_t i = 0; i < request->argument_count; i++)
        memory_free((char *)(uintptr_t)request->arguments[i].data);
    memory_free(request->arguments);
}

void client_end_suspension(struct client *client)
{
    struct suspension *suspension = client->suspension;
    if (suspension == NULL) return;
    heap_remove(&client->worker->timers, &client->timer);
    client_free_request(&suspension->request);
    memory_free(suspension);
    client->suspension = NULL;
    client->session.flags &= ~(uint32_t)SESSION_BLOCKED;
    atomic_fetch_sub_explicit(&client->worker->server->state.blocked_clients, 1,
                              memory_order_relaxed);
}
