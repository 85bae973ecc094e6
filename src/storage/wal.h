/* The write-ahead log: one log, an append buffer per worker, epochs cut by whoever commits (group
 * commit).
 *
 * A worker appends records to its private buffer while it holds the shard locks of the keys, and
 * publishes them with one exchange before it unlocks; the committer closes an epoch by incrementing
 * `epoch`, gathers what every buffer had published with a tag not past it, writes it as checksummed
 * blocks, and then moves `durable` forward. A reply may leave when the gate epoch that wal_publish
 * returned is durable. The proof is in docs/decisions (epoch cut).
 *
 *   worker, holding its locks, after the change      committer
 *     (the records stand in private memory)            e = fetch_add(epoch, 1)     cut e closes
 *     e = epoch; mark, if e is not the last tag        for each appender: take up to its tail,
 *     exchange(tail)       publish, full barrier         but not past the first mark with tag > e
 *     gate = epoch         in some cut <= gate         write, sync; durable = e; wake the waiting
 *
 * The tag is read when the whole transaction stands in the buffer and all its locks are held, so a
 * transaction is never split over two cuts. Nobody waits for anybody: a worker preempted in the
 * middle appears in the next cut. */
#ifndef STORAGE_WAL_H
#define STORAGE_WAL_H

#include <stdatomic.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/status.h"

struct clock;
struct disk;
struct wal;
struct wal_chunk;

enum wal_sync {
    WAL_SYNC_ALWAYS,   /* each cut is durable before its replies leave */
    WAL_SYNC_INTERVAL, /* replies leave at once; written within flush_ms, synced every second */
    WAL_SYNC_NEVER, /* replies leave at once; written within flush_ms, synced when a segment ends */
};

enum {
    WAL_MARK_COUNT = 8,        /* tags of one appender that are not collected yet: at most 3 are */
    WAL_SPARE_CHUNK_COUNT = 4, /* emptied chunks that an appender keeps for itself */
    WAL_CHUNK_BYTES = 256 * 1024, /* a piece of an append buffer; a larger record gets its own */
    WAL_SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024,
    WAL_SEGMENT_BYTES_MIN = 1024 * 1024, /* for whoever configures; tests use less */
    WAL_BACKLOG_BYTES_MAX = 256 * 1024 *
                            1024, /* pending bytes past which workers stop reading from sockets */
};
/* One record; bigger values are split into several. */
#define WAL_RECORD_BYTES_MAX (UINT32_MAX - UINT64_C(1024 * 1024))

struct wal_options {
    struct disk *disk;
    struct clock *clock;
    uint64_t log_id; /* of this history; every block carries it */
    uint32_t term;   /* 1 until there are replicas */
    uint32_t appender_count;
    uint64_t segment_bytes;
    uint64_t first_block; /* where recovery ended: the new segment begins with this block number */
    uint64_t first_epoch; /* the first epoch to cut; everything before it is durable */
    uint32_t flush_ms;    /* for INTERVAL and NEVER; 100 by default */
    enum wal_sync sync;
    bool has_thread; /* false: nothing is cut but by wal_commit (tests, the library) */
    void *context;
    /* `durable` moved: called by the committing thread with no lock held. Two threads may call at
     * the same time, and the greater number may come first. */
    void (*on_durable)(void *context, uint64_t durable);
    /* The first failed write or sync: the gate is closed already, in all threads. Called once. */
    void (*on_failure)(void *context, enum status status, const char *what);
    /* The disk has too little room for the next segment (true), or has it again (false). Must not
     * call the log. */
    void (*on_full)(void *context, bool is_full);
};

/* One worker's end of the log. The first part belongs to the worker, the second is handed from one
 * to the other, the third belongs to the committer. A stream offset counts all bytes ever appended
 * here. */
struct CACHE_ALIGNED wal_appender {
    char *next; /* where the next byte goes in `chunk` */
    char *end;
    uint64_t bias;  /* address of a byte in `chunk` + bias = its stream offset */
    uint64_t start; /* stream offset of the first unpublished byte */
    uint64_t tag;   /* epoch of the newest mark */
    struct wal_chunk *chunk;

    CACHE_ALIGNED _Atomic uint64_t tail; /* stream offset: everything before it is published */
    _Atomic uint64_t transactions;       /* published so far */
    _Atomic uint64_t mark_tail;          /* marks pushed so far */
    struct wal_mark {
        _Atomic uint64_t epoch;
        _Atomic uint64_t offset; /* the first byte that carries this tag */
    } marks[WAL_MARK_COUNT];
    _Atomic(struct wal_chunk *) spares[WAL_SPARE_CHUNK_COUNT]; /* emptied, for the worker to take */

    CACHE_ALIGNED _Atomic uint64_t collected; /* stream offset: everything before it is in blocks */
    uint64_t mark_head;                       /* marks consumed so far */
    uint64_t collected_transactions;
    struct wal_chunk *collect_chunk; /* holds the byte at `collected` */
};

/* The part that every worker reads, each word on a line of its own; the rest is private to this
 * folder. */
struct wal {
    CACHE_ALIGNED _Atomic uint64_t epoch; /* open; moved by the committer, never back */
    CACHE_ALIGNED _Atomic uint64_t
        durable; /* moved by the committer; frozen by the first failure */
    _Atomic bool has_failed;
    _Atomic bool is_full;
    CACHE_ALIGNED _Atomic uint32_t signal; /* enum wal_signal */
    CACHE_ALIGNED struct wal_appender *appenders;
    struct wal_parts *parts;
};

/* The directory already holds what recovery left there. Prepares the first segment and, with
 * has_thread, starts the log writer. */
MUST_USE enum status wal_open(const struct wal_options *options, struct wal **out);
/* Commits what is published, seals the log, stops the thread. */
MUST_USE enum status wal_close(struct wal *wal);

struct wal_appender *wal_appender_at(struct wal *wal, uint32_t index);

/* Room for `size` contiguous bytes at the end of the appender's private buffer. Never waits, never
 * fails. */
char *wal_reserve(struct wal_appender *appender, size_t size);

/* The bytes up to `end` (inside the last reservation) are part of the running transaction. */
static inline void wal_advance(struct wal_appender *appender, char *end)
{
    appender->next = end;
}

/* The cold part of wal_publish: the bytes from the first unpublished one on carry the tag
 * `epoch`. */
void wal_push_mark(struct wal_appender *appender, uint64_t epoch);

/* Makes everything appended since the last publish part of the log, as one transaction. The caller
 * holds the locks of all that it changed, and keeps them until this returns. Returns the gate
 * epoch. No-op returning 0 when nothing was appended. */
static inline uint64_t wal_publish(struct wal *wal, struct wal_appender *appender)
{
    uint64_t end = (uint64_t)(uintptr_t)appender->next + appender->bias;
    if (end == appender->start) return 0;
    uint64_t tag = atomic_load(&wal->epoch);
    if (UNLIKELY(tag != appender->tag)) wal_push_mark(appender, tag);
    appender->start = end;
    uint64_t transactions = atomic_load_explicit(&appender->transactions, memory_order_relaxed);
    atomic_store_explicit(&appender->transactions, transactions + 1, memory_order_relaxed);
    (void)atomic_exchange(&appender->tail, end);
    return atomic_load(&wal->epoch);
}

/* The current epoch: what a reader who must wait for everything published so far waits for. */
static inline uint64_t wal_epoch(const struct wal *wal)
{
    return atomic_load(&wal->epoch);
}

/* The newest durable epoch. UINT64_MAX is never reached. Stops for ever at the first failure. */
static inline uint64_t wal_durable(const struct wal *wal)
{
    return atomic_load(&wal->durable);
}

/* A failed write or sync closed the gate. */
static inline bool wal_has_failed(const struct wal *wal)
{
    return atomic_load(&wal->has_failed);
}

/* Writes are refused for lack of space. */
static inline bool wal_is_full(const struct wal *wal)
{
    return atomic_load_explicit(&wal->is_full, memory_order_relaxed);
}

/* What `wal.signal` says. Only a kick writes SIGNALLED, only the log writer takes it back. */
enum wal_signal {
    WAL_IDLE,      /* the log writer is awake and has not been kicked since its last cut began */
    WAL_SIGNALLED, /* it will cut; for ever so when there is no thread */
    WAL_ASLEEP,    /* a kick must wake it */
};
void wal_kick_slow(struct wal *wal);

/* Somebody waits for `durable`: the log writer commits as soon as its pace allows. One load when it
 * knows already. */
static inline void wal_kick(struct wal *wal)
{
    if (atomic_load(&wal->signal) != WAL_SIGNALLED) wal_kick_slow(wal);
}

/* Cuts and commits once in the calling thread, if nobody else is committing; returns false when
 * somebody is. For a lone writer this saves two thread switches; for tests without a thread it is
 * the only way. *out_status is STATUS_NO_SPACE when the cut must wait for room (nothing is lost,
 * the next commit takes it along). */
bool wal_commit(struct wal *wal, enum status *out_status);

/* Blocks until `epoch` is durable (and with INTERVAL or NEVER brings that about), the gate is
 * closed (STATUS_STOPPED) or `timeout_ns` passed (STATUS_WOULD_BLOCK). */
MUST_USE enum status wal_wait(struct wal *wal, uint64_t epoch, uint64_t timeout_ns);

void wal_set_sync(struct wal *wal, enum wal_sync sync);

/* The number of the block that the next cut begins with: records published from now on are in it or
 * later. */
uint64_t wal_next_block(struct wal *wal);

/* Segments that hold only blocks before `block` are recycled or removed: a durable checkpoint
 * covers them. */
MUST_USE enum status wal_trim(struct wal *wal, uint64_t block);

/* Published and not yet written: WAL_BACKLOG_BYTES_MAX is where the caller must hold its clients
 * back. A few loads. */
uint64_t wal_pending_bytes(const struct wal *wal);

struct wal_statistics {
    uint64_t cuts;
    uint64_t bytes_appended; /* record bytes */
    uint64_t bytes_written;  /* with headers and padding */
    uint64_t disk_bytes;     /* of all segments */
    uint64_t pending_bytes;  /* published, not written */
    uint64_t commit_ns_p50;  /* of recent commits */
    uint64_t commit_ns_max;
    uint64_t segments;
    uint64_t newest_block;
    uint64_t durable_epoch;
    int64_t last_sync_wall_us;
};
void wal_statistics(struct wal *wal, struct wal_statistics *out);

#endif
