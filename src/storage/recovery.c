/* Where does the log end?
 *
 * Blocks are numbered without gaps, so the log ends before the first number that is missing, stale
 * or damaged. Whether that is an unfinished write that nobody was told about, or damage to
 * something acknowledged, two witnesses tell:
 *
 *   - A later block of the same segment that is intact and says `durable block` > n: block n was
 *     durable when that one was written. So it was once right and is wrong now.
 *   - A later segment: a segment is begun only when every block before its first one is durable, by
 *     the log writer that synced them or after a recovery that synced what it had read. Only the
 *     last segment can have a torn tail.
 *
 * Without a witness the tail is dropped, and with it the blocks of an epoch whose last block is
 * missing: nothing of an epoch counts unless all of it does. The new log goes on in a new segment
 * that takes up the numbering where this one ends; from then on a reader leaves the old segment at
 * that number, and what was torn off never comes back. */
#include "storage/recovery.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "os/disk.h"
#include "storage/block.h"
#include "storage/file_window.h"
#include "storage/record.h"
#include "storage/segment.h"

enum { PROGRESS_BYTES = 4 * 1024 * 1024 };

struct recovery {
    const struct recovery_options *options;
    struct buf *message;
    /* Of uint64_t: first blocks, ascending; from the one that holds options->first_block on. */
    struct buf segments;

    /* The segment that is being read. */
    struct file_window window;
    char name[SEGMENT_NAME_BYTES];
    struct segment_header header;
    uint64_t offset; /* of the next block */

    uint64_t next_block;
    uint64_t last_epoch; /* the newest complete one */
    uint64_t max_epoch;  /* that any intact header spoke of */
    bool is_epoch_open;  /* some of its blocks have been read, the last one not */
    uint64_t open_epoch;
    uint64_t open_block;  /* its first block */
    uint64_t open_offset; /* where that stands */
    uint64_t done_bytes;  /* of finished segments */
    uint64_t told_bytes;  /* by on_progress */
    uint64_t total_bytes;
    struct recovery_result result;
};

static enum status PRINTF_LIKE(2, 3) corrupt(struct recovery *recovery, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(recovery->message, format, arguments);
    va_end(arguments);
    return STATUS_CORRUPT;
}

static enum status unreadable(struct recovery *recovery, enum status status)
{
    buf_printf(recovery->message, "Log segment %s cannot be read at offset %" PRIu64 ": %s.",
               recovery->name, recovery->offset, status_text(status));
    return status;
}

/* ---- which segments ---- */

static void note_segment(void *context, const char *name)
{
    uint64_t first_block;
    if (segment_parse_name(name, &first_block)) {
        buf_append(context, &first_block, sizeof(first_block));
    }
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static size_t segment_count(const struct recovery *recovery)
{
    return recovery->segments.size / sizeof(uint64_t);
}

static uint64_t segment_at(const struct recovery *recovery, size_t index)
{
    return ((const uint64_t *)(const void *)recovery->segments.data)[index];
}

/* Lists the segments and forgets those that end before the first block to replay. */
static enum status find_segments(struct recovery *recovery)
{
    struct disk *disk = recovery->options->disk;
    uint64_t first_block = recovery->options->first_block;
    enum status status = disk->ops->list(disk, note_segment, &recovery->segments);
    if (status != STATUS_OK) {
        buf_printf(recovery->message, "The data directory cannot be listed: %s.",
                   status_text(status));
        return status;
    }
    size_t count = segment_count(recovery);
    if (count > 0) qsort(recovery->segments.data, count, sizeof(uint64_t), compare_u64);
    size_t covered = 0;
    while (covered + 1 < count && segment_at(recovery, covered + 1) <= first_block) covered++;
    buf_consume(&recovery->segments, covered * sizeof(uint64_t));

    if (count == 0 && first_block > 1) {
        return corrupt(recovery,
                       "The log is missing: the manifest wants it from block %" PRIu64
                       " on, and there is no segment (log-*.seg). Restore the segments.",
                       first_block);
    }
    if (count > 0 && segment_at(recovery, 0) > first_block) {
        return corrupt(recovery,
                       "The log begins with block %" PRIu64 ", but is needed from block %" PRIu64
                       " on: an older segment (log-*.seg) is missing. Restore it.",
                       segment_at(recovery, 0), first_block);
    }
    return STATUS_OK;
}

static enum status check_segment_header(struct recovery *recovery, uint64_t first_block)
{
    enum status status = file_window_load(&recovery->window, 0, SEGMENT_HEADER_BYTES);
    if (status == STATUS_NOT_FOUND) {
        return corrupt(recovery, "Log segment %s is cut short: it has only %" PRIu64 " bytes.",
                       recovery->name, recovery->window.file_bytes);
    }
    if (status != STATUS_OK) return unreadable(recovery, status);
    struct segment_header *header = &recovery->header;
    status = segment_read_header(file_window_at(&recovery->window, 0), header);
    if (status == STATUS_VERSION) {
        buf_printf(recovery->message, "Log segment %s was written by a newer program.",
                   recovery->name);
        return status;
    }
    if (status != STATUS_OK) {
        return corrupt(recovery, "Log segment %s, offset 0: its header is damaged.",
                       recovery->name);
    }
    if (header->log_id != recovery->options->log_id) {
        return corrupt(recovery,
                       "Log segment %s belongs to another history (log id %016" PRIx64
                       ", this one is %016" PRIx64 "). Move it out of the directory.",
                       recovery->name, header->log_id, recovery->options->log_id);
    }
    if (header->first_block != first_block) {
        return corrupt(recovery,
                       "Log segment %s says that it begins with block %" PRIu64
                       ": the file has been renamed.",
                       recovery->name, header->first_block);
    }
    if (header->first_epoch <= recovery->last_epoch) {
        return corrupt(recovery,
                       "Log segment %s begins with epoch %" PRIu64
                       ", but the one before it ends with epoch %" PRIu64 ".",
                       recovery->name, header->first_epoch, recovery->last_epoch);
    }
    return STATUS_OK;
}

/* ---- one block ---- */

/* True when `data` holds an intact header of a block that was written to this segment. */
static bool read_own_header(const struct recovery *recovery, const char *data,
                            struct block_header *out)
{
    return block_read_header(data, out) == STATUS_OK && out->log_id == recovery->header.log_id &&
           out->segment == recovery->header.first_block;
}

/* The block at recovery->offset. STATUS_TORN when it is missing, stale or damaged. */
static enum status read_block(struct recovery *recovery, struct block_header *out)
{
    enum status status = file_window_load(&recovery->window, recovery->offset, BLOCK_ALIGNMENT);
    if (status == STATUS_NOT_FOUND) return STATUS_TORN;
    if (status != STATUS_OK) return unreadable(recovery, status);
    const char *data = file_window_at(&recovery->window, recovery->offset);
    struct block_header header;
    if (!read_own_header(recovery, data, &header)) return STATUS_TORN;
    if (header.number != recovery->next_block) return STATUS_TORN;

    status = file_window_load(&recovery->window, recovery->offset, header.block_bytes);
    if (status == STATUS_NOT_FOUND) return STATUS_TORN;
    if (status != STATUS_OK) return unreadable(recovery, status);
    data = file_window_at(&recovery->window, recovery->offset);
    if (!block_is_intact(data, &header)) return STATUS_TORN;
    *out = header;
    return STATUS_OK;
}

/* Epochs rise, and the blocks of one stand together; seals repeat the newest. */
static bool is_in_order(const struct recovery *recovery, const struct block_header *header)
{
    bool is_seal = (header->flags & BLOCK_SEAL) != 0;
    if (recovery->is_epoch_open) return !is_seal && header->epoch == recovery->open_epoch;
    if (is_seal) return (header->flags & BLOCK_LAST) != 0 && header->epoch >= recovery->last_epoch;
    return header->epoch > recovery->last_epoch && header->epoch >= recovery->header.first_epoch;
}

static enum status misordered(struct recovery *recovery, const struct block_header *header)
{
    return corrupt(recovery,
                   "Log segment %s, offset %" PRIu64 ": block %" PRIu64
                   " is intact but of epoch %" PRIu64 ", after epoch %" PRIu64
                   ". This log was not written by one server at a time.",
                   recovery->name, recovery->offset, header->number, header->epoch,
                   recovery->is_epoch_open ? recovery->open_epoch : recovery->last_epoch);
}

/* ---- delivering an epoch ---- */

static bool holds_whole_records(struct bytes records)
{
    struct record record;
    enum status status;
    while ((status = record_next(&records, &record)) == STATUS_OK) continue;
    return status == STATUS_NOT_FOUND;
}

static enum status deliver_block(struct recovery *recovery, const char *data,
                                 const struct block_header *header)
{
    const struct recovery_options *options = recovery->options;
    struct bytes payload = block_payload(data, header);
    for (;;) {
        uint32_t appender;
        struct bytes records;
        enum status status = block_next_run(&payload, &appender, &records);
        if (status == STATUS_NOT_FOUND) return STATUS_OK;
        if (status != STATUS_OK || !holds_whole_records(records)) {
            return corrupt(recovery,
                           "Log segment %s: block %" PRIu64 " of epoch %" PRIu64
                           " has good checksums but does not hold whole records.",
                           recovery->name, header->number, header->epoch);
        }
        status = options->on_records(options->context, header->epoch, header->number,
                                     header->wall_us, records);
        if (status != STATUS_OK) return status;
    }
}

/* All blocks from open_offset up to recovery->offset: read, checked and still in the window. */
static enum status deliver_epoch(struct recovery *recovery)
{
    const struct recovery_options *options = recovery->options;
    if (recovery->open_block < options->first_block) return STATUS_OK; /* the checkpoint has it */
    for (uint64_t offset = recovery->open_offset; offset < recovery->offset;) {
        const char *data = file_window_at(&recovery->window, offset);
        struct block_header header;
        enum status status = block_read_header(data, &header);
        ASSERT(status == STATUS_OK);
        status = deliver_block(recovery, data, &header);
        if (status != STATUS_OK) return status;
        offset += header.block_bytes;
    }
    recovery->result.epochs++;
    if (options->on_epoch == NULL) return STATUS_OK;
    return options->on_epoch(options->context, recovery->open_epoch);
}

static void tell_progress(struct recovery *recovery, bool is_last)
{
    const struct recovery_options *options = recovery->options;
    uint64_t done = recovery->done_bytes + recovery->offset;
    if (options->on_progress == NULL) return;
    if (!is_last && done - recovery->told_bytes < PROGRESS_BYTES) return;
    options->on_progress(options->context, is_last ? recovery->total_bytes : done,
                         recovery->total_bytes);
    recovery->told_bytes = done;
}

static void raise_max_epoch(struct recovery *recovery, uint64_t epoch)
{
    if (epoch > recovery->max_epoch) recovery->max_epoch = epoch;
}

/* Takes one intact block in; the last of an epoch delivers it. */
static enum status accept(struct recovery *recovery, const struct block_header *header)
{
    if (!recovery->is_epoch_open) {
        recovery->is_epoch_open = true;
        recovery->open_epoch = header->epoch;
        recovery->open_block = header->number;
        recovery->open_offset = recovery->offset;
    }
    raise_max_epoch(recovery, header->epoch);
    raise_max_epoch(recovery, header->durable_epoch);
    recovery->offset += header->block_bytes;
    recovery->next_block++;
    if ((header->flags & BLOCK_LAST) == 0) return STATUS_OK;

    enum status status = STATUS_OK;
    if ((header->flags & BLOCK_SEAL) == 0) status = deliver_epoch(recovery);
    recovery->is_epoch_open = false;
    recovery->last_epoch = header->epoch;
    recovery->result.last_wall_us = header->wall_us;
    file_window_forget(&recovery->window, recovery->offset);
    tell_progress(recovery, false);
    return status;
}

/* STATUS_TORN when there is no intact block to replay. */
static enum status replay_block(struct recovery *recovery)
{
    struct block_header header = {0};
    enum status status = read_block(recovery, &header);
    if (status != STATUS_OK) return status;
    if (!is_in_order(recovery, &header)) return misordered(recovery, &header);
    return accept(recovery, &header);
}

/* ---- the end of the log ---- */

/* What stands behind the end. */
struct tail {
    uint64_t blocks; /* intact headers of this segment, the broken block's own included */
    uint64_t bytes;  /* of those blocks */
    uint64_t
        witness_number; /* an intact block that says that the broken one was durable; 0: none */
    uint64_t witness_offset;
};

/* Looks for headers at every place where a block could begin. */
static enum status scan_tail(struct recovery *recovery, struct tail *out)
{
    struct file_window *window = &recovery->window;
    struct tail tail = {0};
    file_window_forget(window, recovery->offset);
    for (uint64_t offset = recovery->offset; offset + BLOCK_ALIGNMENT <= window->file_bytes;) {
        file_window_forget(window, offset);
        enum status status = file_window_load(window, offset, BLOCK_ALIGNMENT);
        if (status != STATUS_OK) return unreadable(recovery, status);
        struct block_header header;
        bool is_ours = read_own_header(recovery, file_window_at(window, offset), &header) &&
                       header.number >= recovery->next_block;
        uint64_t step = BLOCK_ALIGNMENT;
        if (is_ours) {
            tail.blocks++;
            tail.bytes += header.block_bytes;
            raise_max_epoch(recovery, header.epoch);
            raise_max_epoch(recovery, header.durable_epoch);
            bool is_witness = header.durable_block > recovery->next_block;
            if (is_witness && tail.witness_number == 0) {
                tail.witness_number = header.number;
                tail.witness_offset = offset;
            }
            status = file_window_load(window, offset, header.block_bytes);
            if (status != STATUS_OK && status != STATUS_NOT_FOUND)
                return unreadable(recovery, status);
            bool is_whole = status == STATUS_OK &&
                            block_is_intact(file_window_at(window, offset), &header);
            if (is_whole)
                step = header.block_bytes; /* no header stands inside, whatever it looks like */
        }
        offset += step;
    }
    *out = tail;
    return STATUS_OK;
}

/* Zeros or an older block where the next block would begin: the log simply ends here. */
static bool ends_cleanly(const struct recovery *recovery, const char *data)
{
    struct block_header header;
    if (block_read_header(data, &header) == STATUS_OK)
        return !read_own_header(recovery, data, &header);
    for (size_t i = 0; i < BLOCK_ALIGNMENT; i++) {
        if (data[i] != 0) return false;
    }
    return true;
}

/* The file was as long as its header says when the segment was begun: when it is shorter now,
 * the log may have gone on behind the cut, unless the place of the next block is still there and
 * empty. */
static enum status check_length(struct recovery *recovery, bool is_clean)
{
    uint64_t file_bytes = recovery->window.file_bytes;
    uint64_t expected = recovery->header.segment_bytes;
    if (file_bytes >= expected || is_clean) return STATUS_OK;
    return corrupt(
        recovery,
        "Log segment %s is cut short at offset %" PRIu64 " (it was made with %" PRIu64
        " bytes), in or before block %" PRIu64
        ": what stood behind may have been acknowledged. Restore the file from a backup.",
        recovery->name, file_bytes, expected, recovery->next_block);
}

/* No intact block `next_block` stands at recovery->offset of the last segment. */
static enum status check_tail(struct recovery *recovery)
{
    struct tail tail = {0};
    uint64_t offset = recovery->offset;
    bool is_clean = false;
    enum status status = file_window_load(&recovery->window, offset, BLOCK_ALIGNMENT);
    if (status == STATUS_OK)
        is_clean = ends_cleanly(recovery, file_window_at(&recovery->window, offset));
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) return unreadable(recovery, status);

    bool was_open = recovery->is_epoch_open;
    uint64_t open_bytes = was_open ? offset - recovery->open_offset : 0;
    status = scan_tail(recovery, &tail);
    if (status != STATUS_OK) return status;
    if (tail.witness_number != 0) {
        return corrupt(recovery,
                       "Log segment %s, offset %" PRIu64 ": block %" PRIu64 " (after epoch %" PRIu64
                       ") is damaged or missing, and block %" PRIu64 " at offset %" PRIu64
                       " says that it was durable. Ending the log there would lose "
                       "what was acknowledged: %" PRIu64 " later blocks (%" PRIu64
                       " bytes). Restore the file from a backup.",
                       recovery->name, offset, recovery->next_block, recovery->last_epoch,
                       tail.witness_number, tail.witness_offset, tail.blocks, tail.bytes);
    }
    status = check_length(recovery, is_clean);
    if (status != STATUS_OK) return status;

    uint64_t stub_bytes = is_clean || tail.blocks > 0 ? 0 : BLOCK_ALIGNMENT;
    recovery->result.torn_bytes = open_bytes + tail.bytes + stub_bytes;
    if (was_open) recovery->next_block = recovery->open_block;
    recovery->is_epoch_open = false;
    return STATUS_OK;
}

/* ---- the segments in turn ---- */

/* A segment that others follow: it has to reach `end`, the first block of the next one. */
static enum status check_joint(struct recovery *recovery, uint64_t end)
{
    if (recovery->next_block != end) {
        return corrupt(recovery,
                       "Log segment %s, offset %" PRIu64 ": block %" PRIu64 " (after epoch %" PRIu64
                       ") is damaged or missing, and the log goes on with block %" PRIu64
                       " in the next segment: %" PRIu64
                       " blocks that were durable are lost. Restore the file from a backup.",
                       recovery->name, recovery->offset, recovery->next_block, recovery->last_epoch,
                       end, end - recovery->next_block);
    }
    if (recovery->is_epoch_open) {
        return corrupt(recovery,
                       "Log segment %s ends inside of epoch %" PRIu64
                       ", but the log goes on with block %" PRIu64 " in the next segment.",
                       recovery->name, recovery->open_epoch, end);
    }
    return STATUS_OK;
}

/* `end`: the first block of the next segment, 0 when this is the last. */
static enum status replay_segment(struct recovery *recovery, uint64_t first_block, uint64_t end)
{
    segment_print_name(recovery->name, first_block);
    recovery->offset = 0;
    enum status status = file_window_open(&recovery->window, recovery->options->disk,
                                          recovery->name);
    if (status != STATUS_OK) return unreadable(recovery, status);
    status = check_segment_header(recovery, first_block);
    if (status != STATUS_OK) goto done;

    recovery->offset = SEGMENT_HEADER_BYTES;
    recovery->next_block = first_block;
    raise_max_epoch(recovery, recovery->header.first_epoch - 1);
    recovery->result.last_wall_us = recovery->header.wall_us;
    while (end == 0 || recovery->next_block < end) {
        status = replay_block(recovery);
        if (status == STATUS_TORN) break;
        if (status != STATUS_OK) goto done;
    }
    status = end == 0 ? check_tail(recovery) : check_joint(recovery, end);
done:
    recovery->done_bytes += recovery->window.file_bytes;
    file_window_close(&recovery->window);
    return status;
}

static enum status replay_segments(struct recovery *recovery)
{
    size_t count = segment_count(recovery);
    for (size_t i = 0; i < count; i++) {
        uint64_t end = i + 1 < count ? segment_at(recovery, i + 1) : 0;
        enum status status = replay_segment(recovery, segment_at(recovery, i), end);
        if (status != STATUS_OK) return status;
    }
    if (recovery->next_block < recovery->options->first_block) {
        return corrupt(
            recovery,
            "The log ends before block %" PRIu64
            ", but the checkpoint was taken when block %" PRIu64
            " was the next one: its newest segment (log-*.seg) is missing or damaged. Restore it.",
            recovery->next_block, recovery->options->first_block);
    }
    return STATUS_OK;
}

/* ---- making it last ---- */

static enum status sync_segment(struct recovery *recovery, uint64_t first_block)
{
    struct disk_file *file;
    segment_print_name(recovery->name, first_block);
    enum status status = disk_open(recovery->options->disk, recovery->name, DISK_OPEN_WRITE, &file);
    if (status != STATUS_OK) return status;
    status = disk_sync(file);
    disk_close(file);
    return status;
}

/* What was replayed may stand in the page cache or in the device's cache only: whoever wrote it may
 * have been killed before it could wait for the sync. */
static enum status make_durable(struct recovery *recovery)
{
    struct disk *disk = recovery->options->disk;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < segment_count(recovery) && status == STATUS_OK; i++) {
        status = sync_segment(recovery, segment_at(recovery, i));
    }
    if (status == STATUS_OK) status = disk->ops->sync_directory(disk, "");
    if (status != STATUS_OK) {
        buf_printf(recovery->message,
                   "What was read back from the log could not be synced (%s): %s.", recovery->name,
                   status_text(status));
    }
    return status;
}

static enum status add_up(struct recovery *recovery)
{
    for (size_t i = 0; i < segment_count(recovery); i++) {
        struct file_window window;
        segment_print_name(recovery->name, segment_at(recovery, i));
        enum status status = file_window_open(&window, recovery->options->disk, recovery->name);
        if (status != STATUS_OK) return unreadable(recovery, status);
        recovery->total_bytes += window.file_bytes;
        file_window_close(&window);
    }
    return STATUS_OK;
}

enum status recovery_run(const struct recovery_options *given, struct recovery_result *out,
                         struct buf *message)
{
    struct recovery_options options = *given;
    if (options.first_block == 0) options.first_block = 1;
    struct recovery recovery = {.options = &options, .message = message, .next_block = 1};

    enum status status = find_segments(&recovery);
    if (status == STATUS_OK) status = add_up(&recovery);
    if (status == STATUS_OK) status = replay_segments(&recovery);
    if (status == STATUS_OK) status = make_durable(&recovery);
    buf_deinit(&recovery.segments);
    if (status != STATUS_OK) return status;

    tell_progress(&recovery, true);
    recovery.result.next_block = recovery.next_block;
    recovery.result.next_epoch = recovery.max_epoch + 1;
    *out = recovery.result;
    return STATUS_OK;
}
