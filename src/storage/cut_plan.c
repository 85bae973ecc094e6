#include "storage/cut_plan.h"

#include "base/assert.h"
#include "storage/block.h"
#include "storage/record.h"

enum { PAYLOAD_BYTES_TARGET = BLOCK_BYTES_TARGET - BLOCK_HEADER_BYTES };

void cut_plan_reset(struct cut_plan *plan)
{
    struct buf pieces = plan->pieces;
    pieces.size = 0;
    *plan = (struct cut_plan){.pieces = pieces};
}

void cut_plan_deinit(struct cut_plan *plan)
{
    buf_deinit(&plan->pieces);
    *plan = (struct cut_plan){0};
}

static void close_block(struct cut_plan *plan)
{
    if (plan->payload_bytes == 0) return;
    uint64_t bytes = block_bytes_for(plan->payload_bytes);
    ASSERT(bytes <= BLOCK_BYTES_MAX);
    if (bytes > plan->largest_block) plan->largest_block = bytes;
    plan->bytes += bytes;
    plan->block_count++;
    plan->payload_bytes = 0;
}

/* Bytes of the first record. Our own engine wrote it. */
static size_t first_record_bytes(struct bytes records)
{
    struct bytes rest = records;
    uint64_t body_bytes = 0;
    bool is_framed = record_take_varint(&rest, &body_bytes);
    ASSERT(is_framed);
    ASSERT(body_bytes <= rest.size);
    return records.size - rest.size + body_bytes;
}

/* How much of `records` fits into `room`, in whole records; when not even one does and `must_take`,
 * that one. */
static size_t whole_records(struct bytes records, size_t room, bool must_take)
{
    if (records.size <= room) return records.size;
    size_t taken = 0;
    for (;;) {
        size_t size = first_record_bytes(bytes_part(records, taken, records.size));
        if (taken + size > room) return taken == 0 && must_take ? size : taken;
        taken += size;
    }
}

void cut_plan_add(struct cut_plan *plan, uint32_t appender, struct bytes records)
{
    plan->record_bytes += records.size;
    while (records.size > 0) {
        uint64_t used = plan->payload_bytes + BLOCK_RUN_HEADER_BYTES;
        size_t room = used < PAYLOAD_BYTES_TARGET ? PAYLOAD_BYTES_TARGET - used : 0;
        size_t taken = whole_records(records, room, plan->payload_bytes == 0);
        if (taken == 0) {
            close_block(plan);
            continue;
        }
        struct cut_piece piece = {
            .records = {records.data, taken},
            .appender = appender,
            .begins_block = plan->payload_bytes == 0,
        };
        buf_append(&plan->pieces, &piece, sizeof(piece));
        plan->payload_bytes = used + taken;
        records = bytes_part(records, taken, records.size);
    }
}

void cut_plan_finish(struct cut_plan *plan)
{
    close_block(plan);
}
