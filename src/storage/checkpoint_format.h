/* The three headers of a checkpoint file, each under its own checksum. Pure; any thread. Bytes:
 * docs/formats. */
#ifndef STORAGE_CHECKPOINT_FORMAT_H
#define STORAGE_CHECKPOINT_FORMAT_H

#include "base/status.h"
#include "storage/checkpoint.h"

enum {
    CHECKPOINT_FORMAT = 1,
    CHECKPOINT_ALIGNMENT = 4096, /* the file is a multiple of it, padded with zeros */
    CHECKPOINT_HEADER_BYTES = 64,
    CHECKPOINT_CHUNK_HEADER_BYTES = 80,
    CHECKPOINT_TRAILER_BYTES = 64,
};

struct checkpoint_chunk_header {
    uint64_t log_id;
    uint64_t index; /* 0, 1, 2, ... within the file */
    uint64_t hash_first;
    uint64_t hash_last;
    uint64_t sequence;
    uint32_t partition;
    uint32_t record_count;
    uint64_t records_bytes;
    uint64_t records_checksum;
};

struct checkpoint_trailer {
    uint64_t log_id;
    uint64_t chunk_count;
    uint64_t record_count;
    uint64_t file_bytes; /* padding included */
    uint64_t chain;      /* of all chunk headers: no chunk of another file can take one's place */
};

void checkpoint_write_header(char *out, uint64_t log_id);
/* All three: STATUS_INVALID when damaged or something else; the header STATUS_VERSION when
 * newer. */
MUST_USE enum status checkpoint_read_header(const char *data, uint64_t *out_log_id);

void checkpoint_write_chunk_header(char *out, const struct checkpoint_chunk_header *header);
MUST_USE enum status checkpoint_read_chunk_header(const char *data,
                                                  struct checkpoint_chunk_header *out);

void checkpoint_write_trailer(char *out, const struct checkpoint_trailer *trailer);
MUST_USE enum status checkpoint_read_trailer(const char *data, struct checkpoint_trailer *out);

/* The chain after one more chunk, whose written header is `header`. */
uint64_t checkpoint_extend_chain(uint64_t chain, const char *header);

/* True when a chunk [hash_first, hash_last] may follow one that ended with `previous_last`: it goes
 * on right behind it, or begins with the same hash (a big value in pieces). Chunks lie inside one
 * partition. */
bool checkpoint_may_follow(bool is_first, uint64_t previous_last, uint64_t hash_first,
                           uint64_t hash_last, uint32_t partition);

#endif
