/* What one cut will write, decided before the first byte is: which bytes of which appender go into
 * which block. Runs are split only between records, and a block grows past BLOCK_BYTES_TARGET only
 * when a single record demands it. The size of the whole cut is known before any of it is written,
 * so a cut never lies across two segments. */
#ifndef STORAGE_CUT_PLAN_H
#define STORAGE_CUT_PLAN_H

#include "base/buf.h"
#include "base/bytes.h"

/* One run of one block; its records are borrowed from the appender's buffer. */
struct cut_piece {
    struct bytes records;
    uint32_t appender;
    bool begins_block;
};

struct cut_plan {
    struct buf pieces; /* of struct cut_piece */
    uint64_t bytes;    /* of all blocks, headers and padding included */
    uint64_t record_bytes;
    uint64_t largest_block;
    uint64_t payload_bytes; /* of the block that is being filled; 0: none is */
    uint32_t block_count;
};

/* A zeroed plan is an empty one. */
void cut_plan_reset(struct cut_plan *plan);
void cut_plan_deinit(struct cut_plan *plan);

/* `records` are whole records, contiguous. */
void cut_plan_add(struct cut_plan *plan, uint32_t appender, struct bytes records);
/* No more will be added: the sizes are final. */
void cut_plan_finish(struct cut_plan *plan);

static inline const struct cut_piece *cut_plan_pieces(const struct cut_plan *plan,
                                                      size_t *out_count)
{
    *out_count = plan->pieces.size / sizeof(struct cut_piece);
    return (const struct cut_piece *)(const void *)plan->pieces.data;
}

#endif
