/* The segment: one file of the log, "log-" and the number of its first block in hex. A header of
 * 4096 bytes, then blocks. Its whole length is written with zeros before the first block goes in,
 * so that a commit never changes the file's size or allocation, and a short file is damage. Pure;
 * any thread. Bytes: docs/formats/log.md.
 *
 * A segment that is ready but not yet part of the log is a spare, "spare-N.seg"; recovery does not
 * look at spares. A segment joins the log when its header is durable and the file has been renamed;
 * so a "log-" file always has a whole header, and all blocks before its first one are durable. */
#ifndef STORAGE_SEGMENT_H
#define STORAGE_SEGMENT_H

#include "base/bytes.h"
#include "base/status.h"

enum {
    SEGMENT_FORMAT = 1,
    SEGMENT_HEADER_BYTES = 4096,
    SEGMENT_NAME_BYTES = 32, /* with the NUL */
};

struct segment_header {
    uint64_t log_id;
    uint64_t first_block;   /* 0: a spare that was never used */
    uint64_t first_epoch;   /* no block in it has an older one */
    uint64_t segment_bytes; /* of the file */
    int64_t wall_us;
    uint32_t term;
};

/* `out` has SEGMENT_HEADER_BYTES. */
void segment_write_header(char *out, const struct segment_header *header);
/* STATUS_INVALID when damaged or none at all, STATUS_VERSION when a newer program wrote it. */
MUST_USE enum status segment_read_header(const char *data, struct segment_header *out);

/* `out` has SEGMENT_NAME_BYTES. */
void segment_print_name(char *out, uint64_t first_block);
void segment_print_spare_name(char *out, uint64_t serial);
/* True when `name` is exactly what the functions above print. */
bool segment_parse_name(const char *name, uint64_t *out_first_block);
bool segment_parse_spare_name(const char *name, uint64_t *out_serial);

#endif
