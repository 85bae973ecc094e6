/* What the files of the engine share: its insides. */
#ifndef ENGINE_ENGINE_INTERNAL_H
#define ENGINE_ENGINE_INTERNAL_H

#include <stdatomic.h>

#include "engine/engine.h"
#include "os/clock.h"
#include "os/lock.h"
#include "os/thread.h"
#include "storage/manifest.h"

enum { ENGINE_REFUSAL_NONE = 0, ENGINE_REFUSAL_FULL, ENGINE_REFUSAL_FAILED };

struct engine {
    struct engine_options options;
    struct keyspace *keyspace;
    struct wal *wal; /* NULL without a log */
    struct engine_worker *workers;
    uint64_t databases_version; /* of the database map; under all shard locks */
    _Atomic uint32_t sync;      /* enum wal_sync */
    _Atomic uint64_t never;     /* UINT64_MAX: `durable` where nobody waits */
    _Atomic uint32_t refusal;   /* ENGINE_REFUSAL_* */

    /* Checkpoints. The manifest belongs to whoever holds `checkpointing`. */
    struct mutex checkpointing;
    struct manifest manifest;
    uint64_t log_bytes_at_checkpoint; /* written by then */
    uint64_t log_files_at_checkpoint; /* on disk right after it */
    uint64_t log_end_block;           /* where recovery ended */
    _Atomic uint64_t changes_at_checkpoint;
    _Atomic bool
        is_checkpoint_cancelled; /* the housekeeper's is to end, the engine is being closed */
    _Atomic bool checkpoint_running;
    _Atomic bool checkpoint_last_failed;
    _Atomic uint64_t checkpoint_count;
    _Atomic uint64_t checkpoint_attempts;
    _Atomic uint64_t checkpoint_keys_done;
    _Atomic uint64_t checkpoint_bytes;
    _Atomic int64_t checkpoint_began_us;
    _Atomic int64_t checkpoint_last_us;
    _Atomic int64_t checkpoint_last_seconds;

    /* The housekeeper. */
    struct mutex housekeeping;
    struct condition work;
    bool is_stopping GUARDED_BY(housekeeping);
    bool is_requested GUARDED_BY(housekeeping);
    bool has_housekeeper;
    struct thread housekeeper;

    _Atomic uint64_t keyspace_bytes; /* sampled */
    uint64_t loaded_keys;
    int64_t load_ms;
};

static inline int64_t engine_wall_ms(const struct engine *engine)
{
    return engine->options.clock->wall_us(engine->options.clock) / 1000;
}

/* All records ever written by all workers. */
uint64_t engine_changes(const struct engine *engine);

#endif
