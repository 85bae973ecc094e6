/* Hostile records: whatever bytes stand where the log or a checkpoint has records, applying them
 * ends well or with STATUS_CORRUPT. And what was made of them can be written as records that make
 * the same again. */
#include "base/assert.h"
#include "base/buf.h"
#include "engine/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    DATABASES = 2,
    OFFSET_MAX = 64 * 1024, /* farther ranges are right but slow */
};

static struct keyspace *create_keyspace(void)
{
    struct hashing hashing;
    for (unsigned i = 0; i < HASHING_SECRET_BYTES; i++) hashing.secret[i] = (uint8_t)(i * 73 + 5);
    struct keyspace_options options = {.shard_count = KEYSPACE_SHARDS_MIN,
                                       .database_count = DATABASES,
                                       .reader_count = 1,
                                       .now_ms = 1000,
                                       .hashing = &hashing};
    return keyspace_create(&options);
}

static bool is_too_far(const struct record *record)
{
    struct bytes arguments = record->arguments;
    uint64_t offset;
    if (record->op != CHANGE_RANGE || !record_take_varint(&arguments, &offset)) return false;
    return offset > OFFSET_MAX && offset <= ENTRY_KEY_BYTES_MAX;
}

static void apply_all(struct keyspace *keyspace, struct bytes input, bool is_trusted)
{
    struct record record;
    while (record_next(&input, &record) == STATUS_OK) {
        struct change_databases map;
        if (change_parse_databases(&record, DATABASES, &map) == STATUS_OK)
            ASSERT(map.count <= DATABASES);
        if (is_too_far(&record)) continue;
        uint64_t hash = hashing_bytes(&keyspace->hashing, record.key);
        enum status status = change_apply(keyspace, (uint32_t)(record.table % DATABASES), hash,
                                          &record);
        ASSERT(status == STATUS_OK || status == STATUS_CORRUPT);
        ASSERT(status == STATUS_OK || !is_trusted);
    }
}

struct writing {
    struct buf records;
    uint32_t database;
};

static bool write_entry(void *context, struct entry *entry)
{
    struct writing *writing = context;
    change_append_entry(&writing->records, entry, writing->database);
    return true;
}

/* All keys, in hash order. */
static struct buf write_all(struct keyspace *keyspace)
{
    struct writing writing = {0};
    for (writing.database = 0; writing.database < DATABASES; writing.database++) {
        uint64_t cursor = 0;
        uint64_t gate = 0;
        do {
            cursor = keyspace_scan(keyspace, writing.database, cursor, UINT32_MAX, false,
                                   write_entry, &writing, &gate);
        } while (cursor != 0);
    }
    return writing.records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keyspace *one = create_keyspace();
    apply_all(one, bytes_of(data, size), false);
    struct buf first = write_all(one);

    struct keyspace *other = create_keyspace();
    apply_all(other, buf_bytes(&first), true);
    for (uint32_t i = 0; i < DATABASES; i++) {
        ASSERT(keyspace_count(one, i) == keyspace_count(other, i));
    }
    struct buf second = write_all(other);
    ASSERT(first.size == second.size);

    buf_deinit(&first);
    buf_deinit(&second);
    keyspace_destroy(one);
    keyspace_destroy(other);
    return 0;
}
