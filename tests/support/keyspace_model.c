#include "tests/support/keyspace_model.h"

#include "base/buf.h"
#include "base/memory.h"
#include "base/random.h"
#include "keyspace/reclaim.h"
#include "value/blob.h"

enum {
    DATABASES = 3,
    SHARDS = 64,
    HELD_MAX = 8,
    LONG_KEY_EVERY = 97,
    LONG_KEY_BYTES = 300,
    TEXT_BYTES_MAX = 300,
    BLOB_BYTES_MAX = 20 * 1000,
    RANGE_END_MAX = 12 * 1000,
};
#define START_MS ((int64_t)1767225600000)

struct model_value {
    bool exists;
    bool is_integer;
    int64_t deadline_ms;
    struct buf text;
    uint64_t since; /* scans that began by then must give it once */
    uint32_t seen;
};

struct held_blob {
    struct blob *blob;
    struct buf text; /* as it was */
};

struct keyspace_model {
    struct keyspace *keyspace;
    struct keyspace_model_source source;
    uint32_t key_count;
    struct buf *keys;
    struct model_value *values[DATABASES];
    struct held_blob held[HELD_MAX];
    int64_t now_ms;
    uint64_t step;
    uint64_t scan_cursor;
    uint64_t scan_began;
    uint32_t scan_database;
    uint64_t scans;
};

/* A key in a database: where the model and the keyspace have it. */
struct place {
    uint32_t database;
    uint32_t id;
    struct model_value *value;
    struct bytes key;
    uint64_t hash;
    struct shard *shard;
    struct table_slot slot;
    struct entry *entry;
};

static uint64_t draw(struct keyspace_model *model, uint64_t bound)
{
    return model->source.draw(model->source.context, bound);
}

static void name_keys(struct keyspace_model *model)
{
    model->keys = memory_zalloc(model->key_count * sizeof(struct buf));
    for (uint32_t id = 1; id < model->key_count; id++) { /* key 0 stays empty */
        struct buf *key = &model->keys[id];
        buf_printf(key, "key:%u", id);
        while (id % LONG_KEY_EVERY == 0 && key->size < LONG_KEY_BYTES) buf_append_text(key, "+");
    }
}

struct keyspace_model *keyspace_model_create(uint32_t key_count,
                                             const struct keyspace_model_source *source)
{
    struct hashing hashing;
    struct random random;
    random_init(&random, 99);
    for (unsigned i = 0; i < HASHING_SECRET_BYTES; i++) {
        hashing.secret[i] = (uint8_t)random_next(&random);
    }
    struct keyspace_options options = {
        .shard_count = SHARDS,
        .database_count = DATABASES,
        .reader_count = 1,
        .now_ms = START_MS,
        .hashing = &hashing,
    };
    struct keyspace_model *model = memory_zalloc(sizeof(*model));
    model->keyspace = keyspace_create(&options);
    model->source = *source;
    model->key_count = key_count;
    model->now_ms = START_MS;
    name_keys(model);
    for (uint32_t i = 0; i < DATABASES; i++) {
        model->values[i] = memory_zalloc(key_count * sizeof(struct model_value));
    }
    return model;
}

static void let_go(struct held_blob *held)
{
    if (held->blob != NULL) {
        ASSERT(bytes_equal(blob_bytes(held->blob), buf_bytes(&held->text)));
    }
    blob_release(held->blob);
    held->blob = NULL;
    held->text.size = 0;
}

void keyspace_model_destroy(struct keyspace_model *model)
{
    for (unsigned i = 0; i < HELD_MAX; i++) {
        let_go(&model->held[i]);
        buf_deinit(&model->held[i].text);
    }
    keyspace_destroy(model->keyspace);
    for (uint32_t i = 0; i < DATABASES; i++) {
        for (uint32_t id = 0; id < model->key_count; id++) buf_deinit(&model->values[i][id].text);
        memory_free(model->values[i]);
    }
    for (uint32_t id = 0; id < model->key_count; id++) buf_deinit(&model->keys[id]);
    memory_free(model->keys);
    memory_free(model);
}

/* Looks a key up in both and compares. */
static struct place place_of(struct keyspace_model *model, uint32_t database, uint32_t id)
{
    struct place place = {
        .database = database,
        .id = id,
        .value = &model->values[database][id],
        .key = buf_bytes(&model->keys[id]),
    };
    if (place.key.data == NULL) place.key = BYTES_EMPTY;
    place.hash = hashing_bytes(&model->keyspace->hashing, place.key);
    place.shard = keyspace_shard(model->keyspace, place.hash);
    place.entry = shard_find(place.shard, database, place.hash, place.key, &place.slot);
    keyspace_prefetch_bucket(model->keyspace, database, place.hash);
    keyspace_prefetch_entry(model->keyspace, database, place.hash);
    return place;
}

static void compare(const struct place *place)
{
    const struct model_value *value = place->value;
    ASSERT((place->entry != NULL) == value->exists);
    if (!value->exists) return;
    char scratch[NUMBER_INT_TEXT_MAX];
    ASSERT(bytes_equal(entry_key(place->entry), place->key));
    ASSERT(entry_deadline(place->entry) == value->deadline_ms);
    ASSERT((entry_kind(place->entry) == ENTRY_INTEGER) == value->is_integer);
    struct bytes text = entry_string(place->entry, scratch);
    ASSERT(text.size == value->text.size);
    ASSERT(text.size == 0 || memcmp(text.data, value->text.data, text.size) == 0);
}

static struct place some_place(struct keyspace_model *model)
{
    uint32_t database = (uint32_t)draw(model, DATABASES);
    struct place place = place_of(model, database, (uint32_t)draw(model, model->key_count));
    compare(&place);
    return place;
}

static int64_t some_deadline(struct keyspace_model *model)
{
    switch (draw(model, 4)) {
    case 0: return model->now_ms + 1 + (int64_t)draw(model, 300);
    case 1: return model->now_ms + 1 + (int64_t)draw(model, 3600 * 1000);
    default: return ENTRY_NO_DEADLINE;
    }
}

static void note_stored(struct keyspace_model *model, struct place *place, bool is_integer,
                        int64_t deadline_ms)
{
    struct model_value *value = place->value;
    if (!value->exists) {
        value->since = model->step;
        value->seen = 0;
    }
    value->exists = true;
    value->is_integer = is_integer;
    value->deadline_ms = deadline_ms;
    place->entry = shard_find(place->shard, place->database, place->hash, place->key, &place->slot);
    compare(place);
}

static void store(struct keyspace_model *model, struct place *place,
                  const struct entry_value *value, int64_t deadline_ms)
{
    shard_store(place->shard, place->database, place->hash, place->key,
                place->entry != NULL ? &place->slot : NULL, value, deadline_ms);
    note_stored(model, place, value->kind == ENTRY_INTEGER, deadline_ms);
}

static void fill_text(struct keyspace_model *model, struct buf *text, size_t size)
{
    text->size = 0;
    char salt = (char)draw(model, 256);
    (void)buf_reserve(text, size + 1);
    for (size_t i = 0; i < size; i++) text->data[i] = (char)(salt + (char)i);
    text->size = size;
}

static void step_store_string(struct keyspace_model *model)
{
    struct place place = some_place(model);
    size_t size = draw(model, draw(model, 16) == 0 ? BLOB_BYTES_MAX : TEXT_BYTES_MAX);
    if (draw(model, 4) == 0 && place.value->exists) size = place.value->text.size;
    fill_text(model, &place.value->text, size);
    struct entry_value value = {ENTRY_STRING, .string = buf_bytes(&place.value->text)};
    store(model, &place, &value, some_deadline(model));
}

static void step_store_integer(struct keyspace_model *model)
{
    struct place place = some_place(model);
    int64_t integer = (int64_t)(draw(model, UINT64_MAX) >> draw(model, 64));
    if (draw(model, 2) == 0) integer = -integer;
    struct entry_value value = {ENTRY_INTEGER, .integer = integer};
    place.value->text.size = 0;
    buf_printf(&place.value->text, "%lld", (long long)integer);
    store(model, &place, &value, some_deadline(model));
}

static void step_store_blob(struct keyspace_model *model)
{
    struct place place = some_place(model);
    fill_text(model, &place.value->text, draw(model, BLOB_BYTES_MAX));
    struct blob *blob = blob_create(place.value->text.size, place.value->text.size);
    if (blob->size > 0) memcpy(blob->data, place.value->text.data, blob->size);
    struct entry_value value = {ENTRY_BLOB, .blob = blob};
    store(model, &place, &value, some_deadline(model));
}

/* The value, perhaps the key too, points into the entry that is replaced. */
static void step_store_part_of_itself(struct keyspace_model *model)
{
    struct place place = some_place(model);
    if (place.entry == NULL || entry_kind(place.entry) == ENTRY_INTEGER) return;
    size_t start = draw(model, place.value->text.size + 1);
    size_t size = draw(model, place.value->text.size - start + 1);
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes part = bytes_part(entry_string(place.entry, scratch), start, size);
    buf_consume(&place.value->text, start);
    place.value->text.size = size;
    struct bytes key = place.key;
    if (draw(model, 2) == 0) place.key = entry_key(place.entry);
    struct entry_value value = {ENTRY_STRING, .string = part};
    int64_t deadline_ms = some_deadline(model);
    shard_store(place.shard, place.database, place.hash, place.key, &place.slot, &value,
                deadline_ms);
    place.key = key;
    note_stored(model, &place, false, deadline_ms);
}

static void step_write_range(struct keyspace_model *model)
{
    struct place place = some_place(model);
    struct buf *text = &place.value->text;
    if (!place.value->exists) text->size = 0;
    size_t offset = draw(model, 2) == 0 ? text->size : draw(model, RANGE_END_MAX);
    struct buf data = {0};
    fill_text(model, &data, draw(model, draw(model, 8) == 0 ? RANGE_END_MAX : 40));
    bool changes = data.size > 0 || !place.value->exists;
    int64_t deadline_ms = place.value->exists ? place.value->deadline_ms : ENTRY_NO_DEADLINE;
    struct bytes written = {data.size > 0 ? data.data : "", data.size};
    shard_write_range(place.shard, place.database, place.hash, place.key,
                      place.entry != NULL ? &place.slot : NULL, offset, written);
    if (data.size > 0) {
        while (text->size < offset) buf_append_byte(text, '\0');
        if (text->size < offset + data.size) {
            (void)buf_reserve(text, offset + data.size - text->size);
            text->size = offset + data.size;
        }
        memcpy(text->data + offset, data.data, data.size);
    }
    note_stored(model, &place, changes ? false : place.value->is_integer, deadline_ms);
    buf_deinit(&data);
}

static void step_remove(struct keyspace_model *model)
{
    struct place place = some_place(model);
    if (place.entry == NULL) return;
    shard_remove(place.shard, place.database, place.hash, place.slot);
    place.value->exists = false;
    place = place_of(model, place.database, place.id);
    compare(&place);
}

static void step_set_deadline(struct keyspace_model *model)
{
    struct place place = some_place(model);
    if (place.entry == NULL) return;
    int64_t deadline_ms = some_deadline(model);
    shard_set_deadline(place.shard, place.database, place.hash, place.slot, deadline_ms);
    note_stored(model, &place, place.value->is_integer, deadline_ms);
}

/* A reply or the log holds on to a blob for a while. */
static void step_hold_blob(struct keyspace_model *model)
{
    struct held_blob *held = &model->held[draw(model, HELD_MAX)];
    let_go(held);
    struct place place = some_place(model);
    if (place.entry == NULL || entry_kind(place.entry) != ENTRY_BLOB) return;
    held->blob = blob_acquire(entry_blob(place.entry));
    buf_append_bytes(&held->text, blob_bytes(held->blob));
}

static void step_copy_blob(struct keyspace_model *model)
{
    struct place from = some_place(model);
    struct place to = some_place(model);
    if (from.entry == NULL || entry_kind(from.entry) != ENTRY_BLOB) return;
    struct entry_value value = {ENTRY_BLOB, .blob = blob_acquire(entry_blob(from.entry))};
    if (from.value != to.value) {
        to.value->text.size = 0;
        buf_append_bytes(&to.value->text, buf_bytes(&from.value->text));
    }
    store(model, &to, &value, some_deadline(model));
}

static void step_flush(struct keyspace_model *model)
{
    uint32_t database = (uint32_t)draw(model, DATABASES);
    uint64_t table_id = model->keyspace->table_ids[database];
    keyspace_flush(model->keyspace, database);
    ASSERT(model->keyspace->table_ids[database] != table_id);
    ASSERT(keyspace_count(model->keyspace, database) == 0);
    for (uint32_t id = 0; id < model->key_count; id++) model->values[database][id].exists = false;
}

static void step_swap(struct keyspace_model *model)
{
    uint32_t first = (uint32_t)draw(model, DATABASES);
    uint32_t second = (uint32_t)draw(model, DATABASES);
    keyspace_swap(model->keyspace, first, second);
    struct model_value *values = model->values[first];
    model->values[first] = model->values[second];
    model->values[second] = values;
    if (first == model->scan_database) {
        model->scan_database = second;
    } else if (second == model->scan_database) {
        model->scan_database = first;
    }
}

static bool note_seen(void *context, struct entry *entry)
{
    struct keyspace_model *model = context;
    struct bytes key = entry_key(entry);
    uint32_t id = 0; /* the empty key */
    for (size_t i = 4; i < key.size && key.data[i] != '+'; i++) {
        id = id * 10 + (uint32_t)(key.data[i] - '0');
    }
    model->values[model->scan_database][id].seen++;
    return true;
}

static void step_scan(struct keyspace_model *model)
{
    struct model_value *values = model->values[model->scan_database];
    if (model->scan_cursor == 0) {
        model->scan_database = (uint32_t)draw(model, DATABASES);
        model->scan_began = model->step;
        values = model->values[model->scan_database];
        for (uint32_t id = 0; id < model->key_count; id++) values[id].seen = 0;
    }
    uint64_t gate = 0;
    unsigned bucket_max = (unsigned)draw(model, 100);
    uint64_t next = keyspace_scan(model->keyspace, model->scan_database, model->scan_cursor,
                                  bucket_max, true, note_seen, model, &gate);
    ASSERT(next == 0 || next > model->scan_cursor);
    ASSERT(next >> KEYSPACE_CURSOR_BITS == 0);
    model->scan_cursor = next;
    if (next != 0) return;
    model->scans++;
    for (uint32_t id = 0; id < model->key_count; id++) {
        if (values[id].exists && values[id].since <= model->scan_began)
            ASSERT(values[id].seen == 1);
    }
}

static void step_random(struct keyspace_model *model)
{
    uint32_t database = (uint32_t)draw(model, DATABASES);
    struct shard *shard = &model->keyspace->shards[draw(model, SHARDS)];
    struct entry *entry = shard_random(shard, database, draw(model, UINT64_MAX));
    ASSERT((entry != NULL) == (shard_count(shard, database) > 0));
    if (entry == NULL) return;
    uint64_t hash = hashing_bytes(&model->keyspace->hashing, entry_key(entry));
    ASSERT(shard_find(shard, database, hash, entry_key(entry), NULL) == entry);
}

static void step_tidy(struct keyspace_model *model)
{
    struct shard *shard = &model->keyspace->shards[draw(model, SHARDS)];
    bool has_more = shard_tidy(shard, (unsigned)draw(model, 100));
    ASSERT(has_more == (shard->busy != 0));
}

struct firing {
    struct keyspace_model *model;
    struct shard *shard;
    uint32_t database;
    int64_t later_ms;
};

static bool each_due(void *context, struct entry *entry)
{
    struct firing *firing = context;
    struct keyspace_model *model = firing->model;
    int64_t deadline_ms = entry_deadline(entry);
    if (deadline_ms == ENTRY_NO_DEADLINE) return false;
    if (deadline_ms > model->now_ms) {
        if (firing->later_ms == ENTRY_NO_DEADLINE || deadline_ms < firing->later_ms) {
            firing->later_ms = deadline_ms;
        }
        return false;
    }
    for (uint32_t id = 0; id < model->key_count; id++) {
        struct model_value *value = &model->values[firing->database][id];
        if (!value->exists || value->deadline_ms != deadline_ms) continue;
        if (bytes_equal(entry_key(entry), buf_bytes(&model->keys[id]))) value->exists = false;
    }
    return true;
}

static int64_t fire(void *context, uint64_t hash, uint32_t database)
{
    struct firing *firing = context;
    firing->later_ms = ENTRY_NO_DEADLINE;
    firing->database = database;
    shard_each_of_hash(firing->shard, database, hash, each_due, firing);
    return firing->later_ms;
}

static void expire(struct keyspace_model *model, unsigned item_max)
{
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct firing firing = {.model = model, .shard = &model->keyspace->shards[i]};
        while (expiry_advance(&firing.shard->expiry, model->now_ms, item_max, fire, &firing) ==
               item_max) {
            continue;
        }
    }
}

static void step_time(struct keyspace_model *model)
{
    model->now_ms += (int64_t)draw(model, draw(model, 8) == 0 ? 1000 * 1000 : 100);
    expire(model, 1 + (unsigned)draw(model, 64));
    reclaim_enter(model->keyspace->reclaim, 0);
}

struct step {
    void (*run)(struct keyspace_model *model);
    unsigned weight;
};

static const struct step steps[] = {
    {step_store_string,         300},
    {step_store_integer,        100},
    {step_store_blob,           20 },
    {step_store_part_of_itself, 30 },
    {step_write_range,          60 },
    {step_remove,               300},
    {step_set_deadline,         60 },
    {step_hold_blob,            10 },
    {step_copy_blob,            10 },
    {step_scan,                 30 },
    {step_random,               20 },
    {step_tidy,                 30 },
    {step_time,                 3  },
    {step_flush,                1  },
    {step_swap,                 1  },
};
enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };

void keyspace_model_step(struct keyspace_model *model)
{
    unsigned total = 0;
    for (unsigned i = 0; i < STEP_COUNT; i++) total += steps[i].weight;
    uint64_t chosen = draw(model, total);
    unsigned i = 0;
    for (; chosen >= steps[i].weight; i++) chosen -= steps[i].weight;
    model->step++;
    steps[i].run(model);
}

static void check_counts(struct keyspace_model *model, uint32_t database)
{
    uint64_t count = 0;
    uint64_t deadline_count = 0;
    for (uint32_t id = 0; id < model->key_count; id++) {
        struct place place = place_of(model, database, id);
        compare(&place);
        count += place.value->exists;
        deadline_count += place.value->exists && place.value->deadline_ms != ENTRY_NO_DEADLINE;
    }
    ASSERT(keyspace_count(model->keyspace, database) == count);
    for (uint32_t i = 0; i < SHARDS; i++) {
        deadline_count -= shard_deadline_count(&model->keyspace->shards[i], database);
        count -= shard_count(&model->keyspace->shards[i], database);
    }
    ASSERT(count == 0);
    ASSERT(deadline_count == 0);
}

void keyspace_model_check(struct keyspace_model *model)
{
    for (uint32_t i = 0; i < DATABASES; i++) check_counts(model, i);
    /* Whatever was swapped, refiled and flushed: once all is tidy, nothing that is due is there. */
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &model->keyspace->shards[i];
        while (shard_tidy(shard, 64)) continue;
        ASSERT(shard->dead == NULL);
        ASSERT(shard->refiling == NULL);
        ASSERT(shard_memory_bytes(shard) >= shard->slab.object_bytes + shard->blob_bytes);
    }
    model->now_ms++;
    expire(model, 1000);
    for (uint32_t i = 0; i < DATABASES; i++) {
        check_counts(model, i);
        for (uint32_t id = 0; id < model->key_count; id++) {
            const struct model_value *value = &model->values[i][id];
            if (!value->exists || value->deadline_ms == ENTRY_NO_DEADLINE) continue;
            ASSERT(value->deadline_ms > model->now_ms);
        }
    }
}

uint64_t keyspace_model_scans(const struct keyspace_model *model)
{
    return model->scans;
}

struct keyspace *keyspace_model_keyspace(struct keyspace_model *model)
{
    return model->keyspace;
}
