/* A checkpoint file: chunks in hash order, each under its own checksum, closed by a trailer that
 * counts them; a file without its trailer was never finished. Storage knows chunks, not what is in
 * them. One thread. Bytes: docs/formats. */
#ifndef STORAGE_CHECKPOINT_H
#define STORAGE_CHECKPOINT_H

#include "base/buf.h"
#include "base/status.h"

struct disk;

/* Covers the keys of `partition` whose hash lies in [hash_first, hash_last]: the records inside are
 * their whole state at the moment when the partition's sequence number was `sequence`. */
struct checkpoint_chunk {
    uint32_t partition;
    uint32_t record_count;
    uint64_t hash_first;
    uint64_t hash_last; /* inclusive */
    uint64_t sequence;
    struct bytes records;
};

struct checkpoint_writer;
MUST_USE enum status checkpoint_writer_open(struct disk *disk, const char *name, uint64_t log_id,
                                            struct checkpoint_writer **out);
MUST_USE enum status checkpoint_writer_append(struct checkpoint_writer *writer,
                                              const struct checkpoint_chunk *chunk);
/* Trailer, sync of the file and of the directory. *out_bytes is the file's size. */
MUST_USE enum status checkpoint_writer_finish(struct checkpoint_writer *writer,
                                              uint64_t *out_bytes);
/* Frees; removes the file when it was not finished. NULL is fine. */
void checkpoint_writer_destroy(struct checkpoint_writer *writer);

struct checkpoint_reader;
MUST_USE enum status checkpoint_reader_open(struct disk *disk, const char *name, uint64_t log_id,
                                            struct checkpoint_reader **out, struct buf *message);
/* STATUS_NOT_FOUND after the last chunk of a whole file; STATUS_CORRUPT with a message that names
 * file and offset. chunk->records is borrowed until the next call. */
MUST_USE enum status checkpoint_reader_next(struct checkpoint_reader *reader,
                                            struct checkpoint_chunk *out, struct buf *message);
/* Bytes read so far, and of the file. */
void checkpoint_reader_progress(const struct checkpoint_reader *reader, uint64_t *done,
                                uint64_t *total);
void checkpoint_reader_destroy(struct checkpoint_reader *reader);

#endif
