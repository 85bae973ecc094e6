/* Accepting connections: worker 0 polls the listeners and hands each new socket to the worker with
 * the fewest clients. */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <stdbool.h>

struct server;
struct worker;

enum {
    ACCEPTOR_BURST = 64,     /* connections accepted before the loop goes on */
    ACCEPTOR_BREAK_MS = 100, /* without listening after the process ran out of file descriptors */
};

/* Begins to poll the listeners; called by worker 0 in its thread. */
void acceptor_start(struct worker *worker);
/* Begins again after a break. */
void acceptor_resume(struct worker *worker);
/* The owner of an event is a listener. */
bool acceptor_owns(const struct server *server, const void *owner);
void acceptor_accept(struct worker *worker, void *owner);
/* A counted socket could not be taken over. */
void acceptor_drop(struct worker *worker, int fd);

#endif
