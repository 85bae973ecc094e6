/* Cuts an epoch over all appenders, writes it as blocks and moves `durable`. Whoever holds `lock`
 * is the committer: the log writer's thread, or a caller of wal_commit who found it free.
 *
 * The first failed write or sync ends the log: the flag is set and `durable` frozen under the same
 * lock under which alone it moves, before anything else happens; nothing is ever written again. A
 * cut that finds no room is not a failure: its bytes stay where they are, and the next cut takes
 * them along. */
#ifndef STORAGE_COMMITTER_H
#define STORAGE_COMMITTER_H

#include "os/lock.h"
#include "storage/cut_plan.h"
#include "storage/wal.h"

struct segment_set;

enum {
    COMMITTER_TIMES_COUNT = 128, /* durations kept for statistics */
    COMMITTER_SYNC_MS = 1000,    /* WAL_SYNC_INTERVAL */
};

struct committer {
    struct wal *wal;              /* borrowed */
    struct segment_set *segments; /* borrowed */
    struct wal_options options;
    struct mutex lock; /* LOCK_RANK_COMMIT */

    struct cut_plan plan GUARDED_BY(lock);
    uint64_t *limits GUARDED_BY(lock); /* of each appender, in the running cut */
    char *staging GUARDED_BY(lock);    /* aligned */
    size_t staging_bytes GUARDED_BY(lock);
    uint64_t written_epoch GUARDED_BY(
        lock); /* it and all before it stand in blocks, or were empty */
    uint64_t durable_block GUARDED_BY(lock); /* every block below it is durable */
    bool has_unsynced GUARDED_BY(lock);      /* blocks were written that no sync has followed */
    bool is_sealed GUARDED_BY(lock);         /* what is durable stands on disk */
    uint64_t last_sync_ns GUARDED_BY(lock);
    enum status failure GUARDED_BY(lock);
    const char *failure_what GUARDED_BY(lock);

    _Atomic uint64_t next_block;  /* of the next cut */
    _Atomic uint64_t sync_wanted; /* somebody waits for this epoch whatever the mode is */
    _Atomic uint32_t sync;        /* enum wal_sync */
    _Atomic bool is_stalled;      /* the last cut found no room */
    _Atomic bool is_failure_told;

    _Atomic uint64_t cuts;
    _Atomic uint64_t bytes_appended;
    _Atomic uint64_t bytes_written;
    _Atomic uint64_t last_cut_transactions;
    _Atomic int64_t last_sync_wall_us;
    _Atomic uint64_t times_count;
    _Atomic uint64_t times_ns[COMMITTER_TIMES_COUNT]; /* a ring */
};

void committer_init(struct committer *committer, struct wal *wal, struct segment_set *segments,
                    const struct wal_options *options);
void committer_deinit(struct committer *committer);

/* Begins the first segment of this run. */
MUST_USE enum status committer_start(struct committer *committer) REQUIRES(committer->lock);
/* One cut. STATUS_NO_SPACE: stalled. With `must_sync` it is durable whatever the mode is. */
MUST_USE enum status committer_cut(struct committer *committer, bool must_sync)
    REQUIRES(committer->lock);
/* Puts on disk what is durable, in a block without records, if no block says it yet. */
MUST_USE enum status committer_seal(struct committer *committer) REQUIRES(committer->lock);

/* Closes the gate for a failure outside of a cut; waits for a running cut. `what` is a literal. */
void committer_fail(struct committer *committer, enum status status, const char *what);
/* Calls on_failure, once, when the gate is closed. With no lock held. */
void committer_tell_failure(struct committer *committer);

/* What is to be done when it gets quiet: sync, but for WAL_SYNC_NEVER, and seal. A failure closes
 * the gate. */
void committer_rest(struct committer *committer) REQUIRES(committer->lock);

/* Of the commits in the ring; 0 when there were none. */
void committer_times(const struct committer *committer, uint64_t *out_p50_ns, uint64_t *out_max_ns);

#endif
