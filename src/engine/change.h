/* Effects: what a write did to one key, as it stands in the log and in checkpoints. Each is
 * deterministic and depends on nothing but the key's own earlier state, so that replay over a fuzzy
 * checkpoint converges.
 *
 *   op           arguments (after the i64 deadline when RECORD_EXPIRES is set; little endian)
 *   BYTES        bytes           the whole value
 *   INTEGER      i64             the whole value
 *   RANGE        varint offset, bytes   written into the string, zero-filled up to there; the deadline stays
 *   DEADLINE     i64             0: none
 *   REMOVE
 *   DATABASES    varint version, varint next table id, varint count, count x varint table id; the key is empty
 *
 * BYTES and INTEGER replace value and deadline. An effect that builds on what is there (RANGE) says
 * with RECORD_CREATES when nothing was: keys that expired while no server ran are dropped at the
 * start without a record, and a later replay of the same log still meets them. Numbers of ops are
 * for ever. */
#ifndef ENGINE_CHANGE_H
#define ENGINE_CHANGE_H

#include "base/status.h"
#include "keyspace/keyspace.h"
#include "storage/record.h"

struct buf;

enum change_op {
    CHANGE_BYTES = 1,
    CHANGE_INTEGER = 2,
    CHANGE_RANGE = 3,
    CHANGE_DEADLINE = 4,
    CHANGE_REMOVE = 5,
    CHANGE_DATABASES = 6,
};

/* How a text is stored: the shortest form that gives back the same bytes. A new blob's reference is
 * the caller's (it passes to the entry with shard_store). */
struct entry_value change_value_of_text(struct bytes text);
struct entry_value change_value_of_bytes(struct bytes bytes);

/* Applies one record (any op but DATABASES) to its shard, whose lock is held or which nobody else
 * can reach. STATUS_CORRUPT when the arguments do not follow their grammar: the checksums were
 * right, so a bug or a hostile file. */
MUST_USE enum status change_apply(struct keyspace *keyspace, uint32_t database, uint64_t hash,
                                  const struct record *record);

/* Appends the record that recreates this entry, for a checkpoint. */
void change_append_entry(struct buf *out, const struct entry *entry, uint64_t table);

struct change_databases {
    uint64_t version;
    uint64_t next_table;
    uint32_t count;
    struct bytes tables; /* count varints */
};
MUST_USE enum status change_parse_databases(const struct record *record, uint32_t database_count,
                                            struct change_databases *out);

#endif
