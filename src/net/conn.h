/* Bytes in and out of one client: a socket, input that is not consumed yet, output that is not sent
 * yet, and the gates that parts of the output wait for. Buffers come from the worker's pool and are
 * held only while there is something in them: an idle connection costs its struct. Belongs to one
 * worker for life. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/buf.h"
#include "base/sink.h"
#include "base/status.h"

struct conn_buffer;
struct conn_piece;
struct poller;

enum {
    CONN_BUFFER_BYTES = 16 * 1024, /* a pool buffer, for input and for output */
    CONN_POOL_KEEP = 256,          /* free buffers a worker keeps */
    CONN_MARKS = 4, /* gates told apart in the output; more are merged into the last */
    CONN_OUTPUT_PAUSE_BYTES =
        1024 * 1024, /* unsent output past which no further command of this client is run */
    CONN_INPUT_SPARE_BYTES = 1024, /* less room than this in the buffer: grow before receiving */
};

/* Buffers of one worker. Staggered by cache lines so that many do not fall into the same sets. */
struct conn_pool {
    struct conn_buffer *free;
    uint32_t free_count;
    uint32_t next_colour;  /* where in its memory the next new buffer begins */
    uint64_t buffer_bytes; /* handed out and free */
};
void conn_pool_init(struct conn_pool *pool);
void conn_pool_deinit(struct conn_pool *pool);

struct conn_mark {
    uint64_t offset; /* output stream offset up to which ... */
    uint64_t gate;   /* ... this epoch is waited for */
};

struct conn {
    struct sink sink; /* first: the sink of the connection's replies */
    int fd;
    uint8_t interest;
    uint8_t mark_count;
    bool is_closed; /* the peer is gone or an I/O error was seen */
    struct poller *poller;
    struct conn_pool *pool;
    void *owner;
    /* input: [input_start, input_end) of a pool buffer, or of a larger heap buffer while a long
     * request comes in */
    char *input;
    uint32_t input_class; /* none, pool or heap */
    size_t input_capacity;
    size_t input_start;
    size_t input_end;
    /* output: a chain of text and attached bytes; stream offsets count from the connection's
     * beginning */
    struct conn_piece *output_first;
    struct conn_piece *output_last;
    uint64_t
        output_written; /* stream offset of the end, as of the last conn_output_size / mark / flush */
    uint64_t output_sent;
    struct conn_mark marks[CONN_MARKS];
};

/* Takes the socket over (non-blocking) and asks the poller for POLLER_READ on behalf of `owner`.
 * When that fails the socket stays the caller's. */
MUST_USE enum status conn_init(struct conn *conn, int fd, struct poller *poller,
                               struct conn_pool *pool, void *owner);
/* Closes the socket, gives all buffers back, releases attached bytes. */
void conn_deinit(struct conn *conn);

/* Receives once. OK: some bytes came; WOULD_BLOCK; CLOSED: the peer is done or gone. `wanted` (0:
 * unknown) is how many bytes the running request still needs, so that a long one gets its room at
 * once; room for them is bounded by the caller's limits. */
MUST_USE enum status conn_receive(struct conn *conn, size_t wanted);
static inline struct bytes conn_input(const struct conn *conn)
{
    return (struct bytes){conn->input + conn->input_start, conn->input_end - conn->input_start};
}
/* The first `size` bytes are done with; the buffer goes back to the pool when it is empty. Until
 * then the bytes of arguments stay where they are: call it after the requests have run. */
void conn_consume(struct conn *conn, size_t size);

/* Bytes written to conn->sink and not sent yet. */
uint64_t conn_output_size(const struct conn *conn);
/* Everything written since the last mark waits for `gate` (0: for nothing). Bytes that are not
 * marked when conn_flush is called wait for nothing of their own. */
void conn_mark(struct conn *conn, uint64_t gate);
/* The gate that the first unsent byte waits for: 0 when it may go. */
uint64_t conn_gate(const struct conn *conn);
/* Sends what may go (gates <= durable) until the socket is full; then asks for POLLER_WRITE, and
 * stops asking when all that may go is gone. CLOSED on error. One system call in the usual case; a
 * very long output goes in slices. */
MUST_USE enum status conn_flush(struct conn *conn, uint64_t durable);
/* Stops or resumes reading from the socket. POLLER_HANGUP is reported even while reading is off,
 * and again until the connection is closed: close it then. */
void conn_set_reading(struct conn *conn, bool on);
/* User-space bytes of buffers held. */
size_t conn_memory_bytes(const struct conn *conn);

#endif
