/* Output is a chain of pieces, sent from the first on:
 *
 *     first ─> piece ──────> piece ─────────> piece ─────> piece <─ last
 *              text           a blob's bytes   text         text, open: sink.next..sink.end is its free room
 *              in buffer A    elsewhere        in buffer A  in buffer B
 *
 * A piece stands inside the buffer that it uses: in front of its text. Attaching bytes closes the
 * open piece and cuts two new ones out of its free room: one for the foreign bytes, one for the
 * text behind them. So a reply of a thousand blobs needs a few buffers, and no other memory. A
 * buffer counts its pieces and goes back with the last one.
 *
 * The stream offset of the end is brought up to date (`note_written`) only when somebody asks:
 * writers just move sink.next. */
#include "net/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/links.h"
#include "base/memory.h"
#include "net/poller.h"

enum {
    BUFFER_LINES = (int)(CONN_BUFFER_BYTES / CACHE_LINE_BYTES),
    /* A pool buffer's memory: its bytes, its header, and room to start at a different cache line
     * than its neighbours. */
    BUFFER_MEMORY_BYTES = 20 * 1024,
    BUFFER_COLOURS = 21,
    BUFFER_COLOUR_BYTES =
        3 * CACHE_LINE_BYTES, /* the header and the first lines are what is touched most */
    INPUT_GROWTH_MIN = 64 * 1024,
    FLUSH_PIECES_MAX = 64,
    FLUSH_ROUNDS_MAX =
        16, /* one client's output must not keep a worker: the poller reports it again */
    TEXT_ROOM_MIN = 256,
    PIECE_ALIGNMENT = 8,
};

enum input_class { INPUT_NONE, INPUT_POOL, INPUT_HEAP };

struct conn_piece {
    struct conn_piece *next;
    char *start;                  /* the first byte not sent */
    char *end;                    /* behind the last byte, as far as noted */
    struct conn_buffer *home;     /* where this struct stands */
    void (*release)(void *owner); /* of attached bytes; NULL for text */
    void *owner;
};

struct conn_buffer {
    struct conn_buffer *next; /* while it is free */
    void *memory;             /* what to free */
    size_t capacity;
    size_t piece_count;
    char data[];
};

enum { PIECE_BYTES = (int)sizeof(struct conn_piece) };

static_assert(sizeof(struct conn_buffer) <= CACHE_LINE_BYTES, "the header takes one line at most");
static_assert(sizeof(struct conn_buffer) % PIECE_ALIGNMENT == 0, "data is aligned for a piece");
static_assert(sizeof(struct conn_piece) % PIECE_ALIGNMENT == 0,
              "text behind a piece may hold the next");
static_assert(BUFFER_LINES * CACHE_LINE_BYTES + CACHE_LINE_BYTES +
                      (BUFFER_COLOURS - 1) * BUFFER_COLOUR_BYTES <=
                  BUFFER_MEMORY_BYTES,
              "the last colour fits");
static_assert(sizeof(struct conn) <= 256, "an idle connection is small");

/* ---- buffers ---- */

static struct conn_buffer *create_pool_buffer(struct conn_pool *pool)
{
    size_t colour = pool->next_colour++ % BUFFER_COLOURS;
    char *memory = memory_alloc_aligned(CACHE_LINE_BYTES, BUFFER_MEMORY_BYTES);
    struct conn_buffer *buffer = (struct conn_buffer *)(memory + colour * BUFFER_COLOUR_BYTES);
    *buffer = (struct conn_buffer){.memory = memory, .capacity = CONN_BUFFER_BYTES};
    pool->buffer_bytes += BUFFER_MEMORY_BYTES;
    return buffer;
}

static void free_pool_buffer(struct conn_pool *pool, struct conn_buffer *buffer)
{
    ASSERT(pool->buffer_bytes >= BUFFER_MEMORY_BYTES);
    pool->buffer_bytes -= BUFFER_MEMORY_BYTES;
    memory_free(buffer->memory);
}

static struct conn_buffer *take_buffer(struct conn_pool *pool)
{
    struct conn_buffer *buffer = pool->free;
    if (UNLIKELY(buffer == NULL)) return create_pool_buffer(pool);
    pool->free = buffer->next;
    pool->free_count--;
    return buffer;
}

/* The buffer given back last is taken first: its lines are still in the cache. */
static void give_buffer(struct conn_pool *pool, struct conn_buffer *buffer)
{
    ASSERT(buffer->capacity == CONN_BUFFER_BYTES);
    if (UNLIKELY(pool->free_count == CONN_POOL_KEEP)) {
        free_pool_buffer(pool, buffer);
        return;
    }
    buffer->next = pool->free;
    pool->free = buffer;
    pool->free_count++;
}

void conn_pool_init(struct conn_pool *pool)
{
    *pool = (struct conn_pool){0};
}

void conn_pool_deinit(struct conn_pool *pool)
{
    while (pool->free != NULL) {
        struct conn_buffer *buffer = pool->free;
        pool->free = buffer->next;
        free_pool_buffer(pool, buffer);
    }
    ASSERT(pool->buffer_bytes == 0); /* every connection has given its buffers back */
    pool->free_count = 0;
}

/* ---- input ---- */

static struct conn_buffer *input_buffer(const struct conn *conn)
{
    return (struct conn_buffer *)(conn->input - offsetof(struct conn_buffer, data));
}

static void drop_input_buffer(struct conn *conn)
{
    if (conn->input_class == INPUT_POOL) give_buffer(conn->pool, input_buffer(conn));
    if (conn->input_class == INPUT_HEAP) memory_free(conn->input);
    conn->input = NULL;
    conn->input_class = INPUT_NONE;
    conn->input_capacity = 0;
    conn->input_start = 0;
    conn->input_end = 0;
}

/* Puts the unconsumed bytes at the front of `room`, which becomes the input buffer. */
static void move_input(struct conn *conn, char *room, size_t capacity, enum input_class class)
{
    size_t size = conn->input_end - conn->input_start;
    ASSERT(size <= capacity);
    if (size > 0) memcpy(room, conn->input + conn->input_start, size);
    drop_input_buffer(conn);
    conn->input = room;
    conn->input_class = class;
    conn->input_capacity = capacity;
    conn->input_end = size;
}

/* What arrived bounds what is allocated: a request that only announces a great length costs
 * INPUT_GROWTH_MIN. */
static size_t grown_capacity(size_t size, size_t wanted)
{
    size_t growth_max = size * 2 > INPUT_GROWTH_MIN ? size * 2 : INPUT_GROWTH_MIN;
    size_t growth = wanted > size ? wanted : size;
    if (growth < CONN_BUFFER_BYTES) growth = CONN_BUFFER_BYTES;
    return size + (growth < growth_max ? growth : growth_max);
}

/* Makes room behind the unconsumed bytes. Moving them to the front costs no more than was consumed
 * before, and growing while there still is room doubles the buffer: so receiving is linear however
 * the bytes come. */
static void make_input_room(struct conn *conn, size_t wanted)
{
    size_t size = conn->input_end - conn->input_start;
    size_t needed = wanted > CONN_INPUT_SPARE_BYTES ? wanted : CONN_INPUT_SPARE_BYTES;
    bool fits_pool = size <= CONN_BUFFER_BYTES / 4 && size + needed <= CONN_BUFFER_BYTES;
    if (conn->input_class == INPUT_NONE || (conn->input_class == INPUT_HEAP && fits_pool)) {
        move_input(conn, take_buffer(conn->pool)->data, CONN_BUFFER_BYTES, INPUT_POOL);
    }
    if (conn->input_capacity - conn->input_end >= needed) return;

    bool is_cheap_to_move = conn->input_start > 0 && conn->input_start >= size;
    if (is_cheap_to_move && conn->input_capacity - size >= CONN_INPUT_SPARE_BYTES) {
        memmove(conn->input, conn->input + conn->input_start, size);
        conn->input_start = 0;
        conn->input_end = size;
        if (conn->input_capacity - size >= needed) return;
    }
    size_t capacity = grown_capacity(size, wanted);
    bool has_spare = conn->input_capacity - conn->input_end >= CONN_INPUT_SPARE_BYTES;
    if (has_spare && capacity < conn->input_capacity * 2) return;
    move_input(conn, memory_alloc(capacity), capacity, INPUT_HEAP);
}

enum status conn_receive(struct conn *conn, size_t wanted)
{
    if (conn->is_closed) return STATUS_CLOSED;
    make_input_room(conn, wanted);

    size_t room = conn->input_capacity - conn->input_end;
    ASSERT(room > 0);
    ssize_t received;
    do {
        received = recv(conn->fd, conn->input + conn->input_end, room, MSG_DONTWAIT);
    } while (UNLIKELY(received < 0 && errno == EINTR));

    if (LIKELY(received > 0)) {
        conn->input_end += (size_t)received;
        ASSERT(conn->input_end <= conn->input_capacity);
        return STATUS_OK;
    }
    bool would_block = received < 0 && errno == EAGAIN;
    if (conn->input_start == conn->input_end) drop_input_buffer(conn);
    if (would_block) return STATUS_WOULD_BLOCK;
    conn->is_closed = true;
    return STATUS_CLOSED;
}

void conn_consume(struct conn *conn, size_t size)
{
    ASSERT(size <= conn->input_end - conn->input_start);
    conn->input_start += size;
    if (conn->input_start == conn->input_end) drop_input_buffer(conn);
}

/* ---- output: pieces ---- */

/* Brings output_written and the open piece's end up to what was written through the sink. */
static void note_written(struct conn *conn)
{
    if (conn->sink.next == NULL) return;
    struct conn_piece *open = conn->output_last;
    ASSERT_SLOW(open->release == NULL);
    ASSERT_SLOW(conn->sink.next >= open->end);
    conn->output_written += (size_t)(conn->sink.next - open->end);
    open->end = conn->sink.next;
}

static struct conn_piece *append_piece(struct conn *conn, char *place, struct conn_buffer *home)
{
    struct conn_piece *piece = (struct conn_piece *)(void *)place;
    *piece = (struct conn_piece){.home = home};
    home->piece_count++;
    if (conn->output_last == NULL) {
        conn->output_first = piece;
    } else {
        conn->output_last->next = piece;
    }
    conn->output_last = piece;
    return piece;
}

/* An open piece at `place`: the sink writes behind it up to the end of the buffer. */
static void open_piece(struct conn *conn, char *place, struct conn_buffer *home)
{
    struct conn_piece *piece = append_piece(conn, place, home);
    piece->start = place + PIECE_BYTES;
    piece->end = piece->start;
    conn->sink.next = piece->start;
    conn->sink.end = home->data + home->capacity;
    ASSERT(conn->sink.next <= conn->sink.end);
}

static struct conn_buffer *create_heap_buffer(size_t capacity)
{
    struct conn_buffer *buffer = memory_alloc(memory_size_add(sizeof(*buffer), capacity));
    *buffer = (struct conn_buffer){.memory = buffer, .capacity = capacity};
    return buffer;
}

static void grow(struct sink *sink, size_t size)
{
    struct conn *conn = CONTAINER_OF(sink, struct conn, sink);
    note_written(conn);
    size_t needed = memory_size_add(size, PIECE_BYTES);
    struct conn_buffer *buffer = needed <= CONN_BUFFER_BYTES ? take_buffer(conn->pool)
                                                             : create_heap_buffer(needed);
    buffer->piece_count = 0;
    open_piece(conn, buffer->data, buffer);
    ASSERT((size_t)(sink->end - sink->next) >= size);
}

static char *align_up(char *place)
{
    return place + (-(uintptr_t)place & (PIECE_ALIGNMENT - 1));
}

static void attach(struct sink *sink, struct bytes bytes, void (*release)(void *owner), void *owner)
{
    ASSERT(release != NULL);
    if (bytes.size == 0) {
        release(owner);
        return;
    }
    struct conn *conn = CONTAINER_OF(sink, struct conn, sink);
    sink_reserve(sink, PIECE_ALIGNMENT + 2 * PIECE_BYTES + TEXT_ROOM_MIN);
    note_written(conn);
    struct conn_buffer *home = conn->output_last->home;
    char *place = align_up(sink->next);

    struct conn_piece *piece = append_piece(conn, place, home);
    union {
        const char *borrowed;
        char *data;
    } start = {.borrowed = bytes.data}; /* never written through */
    piece->start = start.data;
    piece->end = start.data + bytes.size;
    piece->release = release;
    piece->owner = owner;
    conn->output_written += bytes.size;
    open_piece(conn, place + PIECE_BYTES, home);
}

static const struct sink_ops conn_sink_ops = {.grow = grow, .attach = attach};

static void give_output_buffer(struct conn *conn, struct conn_buffer *buffer)
{
    if (LIKELY(buffer->capacity == CONN_BUFFER_BYTES)) {
        give_buffer(conn->pool, buffer);
    } else {
        memory_free(buffer->memory);
    }
}

/* The first piece is done with. The one behind it may stand in the same buffer. */
static void drop_first_piece(struct conn *conn)
{
    struct conn_piece *piece = conn->output_first;
    struct conn_buffer *home = piece->home;
    conn->output_first = piece->next;
    if (conn->output_first == NULL) {
        conn->output_last = NULL;
        conn->sink.next = NULL;
        conn->sink.end = NULL;
    }
    if (piece->release != NULL) piece->release(piece->owner);
    ASSERT(home->piece_count > 0);
    home->piece_count--;
    if (home->piece_count == 0) give_output_buffer(conn, home);
}

/* ---- output: gates ---- */

uint64_t conn_output_size(const struct conn *conn)
{
    uint64_t noted = conn->output_written - conn->output_sent;
    if (conn->sink.next == NULL) return noted;
    return noted + (size_t)(conn->sink.next - conn->output_last->end);
}

void conn_mark(struct conn *conn, uint64_t gate)
{
    note_written(conn);
    uint64_t marked = conn->mark_count > 0 ? conn->marks[conn->mark_count - 1].offset
                                           : conn->output_sent;
    if (conn->output_written == marked) return;

    struct conn_mark *last = conn->mark_count > 0 ? &conn->marks[conn->mark_count - 1] : NULL;
    if (last != NULL && (gate <= last->gate || conn->mark_count == CONN_MARKS)) {
        /* What comes later cannot leave earlier; beyond CONN_MARKS gates the newest stands for the
         * last ones. */
        last->offset = conn->output_written;
        if (gate > last->gate) last->gate = gate;
        return;
    }
    conn->marks[conn->mark_count++] = (struct conn_mark){.offset = conn->output_written,
                                                         .gate = gate};
}

uint64_t conn_gate(const struct conn *conn)
{
    return conn->mark_count > 0 ? conn->marks[0].gate : 0;
}

static void drop_marks(struct conn *conn, unsigned count)
{
    conn->mark_count = (uint8_t)(conn->mark_count - count);
    for (unsigned i = 0; i < conn->mark_count; i++) conn->marks[i] = conn->marks[i + count];
}

/* Marks whose gate is reached become one that waits for nothing, so that later marks do not cover
 * their bytes. Returns the offset up to which bytes may go. */
static uint64_t pass_marks(struct conn *conn, uint64_t durable)
{
    unsigned passed = 0;
    while (passed < conn->mark_count && conn->marks[passed].gate <= durable) passed++;
    if (passed == conn->mark_count) {
        conn->marks[0] = (struct conn_mark){.offset = conn->output_written, .gate = 0};
        conn->mark_count = conn->output_written > conn->output_sent;
        return conn->output_written;
    }
    if (passed == 0) return conn->output_sent;
    drop_marks(conn, passed - 1);
    conn->marks[0].gate = 0;
    return conn->marks[0].offset;
}

/* ---- output: sending ---- */

static void set_interest(struct conn *conn, unsigned interest)
{
    if (interest == conn->interest) return;
    conn->interest = (uint8_t)interest;
    conn->poller->ops->change(conn->poller, conn->fd, interest, conn->owner);
}

/* The unsent bytes up to stream offset `limit`, as far as `slices` goes; *out_size is their sum. */
static unsigned gather(const struct conn *conn, uint64_t limit,
                       struct iovec slices[FLUSH_PIECES_MAX], size_t *out_size)
{
    unsigned count = 0;
    size_t total = 0;
    uint64_t left = limit - conn->output_sent;
    const struct conn_piece *piece = conn->output_first;
    while (left > 0 && count < FLUSH_PIECES_MAX) {
        size_t size = (size_t)(piece->end - piece->start);
        if (size > left) size = left;
        if (size > 0) slices[count++] = (struct iovec){.iov_base = piece->start, .iov_len = size};
        left -= size;
        total += size;
        piece = piece->next;
    }
    *out_size = total;
    return count;
}

static ssize_t send_slices(struct conn *conn, struct iovec *slices, unsigned count)
{
    ssize_t sent;
    do {
        if (LIKELY(count == 1)) {
            sent = send(conn->fd, slices[0].iov_base, slices[0].iov_len,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            struct msghdr message = {.msg_iov = slices, .msg_iovlen = count};
            sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    } while (UNLIKELY(sent < 0 && errno == EINTR));
    return sent;
}

/* Gives up the first `size` unsent bytes, and every piece that has nothing left: when all is sent
 * the connection holds no buffer. */
static void drop_sent(struct conn *conn, size_t size)
{
    conn->output_sent += size;
    ASSERT(conn->output_sent <= conn->output_written);
    for (struct conn_piece *piece = conn->output_first; piece != NULL; piece = conn->output_first) {
        size_t rest = (size_t)(piece->end - piece->start);
        if (size < rest) {
            piece->start += size;
            break;
        }
        size -= rest;
        drop_first_piece(conn);
    }
    if (conn->mark_count > 0 && conn->marks[0].offset <= conn->output_sent) drop_marks(conn, 1);
}

enum status conn_flush(struct conn *conn, uint64_t durable)
{
    if (conn->is_closed) return STATUS_CLOSED;
    note_written(conn);
    uint64_t limit = pass_marks(conn, durable);
    bool is_full = false;
    for (unsigned round = 0; conn->output_sent < limit && !is_full && round < FLUSH_ROUNDS_MAX;
         round++) {
        struct iovec slices[FLUSH_PIECES_MAX];
        size_t size;
        unsigned count = gather(conn, limit, slices, &size);
        ssize_t sent = send_slices(conn, slices, count);
        if (sent < 0) {
            if (errno != EAGAIN) {
                conn->is_closed = true;
                return STATUS_CLOSED;
            }
            sent = 0;
        }
        is_full = (size_t)sent < size;
        if (sent > 0) drop_sent(conn, (size_t)sent);
    }
    bool wants_write = conn->output_sent < limit;
    set_interest(conn, (conn->interest & POLLER_READ) | (wants_write ? POLLER_WRITE : 0u));
    return STATUS_OK;
}

/* ---- the connection ---- */

enum status conn_init(struct conn *conn, int fd, struct poller *poller, struct conn_pool *pool,
                      void *owner)
{
    ASSERT(owner != NULL); /* NULL is how the poller says "woken" */
    *conn = (struct conn){.sink.ops = &conn_sink_ops,
                          .fd = fd,
                          .poller = poller,
                          .pool = pool,
                          .owner = owner,
                          .interest = POLLER_READ};
    return poller->ops->add(poller, fd, POLLER_READ, owner);
}

void conn_deinit(struct conn *conn)
{
    conn->poller->ops->remove(conn->poller, conn->fd);
    close(conn->fd);
    conn->fd = -1;
    drop_input_buffer(conn);
    while (conn->output_first != NULL) drop_first_piece(conn);
}

void conn_set_reading(struct conn *conn, bool on)
{
    set_interest(conn, (conn->interest & POLLER_WRITE) | (on ? POLLER_READ : 0u));
}

size_t conn_memory_bytes(const struct conn *conn)
{
    size_t total = conn->input_capacity;
    const struct conn_buffer *home = NULL;
    for (const struct conn_piece *piece = conn->output_first; piece != NULL; piece = piece->next) {
        if (piece->home != home) total += piece->home->capacity;
        home = piece->home;
    }
    return total;
}
