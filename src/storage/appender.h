/* The two ends of an append buffer. The worker's end is in wal.h (reserve, advance, publish); this
 * is the committer's: how far a cut reaches, the bytes in it, and giving emptied memory back.
 *
 *   stream offset   0 ........ collected ........ limit of this cut ........ tail ....... next
 *                   | in blocks | to be written    | tag > epoch              | unpublished  |
 *
 * The buffer is a chain of chunks; a record never lies across two of them. The worker appends
 * chunks, the committer takes them off; each chunk is touched by one of them at a time beyond what
 * is published. */
#ifndef STORAGE_APPENDER_H
#define STORAGE_APPENDER_H

#include "storage/wal.h"

struct wal_chunk {
    uint64_t base;  /* stream offset of data[0] */
    uint64_t limit; /* stream offset at which `next` takes over; valid once `next` is set */
    size_t size;    /* of data */
    _Atomic(struct wal_chunk *) next;
    char data[];
};

void appender_init(struct wal_appender *appender);
void appender_deinit(struct wal_appender *appender);

/* The stream offset up to which cut `epoch`, just closed, takes bytes. Drops the marks that it
 * settles: call it once for each cut, in order. */
uint64_t appender_limit(struct wal_appender *appender, uint64_t epoch);

/* A walk over the bytes between `collected` and a limit. */
struct appender_cursor {
    const struct wal_chunk *chunk;
    uint64_t offset;
};
struct appender_cursor appender_cursor(const struct wal_appender *appender);
/* The next contiguous run of whole records before `limit`; empty at the end. Borrowed until they
 * are released. */
struct bytes appender_next_extent(struct appender_cursor *cursor, uint64_t limit);

/* Everything before `limit` stands in blocks: its memory may be reused. */
void appender_release(struct wal_appender *appender, uint64_t limit);

/* Transactions published since the last call; a few of the newest may be missing. */
uint64_t appender_take_transactions(struct wal_appender *appender);

/* Published, not released. Any thread; a moment old. */
uint64_t appender_pending_bytes(const struct wal_appender *appender);

#endif
