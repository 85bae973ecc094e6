/*
 * cairn-bench: what a server of the Redis or memcached protocol can do, and how fast it answers.
 *
 * Every connection sends a batch of `--pipeline` requests, waits for all of their replies and sends
 * the next batch: the number of requests under way is fixed, and the server sets the pace. A worker
 * is a thread with an epoll over its share of the connections; workers share nothing that changes.
 *
 *     settings -> plan (address, wire, prepared requests) -> workers -> one sum of their results
 *
 * The latency of a request runs from the sending of its batch to the read that ended its reply. It
 * costs one look at the clock for each read: the same look starts the next batch.
 *
 * One file on purpose: it needs nothing but libc, so one call of a compiler builds it anywhere.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 1,
    EXIT_NO_SERVER = 2,

    EVENTS_MAX = 256,
    WAIT_MS = 100,
    INPUT_BYTES = 256 * 1024,
    LINE_BYTES_MAX = 512,

    KEY_PREFIX_BYTES = 4,
    KEY_BYTES_MAX = 250,
    REQUEST_KEYS_MAX = 10,
    VALUE_BYTES_MAX = 64 * 1024 * 1024,
    BATCH_BYTES_MAX = 256 * 1024 * 1024,

    THREADS_MAX = 256,
    CONNECTIONS_MAX = 60000,
    PIPELINE_MAX = 100000,
    CPU_MAX = 512,
    SECONDS_DEFAULT = 5,
    FILL_PIPELINE = 256,
};

#define COUNT_MAX (UINT64_C(1) << 60)
#define NOT_GIVEN UINT64_MAX /* a request count that is not given is not a limit */
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define ROWS_OF(table) (sizeof(table) / sizeof((table)[0]))

struct settings {
    const char *host;
    const char *unix_path;
    const char *protocol;
    const char *workload;
    double seconds;
    uint64_t port;
    uint64_t connections;
    uint64_t pipeline;
    uint64_t requests;
    uint64_t keys;
    uint64_t key_bytes;
    uint64_t value_bytes;
    uint64_t threads;
    uint64_t cpu;
    bool is_fill;
    bool is_json;
};

/* A request as text, ready but for the digits of its keys. */
struct request {
    char *text; /* owned */
    size_t length;
    size_t key_ends[REQUEST_KEYS_MAX];
    uint32_t key_count;
};

struct tally {
    uint64_t replies;
    uint64_t misses;
    uint64_t errors;
};

/* Where in its stream of replies a connection stands. */
struct cursor {
    uint64_t skip_bytes; /* still to come of a value and its end of line */
    size_t line_length;
    char line[LINE_BYTES_MAX]; /* the start of a line whose end has not arrived */
};

enum wire_index { WIRE_RESP, WIRE_MEMCACHE, WIRE_COUNT };

struct wire {
    const char *name;
    /* Counts the reply that this line ends, or tells the cursor how long a value follows it. */
    void (*read_line)(struct cursor *cursor, const char *line, struct tally *tally);
};

/* What all workers read and none changes. */
struct plan {
    struct settings settings;
    const struct wire *wire;
    struct request request;
    struct request other_request;
    uint64_t other_limit; /* a random number of 32 bits below it asks for the other request */
    struct sockaddr_storage address;
    socklen_t address_bytes;
    pthread_barrier_t start;
};

/*
 * A count of latencies in nanoseconds. Each power of two is divided into 128 equal steps, so that a
 * latency is known within 1 % whatever its size:
 *
 *     bucket    0 ... 127 | 128 ... 255 | 256 ... 383 | ...
 *     values    0 ... 127 | 128 ... 255 | 256 ... 511 | ...
 *     width         1     |      1      |      2      | ...
 */
enum {
    HISTOGRAM_STEP_BITS = 7,
    HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS,
};

struct histogram {
    uint64_t total;
    uint64_t max;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

struct result {
    uint64_t elapsed_ns;
    uint64_t cpu_ns;
    struct tally tally;
    struct histogram latency_ns;
};

struct connection {
    int fd;
    bool waits_for_room;
    uint64_t replies_due;
    uint64_t sent_ns;
    size_t output_length;
    size_t output_sent;
    char *output; /* owned; room for a batch */
    struct cursor cursor;
};

struct worker {
    struct plan *plan;
    pthread_t thread;
    uint32_t index;
    int epoll_fd;
    struct connection *connections; /* owned */
    uint64_t connection_count;
    uint64_t busy_count; /* connections with a batch under way */
    uint64_t requests_left;
    uint64_t fill_key; /* the next one: a fill takes keys in order */
    uint64_t random;
    struct result result;
    char input[INPUT_BYTES];
};

PRINTF_LIKE(2, 3) static _Noreturn void fail(int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("cairn-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(exit_code);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    assert(memory != NULL);
    return memory;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---- Histogram ---- */

static size_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS) return (size_t)value;

    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return shift * HISTOGRAM_STEPS + (size_t)(value >> shift);
}

static uint64_t last_value_in(size_t bucket)
{
    if (bucket < HISTOGRAM_STEPS) return bucket;

    unsigned shift = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;
    uint64_t step = bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS;
    return ((step + 1) << shift) - 1;
}

static void histogram_add(struct histogram *histogram, uint64_t value, uint64_t count)
{
    size_t bucket = bucket_of(value);
    assert(bucket < HISTOGRAM_BUCKETS);
    histogram->counts[bucket] += count;
    histogram->total += count;
    if (value > histogram->max) histogram->max = value;
}

static void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) into->counts[i] += from->counts[i];
    into->total += from->total;
    if (from->max > into->max) into->max = from->max;
}

/* The latency in microseconds that `share` (0 to 1) of all requests did not exceed. */
static double histogram_quantile_us(const struct histogram *histogram, double share)
{
    double wanted = share * (double)histogram->total;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen == 0 || (double)seen < wanted) continue;
        uint64_t last = last_value_in(i);
        return (double)(last < histogram->max ? last : histogram->max) / 1000;
    }
    return 0;
}

/* ---- Requests ---- */

/*
 * What a workload asks, as each wire spells it: %k is a key, %c the key of a counter (INCR would
 * fail on what SET stores), %v a value, %s the size of a key and %n the size of a value.
 *
 * Memcached answers all meta gets (mg) of a batch together, while every classic get would cost it a
 * system call: what is compared is the best that each server offers.
 */
#define PAIR "$%s\r\n%k\r\n$%n\r\n%v\r\n"
#define FIVE_PAIRS PAIR PAIR PAIR PAIR PAIR

static const struct workload {
    const char *name;
    const char *requests[WIRE_COUNT]; /* NULL: cannot be asked */
} workloads[] = {
    {"get",  {"*2\r\n$3\r\nGET\r\n$%s\r\n%k\r\n", "mg %k v\r\n"}    },
    {"set",  {"*3\r\n$3\r\nSET\r\n" PAIR, "set %k 0 0 %n\r\n%v\r\n"}},
    {"incr", {"*2\r\n$4\r\nINCR\r\n$%s\r\n%c\r\n", NULL}            },
    {"mset", {"*21\r\n$4\r\nMSET\r\n" FIVE_PAIRS FIVE_PAIRS, NULL}  },
    {"ping", {"*1\r\n$4\r\nPING\r\n", "version\r\n"}                },
};

static char *extend(struct request *request, size_t length)
{
    request->text = realloc(request->text, request->length + length);
    assert(request->text != NULL);
    request->length += length;
    return request->text + request->length - length;
}

static void append_number(struct request *request, size_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%zu", number);
    memcpy(extend(request, (size_t)length), text, (size_t)length);
}

static void append_key(struct request *request, const char *prefix, size_t key_bytes)
{
    assert(key_bytes > KEY_PREFIX_BYTES);
    assert(request->key_count < REQUEST_KEYS_MAX);
    char *key = extend(request, key_bytes);
    memset(key, '0', key_bytes);
    memcpy(key, prefix, KEY_PREFIX_BYTES);
    request->key_ends[request->key_count++] = request->length;
}

static void append_value(struct request *request, size_t value_bytes)
{
    char *value = extend(request, value_bytes);
    for (size_t i = 0; i < value_bytes; i++) value[i] = (char)('a' + i % 26);
}

static void request_init(struct request *request, const char *text, const struct settings *settings)
{
    for (; *text != '\0'; text++) {
        if (*text != '%') {
            *extend(request, 1) = *text;
            continue;
        }
        switch (*++text) {
        case 'k': append_key(request, "key:", settings->key_bytes); break;
        case 'c': append_key(request, "cnt:", settings->key_bytes); break;
        case 's': append_number(request, settings->key_bytes); break;
        case 'v': append_value(request, settings->value_bytes); break;
        case 'n': append_number(request, settings->value_bytes); break;
        }
    }
}

/* Writes the digits of a key before `end`. Leading zeros are in the prepared text. */
static void write_digits(char *end, uint64_t number)
{
    for (; number > 0; number /= 10) *--end = (char)('0' + number % 10);
}

/* ---- Replies ---- */

/*
 * A reply is not stored but passed over: the cursor reads the line that starts it, and skips the
 * value that the line announces.
 *
 *     $64\r\n <64 bytes>\r\n      RESP
 *     VA 64\r\n <64 bytes>\r\n    memcached
 */

static uint64_t parse_digits(const char *text)
{
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

static void expect_value(struct cursor *cursor, const char *value_bytes)
{
    cursor->skip_bytes = parse_digits(value_bytes) + 2;
}

static void count_error(struct tally *tally, const char *line)
{
    if (tally->errors == 0) {
        fprintf(stderr, "first error: %.*s\n", (int)strcspn(line, "\r\n"), line);
    }
    tally->errors++;
    tally->replies++;
}

static void read_resp_line(struct cursor *cursor, const char *line, struct tally *tally)
{
    if (line[0] == '$' && line[1] != '-') {
        expect_value(cursor, line + 1);
    } else if (line[0] == '$') {
        tally->misses++;
        tally->replies++;
    } else if (line[0] == '+' || line[0] == ':') {
        tally->replies++;
    } else {
        count_error(tally, line);
    }
}

static void read_memcache_line(struct cursor *cursor, const char *line, struct tally *tally)
{
    if (strncmp(line, "VA ", 3) == 0) {
        expect_value(cursor, line + 3);
    } else if (strncmp(line, "EN\r", 3) == 0) {
        tally->misses++;
        tally->replies++;
    } else if (strncmp(line, "STORED\r", 7) == 0 || strncmp(line, "VERSION ", 8) == 0) {
        tally->replies++;
    } else {
        count_error(tally, line);
    }
}

static const struct wire wires[WIRE_COUNT] = {
    [WIRE_RESP] = {"resp",     read_resp_line    },
    [WIRE_MEMCACHE] = {"memcache", read_memcache_line},
};

static size_t skip_value(struct cursor *cursor, size_t length, struct tally *tally)
{
    size_t skipped = length < cursor->skip_bytes ? length : (size_t)cursor->skip_bytes;
    cursor->skip_bytes -= skipped;
    if (cursor->skip_bytes == 0) tally->replies++;
    return skipped;
}

/* Keeps a piece of a line. What does not fit belongs to a long error message, and may be lost. */
static void keep_piece(struct cursor *cursor, const char *bytes, size_t length)
{
    size_t room = LINE_BYTES_MAX - 1 - cursor->line_length;
    size_t kept = length < room ? length : room;
    memcpy(cursor->line + cursor->line_length, bytes, kept);
    cursor->line_length += kept;
    cursor->line[cursor->line_length] = '\0';
}

static size_t take_line(struct cursor *cursor, const struct wire *wire, const char *bytes,
                        size_t length, struct tally *tally)
{
    const char *newline = memchr(bytes, '\n', length);
    if (newline == NULL) {
        keep_piece(cursor, bytes, length);
        return length;
    }

    size_t taken = (size_t)(newline - bytes) + 1;
    if (cursor->line_length == 0) {
        wire->read_line(cursor, bytes, tally);
    } else {
        keep_piece(cursor, bytes, taken);
        wire->read_line(cursor, cursor->line, tally);
        cursor->line_length = 0;
    }
    return taken;
}

/* Counts the replies that end within `bytes`; one that is cut goes on in the next call. */
static void cursor_feed(struct cursor *cursor, const struct wire *wire, const char *bytes,
                        size_t length, struct tally *tally)
{
    const char *end = bytes + length;
    while (bytes < end) {
        size_t left = (size_t)(end - bytes);
        if (cursor->skip_bytes > 0) {
            bytes += skip_value(cursor, left, tally);
        } else {
            bytes += take_line(cursor, wire, bytes, left, tally);
        }
    }
}

/* ---- Workers ---- */

/* Mixes a counter: quick, and random enough to choose keys. */
static uint64_t next_random(struct worker *worker)
{
    uint64_t mixed = worker->random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u;
    return mixed ^ mixed >> 32;
}

/* The upper half of the product of a random number and a limit is a random number below it. */
static uint64_t choose_key(struct worker *worker)
{
    if (worker->plan->settings.is_fill) return worker->fill_key++;
    __extension__ unsigned __int128 product = next_random(worker);
    product *= worker->plan->settings.keys;
    return (uint64_t)(product >> 64);
}

static const struct request *choose_request(struct worker *worker)
{
    struct plan *plan = worker->plan;
    if (plan->other_limit == 0) return &plan->request;
    return next_random(worker) >> 32 < plan->other_limit ? &plan->other_request : &plan->request;
}

static size_t write_batch(struct worker *worker, char *out, uint64_t request_count)
{
    char *at = out;
    for (uint64_t i = 0; i < request_count; i++) {
        const struct request *request = choose_request(worker);
        memcpy(at, request->text, request->length);
        for (uint32_t k = 0; k < request->key_count; k++) {
            write_digits(at + request->key_ends[k], choose_key(worker));
        }
        at += request->length;
    }
    return (size_t)(at - out);
}

static void watch(struct worker *worker, struct connection *connection, int operation)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection->waits_for_room) event.events |= EPOLLOUT;
    int result = epoll_ctl(worker->epoll_fd, operation, connection->fd, &event);
    assert(result == 0);
}

static void flush(struct worker *worker, struct connection *connection)
{
    size_t left = connection->output_length - connection->output_sent;
    ssize_t sent = send(connection->fd, connection->output + connection->output_sent, left,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) fail(EXIT_NO_SERVER, "send: %s", strerror(errno));
    if (sent > 0) connection->output_sent += (size_t)sent;

    bool is_unsent = connection->output_sent < connection->output_length;
    if (is_unsent == connection->waits_for_room) return;
    connection->waits_for_room = is_unsent;
    watch(worker, connection, EPOLL_CTL_MOD);
}

static void start_batch(struct worker *worker, struct connection *connection, uint64_t now_ns)
{
    uint64_t pipeline = worker->plan->settings.pipeline;
    uint64_t count = worker->requests_left < pipeline ? worker->requests_left : pipeline;
    if (count == 0) {
        worker->busy_count--;
        return;
    }
    worker->requests_left -= count;
    connection->replies_due = count;
    connection->output_length = write_batch(worker, connection->output, count);
    connection->output_sent = 0;
    connection->sent_ns = now_ns;
    flush(worker, connection);
}

static void receive(struct worker *worker, struct connection *connection)
{
    ssize_t length = recv(connection->fd, worker->input, INPUT_BYTES, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN) return;
    if (length < 0) fail(EXIT_NO_SERVER, "receive: %s", strerror(errno));
    if (length == 0) fail(EXIT_NO_SERVER, "receive: the server closed a connection");

    struct tally *tally = &worker->result.tally;
    uint64_t replies_before = tally->replies;
    cursor_feed(&connection->cursor, worker->plan->wire, worker->input, (size_t)length, tally);
    uint64_t replies = tally->replies - replies_before;
    if (replies > connection->replies_due) fail(EXIT_NO_SERVER, "more replies than requests");

    uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    histogram_add(&worker->result.latency_ns, now_ns - connection->sent_ns, replies);
    connection->replies_due -= replies;
    if (connection->replies_due == 0) start_batch(worker, connection, now_ns);
}

/* Runs until the time is over or no connection has a batch under way. */
static void drive(struct worker *worker, uint64_t start_ns)
{
    double seconds = worker->plan->settings.seconds;
    uint64_t end_ns = seconds > 0 ? start_ns + (uint64_t)(seconds * 1e9) : UINT64_MAX;
    struct epoll_event events[EVENTS_MAX];

    worker->busy_count = worker->connection_count;
    for (uint64_t i = 0; i < worker->connection_count; i++) {
        start_batch(worker, &worker->connections[i], clock_ns(CLOCK_MONOTONIC));
    }
    while (worker->busy_count > 0 && clock_ns(CLOCK_MONOTONIC) < end_ns) {
        int count = epoll_wait(worker->epoll_fd, events, EVENTS_MAX, WAIT_MS);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) flush(worker, connection);
            if (events[i].events & ~(uint32_t)EPOLLOUT) receive(worker, connection);
        }
    }
}

static int open_socket(const struct plan *plan)
{
    int fd = socket(plan->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail(EXIT_NO_SERVER, "socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&plan->address, plan->address_bytes) != 0) {
        fail(EXIT_NO_SERVER, "connect: %s", strerror(errno));
    }
    if (plan->address.ss_family != AF_UNIX) {
        int is_on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, sizeof is_on);
    }
    return fd;
}

static void open_connections(struct worker *worker)
{
    const struct plan *plan = worker->plan;
    size_t length = plan->request.length;
    if (plan->other_request.length > length) length = plan->other_request.length;

    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->connections = allocate(worker->connection_count, sizeof *worker->connections);
    for (uint64_t i = 0; i < worker->connection_count; i++) {
        struct connection *connection = &worker->connections[i];
        connection->output = allocate(plan->settings.pipeline, length);
        connection->fd = open_socket(plan);
        watch(worker, connection, EPOLL_CTL_ADD);
    }
}

static void close_connections(struct worker *worker)
{
    for (uint64_t i = 0; i < worker->connection_count; i++) {
        close(worker->connections[i].fd);
        free(worker->connections[i].output);
    }
    free(worker->connections);
    close(worker->epoll_fd);
}

static void pin(uint64_t cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail(EXIT_USAGE, "--cpu: %s", strerror(errno));
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    struct plan *plan = worker->plan;
    if (plan->settings.cpu != NOT_GIVEN) pin(plan->settings.cpu + worker->index);
    open_connections(worker);
    pthread_barrier_wait(&plan->start);

    uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t start_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    drive(worker, start_ns);
    worker->result.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_cpu_ns;
    worker->result.elapsed_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;

    close_connections(worker);
    return NULL;
}

/* Where the share of thread `index` starts when `total` things are divided among all threads. */
static uint64_t share_start(uint64_t total, uint64_t threads, uint64_t index)
{
    return total / threads * index + total % threads * index / threads;
}

static struct worker *worker_create(struct plan *plan, uint32_t index)
{
    const struct settings *settings = &plan->settings;
    uint64_t threads = settings->threads;
    struct worker *worker = allocate(1, sizeof *worker);
    worker->plan = plan;
    worker->index = index;
    worker->random = clock_ns(CLOCK_REALTIME) * (index + 1);
    worker->connection_count = share_start(settings->connections, threads, index + 1) -
                               share_start(settings->connections, threads, index);
    worker->fill_key = share_start(settings->requests, threads, index);
    worker->requests_left = share_start(settings->requests, threads, index + 1) - worker->fill_key;
    return worker;
}

/* ---- Report ---- */

static void add_result(struct result *sum, const struct result *part)
{
    if (part->elapsed_ns > sum->elapsed_ns) sum->elapsed_ns = part->elapsed_ns;
    sum->cpu_ns += part->cpu_ns;
    sum->tally.replies += part->tally.replies;
    sum->tally.misses += part->tally.misses;
    sum->tally.errors += part->tally.errors;
    histogram_merge(&sum->latency_ns, &part->latency_ns);
}

static const char report_text[] =
    "%s: %" PRIu64 " connections, pipeline %" PRIu64 ", %" PRIu64 " requests in %.3f s\n"
    "%.0f ops/s, latency p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us\n"
    "%" PRIu64 " misses, %" PRIu64 " errors; generator: %.3f us/op, busy %.0f %%\n";

static const char report_json[] =
    "{\"workload\": \"%s\", \"connections\": %" PRIu64 ", \"pipeline\": %" PRIu64
    ", \"requests\": %" PRIu64 ", \"seconds\": %.6f, \"ops_per_second\": %.1f, "
    "\"p50_us\": %.2f, \"p99_us\": %.2f, \"p99_9_us\": %.2f, \"max_us\": %.2f, "
    "\"misses\": %" PRIu64 ", \"errors\": %" PRIu64
    ", \"client_us_per_op\": %.4f, \"client_busy_percent\": %.1f}\n";

static void print_report(const struct settings *settings, const struct result *result)
{
    double seconds = (double)result->elapsed_ns / 1e9;
    double replies = (double)result->tally.replies;
    double cpu_seconds = (double)result->cpu_ns / 1e9;
    const struct histogram *latency = &result->latency_ns;

    /* Both texts take the same values in the same order. */
    printf(settings->is_json ? report_json : report_text,
           settings->is_fill ? "fill" : settings->workload, settings->connections,
           settings->pipeline, result->tally.replies, seconds, replies / seconds,
           histogram_quantile_us(latency, 0.5), histogram_quantile_us(latency, 0.99),
           histogram_quantile_us(latency, 0.999), (double)latency->max / 1000, result->tally.misses,
           result->tally.errors, replies > 0 ? cpu_seconds * 1e6 / replies : 0,
           cpu_seconds / seconds / (double)settings->threads * 100);
}

static void run(struct plan *plan)
{
    uint32_t threads = (uint32_t)plan->settings.threads;
    struct worker *workers[THREADS_MAX];
    struct result *sum = allocate(1, sizeof *sum);
    pthread_barrier_init(&plan->start, NULL, threads);

    for (uint32_t i = 0; i < threads; i++) {
        workers[i] = worker_create(plan, i);
        int error = pthread_create(&workers[i]->thread, NULL, worker_run, workers[i]);
        if (error != 0) fail(EXIT_USAGE, "thread: %s", strerror(error));
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(workers[i]->thread, NULL);
        add_result(sum, &workers[i]->result);
        free(workers[i]);
    }
    print_report(&plan->settings, sum);
    pthread_barrier_destroy(&plan->start);
    free(sum);
}

/* ---- Plan ---- */

static void resolve_unix(struct plan *plan, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fail(EXIT_USAGE, "--unix takes a shorter path");
    strcpy(address.sun_path, path);
    memcpy(&plan->address, &address, sizeof address);
    plan->address_bytes = sizeof address;
}

static void resolve(struct plan *plan, const struct settings *settings)
{
    if (settings->unix_path != NULL) {
        resolve_unix(plan, settings->unix_path);
        return;
    }
    char port[24];
    snprintf(port, sizeof port, "%" PRIu64, settings->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(settings->host, port, &hints, &found);
    if (error != 0) fail(EXIT_USAGE, "%s: %s", settings->host, gai_strerror(error));
    memcpy(&plan->address, found->ai_addr, found->ai_addrlen);
    plan->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
}

static const struct wire *find_wire(const char *name)
{
    for (size_t i = 0; i < WIRE_COUNT; i++) {
        if (strcmp(name, wires[i].name) == 0) return &wires[i];
    }
    fail(EXIT_USAGE, "--protocol takes resp or memcache");
}

static void build_request(const struct plan *plan, const char *workload, struct request *request)
{
    const char *text = NULL;
    for (size_t i = 0; i < ROWS_OF(workloads); i++) {
        if (strcmp(workload, workloads[i].name) == 0) {
            text = workloads[i].requests[plan->wire - wires];
        }
    }
    if (text == NULL) fail(EXIT_USAGE, "%s knows no workload %s", plan->wire->name, workload);
    request_init(request, text, &plan->settings);
    if (request->length > BATCH_BYTES_MAX / plan->settings.pipeline) {
        fail(EXIT_USAGE, "what a connection sends at once is more than %d bytes", BATCH_BYTES_MAX);
    }
}

static void build_requests(struct plan *plan)
{
    const char *workload = plan->settings.is_fill ? "set" : plan->settings.workload;
    if (strncmp(workload, "mix:", 4) != 0) {
        build_request(plan, workload, &plan->request);
        return;
    }
    char *end = NULL;
    double read_percent = strtod(workload + 4, &end);
    if (end == workload + 4 || *end != '\0' || !(read_percent >= 0 && read_percent <= 100)) {
        fail(EXIT_USAGE, "--workload mix:R takes the percentage of reads");
    }
    build_request(plan, "set", &plan->request);
    build_request(plan, "get", &plan->other_request);
    plan->other_limit = (uint64_t)(read_percent / 100 * 4294967296.0);
}

/* ---- Settings ---- */

enum option_kind { OPTION_TEXT, OPTION_NUMBER, OPTION_SECONDS, OPTION_FLAG };

struct option {
    const char *name;
    const char *fallback; /* NULL: not given */
    const char *help;
    enum option_kind kind;
    size_t offset;
    uint64_t min;
    uint64_t max;
};

#define TEXT(field) OPTION_TEXT, offsetof(struct settings, field), 0, 0
#define NUMBER(field, min, max) OPTION_NUMBER, offsetof(struct settings, field), (min), (max)
#define SECONDS(field) OPTION_SECONDS, offsetof(struct settings, field), 0, 0
#define FLAG(field) OPTION_FLAG, offsetof(struct settings, field), 0, 0

/* Aligned by hand: the formatter cannot align cells that are macros. */
/* clang-format off */
static const struct option options[] = {
    {"--host",        "127.0.0.1", "server address",                        TEXT(host)},
    {"--port",        "6379",      "server port",                           NUMBER(port, 1, 65535)},
    {"--unix",        NULL,        "unix socket, instead of host and port", TEXT(unix_path)},
    {"--protocol",    "resp",      "resp or memcache",                      TEXT(protocol)},
    {"--workload",    "get",       "see below",                             TEXT(workload)},
    {"--connections", "50",        "connections",
     NUMBER(connections, 1, CONNECTIONS_MAX)},
    {"--pipeline",    NULL,        "requests sent at once: 1, or 256 with --fill",
     NUMBER(pipeline, 1, PIPELINE_MAX)},
    {"--seconds",     NULL,        "stop after so long: 5, if not after --requests",
     SECONDS(seconds)},
    {"--requests",    NULL,        "stop after so many",           NUMBER(requests, 1, COUNT_MAX)},
    {"--fill",        NULL,        "set every key once, and stop", FLAG(is_fill)},
    {"--keys",        "1000000",   "how many to choose from",      NUMBER(keys, 1, COUNT_MAX)},
    {"--key-bytes",   "16",        "size of a key",
     NUMBER(key_bytes, KEY_PREFIX_BYTES + 1, KEY_BYTES_MAX)},
    {"--value-bytes", "64",        "size of a value",
     NUMBER(value_bytes, 0, VALUE_BYTES_MAX)},
    {"--threads",     "1",         "threads of the generator",     NUMBER(threads, 1, THREADS_MAX)},
    {"--cpu",         NULL,        "cpu of its first thread; others follow",
     NUMBER(cpu, 0, CPU_MAX)},
    {"--json",        NULL,        "report as a JSON object",      FLAG(is_json)},
};
/* clang-format on */

static _Noreturn void print_help(void)
{
    static const char *const operands[] = {"TEXT", "N", "S", ""};
    puts("cairn-bench [options]: measures a server of the Redis or memcached protocol\n");
    for (size_t i = 0; i < ROWS_OF(options); i++) {
        const struct option *option = &options[i];
        printf("  %-14s %-5s %s", option->name, operands[option->kind], option->help);
        if (option->fallback != NULL) printf(" (%s)", option->fallback);
        putchar('\n');
    }
    puts("\nworkloads: get, set, mix:R (R % of get among set), incr, mset (10 keys), ping");
    exit(EXIT_SUCCESS);
}

static uint64_t parse_number(const struct option *option, const char *text)
{
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    bool is_number = errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
    if (!is_number || number < option->min || number > option->max) {
        fail(EXIT_USAGE, "%s takes a number from %" PRIu64 " to %" PRIu64, option->name,
             option->min, option->max);
    }
    return number;
}

static double parse_seconds(const struct option *option, const char *text)
{
    char *end = NULL;
    double seconds = strtod(text, &end);
    if (*end != '\0' || !(seconds > 0 && seconds < 1e6)) {
        fail(EXIT_USAGE, "%s takes seconds", option->name);
    }
    return seconds;
}

static void set_option(struct settings *settings, const struct option *option, const char *text)
{
    void *field = (char *)settings + option->offset;
    switch (option->kind) {
    case OPTION_TEXT: *(const char **)field = text; break;
    case OPTION_NUMBER: *(uint64_t *)field = parse_number(option, text); break;
    case OPTION_SECONDS: *(double *)field = parse_seconds(option, text); break;
    case OPTION_FLAG: *(bool *)field = true; break;
    }
}

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < ROWS_OF(options); i++) {
        if (strcmp(name, options[i].name) == 0) return &options[i];
    }
    fail(EXIT_USAGE, "%s is no option; --help lists them", name);
}

static void set_fallbacks(struct settings *settings)
{
    for (size_t i = 0; i < ROWS_OF(options); i++) {
        void *field = (char *)settings + options[i].offset;
        if (options[i].fallback != NULL) {
            set_option(settings, &options[i], options[i].fallback);
        } else if (options[i].kind == OPTION_NUMBER) {
            *(uint64_t *)field = NOT_GIVEN;
        }
    }
}

static void parse_arguments(struct settings *settings, char **arguments)
{
    while (*arguments != NULL) {
        if (strcmp(*arguments, "--help") == 0) print_help();
        const struct option *option = find_option(*arguments++);
        if (option->kind == OPTION_FLAG) {
            set_option(settings, option, NULL);
            continue;
        }
        if (*arguments == NULL) fail(EXIT_USAGE, "%s needs a value", option->name);
        set_option(settings, option, *arguments++);
    }
}

/* Gives the settings that depend on others their values, and refuses what does not fit together. */
static void settle(struct settings *settings)
{
    bool is_fill = settings->is_fill;
    if (settings->pipeline == NOT_GIVEN) settings->pipeline = is_fill ? FILL_PIPELINE : 1;
    if (is_fill) {
        settings->requests = settings->keys;
        settings->seconds = 0;
    } else if (settings->requests == NOT_GIVEN && settings->seconds <= 0) {
        settings->seconds = SECONDS_DEFAULT;
    }
    if (settings->threads > settings->connections) fail(EXIT_USAGE, "a thread needs a connection");

    char digits[24];
    int digit_count = snprintf(digits, sizeof digits, "%" PRIu64, settings->keys - 1);
    if (settings->key_bytes < (uint64_t)digit_count + KEY_PREFIX_BYTES) {
        fail(EXIT_USAGE, "--key-bytes is too small to tell so many keys apart");
    }
}

static void allow_many_files(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    assert(argc > 0);
    static struct plan plan;
    set_fallbacks(&plan.settings);
    parse_arguments(&plan.settings, argv + 1);
    settle(&plan.settings);
    plan.wire = find_wire(plan.settings.protocol);
    build_requests(&plan);
    resolve(&plan, &plan.settings);
    allow_many_files();
    run(&plan);
    free(plan.request.text);
    free(plan.other_request.text);
    return EXIT_SUCCESS;
}
