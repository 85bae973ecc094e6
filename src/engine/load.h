/* Brings the keyspace back: the newest checkpoint, then the log behind it. Only while the engine
 * opens; nobody else can reach the keyspace, so no lock is taken. */
#ifndef ENGINE_LOAD_H
#define ENGINE_LOAD_H

#include "base/buf.h"
#include "base/status.h"
#include "storage/recovery.h"

struct keyspace;
struct manifest;
struct disk;

struct load_options {
    struct disk *disk;
    struct keyspace *keyspace;
    const struct manifest *manifest;
    int64_t now_ms;
    void *context;
    void (*on_progress)(void *context, const char *stage, uint64_t done,
                        uint64_t total); /* may be NULL */
};

struct load_result {
    struct recovery_result log;
    uint64_t databases_version;
    uint64_t keys;
    uint64_t expired; /* dropped after the replay because their deadline had passed meanwhile */
    uint64_t records; /* replayed */
    uint64_t skipped; /* records that the checkpoint held already, or of flushed tables */
};

MUST_USE enum status load_run(const struct load_options *options, struct load_result *out,
                              struct buf *message);

#endif
