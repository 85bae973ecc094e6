#include "keyspace/shard.h"

#include "base/buf.h"
#include "base/memory.h"
#include "keyspace/keyspace.h"
#include "keyspace/reclaim.h"
#include "keyspace/watch.h"
#include "os/pages.h"
#include "value/blob.h"

enum {
    PAGES_FROM_BYTES = 32 * 1024, /* bucket arrays from this size on are mapped, not on the heap */
    TIDY_ITEMS_PER_BUCKET = 8,
    /* A wheel with this many items more than twice the keys that expire is made anew. */
    WASTE_ITEMS_MIN = 4096,
};

static void set_busy(struct shard *shard, uint32_t busy)
{
    if (shard->busy != busy) __atomic_store_n(&shard->busy, busy, __ATOMIC_RELAXED);
}

/* ---- tables ---- */

static uint64_t hash_of_item(const void *context, const void *item)
{
    const struct shard *shard = context;
    return hashing_bytes(&shard->keyspace->hashing, entry_key(item));
}

static void *allocate_buckets(void *context, size_t size)
{
    (void)context;
    if (size < PAGES_FROM_BYTES) {
        void *memory = memory_alloc_aligned(CACHE_LINE_BYTES, size);
        return memset(memory, 0, size);
    }
    bool is_large = size >= PAGES_HUGE_BYTES;
    return pages_map(size, is_large ? PAGES_HUGE_BYTES : PAGES_SMALL_BYTES, is_large);
}

static void free_buckets(void *memory, size_t size)
{
    if (size < PAGES_FROM_BYTES) {
        memory_free(memory);
    } else {
        pages_unmap(memory, size);
    }
}

static void release_buckets(void *context, void *memory, size_t size)
{
    const struct shard *shard = context;
    reclaim_retire(shard->keyspace->reclaim, memory, size, free_buckets);
}

static const struct table_type entry_table = {hash_of_item, allocate_buckets, release_buckets};

static struct shard_table *create_table(struct shard *shard, uint32_t database)
{
    const struct keyspace *keyspace = shard->keyspace;
    struct shard_table *own = memory_alloc_aligned(CACHE_LINE_BYTES, sizeof(*own));
    *own = (struct shard_table){.database = database, .next = shard->first_table};
    table_init(&own->table, &entry_table, shard, keyspace->shard_bits,
               (uint64_t)shard->index << (64 - keyspace->shard_bits));
    shard->first_table = own;
    /* Release: an unlocked reader who sees the pointer sees a table. */
    __atomic_store_n(&shard->tables[database], own, __ATOMIC_RELEASE);
    return own;
}

static struct shard_table *table_for(struct shard *shard, uint32_t database)
{
    ASSERT_SLOW(database < shard->keyspace->database_count);
    struct shard_table *own = shard->tables[database];
    return LIKELY(own != NULL) ? own : create_table(shard, database);
}

static void note_rehash(struct shard *shard, const struct shard_table *own)
{
    if (UNLIKELY(own->table.old.buckets != NULL)) set_busy(shard, shard->busy | SHARD_REHASHES);
}

/* ---- deadlines ---- */

static void file_deadline(struct shard *shard, const struct shard_table *own, uint64_t hash,
                          int64_t deadline_ms)
{
    expiry_add(&shard->expiry, hash, own->database, deadline_ms);
    if (shard->refiling != NULL) {
        expiry_add(&shard->refiling->expiry, hash, own->database, deadline_ms);
    } else if (shard->expiry.item_count > 2 * shard->deadline_count + WASTE_ITEMS_MIN) {
        set_busy(shard, shard->busy | SHARD_REFILES);
    }
}

/* An entry's deadline was `before` and is `after`. A later one needs no new item: the old item is
 * filed again when it fires. */
static void note_deadline(struct shard *shard, struct shard_table *own, uint64_t hash,
                          int64_t before, int64_t after)
{
    if (LIKELY(before == ENTRY_NO_DEADLINE && after == ENTRY_NO_DEADLINE)) return;
    uint64_t change = (uint64_t)(after != ENTRY_NO_DEADLINE) - (before != ENTRY_NO_DEADLINE);
    own->deadline_count += change;
    shard->deadline_count += change;
    if (after == ENTRY_NO_DEADLINE) return;
    if (before == ENTRY_NO_DEADLINE || after < before) file_deadline(shard, own, hash, after);
}

static bool refile_entry(void *context, void *item, uint64_t hash)
{
    struct shard_refiling *refiling = context;
    int64_t deadline_ms = entry_deadline(item);
    if (deadline_ms != ENTRY_NO_DEADLINE) {
        expiry_add(&refiling->expiry, hash, refiling->table->database, deadline_ms);
    }
    return true;
}

static void stop_refiling(struct shard *shard)
{
    if (shard->refiling == NULL) return;
    expiry_deinit(&shard->refiling->expiry);
    memory_free(shard->refiling);
    shard->refiling = NULL;
}

static void start_refiling(struct shard *shard)
{
    ASSERT(shard->refiling == NULL);
    shard->refiling = memory_zalloc(sizeof(*shard->refiling));
    shard->refiling->table = shard->first_table;
    expiry_init(&shard->refiling->expiry, shard->expiry.now_ms);
}

/* Walks some buckets more; true when all entries with a deadline are in the new wheel. While it is
 * made, new deadlines are filed in both, so that the present one is complete until the exchange. */
static bool advance_refiling(struct shard_refiling *refiling, unsigned bucket_max)
{
    struct table_walk walk = {.each = refile_entry, .context = refiling, .bucket_max = bucket_max};
    while (refiling->table != NULL && walk.bucket_max > 0) {
        refiling->position = table_walk(&refiling->table->table, refiling->position, &walk);
        if (refiling->position == 0) refiling->table = refiling->table->next;
    }
    return refiling->table == NULL;
}

static void tidy_wheel(struct shard *shard, unsigned bucket_max)
{
    if (shard->refiling == NULL) start_refiling(shard);
    if (!advance_refiling(shard->refiling, bucket_max)) return;

    struct expiry before = shard->expiry;
    shard->expiry = shard->refiling->expiry;
    shard->refiling->expiry = before;
    stop_refiling(shard);
    set_busy(shard, shard->busy & ~(uint32_t)SHARD_REFILES);
}

/* ---- entries ---- */

static struct blob *blob_of(const struct entry *entry)
{
    return entry_kind(entry) == ENTRY_BLOB ? entry_blob(entry) : NULL;
}

static void count_blob(struct shard *shard, const struct entry *entry)
{
    if (entry_kind(entry) == ENTRY_BLOB) shard->blob_bytes += blob_memory_bytes(entry_blob(entry));
}

static void uncount_blob(struct shard *shard, const struct entry *entry)
{
    if (entry_kind(entry) == ENTRY_BLOB) shard->blob_bytes -= blob_memory_bytes(entry_blob(entry));
}

static struct blob *blob_of_bytes(struct bytes bytes)
{
    struct blob *blob = blob_create(bytes.size, bytes.size);
    memcpy(blob->data, bytes.data, bytes.size);
    return blob;
}

static bool points_into(const struct entry *entry, size_t size, struct bytes bytes)
{
    uintptr_t start = (uintptr_t)entry;
    uintptr_t at = (uintptr_t)bytes.data;
    return bytes.size > 0 && at >= start && at < start + size;
}

static struct entry *replace(struct shard *shard, struct table_slot slot, struct bytes key,
                             const struct entry_value *value, int64_t deadline_ms)
{
    struct entry *old = table_slot_item(slot);
    struct blob *old_blob = blob_of(old);
    size_t old_size = entry_size(old);
    size_t size = entry_size_for(key, deadline_ms != ENTRY_NO_DEADLINE, value);
    bool in_place = slab_same_class(old_size, size) && !points_into(old, old_size, key) &&
                    !(value->kind == ENTRY_STRING && points_into(old, old_size, value->string));

    uncount_blob(shard, old);
    struct entry *entry = in_place ? old : slab_allocate(&shard->slab, size);
    entry_write(entry, key, deadline_ms, value);
    if (!in_place) {
        table_slot_replace(slot, entry);
        slab_free(&shard->slab, old, old_size);
    }
    count_blob(shard, entry);
    blob_release(old_blob);
    return entry;
}

static struct entry *insert(struct shard *shard, struct shard_table *own, uint64_t hash,
                            struct bytes key, const struct entry_value *value, int64_t deadline_ms)
{
    size_t size = entry_size_for(key, deadline_ms != ENTRY_NO_DEADLINE, value);
    struct entry *entry = slab_allocate(&shard->slab, size);
    entry_write(entry, key, deadline_ms, value);
    count_blob(shard, entry);
    table_insert(&own->table, hash, entry);
    note_rehash(shard, own);
    return entry;
}

static int64_t storable(int64_t deadline_ms)
{
    return deadline_ms <= ENTRY_DEADLINE_MAX ? deadline_ms : ENTRY_DEADLINE_MAX;
}

struct entry *shard_store(struct shard *shard, uint32_t database, uint64_t hash, struct bytes key,
                          const struct table_slot *slot, const struct entry_value *value,
                          int64_t deadline_ms)
{
    if (slot != NULL && entry_overwrite(table_slot_item(*slot), value, deadline_ms)) {
        return table_slot_item(*slot);
    }
    struct shard_table *own = table_for(shard, database);
    struct entry_value long_value;
    if (UNLIKELY(value->kind == ENTRY_STRING && value->string.size > ENTRY_INLINE_VALUE_MAX)) {
        long_value = (struct entry_value){ENTRY_BLOB, .blob = blob_of_bytes(value->string)};
        value = &long_value;
    }
    deadline_ms = storable(deadline_ms);
    int64_t before_ms = ENTRY_NO_DEADLINE;
    struct entry *entry;
    if (slot != NULL) {
        before_ms = entry_deadline(table_slot_item(*slot));
        entry = replace(shard, *slot, key, value, deadline_ms);
    } else {
        entry = insert(shard, own, hash, key, value, deadline_ms);
    }
    note_deadline(shard, own, hash, before_ms, deadline_ms);
    return entry;
}

static void free_entry(struct shard *shard, struct entry *entry)
{
    uncount_blob(shard, entry);
    blob_release(blob_of(entry));
    slab_free(&shard->slab, entry, entry_size(entry));
}

void shard_remove(struct shard *shard, uint32_t database, uint64_t hash, struct table_slot slot)
{
    struct shard_table *own = shard->tables[database];
    struct entry *entry = table_slot_item(slot);
    note_deadline(shard, own, hash, entry_deadline(entry), ENTRY_NO_DEADLINE);
    table_remove(&own->table, hash, slot);
    note_rehash(shard, own);
    free_entry(shard, entry);
}

struct entry *shard_set_deadline(struct shard *shard, uint32_t database, uint64_t hash,
                                 struct table_slot slot, int64_t deadline_ms)
{
    struct shard_table *own = shard->tables[database];
    struct entry *entry = table_slot_item(slot);
    deadline_ms = storable(deadline_ms);
    int64_t before_ms = entry_deadline(entry);
    if (before_ms == deadline_ms) return entry;

    size_t old_size = entry_size(entry);
    size_t size = entry_size_with_deadline(entry, deadline_ms != ENTRY_NO_DEADLINE);
    if (slab_same_class(old_size, size)) {
        entry_copy_with_deadline(entry, entry, deadline_ms);
    } else {
        struct entry *old = entry;
        entry = slab_allocate(&shard->slab, size);
        entry_copy_with_deadline(entry, old, deadline_ms);
        table_slot_replace(slot, entry);
        slab_free(&shard->slab, old, old_size);
    }
    note_deadline(shard, own, hash, before_ms, deadline_ms);
    return entry;
}

/* Writes `data` over bytes of which `size_before` are there, clearing a gap. */
static void write_at(char *bytes, size_t size_before, size_t offset, struct bytes data)
{
    if (offset > size_before) memset(bytes + size_before, 0, offset - size_before);
    memcpy(bytes + offset, data.data, data.size);
}

static void write_blob(struct shard *shard, struct entry *entry, size_t size, size_t offset,
                       struct bytes data)
{
    uncount_blob(shard, entry);
    struct blob *blob = blob_own(entry_blob(entry), size);
    write_at(blob->data, blob->size, offset, data);
    blob->size = size;
    entry_set_blob(entry, blob);
    count_blob(shard, entry);
}

/* The entry itself when its string can grow to `size` where it stands. */
static bool has_room(const struct entry *entry, size_t size_before, size_t size)
{
    if (entry_kind(entry) != ENTRY_STRING || !entry_string_can_be(entry, size)) return false;
    size_t bytes = entry_size(entry);
    return slab_same_class(bytes, bytes + (size - size_before));
}

struct entry *shard_write_range(struct shard *shard, uint32_t database, uint64_t hash,
                                struct bytes key, const struct table_slot *slot, size_t offset,
                                struct bytes data)
{
    if (slot == NULL && data.size == 0) {
        struct entry_value empty = {ENTRY_STRING, .string = BYTES_EMPTY};
        return shard_store(shard, database, hash, key, NULL, &empty, ENTRY_NO_DEADLINE);
    }
    struct entry *entry = slot != NULL ? table_slot_item(*slot) : NULL;
    if (data.size == 0) return entry;

    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes before = entry != NULL ? entry_string(entry, scratch) : BYTES_EMPTY;
    int64_t deadline_ms = entry != NULL ? entry_deadline(entry) : ENTRY_NO_DEADLINE;
    size_t size = memory_size_add(offset, data.size);
    if (size < before.size) size = before.size;

    if (entry != NULL && entry_kind(entry) == ENTRY_BLOB) {
        write_blob(shard, entry, size, offset, data);
        return entry;
    }
    if (entry != NULL && has_room(entry, before.size, size)) {
        write_at(entry_string_resize(entry, size), before.size, offset, data);
        entry_set_raw(entry);
        return entry;
    }
    char text[ENTRY_INLINE_VALUE_MAX];
    struct entry_value value = {
        ENTRY_STRING, .string = {text, size}
    };
    char *bytes = text;
    if (size > sizeof(text)) {
        value = (struct entry_value){ENTRY_BLOB, .blob = blob_create(size, size)};
        bytes = value.blob->data;
    }
    memcpy(bytes, before.data, before.size);
    write_at(bytes, before.size, offset, data);
    entry = shard_store(shard, database, hash, key, slot, &value, deadline_ms);
    if (value.kind == ENTRY_STRING) entry_set_raw(entry);
    return entry;
}

void shard_reserve(struct shard *shard, uint32_t database, uint64_t count)
{
    struct shard_table *own = table_for(shard, database);
    table_reserve(&own->table, count);
    note_rehash(shard, own);
}

/* ---- many entries ---- */

uint64_t shard_count(const struct shard *shard, uint32_t database)
{
    const struct shard_table *own = shard->tables[database];
    return own != NULL ? own->table.count : 0;
}

uint64_t shard_deadline_count(const struct shard *shard, uint32_t database)
{
    const struct shard_table *own = shard->tables[database];
    return own != NULL ? own->deadline_count : 0;
}

struct entry *shard_random(struct shard *shard, uint32_t database, uint64_t random)
{
    const struct shard_table *own = shard->tables[database];
    return own != NULL ? table_random_item(&own->table, random) : NULL;
}

struct entry_visitor {
    bool (*each)(void *context, struct entry *entry, uint64_t hash);
    void *context;
};

static bool visit_item(void *context, void *item, uint64_t hash)
{
    const struct entry_visitor *visitor = context;
    return visitor->each(visitor->context, item, hash);
}

uint64_t shard_scan(struct shard *shard, uint32_t database, uint64_t position, unsigned bucket_max,
                    bool (*each)(void *context, struct entry *entry, uint64_t hash), void *context)
{
    const struct shard_table *own = shard->tables[database];
    if (own == NULL) return 0;
    struct entry_visitor visitor = {each, context};
    return table_scan(&own->table, position, bucket_max, visit_item, &visitor);
}

struct found_entry {
    struct entry *entry;
    uint64_t hash;
};

static bool note_found(void *context, void *item, uint64_t hash)
{
    struct found_entry found = {item, hash};
    buf_append(context, &found, sizeof(found));
    return true;
}

static bool is_same_item(const void *item, const void *wanted)
{
    return item == wanted;
}

void shard_each_of_hash(struct shard *shard, uint32_t database, uint64_t hash,
                        bool (*each)(void *context, struct entry *entry), void *context)
{
    const struct shard_table *own = shard->tables[database];
    if (own == NULL) return;
    /* Noted first: removing moves buckets. There is hardly ever more than one. */
    struct buf found = {0};
    uint64_t low_bits = EXPIRY_DATABASE_MASK;
    table_each_between(&own->table, hash & ~low_bits, hash | low_bits, note_found, &found);
    for (size_t at = 0; at < found.size; at += sizeof(struct found_entry)) {
        struct found_entry one;
        memcpy(&one, found.data + at, sizeof(one));
        if (!each(context, one.entry)) continue;
        struct table_slot slot;
        void *item = table_find(&own->table, one.hash, is_same_item, one.entry, &slot);
        ASSERT(item == one.entry);
        shard_remove(shard, database, one.hash, slot);
    }
    buf_deinit(&found);
}

size_t shard_memory_bytes(const struct shard *shard)
{
    size_t bytes = shard->slab.page_bytes + shard->slab.heap_bytes + shard->blob_bytes;
    bytes += expiry_memory_bytes(&shard->expiry);
    if (shard->refiling != NULL) bytes += expiry_memory_bytes(&shard->refiling->expiry);
    for (const struct shard_table *own = shard->first_table; own != NULL; own = own->next) {
        bytes += sizeof(*own) + table_memory_bytes(&own->table);
    }
    for (const struct shard_dead *dead = shard->dead; dead != NULL; dead = dead->next) {
        bytes += sizeof(*dead) + table_memory_bytes(&dead->table);
    }
    return bytes;
}

/* ---- flushing, swapping, tidying ---- */

void shard_flush(struct shard *shard, uint32_t database)
{
    struct shard_table *own = shard->tables[database];
    if (own == NULL) return;
    struct shard_dead *dead = memory_zalloc(sizeof(*dead));
    table_move(&own->table, &dead->table);
    dead->next = shard->dead;
    shard->dead = dead;
    shard->deadline_count -= own->deadline_count;
    own->deadline_count = 0;
    set_busy(shard, shard->busy | SHARD_HAS_DEAD);
}

static void put_table(struct shard *shard, uint32_t database, struct shard_table *own)
{
    __atomic_store_n(&shard->tables[database], own, __ATOMIC_RELEASE);
    if (own != NULL) own->database = database;
}

void shard_swap(struct shard *shard, uint32_t first, uint32_t second)
{
    struct shard_table *one = shard->tables[first];
    struct shard_table *other = shard->tables[second];
    put_table(shard, first, other);
    put_table(shard, second, one);
    /* The wheel's items name the databases as they were. */
    bool has_deadlines = shard_deadline_count(shard, first) > 0 ||
                         shard_deadline_count(shard, second) > 0;
    if (!has_deadlines) return;
    stop_refiling(shard);
    set_busy(shard, shard->busy | SHARD_REFILES);
}

static void free_item(void *context, void *item)
{
    free_entry(context, item);
}

static void tidy_dead(struct shard *shard, unsigned bucket_max)
{
    struct shard_dead *dead = shard->dead;
    if (!table_drain(&dead->table, &dead->cursor, bucket_max, free_item, shard)) return;
    shard->dead = dead->next;
    table_deinit(&dead->table);
    memory_free(dead);
    if (shard->dead == NULL) set_busy(shard, shard->busy & ~(uint32_t)SHARD_HAS_DEAD);
}

static void tidy_rehash(struct shard *shard, unsigned bucket_max)
{
    bool is_running = false;
    for (struct shard_table *own = shard->first_table; own != NULL; own = own->next) {
        if (table_rehash_step(&own->table, bucket_max)) is_running = true;
    }
    if (!is_running) set_busy(shard, shard->busy & ~(uint32_t)SHARD_REHASHES);
}

bool shard_tidy(struct shard *shard, unsigned item_max)
{
    unsigned bucket_max = item_max / TIDY_ITEMS_PER_BUCKET + 1;
    if ((shard->busy & SHARD_HAS_DEAD) != 0) tidy_dead(shard, bucket_max);
    if ((shard->busy & SHARD_REHASHES) != 0) tidy_rehash(shard, bucket_max);
    if ((shard->busy & SHARD_REFILES) != 0) tidy_wheel(shard, bucket_max);
    return shard->busy != 0;
}

void shard_init(struct shard *shard, struct keyspace *keyspace, uint32_t index, int64_t now_ms)
{
    size_t tables_size = memory_size_mul(keyspace->database_count, sizeof(struct shard_table *));
    *shard = (struct shard){.index = index, .keyspace = keyspace};
    shard->tables = memory_zalloc(tables_size);
    expiry_init(&shard->expiry, now_ms);
    slab_init(&shard->slab, keyspace->arenas);
}

static void drain_all(struct shard *shard, struct table *table)
{
    /* Pages of the slab go as a whole: entries are looked at only for what lies outside them. */
    uint64_t cursor = 0;
    if (shard->blob_bytes > 0 || shard->slab.heap_bytes > 0) {
        while (!table_drain(table, &cursor, UINT32_MAX, free_item, shard)) continue;
    }
    table_deinit(table);
}

void shard_deinit(struct shard *shard)
{
    watch_deinit(shard);
    while (shard->first_table != NULL) {
        struct shard_table *own = shard->first_table;
        shard->first_table = own->next;
        drain_all(shard, &own->table);
        memory_free(own);
    }
    while (shard->dead != NULL) {
        struct shard_dead *dead = shard->dead;
        shard->dead = dead->next;
        while (!table_drain(&dead->table, &dead->cursor, UINT32_MAX, free_item, shard)) continue;
        table_deinit(&dead->table);
        memory_free(dead);
    }
    ASSERT(shard->blob_bytes == 0);
    ASSERT(shard->slab.heap_bytes == 0);
    slab_deinit(&shard->slab);
    stop_refiling(shard);
    expiry_deinit(&shard->expiry);
    memory_free(shard->tables);
}
