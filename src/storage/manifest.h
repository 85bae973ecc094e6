/* The manifest: the one file that says what the directory holds: the history's id, the hash secret,
 * the newest durable checkpoint and the log block from which to replay. Text lines "name value",
 * the last line a checksum of all before it; replaced atomically (disk_replace_file). Only the
 * housekeeper writes it. */
#ifndef STORAGE_MANIFEST_H
#define STORAGE_MANIFEST_H

#include "base/buf.h"
#include "base/hashing.h"
#include "base/status.h"

struct disk;

enum {
    MANIFEST_FORMAT = 1,
    MANIFEST_TABLES_MAX = 16384, /* databases */
    MANIFEST_BYTES_MAX = 1024 * 1024,
    MANIFEST_CHECKPOINT_NAME_MAX = 63,
};

struct manifest {
    uint64_t log_id;
    uint32_t partition_count; /* HASHING_PARTITION_COUNT; refused when different */
    uint64_t generation;      /* rises with every store */
    uint8_t secret[HASHING_SECRET_BYTES];
    char checkpoint[MANIFEST_CHECKPOINT_NAME_MAX + 1]; /* "" before the first one */
    uint64_t checkpoint_bytes;
    int64_t checkpoint_wall_us; /* when its walk began */
    uint64_t first_block;       /* replay from here */
    bool has_log;               /* a log ran behind the checkpoint's walk and must reach its end */
    uint64_t next_table;        /* table ids below it are used up */
    uint64_t databases_version; /* of the map below; log records of it up to this one are in it */
    uint32_t table_count;       /* databases */
    uint64_t *tables;           /* database index -> table id, as of databases_version; owned */
};

void manifest_init(struct manifest *manifest);
void manifest_deinit(struct manifest *manifest);

/* STATUS_NOT_FOUND in a new directory; STATUS_CORRUPT, STATUS_VERSION with a message. */
MUST_USE enum status manifest_load(struct manifest *manifest, struct disk *disk,
                                   struct buf *message);
/* *out_renamed as disk_replace_file: after a failure past the rename the process must stop. */
MUST_USE enum status manifest_store(const struct manifest *manifest, struct disk *disk,
                                    bool *out_renamed);

/* Pure halves, for tests and fuzzing. */
MUST_USE enum status manifest_parse(struct manifest *manifest, struct bytes text,
                                    struct buf *message);
void manifest_print(const struct manifest *manifest, struct buf *out);

#endif
