#include "engine/change.h"

#include "base/assert.h"
#include "base/buf.h"
#include "value/blob.h"

struct entry_value change_value_of_bytes(struct bytes bytes)
{
    if (bytes.size <= ENTRY_INLINE_VALUE_MAX) {
        return (struct entry_value){.kind = ENTRY_STRING, .string = bytes};
    }
    struct blob *blob = blob_create(bytes.size, bytes.size);
    memcpy(blob->data, bytes.data, bytes.size);
    return (struct entry_value){.kind = ENTRY_BLOB, .blob = blob};
}

struct entry_value change_value_of_text(struct bytes text)
{
    int64_t integer;
    if (text.size < NUMBER_INT_TEXT_MAX && number_parse_i64(text, &integer)) {
        return (struct entry_value){.kind = ENTRY_INTEGER, .integer = integer};
    }
    return change_value_of_bytes(text);
}

static bool take_i64(struct bytes *input, int64_t *out)
{
    if (input->size < sizeof *out) return false;
    memcpy(out, input->data, sizeof *out);
    *input = bytes_part(*input, sizeof *out, input->size);
    return true;
}

static enum status store(struct shard *shard, uint32_t database, uint64_t hash,
                         const struct record *record, const struct table_slot *slot)
{
    struct bytes arguments = record->arguments;
    int64_t deadline_ms = ENTRY_NO_DEADLINE;
    if ((record->flags & RECORD_EXPIRES) != 0 && !take_i64(&arguments, &deadline_ms))
        return STATUS_CORRUPT;
    if (deadline_ms < 0 || deadline_ms > ENTRY_DEADLINE_MAX) return STATUS_CORRUPT;

    struct entry_value value;
    if (record->op == CHANGE_INTEGER) {
        int64_t integer;
        if (!take_i64(&arguments, &integer)) return STATUS_CORRUPT;
        value = (struct entry_value){.kind = ENTRY_INTEGER, .integer = integer};
    } else {
        value = change_value_of_bytes(arguments);
    }
    shard_store(shard, database, hash, record->key, slot, &value, deadline_ms);
    return STATUS_OK;
}

static enum status write_range(struct shard *shard, uint32_t database, uint64_t hash,
                               const struct record *record, const struct table_slot *slot)
{
    struct bytes arguments = record->arguments;
    uint64_t offset;
    if (!record_take_varint(&arguments, &offset)) return STATUS_CORRUPT;
    if (offset > ENTRY_KEY_BYTES_MAX || arguments.size > ENTRY_KEY_BYTES_MAX) return STATUS_CORRUPT;
    shard_write_range(shard, database, hash, record->key, slot, offset, arguments);
    return STATUS_OK;
}

static enum status set_deadline(struct shard *shard, uint32_t database, uint64_t hash,
                                const struct record *record, const struct table_slot *slot)
{
    struct bytes arguments = record->arguments;
    int64_t deadline_ms;
    if (!take_i64(&arguments, &deadline_ms)) return STATUS_CORRUPT;
    if (deadline_ms < 0 || deadline_ms > ENTRY_DEADLINE_MAX) return STATUS_CORRUPT;
    if (slot != NULL) shard_set_deadline(shard, database, hash, *slot, deadline_ms);
    return STATUS_OK;
}

enum status change_apply(struct keyspace *keyspace, uint32_t database, uint64_t hash,
                         const struct record *record)
{
    struct shard *shard = keyspace_shard(keyspace, hash);
    struct table_slot slot;
    bool is_there = shard_find(shard, database, hash, record->key, &slot) != NULL;
    if (is_there && (record->flags & RECORD_CREATES) != 0) {
        shard_remove(shard, database, hash, slot);
        is_there = false;
    }
    const struct table_slot *old = is_there ? &slot : NULL;
    switch (record->op) {
    case CHANGE_BYTES:
    case CHANGE_INTEGER: return store(shard, database, hash, record, old);
    case CHANGE_RANGE: return write_range(shard, database, hash, record, old);
    case CHANGE_DEADLINE: return set_deadline(shard, database, hash, record, old);
    case CHANGE_REMOVE:
        if (is_there) shard_remove(shard, database, hash, slot);
        return STATUS_OK;
    default: return STATUS_CORRUPT;
    }
}

static uint8_t op_of(const struct entry *entry)
{
    return entry_kind(entry) == ENTRY_INTEGER ? CHANGE_INTEGER : CHANGE_BYTES;
}

void change_append_entry(struct buf *out, const struct entry *entry, uint64_t table)
{
    ASSERT(entry_is_string(entry));
    int64_t deadline_ms = entry_deadline(entry);
    int64_t integer = 0;
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes value = {0};
    if (entry_kind(entry) == ENTRY_INTEGER) {
        integer = entry_integer(entry);
        value = bytes_of(&integer, sizeof integer);
    } else {
        value = entry_string(entry, scratch);
    }
    bool expires = deadline_ms != ENTRY_NO_DEADLINE;
    size_t arguments_bytes = value.size + (expires ? sizeof deadline_ms : 0);
    struct bytes key = entry_key(entry);
    char *start = buf_reserve(out, RECORD_HEADER_BYTES_MAX + key.size + arguments_bytes);
    char *flags;
    char *next = record_begin(start, op_of(entry), expires ? RECORD_EXPIRES : 0, 0, table, key,
                              arguments_bytes, &flags);
    if (expires) {
        memcpy(next, &deadline_ms, sizeof deadline_ms);
        next += sizeof deadline_ms;
    }
    memcpy(next, value.data, value.size);
    out->size += (size_t)(next + value.size - start);
}

enum status change_parse_databases(const struct record *record, uint32_t database_count,
                                   struct change_databases *out)
{
    struct bytes input = record->arguments;
    uint64_t version, next_table, count;
    if (!record_take_varint(&input, &version)) return STATUS_CORRUPT;
    if (!record_take_varint(&input, &next_table)) return STATUS_CORRUPT;
    if (!record_take_varint(&input, &count)) return STATUS_CORRUPT;
    if (count > database_count) return STATUS_CORRUPT;
    struct bytes tables = input;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t table;
        if (!record_take_varint(&input, &table) || table >= next_table) return STATUS_CORRUPT;
    }
    if (input.size > 0) return STATUS_CORRUPT;
    *out = (struct change_databases){version, next_table, (uint32_t)count, tables};
    return STATUS_OK;
}
