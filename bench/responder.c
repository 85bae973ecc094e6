/*
 * responder: the floor under every server of this protocol on this machine.
 *
 * It finds where each RESP request ends, answers a fixed bulk to commands that begin with GET and
 * +OK to all others, and keeps no keys. What a server costs above it is the server's own; what it
 * costs itself is the kernel's network, epoll, and the least reading that the protocol asks for.
 *
 *     responder [--port N] [--threads N] [--value-bytes N]
 *
 * The first thread accepts, and deals the connections out to the epolls of all threads in turn.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 128,
    BACKLOG = 1024,
    THREADS_MAX = 64,
    INPUT_BYTES = 1024 * 1024, /* the largest request */
    OUTPUT_BYTES = 256 * 1024,
    VALUE_BYTES_MAX = 128 * 1024,
    WORD_BYTES = 3,
};

struct connection {
    int fd;
    size_t rest_length;
    char *rest; /* owned: the start of a request whose end has not arrived; NULL when none */
};

struct worker {
    int epoll_fd;
    size_t output_length;
    struct responder *responder;
    char input[INPUT_BYTES];
    char output[OUTPUT_BYTES];
};

struct responder {
    int listener_fd;
    uint32_t thread_count;
    uint32_t next_worker;
    size_t bulk_length;
    char *bulk;
    struct worker *workers[THREADS_MAX];
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "responder: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) fail("memory");
    return memory;
}

/* Reads the number of a line such as `$16\r\n` and moves behind it; -1 when its end is not here. */
static long take_number(const char **at, const char *end)
{
    long number = 0;
    const char *digit = *at + 1;
    for (; digit < end && *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (*digit - '0');
        if (number > INPUT_BYTES) return -1;
    }
    if (end - digit < 2) return -1;
    *at = digit + 2;
    return number;
}

/* The length of the first request, 0 when it is not whole; `word` is the start of its command. */
static size_t frame(const char *request, const char *end, const char **word)
{
    const char *at = request;
    long argument_count = take_number(&at, end);
    for (long i = 0; i < argument_count; i++) {
        long length = take_number(&at, end);
        if (length < 0 || end - at < length + 2) return 0;
        if (i == 0) *word = at;
        at += length + 2;
    }
    return argument_count > 0 ? (size_t)(at - request) : 0;
}

/* Waits for room rather than keeping what is unsent: a load generator always reads. */
static bool flush(struct worker *worker, int fd)
{
    size_t sent = 0;
    while (sent < worker->output_length) {
        ssize_t length = send(fd, worker->output + sent, worker->output_length - sent,
                              MSG_NOSIGNAL | MSG_DONTWAIT);
        if (length > 0) {
            sent += (size_t)length;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else {
            break;
        }
    }
    bool is_sent = sent == worker->output_length;
    worker->output_length = 0;
    return is_sent;
}

static bool answer(struct worker *worker, int fd, const char *word)
{
    const struct responder *responder = worker->responder;
    bool is_get = strncasecmp(word, "GET", WORD_BYTES) == 0;
    const char *reply = is_get ? responder->bulk : "+OK\r\n";
    size_t length = is_get ? responder->bulk_length : 5;

    if (worker->output_length + length > OUTPUT_BYTES && !flush(worker, fd)) return false;
    memcpy(worker->output + worker->output_length, reply, length);
    worker->output_length += length;
    return true;
}

/* Answers every whole request in the input, and keeps the rest for the next read. */
static bool answer_all(struct worker *worker, struct connection *connection, size_t input_length)
{
    const char *at = worker->input;
    const char *end = worker->input + input_length;
    while (at < end) {
        const char *word = "";
        size_t length = *at == '*' ? frame(at, end, &word) : 0;
        if (length == 0) break;
        if (!answer(worker, connection->fd, word)) return false;
        at += length;
    }
    if (at < end) {
        connection->rest_length = (size_t)(end - at);
        connection->rest = allocate(connection->rest_length);
        memcpy(connection->rest, at, connection->rest_length);
    }
    return flush(worker, connection->fd);
}

static bool serve(struct worker *worker, struct connection *connection)
{
    size_t kept = connection->rest_length;
    ssize_t length = recv(connection->fd, worker->input + kept, INPUT_BYTES - kept, MSG_DONTWAIT);
    if (length <= 0) return length < 0 && errno == EAGAIN;
    if (kept > 0) {
        memcpy(worker->input, connection->rest, kept);
        free(connection->rest);
        connection->rest = NULL;
        connection->rest_length = 0;
    }
    return answer_all(worker, connection, kept + (size_t)length);
}

static void close_connection(struct connection *connection)
{
    close(connection->fd);
    free(connection->rest);
    free(connection);
}

static void accept_connection(struct responder *responder)
{
    int fd = accept4(responder->listener_fd, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    int is_on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, sizeof is_on);

    struct connection *connection = allocate(sizeof *connection);
    connection->fd = fd;
    struct worker *worker = responder->workers[responder->next_worker++ % responder->thread_count];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) close_connection(connection);
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(worker->epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL) {
                accept_connection(worker->responder);
            } else if (!serve(worker, connection)) {
                close_connection(connection);
            }
        }
    }
    return NULL;
}

static int open_listener(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int is_on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &is_on, sizeof is_on);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(fd, BACKLOG) != 0) fail("listen");
    return fd;
}

static void build_bulk(struct responder *responder, size_t value_bytes)
{
    responder->bulk = allocate(value_bytes + 32);
    int head = snprintf(responder->bulk, 32, "$%zu\r\n", value_bytes);
    memset(responder->bulk + head, 'v', value_bytes);
    memcpy(responder->bulk + (size_t)head + value_bytes, "\r\n", 2);
    responder->bulk_length = (size_t)head + value_bytes + 2;
}

static unsigned long take_option(char **argv, const char *name, unsigned long fallback,
                                 unsigned long max)
{
    for (char **at = argv + 1; at[0] != NULL && at[1] != NULL; at++) {
        if (strcmp(at[0], name) != 0) continue;
        unsigned long number = strtoul(at[1], NULL, 10);
        errno = EINVAL;
        if (number > max) fail(name);
        return number;
    }
    return fallback;
}

static void start(struct responder *responder)
{
    for (uint32_t i = 0; i < responder->thread_count; i++) {
        responder->workers[i] = allocate(sizeof *responder->workers[i]);
        responder->workers[i]->responder = responder;
        responder->workers[i]->epoll_fd = epoll_create1(0);
    }
    /* The listener is the event without a connection. */
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(responder->workers[0]->epoll_fd, EPOLL_CTL_ADD, responder->listener_fd, &event);
    for (uint32_t i = 1; i < responder->thread_count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run, responder->workers[i]) != 0) fail("thread");
    }
}

int main(int argc, char **argv)
{
    assert(argc > 0);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    static struct responder responder;
    responder.thread_count = (uint32_t)take_option(argv, "--threads", 1, THREADS_MAX);
    responder.listener_fd = open_listener((uint16_t)take_option(argv, "--port", 6390, 65535));
    build_bulk(&responder, take_option(argv, "--value-bytes", 64, VALUE_BYTES_MAX));
    if (responder.thread_count == 0) responder.thread_count = 1;
    start(&responder);
    run(responder.workers[0]);
    return 0;
}
