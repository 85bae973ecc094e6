/* Every lock of the process, in the order in which a thread may take them. A debug build checks
 * each acquisition: ranks must rise; of the same rank only LOCK_RANK_SHARD may be held more than
 * once, by ascending `order`. */
#ifndef OS_LOCK_RANKS_H
#define OS_LOCK_RANKS_H

enum lock_rank {
    LOCK_RANK_CHECKPOINT = 1, /* one checkpoint at a time */
    LOCK_RANK_SHARD,          /* by shard index */
    LOCK_RANK_CONFIG,         /* the option values */
    LOCK_RANK_SESSIONS,       /* the list of all sessions */
    LOCK_RANK_HOUSEKEEPING,   /* requests to the housekeeper */
    LOCK_RANK_RECLAIM,        /* memory waiting for readers to pass */
    LOCK_RANK_ARENA,          /* 2 MB pieces of slab memory */
    LOCK_RANK_COMMIT,         /* who cuts the log */
    LOCK_RANK_LOG,            /* the log's segments and state */
    LOCK_RANK_MAILBOX,        /* messages to a worker */
    LOCK_RANK_STATISTICS,     /* slow log, latency events, monitors */
    LOCK_RANK_MESSAGES,       /* the line being written to the message log */
};

#endif
