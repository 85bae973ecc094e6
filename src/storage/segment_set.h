/* The files of the log: the segment being written, those behind it, and those ready for later.
 *
 *   spare-1.seg   prepared: zeros to the end, synced          any thread, far from any commit
 *        |  rotate: header synced, renamed, directory synced  the committer
 *   log-N.seg     current: blocks go in
 *        |  rotate
 *   log-N.seg     retired: only recovery reads it
 *        |  trim: renamed to a spare, or removed              the housekeeper, after a checkpoint
 *
 * A spare carries a whole header as soon as all its bytes are on disk; after a start only such
 * spares are taken over. Recycled spares hold old blocks; these name their old segment, so a reader
 * never takes them for new ones. */
#ifndef STORAGE_SEGMENT_SET_H
#define STORAGE_SEGMENT_SET_H

#include "base/bytes.h"
#include "base/status.h"

struct clock;
struct disk;
struct segment_set;

enum {
    SEGMENT_SET_SPARES_MAX = 4,            /* more are removed */
    SEGMENT_SET_FILL_BYTES = 1024 * 1024,  /* zeros written at a time */
    SEGMENT_SET_MARGIN_BYTES = 256 * 1024, /* of disk that preparing leaves free, for manifests */
};

struct segment_set_options {
    struct disk *disk;
    struct clock *clock;
    uint64_t log_id;
    uint32_t term;
    uint64_t segment_bytes;
    uint64_t first_block; /* the first segment of this run begins with it */
};

/* Takes stock of the directory. STATUS_CORRUPT when it holds a segment behind first_block: recovery
 * was not run. */
MUST_USE enum status segment_set_open(const struct segment_set_options *options,
                                      struct segment_set **out);
void segment_set_close(struct segment_set *set);

/* ---- the committer's part: one thread at a time ---- */

/* True when the current segment has `bytes` left. */
bool segment_set_has_room(const struct segment_set *set, uint64_t bytes);
/* Ends the current segment and begins the next, with room for `bytes`. All blocks before
 * first_block are durable. On failure: *out_what NULL, nothing has changed and it may be tried
 * again; else it says what broke: the log must stop. */
MUST_USE enum status segment_set_rotate(struct segment_set *set, uint64_t bytes,
                                        uint64_t first_block, uint64_t first_epoch,
                                        const char **out_what);
/* Appends whole blocks from aligned memory; there is room. */
MUST_USE enum status segment_set_write(struct segment_set *set, const char *data, uint64_t bytes,
                                       bool is_synced);
MUST_USE enum status segment_set_sync(struct segment_set *set);
/* True when no block stands in the current segment yet. */
bool segment_set_is_fresh(const struct segment_set *set);
/* The number by which blocks name the current segment. */
uint64_t segment_set_first_block(const struct segment_set *set);

/* ---- any thread ---- */

/* Time to prepare: the current segment is half full and nothing waits behind it. */
bool segment_set_wants_next(const struct segment_set *set);
/* No next segment could be prepared, and the current one is nearly full. */
bool segment_set_is_short(const struct segment_set *set);
/* The committer waits for the preparation that is under way. */
bool segment_set_is_awaited(const struct segment_set *set);
/* Makes the next segment ready; waits when another thread is at it. `breathe` (or NULL) is called
 * between slices of zeros with the time that the last one took. *out_what as above; the caller sets
 * it to NULL. */
MUST_USE enum status segment_set_prepare(struct segment_set *set,
                                         void (*breathe)(void *context, uint64_t slice_ns),
                                         void *context, const char **out_what);
/* Recycles or removes retired segments whose blocks all come before `block`. One thread at a time.
 * *out_what as above. */
MUST_USE enum status segment_set_trim(struct segment_set *set, uint64_t block,
                                      const char **out_what);
void segment_set_measure(struct segment_set *set, uint64_t *out_count, uint64_t *out_bytes);

#endif
