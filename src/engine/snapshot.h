/* Takes a checkpoint: walks the keyspace in hash order while it lives on, a few buckets under a
 * shard's lock at a time, without fork, copies or versions. What changes behind the walker is in
 * the log, what changes ahead of it is in the walk; each chunk says the sequence number of its
 * partition at its moment, and replay goes on from there. */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct disk;
struct engine;

/* Walks, waits until the log is durable past everything that was seen, names the checkpoint in the
 * manifest, trims the log. The caller holds engine->checkpointing. Log and disk may fail; the
 * keyspace and the older checkpoint stay. *out_must_stop: the manifest's rename happened but could
 * not be made durable: the process must end. */
MUST_USE enum status snapshot_take(struct engine *engine, bool *out_must_stop);

enum { SNAPSHOT_NAME_BYTES = 64 };

/* "checkpoint-" and the generation in 16 hex digits and ".ckpt"; `out` has SNAPSHOT_NAME_BYTES. */
void snapshot_print_name(char *out, uint64_t generation);
/* True when `name` is exactly what snapshot_print_name prints: other files are not ours. */
bool snapshot_is_name(const char *name);
/* Removes a checkpoint file that no manifest names; a failure is only told in the message log. */
void snapshot_remove_file(struct disk *disk, const char *name);

#endif
