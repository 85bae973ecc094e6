/* What has been counted: calls, time, refusals and errors of every command, bytes and connections.
 *
 * Each worker counts in memory of its own with plain stores (no shared cache line, no locked
 * instruction) and readers add the workers up. CONFIG RESETSTAT raises the generation: readers pass
 * over a worker whose counters are of an older one, and the worker clears them when it counts next.
 * A reader may miss what is counted at that moment, nothing else. */
#ifndef COMMAND_STATISTICS_H
#define COMMAND_STATISTICS_H

#include <stdatomic.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "command/histogram.h"
#include "command/ticks.h"

struct statistics;

enum {
    STATISTICS_ERRORS_MAX = 128, /* kinds of error a worker tells apart; more are only counted */
    STATISTICS_ERROR_NAME_BYTES = 40, /* a longer first word is cut */
};

enum statistics_total {
    STATISTICS_COMMANDS,             /* run, refused ones not counted */
    STATISTICS_ERRORS,               /* error replies of every kind */
    STATISTICS_CONNECTIONS,          /* accepted */
    STATISTICS_CONNECTIONS_REJECTED, /* over maxclients */
    STATISTICS_INPUT_BYTES,
    STATISTICS_OUTPUT_BYTES,
    STATISTICS_READS, /* system calls that read from clients */
    STATISTICS_WRITES,
    STATISTICS_EVICTED_CLIENTS, /* closed for exceeding a limit */
    STATISTICS_EVICTED_KEYS,
    STATISTICS_TOTAL_COUNT,
};

struct statistics_command {
    _Atomic uint64_t calls;
    _Atomic uint64_t elapsed_ns;
    _Atomic uint64_t rejected; /* refused before they ran: arity, authentication, memory ... */
    _Atomic uint64_t failed;   /* ran and answered an error */
};

struct statistics_error {
    char name[STATISTICS_ERROR_NAME_BYTES]; /* NUL-terminated, written before error_count rises */
    _Atomic uint64_t count;
};

struct CACHE_ALIGNED statistics_worker {
    struct statistics *statistics;
    const _Atomic uint32_t *newest_generation;
    const _Atomic bool *has_histograms; /* latency-tracking */
    _Atomic uint32_t generation;
    _Atomic uint32_t error_count;
    struct statistics_command *commands;   /* by registry index */
    struct histogram *_Atomic *histograms; /* likewise; NULL until first used */
    struct statistics_error *errors;
    _Atomic uint64_t totals[STATISTICS_TOTAL_COUNT];
};

struct statistics *statistics_create(unsigned command_count, unsigned worker_count);
void statistics_destroy(struct statistics *statistics);
/* The seat of one worker: only its thread counts there. */
struct statistics_worker *statistics_worker_at(struct statistics *statistics, unsigned index);
/* For timing commands: ticks_now(statistics_ticks(...)). */
const struct ticks *statistics_ticks(const struct statistics *statistics);
/* latency-tracking; on at first. Any thread. */
void statistics_set_histograms(struct statistics *statistics, bool has_histograms);

/* ---- counting: the worker's own thread ---- */

/* Brings a worker to the newest generation. */
void statistics_renew(struct statistics_worker *worker);
void statistics_add_histogram(struct statistics_worker *worker, unsigned index);

ALWAYS_INLINE void statistics_raise(_Atomic uint64_t *counter, uint64_t amount)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + amount, memory_order_relaxed);
}

ALWAYS_INLINE void statistics_check(struct statistics_worker *worker)
{
    uint32_t newest = atomic_load_explicit(worker->newest_generation, memory_order_relaxed);
    uint32_t own = atomic_load_explicit(&worker->generation, memory_order_relaxed);
    if (UNLIKELY(own != newest)) statistics_renew(worker);
}

ALWAYS_INLINE void statistics_add(struct statistics_worker *worker, enum statistics_total total,
                                  uint64_t amount)
{
    statistics_check(worker);
    statistics_raise(&worker->totals[total], amount);
}

/* A command ran: index by registry_index. */
ALWAYS_INLINE void statistics_count(struct statistics_worker *worker, unsigned index,
                                    uint64_t elapsed_ns, bool has_failed)
{
    statistics_check(worker);
    struct statistics_command *command = &worker->commands[index];
    statistics_raise(&command->calls, 1);
    statistics_raise(&command->elapsed_ns, elapsed_ns);
    if (UNLIKELY(has_failed)) statistics_raise(&command->failed, 1);
    statistics_raise(&worker->totals[STATISTICS_COMMANDS], 1);
    if (!atomic_load_explicit(worker->has_histograms, memory_order_relaxed)) return;
    struct histogram *histogram = atomic_load_explicit(&worker->histograms[index],
                                                       memory_order_relaxed);
    if (UNLIKELY(histogram == NULL)) {
        statistics_add_histogram(worker, index);
        histogram = atomic_load_explicit(&worker->histograms[index], memory_order_relaxed);
    }
    histogram_record(histogram, elapsed_ns);
}

/* A command was refused before it ran. */
void statistics_reject(struct statistics_worker *worker, unsigned index);
/* An error was answered; `text` as in the reply: "ERR syntax error" counts under "ERR". */
void statistics_count_error(struct statistics_worker *worker, struct bytes text);

/* ---- reading: any thread ---- */

uint64_t statistics_total(const struct statistics *statistics, enum statistics_total total);

struct statistics_command_sum {
    uint64_t calls;
    uint64_t elapsed_ns;
    uint64_t rejected;
    uint64_t failed;
};
struct statistics_command_sum statistics_command_at(const struct statistics *statistics,
                                                    unsigned index);
/* Adds the workers' histograms of a command to *out (which the caller cleared); false when none was
 * recorded. */
bool statistics_histogram(const struct statistics *statistics, unsigned index,
                          struct histogram *out);
/* Calls each(context, name, count) once for every kind of error, in no order. */
void statistics_each_error(const struct statistics *statistics,
                           void (*each)(void *context, const char *name, uint64_t count),
                           void *context);
/* CONFIG RESETSTAT. */
void statistics_reset(struct statistics *statistics);

#endif
