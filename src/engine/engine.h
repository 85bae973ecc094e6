/* A durable database: opens a directory (recovering what is there), runs transactions, checkpoints,
 * closes. The only place that knows both memory and disk. The floors above see keys and
 * transactions; they never see the log. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/buf.h"
#include "base/random.h"
#include "base/status.h"
#include "keyspace/keyspace.h"
#include "storage/wal.h"

struct clock;
struct disk;
struct engine;

struct engine_options {
    struct disk *disk; /* NULL: memory only, nothing is written, nothing can be checkpointed */
    struct clock *clock;
    bool has_log; /* appendonly: false keeps no log; checkpoints still work */
    enum wal_sync sync;
    uint32_t worker_count; /* threads that run transactions */
    uint32_t shard_count;  /* 0: 32 a worker, rounded up */
    uint32_t database_count;
    uint64_t segment_bytes;
    uint32_t flush_ms; /* how long a write may stay unwritten when sync is not ALWAYS */
    uint64_t
        checkpoint_log_bytes; /* a checkpoint starts when this much log has gathered (or as much as the data) */
    bool has_threads; /* log writer and housekeeper; false: tests drive them */
    void *context;
    void (*on_durable)(void *context, uint64_t durable); /* any thread, no lock held */
    void (*on_progress)(void *context, const char *stage, uint64_t done,
                        uint64_t total); /* while opening */
};

/* One thread's seat in the engine. Only that thread uses it. */
struct CACHE_ALIGNED engine_worker {
    struct engine *engine;
    struct keyspace *keyspace;
    struct wal *wal;               /* NULL without a log */
    struct wal_appender *appender; /* likewise */
    /* What durability is measured by now: the log's, or a number that everything has reached
     * (engine_set_sync). */
    const _Atomic uint64_t *_Atomic durable;
    uint32_t index;
    struct random random;
    /* Written by the owner, read by anyone (relaxed). */
    _Atomic uint64_t hits;
    _Atomic uint64_t misses;
    _Atomic uint64_t expired;
    _Atomic uint64_t changes; /* records written: rdb_changes_since_last_save */
};

/* Only the owner writes, so a load and a store do. */
ALWAYS_INLINE void engine_worker_count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* As engine_durable. */
ALWAYS_INLINE uint64_t engine_worker_durable(const struct engine_worker *worker)
{
    return atomic_load_explicit(atomic_load_explicit(&worker->durable, memory_order_relaxed),
                                memory_order_acquire);
}

/* STATUS_CORRUPT and others come with a message for the operator. */
MUST_USE enum status engine_open(const struct engine_options *options, struct engine **out,
                                 struct buf *message);
/* Commits, seals, stops the threads, frees. With `has_checkpoint` a last checkpoint is taken
 * (without a log: SHUTDOWN SAVE). */
MUST_USE enum status engine_close(struct engine *engine, bool has_checkpoint);

struct engine_worker *engine_worker_at(struct engine *engine, uint32_t index);
struct keyspace *engine_keyspace(struct engine *engine);
struct wal *engine_wal(struct engine *engine); /* NULL without a log */

/* The newest durable epoch; UINT64_MAX when nothing is ever waited for (no log, or sync is not
 * ALWAYS). */
uint64_t engine_durable(const struct engine *engine);
/* The newest epoch on disk, whatever the sync mode, and the current one: what was written up to now
 * is on disk when the first reaches what the second says now. 0 without a log. */
uint64_t engine_synced(const struct engine *engine);
uint64_t engine_epoch(const struct engine *engine);
/* Somebody waits: commit soon. */
void engine_kick(struct engine *engine);
/* Commits in the calling thread, which waits for the disk meanwhile; false when somebody else is
 * committing. For a lone writer: it saves two switches of threads. */
bool engine_commit(struct engine *engine);
/* So much waits for a slow disk that no further command should run until some of it is written. */
bool engine_is_backlogged(const struct engine *engine);
/* Why writes are refused now, as an error text ("MISCONF ..."), or NULL when they are welcome. */
const char *engine_refusal(const struct engine *engine);
void engine_set_sync(struct engine *engine, enum wal_sync sync);
enum wal_sync engine_sync(const struct engine *engine);

/* Deletes up to `budget_keys` keys that are due, advances rehashes and frees of flushed tables, in
 * the shards that belong to this worker (index modulo worker_count). Returns the milliseconds until
 * the next deadline, 0 when more is due now, INT64_MAX when there is none. */
int64_t engine_tidy(struct engine_worker *worker, int64_t now_ms, unsigned budget_keys);

/* Checkpoints: SAVE waits for it, BGSAVE does not. */
MUST_USE enum status engine_checkpoint(
    struct engine *engine); /* in the calling thread; STATUS_IN_USE when one runs */
MUST_USE enum status engine_request_checkpoint(
    struct engine *engine); /* the housekeeper does it; STATUS_IN_USE likewise */

/* The cheap part of the statistics below, for save points. */
struct engine_checkpoint_state {
    uint64_t changes; /* since the last finished one */
    int64_t last_wall_s;
    bool is_running;
};
void engine_checkpoint_state(struct engine *engine, struct engine_checkpoint_state *out);

struct engine_statistics {
    struct wal_statistics wal;
    bool has_log;
    bool is_full;
    bool has_failed;
    bool checkpoint_running;
    bool checkpoint_last_failed;
    uint64_t checkpoint_count;    /* finished ones */
    uint64_t checkpoint_attempts; /* ended ones, good or bad */
    uint64_t checkpoint_keys_done;
    uint64_t checkpoint_bytes;
    int64_t
        checkpoint_last_wall_s; /* when the newest finished one was finished; the start time before there is one */
    int64_t checkpoint_last_seconds;
    int64_t checkpoint_running_seconds; /* -1 when none runs */
    uint64_t changes_since_checkpoint;
    uint64_t hits, misses, expired;
    uint64_t
        keyspace_bytes;   /* slabs, tables, blobs, wheels; as of the newest engine_sample_memory */
    uint64_t loaded_keys; /* at start */
    int64_t load_ms;
};
void engine_statistics(struct engine *engine, struct engine_statistics *out);
/* Adds up the memory of all shards, one lock at a time. The caller holds none. */
void engine_sample_memory(struct engine *engine);

#endif
