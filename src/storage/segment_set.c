#include "storage/segment_set.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/lock.h"
#include "storage/block.h"
#include "storage/segment.h"

/* A file with zeros or old blocks to its end, not part of the log. */
struct spare {
    uint64_t serial; /* in its name */
    uint64_t bytes;
    struct disk_file *file; /* owned; open from preparation on, so that rotating opens nothing */
};

struct retired {
    uint64_t first_block;
    uint64_t bytes;
};

struct segment_set {
    struct segment_set_options options;
    _Atomic uint64_t next_serial;

    /* The current segment; written by the committer, glanced at by others. */
    struct disk_file *file;
    _Atomic uint64_t used;
    _Atomic uint64_t capacity;
    char *header; /* owned, aligned */

    struct mutex lock;
    struct condition prepared; /* is_preparing ended */
    uint64_t first_block GUARDED_BY(lock);
    struct spare next GUARDED_BY(lock); /* valid when has_next */
    bool is_preparing GUARDED_BY(lock);
    struct spare spares[SEGMENT_SET_SPARES_MAX] GUARDED_BY(lock);
    uint32_t spare_count GUARDED_BY(lock);
    struct buf retired GUARDED_BY(lock); /* of struct retired, by first_block */
    _Atomic bool has_next;               /* changes under the lock */
    _Atomic bool is_awaited;             /* somebody waits for `prepared` */
    _Atomic bool is_starved;             /* the last attempt to prepare found no room */
};

/* ---- taking stock ---- */

/* Everything of ours in the directory, as list() finds it. */
struct inventory {
    struct buf segments; /* of uint64_t: first blocks */
    struct buf spares;   /* of uint64_t: serials */
};

static void take_stock(void *context, const char *name)
{
    struct inventory *inventory = context;
    uint64_t number;
    if (segment_parse_name(name, &number)) {
        buf_append(&inventory->segments, &number, sizeof(number));
    } else if (segment_parse_spare_name(name, &number)) {
        buf_append(&inventory->spares, &number, sizeof(number));
    }
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Size of a file; and its segment header when it has a whole one. */
static enum status inspect(struct disk *disk, const char *name, uint64_t *out_bytes,
                           struct segment_header *out_header, bool *out_has_header)
{
    struct disk_file *file;
    char *data = memory_alloc(SEGMENT_HEADER_BYTES);
    size_t size = 0;
    enum status status = disk_open(disk, name, 0, &file);
    if (status != STATUS_OK) goto freed;
    status = disk->ops->size(file, out_bytes);
    if (status != STATUS_OK) goto done;
    status = disk_read_at(file, data, SEGMENT_HEADER_BYTES, 0, &size);
    if (status != STATUS_OK) goto done;
    *out_has_header = size == SEGMENT_HEADER_BYTES &&
                      segment_read_header(data, out_header) == STATUS_OK;
done:
    disk_close(file);
freed:
    memory_free(data);
    return status;
}

/* Segments that recovery has read. One that begins exactly where the new one will is empty: the new
 * one replaces it. */
static enum status adopt_segments(struct segment_set *set, struct buf *numbers) NO_LOCK_ANALYSIS
{
    uint64_t *first_blocks = (uint64_t *)(void *)numbers->data;
    size_t count = numbers->size / sizeof(uint64_t);
    if (count > 0) qsort(first_blocks, count, sizeof(uint64_t), compare_u64);
    for (size_t i = 0; i < count; i++) {
        if (first_blocks[i] > set->options.first_block) return STATUS_CORRUPT;
        if (first_blocks[i] == set->options.first_block) continue;
        struct retired retired = {.first_block = first_blocks[i]};
        struct segment_header header;
        bool has_header;
        char name[SEGMENT_NAME_BYTES];
        segment_print_name(name, first_blocks[i]);
        enum status status = inspect(set->options.disk, name, &retired.bytes, &header, &has_header);
        if (status != STATUS_OK) return status;
        buf_append(&set->retired, &retired, sizeof(retired));
    }
    return STATUS_OK;
}

/* Spares that were wholly written are used again; the others, and those of another size, are
 * removed. */
static enum status adopt_spares(struct segment_set *set, const struct buf *serials) NO_LOCK_ANALYSIS
{
    struct disk *disk = set->options.disk;
    for (size_t i = 0; i < serials->size / sizeof(uint64_t); i++) {
        struct spare spare = {0};
        memcpy(&spare.serial, serials->data + i * sizeof(uint64_t), sizeof(uint64_t));
        if (spare.serial >= atomic_load(&set->next_serial)) {
            atomic_store(&set->next_serial, spare.serial + 1);
        }
        struct segment_header header;
        bool has_header = false;
        char name[SEGMENT_NAME_BYTES];
        segment_print_spare_name(name, spare.serial);
        enum status status = inspect(disk, name, &spare.bytes, &header, &has_header);
        if (status != STATUS_OK) return status;
        bool is_usable = has_header && header.segment_bytes == spare.bytes &&
                         spare.bytes == set->options.segment_bytes &&
                         set->spare_count < SEGMENT_SET_SPARES_MAX;
        if (is_usable) {
            set->spares[set->spare_count++] = spare;
        } else {
            status = disk->ops->remove(disk, name);
            if (status != STATUS_OK) return status;
        }
    }
    return STATUS_OK;
}

enum status segment_set_open(const struct segment_set_options *options, struct segment_set **out)
{
    ASSERT(options->segment_bytes % BLOCK_ALIGNMENT == 0);
    struct segment_set *set = memory_zalloc(sizeof(*set));
    set->options = *options;
    set->header = memory_alloc_aligned(DISK_ALIGNMENT, SEGMENT_HEADER_BYTES);
    atomic_store(&set->next_serial, 1);
    mutex_init(&set->lock, LOCK_RANK_LOG);
    condition_init(&set->prepared);

    struct inventory inventory = {0};
    enum status status = options->disk->ops->list(options->disk, take_stock, &inventory);
    if (status != STATUS_OK) goto done;
    status = adopt_segments(set, &inventory.segments);
    if (status != STATUS_OK) goto done;
    status = adopt_spares(set, &inventory.spares);
done:
    buf_deinit(&inventory.segments);
    buf_deinit(&inventory.spares);
    if (status != STATUS_OK) {
        segment_set_close(set);
        return status;
    }
    *out = set;
    return STATUS_OK;
}

void segment_set_close(struct segment_set *set) NO_LOCK_ANALYSIS
{
    if (set == NULL) return;
    disk_close(set->file);
    disk_close(set->next.file);
    memory_free(set->header);
    buf_deinit(&set->retired);
    condition_deinit(&set->prepared);
    mutex_deinit(&set->lock);
    memory_free(set);
}

/* ---- making spares ---- */

/* Writes zeros over the whole file and makes them durable. */
static enum status fill(struct segment_set *set, struct disk_file *file, uint64_t bytes,
                        void (*breathe)(void *context, uint64_t slice_ns), void *context)
{
    uint64_t slice_bytes = bytes < SEGMENT_SET_FILL_BYTES ? bytes : SEGMENT_SET_FILL_BYTES;
    char *zeros = memory_alloc_aligned(DISK_ALIGNMENT, slice_bytes);
    memset(zeros, 0, slice_bytes);
    enum status status = STATUS_OK;
    for (uint64_t offset = 0; offset < bytes && status == STATUS_OK;) {
        uint64_t slice = bytes - offset;
        if (slice > slice_bytes) slice = slice_bytes;
        uint64_t begin = clock_monotonic_ns(set->options.clock);
        status = disk_write_at(file, zeros, slice, offset, 0);
        offset += slice;
        if (breathe != NULL) breathe(context, clock_monotonic_ns(set->options.clock) - begin);
    }
    memory_free(zeros);
    return status == STATUS_OK ? disk_sync(file) : status;
}

static void fill_header(struct segment_set *set, char *out, uint64_t bytes, uint64_t first_block,
                        uint64_t first_epoch)
{
    struct segment_header header = {
        .log_id = set->options.log_id,
        .first_block = first_block,
        .first_epoch = first_epoch,
        .segment_bytes = bytes,
        .wall_us = clock_wall_us(set->options.clock),
        .term = set->options.term,
    };
    segment_write_header(out, &header);
}

/* True when the disk says that it has no room, so that a full disk is not filled and emptied again
 * and again. */
static bool is_hopeless(struct segment_set *set, uint64_t bytes)
{
    uint64_t free_bytes;
    struct disk *disk = set->options.disk;
    if (disk->ops->free_bytes(disk, &free_bytes) != STATUS_OK) return false;
    return free_bytes < bytes + SEGMENT_SET_MARGIN_BYTES;
}

/* A new file of `bytes`, on disk to the last zero. Its header comes last and says so. */
static enum status make_spare(struct segment_set *set, uint64_t bytes,
                              void (*breathe)(void *context, uint64_t slice_ns), void *context,
                              const char **out_what, struct spare *out)
{
    if (is_hopeless(set, bytes)) return STATUS_NO_SPACE;
    struct disk *disk = set->options.disk;
    struct spare spare = {.serial = atomic_fetch_add(&set->next_serial, 1), .bytes = bytes};
    char name[SEGMENT_NAME_BYTES];
    segment_print_spare_name(name, spare.serial);
    unsigned flags = DISK_OPEN_WRITE | DISK_OPEN_CREATE | DISK_OPEN_EXCLUSIVE | DISK_OPEN_DIRECT;
    enum status status = disk_open(disk, name, flags, &spare.file);
    if (status != STATUS_OK) return status;

    char *header = memory_alloc_aligned(DISK_ALIGNMENT, SEGMENT_HEADER_BYTES);
    fill_header(set, header, bytes, 0, 0);
    status = fill(set, spare.file, bytes, breathe, context);
    if (status == STATUS_OK) {
        status = disk_write_at(spare.file, header, SEGMENT_HEADER_BYTES, 0, DISK_WRITE_SYNC);
    }
    memory_free(header);
    if (status == STATUS_OK) {
        *out = spare;
        return STATUS_OK;
    }
    disk_close(spare.file);
    if (status != STATUS_NO_SPACE) *out_what = "preparing a log segment";
    (void)disk->ops->remove(disk, name); /* a leftover has no header: the next start removes it */
    return status;
}

/* A recycled spare when there is one, or a new one; opened. */
static enum status find_spare(struct segment_set *set,
                              void (*breathe)(void *context, uint64_t slice_ns), void *context,
                              const char **out_what, struct spare *out)
{
    mutex_acquire(&set->lock);
    bool is_recycled = set->spare_count > 0;
    struct spare spare = {0};
    if (is_recycled) spare = set->spares[--set->spare_count];
    mutex_release(&set->lock);
    if (!is_recycled) {
        return make_spare(set, set->options.segment_bytes, breathe, context, out_what, out);
    }

    char name[SEGMENT_NAME_BYTES];
    segment_print_spare_name(name, spare.serial);
    unsigned flags = DISK_OPEN_WRITE | DISK_OPEN_DIRECT;
    enum status status = disk_open(set->options.disk, name, flags, &spare.file);
    if (status == STATUS_OK) {
        *out = spare;
        return STATUS_OK;
    }
    mutex_acquire(&set->lock);
    if (set->spare_count < SEGMENT_SET_SPARES_MAX) set->spares[set->spare_count++] = spare;
    mutex_release(&set->lock);
    return status;
}

enum status segment_set_prepare(struct segment_set *set,
                                void (*breathe)(void *context, uint64_t slice_ns), void *context,
                                const char **out_what)
{
    mutex_acquire(&set->lock);
    while (set->is_preparing) {
        atomic_store(&set->is_awaited, true);
        condition_wait(&set->prepared, &set->lock);
    }
    atomic_store(&set->is_awaited, false);
    set->is_preparing = !atomic_load(&set->has_next);
    bool is_ours = set->is_preparing;
    mutex_release(&set->lock);
    if (!is_ours) return STATUS_OK;

    struct spare spare = {0};
    enum status status = find_spare(set, breathe, context, out_what, &spare);
    mutex_acquire(&set->lock);
    set->is_preparing = false;
    set->next = spare;
    atomic_store(&set->has_next, status == STATUS_OK);
    atomic_store(&set->is_starved, status != STATUS_OK);
    condition_broadcast(&set->prepared);
    mutex_release(&set->lock);
    return status;
}

bool segment_set_wants_next(const struct segment_set *set)
{
    if (atomic_load(&set->has_next)) return false;
    return atomic_load(&set->used) >= atomic_load(&set->capacity) / 2;
}

bool segment_set_is_awaited(const struct segment_set *set)
{
    return atomic_load(&set->is_awaited);
}

bool segment_set_is_short(const struct segment_set *set)
{
    if (atomic_load(&set->has_next) || !atomic_load(&set->is_starved)) return false;
    return atomic_load(&set->capacity) - atomic_load(&set->used) < set->options.segment_bytes / 4;
}

/* ---- the current segment ---- */

bool segment_set_has_room(const struct segment_set *set, uint64_t bytes)
{
    return atomic_load(&set->capacity) - atomic_load(&set->used) >= bytes;
}

/* The prepared spare when it is big enough, or one made on the spot. */
static enum status acquire_spare(struct segment_set *set, uint64_t bytes, const char **out_what,
                                 struct spare *out)
{
    if (bytes > set->options.segment_bytes) {
        return make_spare(set, bytes, NULL, NULL, out_what, out);
    }
    enum status status = segment_set_prepare(set, NULL, NULL, out_what);
    if (status != STATUS_OK) return status;
    mutex_acquire(&set->lock);
    *out = set->next;
    set->next = (struct spare){0};
    atomic_store(&set->has_next, false);
    mutex_release(&set->lock);
    return STATUS_OK;
}

/* Makes a spare part of the log: header, name, directory, each durable before the next. */
static enum status join(struct segment_set *set, const struct spare *spare, uint64_t first_block,
                        const char **out_what)
{
    struct disk *disk = set->options.disk;
    char spare_name[SEGMENT_NAME_BYTES];
    char name[SEGMENT_NAME_BYTES];
    segment_print_spare_name(spare_name, spare->serial);
    segment_print_name(name, first_block);

    *out_what = "writing a log segment's header";
    enum status status = disk_write_at(spare->file, set->header, SEGMENT_HEADER_BYTES, 0,
                                       DISK_WRITE_SYNC);
    if (status != STATUS_OK) return status;
    *out_what = "renaming a log segment";
    status = disk->ops->rename(disk, spare_name, name);
    if (status != STATUS_OK) return status;
    *out_what = "syncing the directory after renaming a log segment";
    return disk->ops->sync_directory(disk, "");
}

/* The committer's view of the new segment, and everybody's list of the old ones. */
static void replace_current(struct segment_set *set, const struct spare *spare,
                            uint64_t first_block)
{
    mutex_acquire(&set->lock);
    /* A segment that was too small for its very first cut has just been replaced by its
     * namesake. */
    bool is_namesake = set->file != NULL && first_block == set->first_block;
    ASSERT(!is_namesake || segment_set_is_fresh(set));
    if (set->file != NULL && !is_namesake) {
        struct retired retired = {set->first_block, atomic_load(&set->capacity)};
        ASSERT(first_block > set->first_block);
        buf_append(&set->retired, &retired, sizeof(retired));
    }
    set->first_block = first_block;
    mutex_release(&set->lock);

    disk_close(set->file);
    set->file = spare->file;
    atomic_store(&set->capacity, spare->bytes);
    atomic_store(&set->used, SEGMENT_HEADER_BYTES);
}

enum status segment_set_rotate(struct segment_set *set, uint64_t bytes, uint64_t first_block,
                               uint64_t first_epoch, const char **out_what)
{
    ASSERT(bytes % BLOCK_ALIGNMENT == 0);
    struct spare spare = {0};
    *out_what = NULL;
    enum status status = acquire_spare(set, bytes + SEGMENT_HEADER_BYTES, out_what, &spare);
    if (status != STATUS_OK) return status;
    fill_header(set, set->header, spare.bytes, first_block, first_epoch);
    status = join(set, &spare, first_block, out_what);
    if (status != STATUS_OK) {
        disk_close(spare.file);
        return status;
    }
    replace_current(set, &spare, first_block);
    return STATUS_OK;
}

enum status segment_set_write(struct segment_set *set, const char *data, uint64_t bytes,
                              bool is_synced)
{
    uint64_t used = atomic_load(&set->used);
    ASSERT(segment_set_has_room(set, bytes));
    ASSERT(used % BLOCK_ALIGNMENT == 0);
    enum status status = disk_write_at(set->file, data, bytes, used,
                                       is_synced ? DISK_WRITE_SYNC : 0);
    if (status == STATUS_OK) atomic_store(&set->used, used + bytes);
    return status;
}

enum status segment_set_sync(struct segment_set *set)
{
    return disk_sync(set->file);
}

bool segment_set_is_fresh(const struct segment_set *set)
{
    return atomic_load(&set->used) == SEGMENT_HEADER_BYTES;
}

uint64_t segment_set_first_block(const struct segment_set *set) NO_LOCK_ANALYSIS
{
    return set->first_block; /* only the committer, who asks, changes it */
}

/* ---- trimming ---- */

/* How many of the oldest retired segments hold nothing from `block` on: their successors begin
 * before or at it. */
static size_t count_covered(struct segment_set *set, uint64_t block) REQUIRES(set->lock)
{
    const struct retired *retired = (const struct retired *)(const void *)set->retired.data;
    size_t count = set->retired.size / sizeof(*retired);
    size_t covered = 0;
    while (covered < count) {
        bool is_newest = covered + 1 == count;
        uint64_t successor = is_newest ? set->first_block : retired[covered + 1].first_block;
        if (successor > block) break;
        covered++;
    }
    return covered;
}

/* Removes a segment, or renames it to a spare when `room` allows and its size fits. */
static enum status take_out(struct segment_set *set, const struct retired *retired, bool has_room,
                            struct spare *out, bool *out_is_spare)
{
    struct disk *disk = set->options.disk;
    char name[SEGMENT_NAME_BYTES];
    segment_print_name(name, retired->first_block);
    *out_is_spare = has_room && retired->bytes == set->options.segment_bytes;
    if (!*out_is_spare) return disk->ops->remove(disk, name);

    char spare_name[SEGMENT_NAME_BYTES];
    *out = (struct spare){.serial = atomic_fetch_add(&set->next_serial, 1),
                          .bytes = retired->bytes};
    segment_print_spare_name(spare_name, out->serial);
    return disk->ops->rename(disk, name, spare_name);
}

enum status segment_set_trim(struct segment_set *set, uint64_t block, const char **out_what)
{
    struct spare spares[SEGMENT_SET_SPARES_MAX];
    uint32_t spare_count = 0;
    mutex_acquire(&set->lock);
    size_t covered = count_covered(set, block);
    uint32_t room = SEGMENT_SET_SPARES_MAX - set->spare_count;
    struct retired *retired = memory_alloc((covered + 1) * sizeof(*retired));
    if (covered > 0) memcpy(retired, set->retired.data, covered * sizeof(*retired));
    buf_consume(&set->retired, covered * sizeof(*retired));
    mutex_release(&set->lock);

    enum status status = STATUS_OK;
    for (size_t i = 0; i < covered && status == STATUS_OK; i++) {
        bool is_spare;
        *out_what = "removing or recycling a log segment";
        status = take_out(set, &retired[i], spare_count < room, &spares[spare_count], &is_spare);
        if (status == STATUS_OK && is_spare) spare_count++;
    }
    memory_free(retired);
    if (status != STATUS_OK || covered == 0) return status;

    /* A recycled file gets a new header only when its old name is gone for good: else a power cut
     * could leave the new header under the old name. */
    *out_what = "syncing the directory after recycling log segments";
    status = set->options.disk->ops->sync_directory(set->options.disk, "");
    if (status != STATUS_OK) return status;

    mutex_acquire(&set->lock);
    for (uint32_t i = 0; i < spare_count && set->spare_count < SEGMENT_SET_SPARES_MAX; i++) {
        set->spares[set->spare_count++] = spares[i];
    }
    mutex_release(&set->lock);
    return STATUS_OK;
}

void segment_set_measure(struct segment_set *set, uint64_t *out_count, uint64_t *out_bytes)
{
    mutex_acquire(&set->lock);
    const struct retired *retired = (const struct retired *)(const void *)set->retired.data;
    size_t count = set->retired.size / sizeof(*retired);
    uint64_t bytes = atomic_load(&set->capacity);
    for (size_t i = 0; i < count; i++) bytes += retired[i].bytes;
    for (uint32_t i = 0; i < set->spare_count; i++) bytes += set->spares[i].bytes;
    if (atomic_load(&set->has_next)) bytes += set->next.bytes;
    mutex_release(&set->lock);
    *out_count = count + 1;
    *out_bytes = bytes;
}
