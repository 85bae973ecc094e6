#include "net/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/poller.h"
#include "tests/support/check.h"
#include "tests/support/seed.h"

enum { BIG = 1024 * 1024, BLOB_BYTES = 20 * 1000 };

/* A connection and the client at the other end. */
struct pair {
    struct poller *poller;
    struct conn_pool pool;
    struct conn conn;
    int peer;
    struct buf received; /* by the peer */
    unsigned released;   /* attachments given back */
};

static void pair_init(struct pair *pair)
{
    *pair = (struct pair){0};
    int sockets[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    int size = 4096; /* the least there is: so that sockets fill up soon */
    (void)setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    assert_ok(poller_create(&pair->poller));
    conn_pool_init(&pair->pool);
    assert_ok(conn_init(&pair->conn, sockets[0], pair->poller, &pair->pool, pair));
    pair->peer = sockets[1];
}

static void pair_deinit(struct pair *pair)
{
    conn_deinit(&pair->conn);
    if (pair->peer >= 0) close(pair->peer);
    pair->poller->ops->destroy(pair->poller);
    conn_pool_deinit(&pair->pool); /* claims that every buffer came back */
    buf_deinit(&pair->received);
}

static void say(struct pair *pair, const char *text)
{
    sink_write(&pair->conn.sink, bytes_of_text(text));
}

/* The peer sends; what does not fit now is not sent. Returns how much was. */
static size_t peer_send(struct pair *pair, const void *data, size_t size)
{
    ssize_t sent = send(pair->peer, data, size, MSG_NOSIGNAL);
    if (sent < 0) assert_int_equal(errno, EAGAIN);
    return sent > 0 ? (size_t)sent : 0;
}

/* The peer takes at most `size` bytes of what is there. */
static size_t peer_receive(struct pair *pair, size_t size)
{
    ssize_t got = recv(pair->peer, buf_reserve(&pair->received, size), size, 0);
    if (got <= 0) return 0;
    pair->received.size += (size_t)got;
    return (size_t)got;
}

static void check_received(struct pair *pair, const char *expected)
{
    while (peer_receive(pair, 65536) > 0) {}
    assert_bytes_text(buf_bytes(&pair->received), expected);
}

static void release(void *owner)
{
    (*(unsigned *)owner)++;
}

/* ---- input ---- */

TEST(an_idle_connection_holds_no_buffer)
{
    struct pair pair;
    pair_init(&pair);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    assert_int_equal(pair.pool.buffer_bytes, 0);
    assert_status(conn_receive(&pair.conn, 0), STATUS_WOULD_BLOCK);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    pair_deinit(&pair);
}

TEST(what_is_sent_is_received_and_consumed)
{
    struct pair pair;
    pair_init(&pair);
    peer_send(&pair, "hello", 5);
    assert_ok(conn_receive(&pair.conn, 0));
    assert_bytes_text(conn_input(&pair.conn), "hello");
    conn_consume(&pair.conn, 2);
    assert_bytes_text(conn_input(&pair.conn), "llo");
    peer_send(&pair, "!", 1);
    assert_ok(conn_receive(&pair.conn, 0));
    assert_bytes_text(conn_input(&pair.conn), "llo!");
    conn_consume(&pair.conn, 4);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    pair_deinit(&pair);
}

TEST(a_peer_that_left_closes_the_connection)
{
    struct pair pair;
    pair_init(&pair);
    peer_send(&pair, "bye", 3);
    close(pair.peer);
    pair.peer = -1;
    assert_ok(conn_receive(&pair.conn, 0));
    assert_bytes_text(conn_input(&pair.conn), "bye");
    assert_status(conn_receive(&pair.conn, 0), STATUS_CLOSED);
    assert_true(pair.conn.is_closed);
    assert_status(conn_receive(&pair.conn, 0), STATUS_CLOSED);
    say(&pair, "x");
    assert_status(conn_flush(&pair.conn, 0), STATUS_CLOSED);
    pair_deinit(&pair);
}

TEST(an_announced_length_costs_little)
{
    struct pair pair;
    pair_init(&pair);
    peer_send(&pair, "*1\r\n$536870912\r\nab", 18);
    assert_ok(conn_receive(&pair.conn, 0));
    peer_send(&pair, "c", 1);
    assert_ok(conn_receive(&pair.conn, 536870912));
    assert_true(conn_memory_bytes(&pair.conn) <= 65 * 1024);
    pair_deinit(&pair);
}

/* Room for a long request: at most three times what arrived and 64 KB, and not many moves. */
TEST(long_input_grows_with_what_arrives)
{
    struct pair pair;
    pair_init(&pair);
    char *data = memory_alloc(BIG);
    for (size_t i = 0; i < BIG; i++) data[i] = (char)(i * 31 >> 3);
    size_t sent = 0;
    unsigned moves = 0;
    while (conn_input(&pair.conn).size < BIG) {
        size_t some = BIG - sent < 3000 ? BIG - sent : 3000;
        sent += peer_send(&pair, data + sent, some);
        const char *before = pair.conn.input;
        enum status status = conn_receive(&pair.conn, BIG - conn_input(&pair.conn).size);
        assert_true(status == STATUS_OK || status == STATUS_WOULD_BLOCK);
        moves += before != pair.conn.input;
        assert_true(conn_memory_bytes(&pair.conn) <= conn_input(&pair.conn).size * 3 + 80 * 1024);
    }
    assert_true(moves < 12);
    assert_bytes_equal(conn_input(&pair.conn), bytes_of(data, BIG));
    conn_consume(&pair.conn, BIG);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    memory_free(data);
    pair_deinit(&pair);
}

TEST(a_short_rest_goes_back_to_a_pool_buffer)
{
    struct pair pair;
    pair_init(&pair);
    char data[40000];
    memset(data, 'x', sizeof(data));
    size_t sent = 0;
    while (conn_input(&pair.conn).size < sizeof(data)) {
        sent += peer_send(&pair, data + sent, sizeof(data) - sent);
        (void)!conn_receive(&pair.conn, sizeof(data));
    }
    assert_true(conn_memory_bytes(&pair.conn) > CONN_BUFFER_BYTES);
    conn_consume(&pair.conn, sizeof(data) - 10);
    assert_status(conn_receive(&pair.conn, 0), STATUS_WOULD_BLOCK);
    assert_int_equal(conn_memory_bytes(&pair.conn), CONN_BUFFER_BYTES);
    assert_bytes_text(conn_input(&pair.conn), "xxxxxxxxxx");
    pair_deinit(&pair);
}

TEST(any_order_of_receiving_and_consuming_keeps_the_bytes)
{
    struct pair pair;
    pair_init(&pair);
    struct random random;
    seed_random(&random, __func__);
    uint64_t sent = 0;
    uint64_t consumed = 0;
    for (unsigned round = 0; round < 3000 / SEED_STEPS_SCALE; round++) {
        char data[5000];
        size_t size = random_below(&random, sizeof(data)) + 1;
        for (size_t i = 0; i < size; i++) data[i] = (char)((sent + i) * 131 >> 2);
        sent += peer_send(&pair, data, size);
        size_t wanted = random_below(&random, 4) == 0 ? random_below(&random, 200000) : 0;
        enum status status = conn_receive(&pair.conn, wanted);
        assert_true(status == STATUS_OK || status == STATUS_WOULD_BLOCK);
        struct bytes input = conn_input(&pair.conn);
        for (size_t i = 0; i < input.size; i++) {
            if (input.data[i] != (char)((consumed + i) * 131 >> 2))
                fail_msg("byte %zu of round %u", i, round);
        }
        size_t done = random_below(&random, 3) == 0 ? input.size
                                                    : random_below(&random, input.size + 1);
        if (round % 100 < 30) done = 0;
        conn_consume(&pair.conn, done);
        consumed += done;
    }
    pair_deinit(&pair);
}

/* ---- output ---- */

TEST(output_is_sent_at_once_and_its_buffer_given_back)
{
    struct pair pair;
    pair_init(&pair);
    say(&pair, "+OK\r\n");
    say(&pair, ":1\r\n");
    assert_int_equal(conn_output_size(&pair.conn), 9);
    conn_mark(&pair.conn, 0);
    assert_ok(conn_flush(&pair.conn, 0));
    check_received(&pair, "+OK\r\n:1\r\n");
    assert_int_equal(conn_output_size(&pair.conn), 0);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    assert_int_equal(pair.conn.interest, POLLER_READ);
    assert_int_equal(pair.pool.free_count, 1);
    pair_deinit(&pair);
}

TEST(unmarked_output_waits_for_nothing)
{
    struct pair pair;
    pair_init(&pair);
    say(&pair, "a");
    assert_int_equal(conn_gate(&pair.conn), 0);
    assert_ok(conn_flush(&pair.conn, 0));
    check_received(&pair, "a");
    pair_deinit(&pair);
}

TEST(output_waits_for_its_gate)
{
    struct pair pair;
    pair_init(&pair);
    say(&pair, "read ");
    conn_mark(&pair.conn, 0);
    say(&pair, "written ");
    conn_mark(&pair.conn, 7);
    say(&pair, "later ");
    conn_mark(&pair.conn, 9);
    assert_ok(conn_flush(&pair.conn, 6));
    check_received(&pair, "read ");
    assert_int_equal(conn_gate(&pair.conn), 7);
    assert_int_equal(pair.conn.interest, POLLER_READ); /* the socket is not what it waits for */
    assert_ok(conn_flush(&pair.conn, 7));
    check_received(&pair, "read written ");
    assert_int_equal(conn_gate(&pair.conn), 9);
    assert_ok(conn_flush(&pair.conn, 100));
    check_received(&pair, "read written later ");
    assert_int_equal(conn_gate(&pair.conn), 0);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    pair_deinit(&pair);
}

TEST(a_lower_gate_waits_behind_a_higher_one)
{
    struct pair pair;
    pair_init(&pair);
    say(&pair, "a");
    conn_mark(&pair.conn, 5);
    say(&pair, "b");
    conn_mark(&pair.conn, 0);
    say(&pair, "c");
    conn_mark(&pair.conn, 4);
    assert_int_equal(pair.conn.mark_count, 1);
    assert_ok(conn_flush(&pair.conn, 4));
    check_received(&pair, "");
    assert_ok(conn_flush(&pair.conn, 5));
    check_received(&pair, "abc");
    pair_deinit(&pair);
}

TEST(more_gates_than_marks_wait_for_the_newest)
{
    struct pair pair;
    pair_init(&pair);
    for (uint64_t gate = 1; gate <= CONN_MARKS + 3; gate++) {
        say(&pair, "x");
        conn_mark(&pair.conn, gate);
    }
    assert_ok(conn_flush(&pair.conn, CONN_MARKS - 1));
    check_received(&pair, "xxx");
    assert_ok(conn_flush(&pair.conn, CONN_MARKS + 2));
    check_received(&pair, "xxx");
    assert_ok(conn_flush(&pair.conn, CONN_MARKS + 3));
    check_received(&pair, "xxxxxxx");
    pair_deinit(&pair);
}

TEST(marks_without_output_are_nothing)
{
    struct pair pair;
    pair_init(&pair);
    conn_mark(&pair.conn, 5);
    assert_int_equal(pair.conn.mark_count, 0);
    say(&pair, "a");
    conn_mark(&pair.conn, 0);
    conn_mark(&pair.conn, 8);
    assert_ok(conn_flush(&pair.conn, 0));
    check_received(&pair, "a");
    pair_deinit(&pair);
}

static void fill_socket(struct pair *pair)
{
    char junk[4096] = {0};
    while (send(pair->conn.fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {}
}

TEST(what_may_go_is_not_held_by_a_later_gate)
{
    struct pair pair;
    pair_init(&pair);
    fill_socket(&pair);
    say(&pair, "free");
    conn_mark(&pair.conn, 3);
    assert_ok(conn_flush(&pair.conn, 3));
    assert_int_equal(pair.conn.interest, POLLER_READ | POLLER_WRITE);
    assert_int_equal(conn_gate(&pair.conn), 0);
    say(&pair, "held");
    conn_mark(&pair.conn, 4);
    while (peer_receive(&pair, 65536) > 0) {}
    pair.received.size = 0;
    assert_ok(conn_flush(&pair.conn, 3));
    check_received(&pair, "free");
    assert_int_equal(pair.conn.interest, POLLER_READ);
    assert_int_equal(conn_gate(&pair.conn), 4);
    pair_deinit(&pair);
}

TEST(large_output_goes_in_parts)
{
    struct pair pair;
    pair_init(&pair);
    struct buf expected = {0};
    for (unsigned i = 0; expected.size < BIG; i++) {
        char line[100];
        int size = snprintf(line, sizeof(line),
                            "line %u of a reply that is too long for a socket\r\n", i);
        buf_append(&expected, line, (size_t)size);
        sink_write(&pair.conn.sink, bytes_of(line, (size_t)size));
    }
    assert_int_equal(conn_output_size(&pair.conn), expected.size);
    conn_mark(&pair.conn, 2);
    assert_ok(conn_flush(&pair.conn, 2));
    assert_int_equal(pair.conn.interest, POLLER_READ | POLLER_WRITE);
    while (pair.received.size < expected.size) {
        peer_receive(&pair, 10000);
        assert_ok(conn_flush(&pair.conn, 2));
        assert_int_equal(conn_output_size(&pair.conn) + pair.received.size <= expected.size, true);
    }
    assert_bytes_equal(buf_bytes(&pair.received), buf_bytes(&expected));
    assert_int_equal(pair.conn.interest, POLLER_READ);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    buf_deinit(&expected);
    pair_deinit(&pair);
}

TEST(a_single_write_may_be_longer_than_a_buffer)
{
    struct pair pair;
    pair_init(&pair);
    char *data = memory_alloc(BIG);
    memset(data, 'y', BIG);
    say(&pair, "before ");
    sink_write(&pair.conn.sink, bytes_of(data, BIG));
    say(&pair, " after");
    while (pair.received.size < BIG + 13) {
        assert_ok(conn_flush(&pair.conn, 0));
        peer_receive(&pair, 65536);
    }
    assert_bytes_text(bytes_part(buf_bytes(&pair.received), 0, 8), "before y");
    assert_bytes_text(bytes_part(buf_bytes(&pair.received), BIG + 6, 20), "y after");
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    memory_free(data);
    pair_deinit(&pair);
}

TEST(attached_bytes_go_in_order_and_are_released_once)
{
    struct pair pair;
    pair_init(&pair);
    struct sink *sink = &pair.conn.sink;
    say(&pair, "a");
    sink->ops->attach(sink, BYTES_LITERAL("<first>"), release, &pair.released);
    sink->ops->attach(sink, BYTES_LITERAL("<second>"), release, &pair.released);
    say(&pair, "b");
    sink->ops->attach(sink, BYTES_EMPTY, release, &pair.released);
    assert_int_equal(pair.released, 1); /* nothing to send */
    assert_int_equal(conn_output_size(&pair.conn), 17);
    assert_ok(conn_flush(&pair.conn, 0));
    assert_int_equal(pair.released, 3);
    check_received(&pair, "a<first><second>b");
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);

    sink->ops->attach(sink, BYTES_LITERAL("<third>"), release, &pair.released);
    conn_mark(&pair.conn, 5);
    assert_ok(conn_flush(&pair.conn, 4));
    assert_int_equal(pair.released, 3);
    pair_deinit(&pair); /* never sent, still released */
    assert_int_equal(pair.released, 4);
}

TEST(a_thousand_attachments_need_few_buffers)
{
    enum { COUNT = 1000 };
    struct pair pair;
    pair_init(&pair);
    char blob[BLOB_BYTES];
    memset(blob, 'b', sizeof(blob));
    for (unsigned i = 0; i < COUNT; i++) {
        say(&pair, "$20000\r\n");
        pair.conn.sink.ops->attach(&pair.conn.sink, bytes_of(blob, sizeof(blob)), release,
                                   &pair.released);
        say(&pair, "\r\n");
    }
    assert_true(conn_memory_bytes(&pair.conn) < 200 * 1024);
    size_t total = COUNT * (sizeof(blob) + 10);
    assert_int_equal(conn_output_size(&pair.conn), total);
    size_t received = 0;
    while (received < total) {
        assert_ok(conn_flush(&pair.conn, 0));
        received += peer_receive(&pair, 65536);
        pair.received.size = 0;
    }
    assert_int_equal(pair.released, COUNT);
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    pair_deinit(&pair);
}

/* Anything in any order against a plain model: bytes come whole, in order, and never before their
 * gate. */
struct model {
    struct buf stream;
    uint64_t gates[4000]; /* of each gate's bytes: they end at ends[i] */
    size_t ends[4000];
    unsigned count;
    uint64_t durable;
};

static size_t allowed(const struct model *model)
{
    size_t end = 0;
    for (unsigned i = 0; i < model->count && model->gates[i] <= model->durable; i++)
        end = model->ends[i];
    return end;
}

static void write_some(struct pair *pair, struct model *model, struct random *random,
                       const char *source)
{
    bool is_attached = random_below(random, 5) == 0;
    bool is_long = is_attached || random_below(random, 10) == 0;
    size_t size = random_below(random, is_long ? 60000 : 200);
    struct bytes bytes = bytes_of(source + random_below(random, 1000), size);
    buf_append_bytes(&model->stream, bytes);
    if (is_attached) {
        pair->conn.sink.ops->attach(&pair->conn.sink, bytes, release, &pair->released);
    } else {
        sink_write(&pair->conn.sink, bytes);
    }
}

TEST(any_order_of_writing_and_sending_keeps_order_and_gates)
{
    struct pair pair;
    pair_init(&pair);
    struct random random;
    seed_random(&random, __func__);
    struct model *model = memory_zalloc(sizeof(*model));
    char *source = memory_alloc(70000);
    for (size_t i = 0; i < 70000; i++) source[i] = (char)(random_next(&random) >> 17);

    for (unsigned round = 0; round < 4000 / SEED_STEPS_SCALE; round++) {
        for (uint64_t i = random_below(&random, 4); i > 0; i--)
            write_some(&pair, model, &random, source);
        uint64_t gate = random_below(&random, 3) == 0 ? 0
                                                      : model->durable + random_below(&random, 5);
        conn_mark(&pair.conn, gate);
        if (model->count == 0 || model->ends[model->count - 1] < model->stream.size) {
            model->gates[model->count] = gate;
            model->ends[model->count++] = model->stream.size;
        }
        model->durable += random_below(&random, 3);
        assert_ok(conn_flush(&pair.conn, model->durable));
        if (random_below(&random, 3) > 0) peer_receive(&pair, random_below(&random, 100000) + 1);
        assert_true(pair.received.size <= allowed(model));
        assert_int_equal(conn_output_size(&pair.conn), model->stream.size - pair.conn.output_sent);
    }
    model->durable = UINT64_MAX;
    while (pair.received.size < model->stream.size) {
        assert_ok(conn_flush(&pair.conn, model->durable));
        peer_receive(&pair, 100000);
    }
    assert_bytes_equal(buf_bytes(&pair.received), buf_bytes(&model->stream));
    assert_int_equal(conn_memory_bytes(&pair.conn), 0);
    buf_deinit(&model->stream);
    memory_free(model);
    memory_free(source);
    pair_deinit(&pair);
}

/* ---- the rest ---- */

TEST(reading_can_be_stopped)
{
    struct pair pair;
    pair_init(&pair);
    peer_send(&pair, "x", 1);
    struct poller_event event;
    assert_int_equal(pair.poller->ops->wait(pair.poller, &event, 1, 0), 1);
    assert_ptr_equal(event.owner, &pair);
    conn_set_reading(&pair.conn, false);
    assert_int_equal(pair.poller->ops->wait(pair.poller, &event, 1, 0), 0);
    conn_set_reading(&pair.conn, true);
    assert_int_equal(pair.poller->ops->wait(pair.poller, &event, 1, 0), 1);
    pair_deinit(&pair);
}

TEST(the_pool_keeps_a_bounded_number_of_buffers)
{
    enum { COUNT = CONN_POOL_KEEP + 10 };
    struct pair pair;
    pair_init(&pair);
    for (unsigned i = 0; i < COUNT; i++) {
        pair.conn.sink.ops->grow(&pair.conn.sink, CONN_BUFFER_BYTES / 2 + 1);
        sink_write(&pair.conn.sink, BYTES_LITERAL("x"));
    }
    uint64_t at_most = pair.pool.buffer_bytes;
    assert_true(at_most >= (uint64_t)COUNT * CONN_BUFFER_BYTES);
    while (conn_output_size(&pair.conn) > 0) {
        assert_ok(conn_flush(&pair.conn, 0));
        peer_receive(&pair, 65536);
    }
    assert_int_equal(pair.pool.free_count, CONN_POOL_KEEP);
    assert_true(pair.pool.buffer_bytes < at_most);
    pair_deinit(&pair);
}

TEST(buffers_begin_at_different_cache_lines)
{
    enum { COUNT = 21, LINES = 64 };
    struct pair pair;
    pair_init(&pair);
    bool is_used[LINES] = {false};
    for (unsigned i = 0; i < COUNT; i++) {
        pair.conn.sink.ops->grow(&pair.conn.sink, CONN_BUFFER_BYTES / 2 + 1);
        is_used[(uintptr_t)pair.conn.sink.next / CACHE_LINE_BYTES % LINES] = true;
    }
    unsigned used = 0;
    for (unsigned i = 0; i < LINES; i++) used += is_used[i];
    /* Only where the allocator gives whole pages is the spread perfect. */
    assert_true(used > COUNT / 2);
    pair_deinit(&pair);
}

TEST(the_buffer_given_back_last_is_taken_first)
{
    struct pair pair;
    pair_init(&pair);
    say(&pair, "a");
    char *place = pair.conn.sink.next;
    assert_ok(conn_flush(&pair.conn, 0));
    assert_null(pair.conn.sink.next);
    say(&pair, "b");
    assert_ptr_equal(pair.conn.sink.next, place);
    pair_deinit(&pair);
}

RUN_TESTS(CHECK(an_idle_connection_holds_no_buffer), CHECK(what_is_sent_is_received_and_consumed),
          CHECK(a_peer_that_left_closes_the_connection), CHECK(an_announced_length_costs_little),
          CHECK(long_input_grows_with_what_arrives), CHECK(a_short_rest_goes_back_to_a_pool_buffer),
          CHECK(any_order_of_receiving_and_consuming_keeps_the_bytes),
          CHECK(output_is_sent_at_once_and_its_buffer_given_back),
          CHECK(unmarked_output_waits_for_nothing), CHECK(output_waits_for_its_gate),
          CHECK(a_lower_gate_waits_behind_a_higher_one),
          CHECK(more_gates_than_marks_wait_for_the_newest), CHECK(marks_without_output_are_nothing),
          CHECK(what_may_go_is_not_held_by_a_later_gate), CHECK(large_output_goes_in_parts),
          CHECK(a_single_write_may_be_longer_than_a_buffer),
          CHECK(attached_bytes_go_in_order_and_are_released_once),
          CHECK(a_thousand_attachments_need_few_buffers),
          CHECK(any_order_of_writing_and_sending_keeps_order_and_gates),
          CHECK(reading_can_be_stopped), CHECK(the_pool_keeps_a_bounded_number_of_buffers),
          CHECK(buffers_begin_at_different_cache_lines),
          CHECK(the_buffer_given_back_last_is_taken_first))
