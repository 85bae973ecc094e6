/* What a database must hold: a few keys in a few databases, the history of transactions, each with
 * the epoch it waits for, and the state that each leaves. An engine's whole content, after whatever
 * happened to it, must be the state after some number of transactions: no fewer than were
 * acknowledged, and none of them by half.
 *
 * One thread drives it, through any of the engine's workers: then an earlier transaction is never
 * in a later cut. */
#ifndef TESTS_SUPPORT_ENGINE_MODEL_H
#define TESTS_SUPPORT_ENGINE_MODEL_H

#include "base/buf.h"
#include "base/random.h"
#include "engine/txn.h"

enum {
    ENGINE_MODEL_DATABASES = 4,
    ENGINE_MODEL_KEYS = 40,
};

struct engine_model_cell {
    bool is_there;
    int64_t deadline_ms; /* ENTRY_NO_DEADLINE, or absolute */
    struct buf value;
};

struct engine_model_state {
    struct engine_model_cell cells[ENGINE_MODEL_DATABASES][ENGINE_MODEL_KEYS];
};

struct engine_model {
    struct random random;
    size_t value_bytes_max;
    struct engine_model_state base; /* before the first transaction */
    struct engine_model_state now;  /* after the last one */
    struct buf changes;             /* private */
    struct buf transactions;        /* private */
    struct buf message;             /* what is wrong */
};

void engine_model_init(struct engine_model *model, uint64_t seed);
void engine_model_deinit(struct engine_model *model);

/* One transaction of a random kind: sets, counters, groups of several keys, appends, deletions,
 * deadlines, copies, flushes, swaps, mixtures. What it sees in the engine must be what the model
 * says. */
void engine_model_step(struct engine_model *model, struct engine_worker *worker, int64_t now_ms);

size_t engine_model_count(const struct engine_model *model);
/* How many of the first transactions are acknowledged when `durable` is. */
size_t engine_model_acknowledged(const struct engine_model *model, uint64_t durable);

/* Reads everything that the engine holds and finds the number of transactions, from `last` down to
 * `first`, that leaves just this. False, with model->message, when there is none: *out is then
 * `first`. */
bool engine_model_find(struct engine_model *model, struct engine *engine, int64_t now_ms,
                       size_t first, size_t last, size_t *out);

/* The first `count` transactions are history, later ones never happened. */
void engine_model_settle(struct engine_model *model, size_t count);
/* A model of its own that begins with the state after `count` transactions. */
void engine_model_fork(const struct engine_model *model, size_t count, uint64_t seed,
                       struct engine_model *out);

/* Name of a key; borrowed for ever. */
struct bytes engine_model_key(uint32_t key);

#endif
