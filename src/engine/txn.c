/* Transactions: every read and every change of every key passes here.
 *
 * A change does two things in one place: it alters the keyspace, and it appends its effect to the
 * worker's private part of the log. Nothing of it is visible to the committer before txn_commit
 * publishes it, with the locks still held; so the records of a transaction are in one epoch, whole
 * or not at all. */
#include "engine/txn.h"

#include "base/assert.h"
#include "base/memory.h"
#include "engine/change.h"
#include "engine/engine_internal.h"
#include "keyspace/watch.h"
#include "storage/record.h"
#include "value/blob.h"

enum { TXN_RANDOM_TRIES = 16, TXN_SCAN_BUCKETS = 64 };

/* --------------------------------------------------------------------------------------------------
 * locks and life */

static void push_shard(struct txn *txn, struct shard *shard) NO_LOCK_ANALYSIS
{
    if (txn->shard_count == TXN_INLINE_COUNT && txn->shards == txn->inline_shards) {
        /* The most there can be, at once: no third size. */
        txn->shards = memory_alloc(txn->keyspace->shard_count * sizeof(struct shard *));
        memcpy(txn->shards, txn->inline_shards, sizeof txn->inline_shards);
    }
    shard_acquire(shard);
    txn->shards[txn->shard_count++] = shard;
}

static void lock_by_bitmap(struct txn *txn, const struct key *keys, uint32_t count)
{
    uint64_t bitmap[KEYSPACE_SHARDS_MAX / 64] = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = keyspace_shard(txn->keyspace, keys[i].hash)->index;
        bitmap[index / 64] |= 1ull << (index % 64);
    }
    for (uint32_t word = 0; word * 64 < txn->keyspace->shard_count; word++) {
        for (uint64_t bits = bitmap[word]; bits != 0; bits &= bits - 1) {
            push_shard(txn, &txn->keyspace->shards[word * 64 + (uint32_t)__builtin_ctzll(bits)]);
        }
    }
}

void txn_lock(struct txn *txn, const struct key *keys, uint32_t count)
{
    ASSERT_SLOW(txn->shard_count == 0);
    if (count == 1) {
        txn_lock_one(txn, keys);
    } else if (count > 1) {
        lock_by_bitmap(txn, keys, count);
    }
}

void txn_lock_all(struct txn *txn)
{
    ASSERT(txn->shard_count == 0);
    for (uint32_t i = 0; i < txn->keyspace->shard_count; i++)
        push_shard(txn, &txn->keyspace->shards[i]);
    txn->holds_all = true;
}

/* Whole databases changed: every key there could be waits. All shards are locked. */
static NO_INLINE void note_all_gates(struct keyspace *keyspace, uint64_t gate)
{
    for (uint32_t i = 0; i < KEYSPACE_GATE_SLOTS; i++) keyspace->gates[i] = gate;
    for (uint32_t i = 0; i < keyspace->shard_count; i++) keyspace->shards[i].newest_gate = gate;
}

/* The records are in some cut not past `gate`: whoever sees the keys waits for it. */
static void note_gates(struct txn *txn, uint64_t gate)
{
    struct keyspace *keyspace = txn->keyspace;
    txn_raise_gate(txn, gate);
    if (UNLIKELY(txn->has_written_all)) {
        note_all_gates(keyspace, gate);
        return;
    }
    for (uint32_t i = 0; i < txn->written_count; i++) {
        uint64_t hash = txn->written[i];
        keyspace->gates[keyspace_gate_slot(hash)] = gate;
        keyspace_shard(keyspace, hash)->newest_gate = gate;
    }
}

void txn_publish(struct txn *txn)
{
    if (txn->worker->appender != NULL)
        note_gates(txn, wal_publish(txn->worker->wal, txn->worker->appender));
    if (UNLIKELY(txn->written != txn->inline_written)) memory_free(txn->written);
}

void txn_unlock_many(struct txn *txn) NO_LOCK_ANALYSIS
{
    for (uint32_t i = txn->shard_count; i > 0; i--) shard_release(txn->shards[i - 1]);
    if (txn->shards != txn->inline_shards) memory_free(txn->shards);
}

/* ----------------------------------------------------------------------------------------------------------
 * reading */

void txn_gate_shard(struct txn *txn, const struct shard *shard)
{
    if (shard->newest_gate > txn->durable) txn_raise_gate(txn, shard->newest_gate);
}

struct item txn_item_in(struct txn *txn, uint32_t database, const struct key *key)
{
    struct item item = {
        .key = key, .shard = keyspace_shard(txn->keyspace, key->hash), .database = database};
    item.entry = shard_find(item.shard, database, key->hash, key->name, &item.slot);
    txn_gate_read(txn, item.shard, key->hash);
    if (item.entry != NULL && UNLIKELY(txn_is_past(txn, item.entry))) {
        engine_worker_count(&txn->worker->expired);
        txn_remove(txn, &item);
    }
    return item;
}

struct item txn_item(struct txn *txn, const struct key *key)
{
    return txn_item_in(txn, txn->database, key);
}

/* ---------------------------------------------------------------------------------------------------------
 * changing */

static NO_INLINE void grow_written(struct txn *txn)
{
    uint32_t capacity = txn->written_capacity * 4;
    uint64_t *written = memory_alloc(capacity * sizeof *written);
    memcpy(written, txn->written, txn->written_count * sizeof *written);
    if (txn->written != txn->inline_written) memory_free(txn->written);
    txn->written = written;
    txn->written_capacity = capacity;
}

static void note_written(struct txn *txn, uint64_t hash)
{
    if (UNLIKELY(txn->written_count == txn->written_capacity)) grow_written(txn);
    txn->written[txn->written_count++] = hash;
    txn->has_written = true;
    engine_worker_count(&txn->worker->changes);
}

/* Starts the record of a change to `key`; returns where its arguments go, or NULL without a log. */
static char *begin_record(struct txn *txn, uint8_t op, uint8_t flags, uint64_t table,
                          const struct key *key, size_t arguments_bytes)
{
    note_written(txn, key->hash);
    uint64_t sequence = ++txn->keyspace->sequences[hashing_partition(key->hash)];
    struct wal_appender *appender = txn->worker->appender;
    if (appender == NULL) return NULL;
    char *out = wal_reserve(appender, RECORD_HEADER_BYTES_MAX + key->name.size + arguments_bytes);
    if (txn->last_flags != NULL) *txn->last_flags |= RECORD_MORE;
    return record_begin(out, op, flags, (uint32_t)sequence, table, key->name, arguments_bytes,
                        &txn->last_flags);
}

static char *put(char *out, const void *data, size_t size)
{
    if (size > 0) memcpy(out, data, size); /* an empty text may have no address */
    return out + size;
}

static void record_value(struct txn *txn, const struct item *item, const struct entry_value *value,
                         struct bytes bytes, int64_t deadline_ms)
{
    bool expires = deadline_ms != ENTRY_NO_DEADLINE;
    uint8_t op = value->kind == ENTRY_INTEGER ? CHANGE_INTEGER : CHANGE_BYTES;
    if (op == CHANGE_INTEGER) bytes = bytes_of(&value->integer, sizeof value->integer);
    char *out = begin_record(txn, op, expires ? RECORD_EXPIRES : 0,
                             txn->keyspace->table_ids[item->database], item->key,
                             bytes.size + (expires ? sizeof deadline_ms : 0));
    if (out == NULL) return;
    if (expires) out = put(out, &deadline_ms, sizeof deadline_ms);
    wal_advance(txn->worker->appender, put(out, bytes.data, bytes.size));
}

static void touch(const struct item *item)
{
    if (UNLIKELY(item->shard->watch_count > 0)) {
        watch_touch(item->shard, item->database, item->key->hash, item->key->name);
    }
}

/* Where the entry stands; NULL when there is none. A new entry's slot is looked up when it is asked
 * for: seldom. */
static const struct table_slot *slot_of(struct item *item)
{
    if (item->entry == NULL) return NULL;
    if (item->slot.bucket == NULL) {
        shard_find(item->shard, item->database, item->key->hash, item->key->name, &item->slot);
    }
    return &item->slot;
}

/* `bytes` is what `value` stands for when it is no integer. */
static void set_value(struct txn *txn, struct item *item, const struct entry_value *value,
                      struct bytes bytes, int64_t deadline_ms)
{
    if (deadline_ms == TXN_KEEP_DEADLINE) {
        deadline_ms = item->entry != NULL ? entry_deadline(item->entry) : ENTRY_NO_DEADLINE;
    }
    if (UNLIKELY(deadline_ms != ENTRY_NO_DEADLINE && deadline_ms <= txn->now_ms)) {
        if (value->kind == ENTRY_BLOB) blob_release(value->blob);
        if (item->entry != NULL) txn_remove(txn, item);
        return;
    }
    if (deadline_ms > ENTRY_DEADLINE_MAX) deadline_ms = ENTRY_DEADLINE_MAX;
    /* Recorded first: `bytes` may point into the entry that is about to be replaced. */
    record_value(txn, item, value, bytes, deadline_ms);
    bool is_new = item->entry == NULL;
    item->entry = shard_store(item->shard, item->database, item->key->hash, item->key->name,
                              slot_of(item), value, deadline_ms);
    if (is_new) item->slot.bucket = NULL;
    touch(item);
}

void txn_set_text(struct txn *txn, struct item *item, struct bytes text, int64_t deadline_ms)
{
    struct entry_value value = change_value_of_text(text);
    set_value(txn, item, &value, text, deadline_ms);
}

void txn_set_bytes(struct txn *txn, struct item *item, struct bytes bytes, int64_t deadline_ms)
{
    struct entry_value value = change_value_of_bytes(bytes);
    set_value(txn, item, &value, bytes, deadline_ms);
}

void txn_set_raw(struct txn *txn, struct item *item, struct bytes bytes, int64_t deadline_ms)
{
    txn_set_bytes(txn, item, bytes, deadline_ms);
    if (item->entry != NULL && entry_kind(item->entry) == ENTRY_STRING) entry_set_raw(item->entry);
}

void txn_set_integer(struct txn *txn, struct item *item, int64_t integer, int64_t deadline_ms)
{
    struct entry_value value = {.kind = ENTRY_INTEGER, .integer = integer};
    set_value(txn, item, &value, BYTES_EMPTY, deadline_ms);
}

void txn_touch(struct txn *txn, const struct item *item)
{
    (void)txn;
    touch(item);
}

void txn_write_range(struct txn *txn, struct item *item, size_t offset, struct bytes data)
{
    txn_write_range_quietly(txn, item, offset, data);
    touch(item);
}

void txn_write_range_quietly(struct txn *txn, struct item *item, size_t offset, struct bytes data)
{
    uint8_t flags = item->entry == NULL ? RECORD_CREATES : 0;
    char *out = begin_record(txn, CHANGE_RANGE, flags, txn->keyspace->table_ids[item->database],
                             item->key, record_varint_size(offset) + data.size);
    if (out != NULL) {
        wal_advance(txn->worker->appender,
                    put(record_put_varint(out, offset), data.data, data.size));
    }
    bool is_new = item->entry == NULL;
    item->entry = shard_write_range(item->shard, item->database, item->key->hash, item->key->name,
                                    slot_of(item), offset, data);
    if (is_new) item->slot.bucket = NULL;
}

void txn_make_raw(struct txn *txn, struct item *item)
{
    (void)txn;
    if (item->entry == NULL || entry_kind(item->entry) == ENTRY_BLOB) return;
    if (entry_kind(item->entry) == ENTRY_INTEGER) {
        char scratch[NUMBER_INT_TEXT_MAX];
        struct entry_value value = {.kind = ENTRY_STRING,
                                    .string = entry_string(item->entry, scratch)};
        item->entry = shard_store(item->shard, item->database, item->key->hash, item->key->name,
                                  slot_of(item), &value, entry_deadline(item->entry));
    }
    entry_set_raw(item->entry);
}

void txn_set_deadline(struct txn *txn, struct item *item, int64_t deadline_ms)
{
    ASSERT(item->entry != NULL);
    if (deadline_ms != ENTRY_NO_DEADLINE && deadline_ms <= txn->now_ms) {
        txn_remove(txn, item);
        return;
    }
    if (deadline_ms > ENTRY_DEADLINE_MAX) deadline_ms = ENTRY_DEADLINE_MAX;
    char *out = begin_record(txn, CHANGE_DEADLINE, 0, txn->keyspace->table_ids[item->database],
                             item->key, sizeof deadline_ms);
    if (out != NULL) wal_advance(txn->worker->appender, put(out, &deadline_ms, sizeof deadline_ms));
    item->entry = shard_set_deadline(item->shard, item->database, item->key->hash, *slot_of(item),
                                     deadline_ms);
    touch(item);
}

void txn_remove(struct txn *txn, struct item *item)
{
    ASSERT(item->entry != NULL);
    char *out = begin_record(txn, CHANGE_REMOVE, 0, txn->keyspace->table_ids[item->database],
                             item->key, 0);
    if (out != NULL) wal_advance(txn->worker->appender, out);
    if (UNLIKELY(item->shard->watch_count > 0)) {
        if (txn_is_past(txn, item->entry)) {
            watch_touch_expired(item->shard, item->database, item->key->hash, item->key->name);
        } else {
            touch(item);
        }
    }
    shard_remove(item->shard, item->database, item->key->hash, *slot_of(item));
    item->entry = NULL;
}

void txn_note_expired(struct txn *txn, struct shard *shard, uint32_t database,
                      const struct entry *entry)
{
    struct key key = txn_key(txn, entry_key(entry));
    engine_worker_count(&txn->worker->expired);
    char *out = begin_record(txn, CHANGE_REMOVE, 0, txn->keyspace->table_ids[database], &key, 0);
    if (out != NULL) wal_advance(txn->worker->appender, out);
    if (UNLIKELY(shard->watch_count > 0)) watch_touch_expired(shard, database, key.hash, key.name);
}

void txn_copy(struct txn *txn, struct item *target, const struct entry *source, int64_t deadline_ms)
{
    ASSERT(entry_is_string(source));
    if (entry_kind(source) == ENTRY_INTEGER) {
        txn_set_integer(txn, target, entry_integer(source), deadline_ms);
        return;
    }
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes bytes = entry_string(source, scratch);
    if (entry_kind(source) != ENTRY_BLOB) {
        if (entry_is_raw(source)) {
            txn_set_raw(txn, target, bytes, deadline_ms);
        } else {
            txn_set_bytes(txn, target, bytes, deadline_ms);
        }
        return;
    }
    /* Both keys share the blob until one of them changes it. */
    struct entry_value value = {.kind = ENTRY_BLOB, .blob = blob_acquire(entry_blob(source))};
    set_value(txn, target, &value, bytes, deadline_ms);
}

/* --------------------------------------------------------------------------------------------- the
 * map of databases */

static void record_databases(struct txn *txn)
{
    struct keyspace *keyspace = txn->keyspace;
    uint64_t version = ++txn->worker->engine->databases_version;
    txn->has_written = true;
    txn->has_written_all = true;
    engine_worker_count(&txn->worker->changes);
    if (txn->worker->appender == NULL) return;

    size_t arguments_bytes = record_varint_size(version) +
                             record_varint_size(keyspace->next_table_id) +
                             record_varint_size(keyspace->database_count);
    for (uint32_t i = 0; i < keyspace->database_count; i++) {
        arguments_bytes += record_varint_size(keyspace->table_ids[i]);
    }
    char *out = wal_reserve(txn->worker->appender, RECORD_HEADER_BYTES_MAX + arguments_bytes);
    if (txn->last_flags != NULL) *txn->last_flags |= RECORD_MORE;
    out = record_begin(out, CHANGE_DATABASES, 0, 0, 0, BYTES_EMPTY, arguments_bytes,
                       &txn->last_flags);
    out = record_put_varint(out, version);
    out = record_put_varint(out, keyspace->next_table_id);
    out = record_put_varint(out, keyspace->database_count);
    for (uint32_t i = 0; i < keyspace->database_count; i++)
        out = record_put_varint(out, keyspace->table_ids[i]);
    wal_advance(txn->worker->appender, out);
}

void txn_flush(struct txn *txn, uint32_t database)
{
    ASSERT(txn->holds_all);
    for (uint32_t i = 0; i < txn->keyspace->shard_count; i++) {
        watch_touch_database(&txn->keyspace->shards[i], database, database, database);
    }
    keyspace_flush(txn->keyspace, database);
    record_databases(txn);
}

void txn_swap(struct txn *txn, uint32_t first, uint32_t second)
{
    ASSERT(txn->holds_all);
    for (uint32_t i = 0; i < txn->keyspace->shard_count; i++) {
        struct shard *shard = &txn->keyspace->shards[i];
        watch_touch_database(shard, first, first, second);
        watch_touch_database(shard, second, first, second);
    }
    keyspace_swap(txn->keyspace, first, second);
    record_databases(txn);
}

/* ------------------------------------------------------------------------------------------------
 * the whole database */

uint64_t txn_database_size(struct txn *txn) NO_LOCK_ANALYSIS
{
    ASSERT(txn->holds_all || txn->shard_count == 0);
    uint64_t total = 0;
    for (uint32_t i = 0; i < txn->keyspace->shard_count; i++) {
        struct shard *shard = &txn->keyspace->shards[i];
        if (!txn->holds_all) shard_acquire(shard);
        total += shard_count(shard, txn->database);
        txn_gate_shard(txn, shard);
        if (!txn->holds_all) shard_release(shard);
    }
    return total;
}

struct live_filter {
    const struct txn *txn;
    bool (*each)(void *context, struct entry *entry);
    void *context;
};

static bool each_live(void *context, struct entry *entry)
{
    struct live_filter *filter = context;
    if (txn_is_past(filter->txn, entry)) return true;
    return filter->each(filter->context, entry);
}

uint64_t txn_scan(struct txn *txn, uint64_t cursor, unsigned bucket_max,
                  bool (*each)(void *context, struct entry *entry), void *context)
{
    ASSERT(txn->holds_all || txn->shard_count == 0);
    struct live_filter filter = {txn, each, context};
    uint64_t gate = 0;
    uint64_t next = keyspace_scan(txn->keyspace, txn->database, cursor, bucket_max, txn->holds_all,
                                  each_live, &filter, &gate);
    if (gate > txn->durable) txn_raise_gate(txn, gate);
    return next;
}

/* The shard in which the n-th key of the database stands, were they numbered shard by shard. */
static struct shard *shard_of_nth(struct txn *txn, uint64_t n) NO_LOCK_ANALYSIS
{
    for (uint32_t i = 0; i < txn->keyspace->shard_count; i++) {
        struct shard *shard = &txn->keyspace->shards[i];
        if (!txn->holds_all) shard_acquire(shard);
        uint64_t here = shard_count(shard, txn->database);
        if (!txn->holds_all) shard_release(shard);
        if (n < here) return shard;
        n -= here;
    }
    return NULL;
}

static bool try_random(struct txn *txn, uint64_t total,
                       void (*each)(void *context, struct entry *entry), void *context)
    NO_LOCK_ANALYSIS
{
    struct random *random = &txn->worker->random;
    struct shard *shard = shard_of_nth(txn, random_below(random, total));
    if (shard == NULL) return false;
    if (!txn->holds_all) shard_acquire(shard);
    struct entry *entry = shard_random(shard, txn->database, random_next(random));
    bool found = entry != NULL && !txn_is_past(txn, entry);
    if (found) {
        txn_gate_shard(txn, shard);
        each(context, entry);
    }
    if (!txn->holds_all) shard_release(shard);
    return found;
}

struct first_live {
    void (*each)(void *context, struct entry *entry);
    void *context;
    bool is_found;
};

static bool each_first(void *context, struct entry *entry)
{
    struct first_live *first = context;
    if (!first->is_found) first->each(first->context, entry);
    first->is_found = true;
    return false;
}

/* When nearly all keys have expired and are not deleted yet, chance would not find the few that
 * live. */
static bool find_live(struct txn *txn, void (*each)(void *context, struct entry *entry),
                      void *context)
{
    struct first_live first = {each, context, false};
    uint64_t cursor = random_next(&txn->worker->random) >> 12;
    do {
        cursor = txn_scan(txn, cursor, TXN_SCAN_BUCKETS, each_first, &first);
    } while (cursor != 0 && !first.is_found);
    while (!first.is_found) {
        cursor = txn_scan(txn, cursor, TXN_SCAN_BUCKETS, each_first, &first);
        if (cursor == 0) break;
    }
    return first.is_found;
}

bool txn_random(struct txn *txn, void (*each)(void *context, struct entry *entry), void *context)
{
    for (unsigned i = 0; i < TXN_RANDOM_TRIES; i++) {
        uint64_t total = txn_database_size(txn);
        if (total == 0) return false;
        if (try_random(txn, total, each, context)) return true;
    }
    return find_live(txn, each, context);
}
