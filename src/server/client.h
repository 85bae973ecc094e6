/* One connected client: its session, its socket, its parser, and where it stands in its worker's
 * lists. Belongs to one worker for life; about 700 bytes, buffers only while there is something in
 * them. */
#ifndef SERVER_CLIENT_H
#define SERVER_CLIENT_H

#include "base/heap.h"
#include "base/links.h"
#include "command/dispatch.h"
#include "command/session.h"
#include "net/conn.h"
#include "protocol/resp_parser.h"

struct worker;

/* A command that waits for its second half. The arguments are copies. */
struct suspension {
    struct request request;
    void (*resume)(struct call *call);
    uint64_t gate; /* 0: none */
};

/* Whether its requests are run, and if not, what holds them back. */
enum client_hold {
    CLIENT_RUNS,
    CLIENT_PAUSED,    /* CLIENT PAUSE: on the worker's list of paused clients */
    CLIENT_SUSPENDED, /* a command waits for its second half */
    CLIENT_STALLED,   /* it does not read its replies */
    CLIENT_ENDING,    /* closed when its replies are sent */
    CLIENT_CLOSING,   /* closed at the end of the loop */
};

struct client {
    struct session session;
    struct conn conn;
    struct resp_parser parser;
    struct worker *worker;
    struct links link;       /* all clients of the worker */
    struct links run_link;   /* ready to parse and run, or held back by CLIENT PAUSE */
    struct links flush_link; /* output to look at when this round ends, or when `durable` moves */
    struct heap_node timer;  /* of the suspension */
    struct suspension *suspension; /* NULL: none */
    enum client_hold hold;
    bool has_ended; /* it will send no more, but may still read: what it asked for is answered */
    bool is_incomplete; /* what is left of the input is not a whole request */
    size_t wanted;      /* bytes that the request under way still needs at least; 0: unknown */
    size_t parsed;      /* of the input, in this batch */
    size_t executed;    /* of those: the requests have run */
};

struct client *client_create(struct worker *worker, int fd, int64_t now_ms);
/* Ends the session, closes the socket, frees. */
void client_destroy(struct client *client);

static inline struct client *client_of_session(struct session *session)
{
    return CONTAINER_OF(session, struct client, session);
}

/* Copies the request into a suspension of the client. */
void client_suspend(struct client *client, const struct call *call, uint64_t gate,
                    void (*resume)(struct call *call));
void client_end_suspension(struct client *client);
void client_free_request(struct request *request);

#endif
