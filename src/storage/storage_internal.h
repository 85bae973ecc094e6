/* What the parts of the write-ahead log know of each other. */
#ifndef STORAGE_STORAGE_INTERNAL_H
#define STORAGE_STORAGE_INTERNAL_H

#include "os/lock.h"
#include "os/thread.h"
#include "storage/committer.h"
#include "storage/wal.h"

/* Keeps the next segment ready, and says when the disk is full and when it no longer is. */
struct preparer {
    struct wal *wal; /* borrowed */
    struct thread thread;
    struct mutex lock; /* LOCK_RANK_LOG */
    struct condition wake;
    _Atomic bool is_poked;
    _Atomic bool is_stopping;
};

/* The thread that cuts when it is kicked, at its pace, and seals when it gets quiet. */
struct log_writer {
    struct wal *wal; /* borrowed */
    struct thread thread;
    struct mutex lock; /* LOCK_RANK_LOG */
    struct condition wake;
    bool is_stopping GUARDED_BY(lock);
    bool is_nudged GUARDED_BY(lock);
    uint64_t last_start_ns; /* of the newest cut; the thread's own from here on */
    uint64_t commit_cpu_ns; /* moving average */
    uint64_t retry_ns;      /* not before this moment, after a cut that found no room */
    bool is_alone;          /* the newest cut held one transaction */
    bool is_tired;          /* nothing has been cut since it looked for what to sync or to seal */
};

struct wal_parts {
    struct wal_options options;
    struct segment_set *segments;
    struct committer committer;
    struct preparer preparer;
    struct log_writer writer;
    struct mutex full_lock; /* LOCK_RANK_LOG: one on_full at a time */
    struct mutex wait_lock; /* LOCK_RANK_LOG */
    struct condition moved; /* `durable` moved, or the gate closed */
    _Atomic uint32_t waiters;
};

/* One cut by the calling thread and everything that follows from it: waiters, callbacks, poking the
 * preparer. The caller holds no lock; `lock` says whether to wait for the commit lock. False when
 * it was taken. */
bool wal_lead_cut(struct wal *wal, bool waits, bool must_sync, enum status *out_status);
/* Closes the gate for a failure outside of a cut, and tells everybody. `what` is a literal. */
void wal_fail(struct wal *wal, enum status status, const char *what);
/* Sync and seal, if anything asks for it. */
void wal_rest(struct wal *wal);
/* Sees whether the log has room, and calls on_full when that has changed. */
void wal_tell_full(struct wal *wal);

MUST_USE enum status preparer_start(struct preparer *preparer, struct wal *wal);
void preparer_stop(struct preparer *preparer);
/* There may be something to prepare or to tell. */
void preparer_poke(struct preparer *preparer);
/* The same work in the calling thread, for a log without threads. */
void preparer_run_once(struct preparer *preparer);

MUST_USE enum status log_writer_start(struct log_writer *writer, struct wal *wal);
void log_writer_stop(struct log_writer *writer);
/* Wakes the thread whatever it sleeps for: something it decides by has changed. */
void log_writer_nudge(struct log_writer *writer);

#endif
