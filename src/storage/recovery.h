/* Reads the log back after a stop of any kind: every complete epoch from a given block on, in
 * order, and where the log ends. A torn tail that was never acknowledged is dropped silently;
 * damage to anything that may have been acknowledged stops with STATUS_CORRUPT and a message that
 * names file, offset and epoch, and what dropping the rest would lose.
 *
 * What was replayed is made durable before this returns (a block that a kill left in the device's
 * cache must not be served and then lost to a power cut). Nothing is ever appended behind a torn
 * tail: the new log begins a new segment. */
#ifndef STORAGE_RECOVERY_H
#define STORAGE_RECOVERY_H

#include "base/buf.h"
#include "base/status.h"

struct disk;

struct recovery_options {
    struct disk *disk;
    uint64_t log_id;
    uint64_t first_block; /* from the manifest: where the checkpoint's walk began */
    void *context;
    /* One worker's run of whole records of one complete epoch; epochs rise. Within an epoch the
     * runs of different workers come one after the other, not in the order of the partitions'
     * sequence numbers: whoever applies them sorts by those. Borrowed until the epoch's on_epoch
     * has returned. A status other than OK stops the recovery and is returned (with `message`
     * filled in by the callback's owner). */
    enum status (*on_records)(void *context, uint64_t epoch, uint64_t block, int64_t wall_us,
                              struct bytes records);
    /* The epoch is complete: no more runs of it will come. May be NULL. */
    enum status (*on_epoch)(void *context, uint64_t epoch);
    /* Bytes of log read so far, of all there are; may be NULL. */
    void (*on_progress)(void *context, uint64_t done, uint64_t total);
};

struct recovery_result {
    uint64_t next_block; /* for wal_options.first_block */
    uint64_t next_epoch; /* for wal_options.first_epoch */
    uint64_t epochs;     /* delivered */
    uint64_t torn_bytes; /* of an unacknowledged tail that was dropped */
    /* Of the newest complete block, or of a segment that none follows; 0 when there was no log. */
    int64_t last_wall_us;
};

/* On STATUS_CORRUPT, STATUS_VERSION and STATUS_IO `message` says what, where and what to do. */
MUST_USE enum status recovery_run(const struct recovery_options *options,
                                  struct recovery_result *out, struct buf *message);

#endif
