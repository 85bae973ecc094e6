/* Inserting, removing, resizing and walking; finding is inline (table_find.h).
 *
 * Why one probe is enough while two arrays exist: home buckets of `old` move in order, and
 * `frontier` counts those that have moved. A hash whose old home is below the frontier is looked up
 * and inserted in `current` only, any other in `old` only. Since both arrays keep hash order, the
 * frontier is one position in hash space; a scan that stops at it never meets an item twice. */
#include "keyspace/table.h"

#include "base/assert.h"

enum {
    FIRST_HOME_COUNT = 4,
    TAIL_SMALL = 16,
    TAIL_LARGE = 64,
    TAIL_LARGE_FROM = 64 * 1024, /* home buckets */
    LOAD_GROW_PERCENT = 82,
    LOAD_SHRINK_PERCENT = 30,
    SMALL_ITEMS = 4096, /* below, growth is by half */
    STEP_BUCKETS = 4,   /* moved by each insert or remove during a rehash */
    OVERFLOW_SATURATED = 255,
    RANDOM_TRIES = 128,
};

/* An empty table has this one bucket, so that finding needs no special case. Never written: it has
 * no room by grow_at, and nothing to remove. */
static const CACHE_ALIGNED struct table_bucket no_bucket;

static struct table_array no_array(void)
{
    return (struct table_array){(struct table_bucket *)(uintptr_t)&no_bucket, 1, 0};
}

static bool is_real(const struct table_array *array)
{
    return array->buckets != NULL && array->buckets != &no_bucket;
}

static uint64_t total_count(const struct table_array *array)
{
    return array->home_count + array->tail_count;
}

static size_t array_bytes(const struct table_array *array)
{
    return is_real(array) ? total_count(array) * sizeof(struct table_bucket) : 0;
}

static struct table_array new_array(struct table *table, uint64_t home_count, uint64_t tail_count)
{
    struct table_array array = {NULL, home_count, tail_count};
    size_t size = total_count(&array) * sizeof(struct table_bucket);
    array.buckets = table->type->allocate(table->context, size);
    ASSERT((uintptr_t)array.buckets % CACHE_LINE_BYTES == 0);
    return array;
}

static void release_array(struct table *table, const struct table_array *array)
{
    if (is_real(array)) table->type->release(table->context, array->buckets, array_bytes(array));
}

/* See table_snapshot for the other side. */
static void set_array(struct table_array *place, const struct table_array *array)
{
    __atomic_store_n(&place->buckets, array->buckets, __ATOMIC_RELEASE);
    __atomic_store_n(&place->home_count, array->home_count, __ATOMIC_RELEASE);
    place->tail_count = array->tail_count;
}

static void set_arrays(struct table *table, const struct table_array *current,
                       const struct table_array *old)
{
    uint32_t generation = table->generation;
    __atomic_store_n(&table->generation, generation + 1, __ATOMIC_RELAXED);
    set_array(&table->current, current);
    set_array(&table->old, old);
    __atomic_store_n(&table->generation, generation + 2, __ATOMIC_RELEASE);
}

static void set_frontier(struct table *table, uint64_t frontier)
{
    __atomic_store_n(&table->frontier, frontier, __ATOMIC_RELAXED);
}

static void set_count(struct table *table, uint64_t count)
{
    __atomic_store_n(&table->count, count, __ATOMIC_RELAXED);
}

static void set_limits(struct table *table)
{
    uint64_t slots = table->current.home_count * TABLE_BUCKET_ITEMS;
    bool is_small = table->current.home_count <= FIRST_HOME_COUNT;
    table->grow_at = is_real(&table->current) ? slots * LOAD_GROW_PERCENT / 100 : 0;
    table->shrink_at = is_small ? 0 : slots * LOAD_SHRINK_PERCENT / 100;
}

static void set_empty(struct table *table)
{
    struct table_array none = no_array();
    struct table_array nothing = {NULL, 0, 0};
    set_arrays(table, &none, &nothing);
    set_frontier(table, 0);
    set_count(table, 0);
    set_limits(table);
}

void table_init(struct table *table, const struct table_type *type, void *context, unsigned shift,
                uint64_t prefix)
{
    ASSERT(shift <= TABLE_SHIFT_MAX);
    ASSERT(shift == 0 ? prefix == 0 : prefix << shift == 0);
    *table = (struct table){.type = type, .context = context, .shift = shift, .prefix = prefix};
    set_empty(table);
}

void table_deinit(struct table *table)
{
    struct table_array current = table->current;
    struct table_array old = table->old;
    set_empty(table);
    release_array(table, &old);
    release_array(table, &current);
}

void table_move(struct table *table, struct table *out)
{
    *out = *table;
    set_empty(table);
}

/* Puts a word at or after its home; false when the run goes past the end of the array. */
static bool try_place(struct table_array *array, uint64_t home, uint8_t tag, uint64_t word)
{
    uint64_t end = total_count(array);
    for (uint64_t i = home; i < end; i++) {
        struct table_bucket *bucket = &array->buckets[i];
        unsigned free = table_match(bucket, 0);
        if (free == 0) continue;

        unsigned index = (unsigned)__builtin_ctz(free);
        bucket->tags[index] = tag;
        table_set_word(bucket, index, word);
        for (uint64_t j = home; j < i; j++) {
            if (array->buckets[j].overflow < OVERFLOW_SATURATED) array->buckets[j].overflow++;
        }
        return true;
    }
    return false;
}

/* More overflow buckets behind the last home bucket. Needed only when very many hashes crowd at the
 * end, so a plain copy will do. */
static void extend_tail(struct table *table, struct table_array *array)
{
    uint64_t tail_count = array->tail_count * 2;
    if (tail_count < TAIL_SMALL) tail_count = TAIL_SMALL;
    struct table_array longer = new_array(table, array->home_count, tail_count);
    struct table_array shorter = *array;
    memcpy(longer.buckets, shorter.buckets, array_bytes(&shorter));
    if (array == &table->current) {
        set_arrays(table, &longer, &table->old);
    } else {
        set_arrays(table, &table->current, &longer);
    }
    release_array(table, &shorter);
}

static void place(struct table *table, struct table_array *array, uint64_t hash, uint64_t word)
{
    uint64_t home = table_home(table, array, hash);
    while (UNLIKELY(!try_place(array, home, table_tag(hash), word))) extend_tail(table, array);
}

/* Frees the slot and takes back what its item added to the counters on its way. A saturated counter
 * no longer knows how many passed, so it stays. */
static void clear_slot(struct table_array *array, uint64_t home, uint64_t at, unsigned index)
{
    array->buckets[at].tags[index] = 0;
    for (uint64_t i = home; i < at; i++) {
        ASSERT_SLOW(array->buckets[i].overflow > 0);
        if (array->buckets[i].overflow < OVERFLOW_SATURATED) array->buckets[i].overflow--;
    }
}

static unsigned occupied(const struct table_bucket *bucket)
{
    return ~table_match(bucket, 0) & TABLE_MATCH_MASK;
}

static uint64_t item_hash(const struct table *table, const void *item)
{
    return table->type->hash(table->context, item);
}

/* Moves every item homed in old bucket `home` to the current array. */
static void move_home(struct table *table, uint64_t home)
{
    struct table_array *old = &table->old;
    bool is_last = false;
    for (uint64_t i = home; !is_last; i++) {
        struct table_bucket *bucket = &old->buckets[i];
        is_last = bucket->overflow == 0;
        for (unsigned left = occupied(bucket); left != 0; left &= left - 1) {
            unsigned index = (unsigned)__builtin_ctz(left);
            uint64_t word = table_word(bucket, index);
            uint64_t hash = item_hash(table, table_word_item(word));
            if (table_home(table, old, hash) != home) continue;
            clear_slot(old, home, i, index);
            place(table, &table->current, hash, word);
        }
    }
}

/* Rehashing reads each item for its hash: all of a step are fetched at once, and the buckets of the
 * step after it. */
static void prefetch_step(const struct table *table)
{
    for (unsigned i = 0; i < STEP_BUCKETS; i++) {
        uint64_t at = table->frontier + i;
        if (at >= table->old.home_count) return;
        const struct table_bucket *bucket = &table->old.buckets[at];
        __builtin_prefetch(bucket + STEP_BUCKETS);
        for (unsigned left = occupied(bucket); left != 0; left &= left - 1) {
            __builtin_prefetch(table_word_item(table_word(bucket, (unsigned)__builtin_ctz(left))));
        }
    }
}

static void finish_rehash(struct table *table)
{
    struct table_array old = table->old;
    struct table_array nothing = {NULL, 0, 0};
    set_arrays(table, &table->current, &nothing);
    set_frontier(table, 0);
    release_array(table, &old);
}

bool table_rehash_step(struct table *table, unsigned bucket_max)
{
    if (table->old.buckets == NULL) return false;
    for (unsigned i = 0; i < bucket_max && table->frontier < table->old.home_count; i++) {
        if (i % STEP_BUCKETS == 0) prefetch_step(table);
        move_home(table, table->frontier);
        set_frontier(table, table->frontier + 1);
    }
    if (table->frontier < table->old.home_count) return true;
    finish_rehash(table);
    return false;
}

/* `current` becomes `old` and a new array takes its place; an empty one is simply exchanged. */
static void start_resize(struct table *table, uint64_t home_count)
{
    ASSERT(table->old.buckets == NULL);
    uint64_t tail_count = home_count < TAIL_SMALL ? home_count : TAIL_SMALL;
    if (home_count > TAIL_LARGE_FROM) tail_count = TAIL_LARGE;

    struct table_array before = table->current;
    struct table_array after = new_array(table, home_count, tail_count);
    struct table_array nothing = {NULL, 0, 0};
    set_frontier(table, 0);
    if (table->count == 0) {
        set_arrays(table, &after, &nothing);
        release_array(table, &before);
    } else {
        set_arrays(table, &after, &before);
    }
    set_limits(table);
}

/* By a half while small, by a quarter later, give or take two fifths of that: shards of one size do
 * not resize at one time, which would double the memory of all indexes at once. */
static uint64_t grown_home_count(const struct table *table)
{
    uint64_t home_count = table->current.home_count;
    if (!is_real(&table->current)) return FIRST_HOME_COUNT;

    uint64_t mixed = (table->prefix ^ home_count) * 0x9e3779b97f4a7c15ull;
    uint64_t share_256 = 38 + (mixed >> 32) % 53; /* 15 % to 35 % */
    if (table->count < SMALL_ITEMS) share_256 *= 2;
    uint64_t extra = home_count * share_256 / 256;
    return home_count + (extra > 0 ? extra : 1);
}

void table_insert(struct table *table, uint64_t hash, void *item)
{
    ASSERT_SLOW(table->shift == 0 || (hash ^ table->prefix) >> (64 - table->shift) == 0);
    if (UNLIKELY(table->old.buckets != NULL)) {
        table_rehash_step(table, STEP_BUCKETS);
    } else if (UNLIKELY(table->count >= table->grow_at)) {
        start_resize(table, grown_home_count(table));
    }
    struct table_array *array = table_array_of(table, hash) == &table->current ? &table->current
                                                                               : &table->old;
    place(table, array, hash, table_item_word(item, 0));
    set_count(table, table->count + 1);
}

void table_remove(struct table *table, uint64_t hash, struct table_slot slot)
{
    struct table_array *array = table_array_of(table, hash) == &table->current ? &table->current
                                                                               : &table->old;
    uint64_t at = (uint64_t)(slot.bucket - array->buckets);
    ASSERT(at < total_count(array));
    ASSERT(slot.bucket->tags[slot.index] == table_tag(hash));

    clear_slot(array, table_home(table, array, hash), at, slot.index);
    set_count(table, table->count - 1);
    if (UNLIKELY(table->old.buckets != NULL)) {
        table_rehash_step(table, STEP_BUCKETS);
    } else if (UNLIKELY(table->count < table->shrink_at)) {
        uint64_t half = table->current.home_count / 2;
        start_resize(table, half > FIRST_HOME_COUNT ? half : FIRST_HOME_COUNT);
    }
}

void table_reserve(struct table *table, uint64_t count)
{
    uint64_t home_count = count * 100 / (TABLE_BUCKET_ITEMS * LOAD_GROW_PERCENT) + 1;
    if (home_count <= table->current.home_count) return;
    while (table_rehash_step(table, UINT32_MAX)) continue;
    start_resize(table, home_count < FIRST_HOME_COUNT ? FIRST_HOME_COUNT : home_count);
}

size_t table_memory_bytes(const struct table *table)
{
    return array_bytes(&table->current) + array_bytes(&table->old);
}

/* The largest hash that a table holds. */
static uint64_t last_hash(const struct table *table)
{
    return table->prefix | UINT64_MAX >> table->shift;
}

/* The least hash that maps to `home`, which is not the first: the quotient rounded up, twice. */
static uint64_t first_hash(const struct table *table, const struct table_array *array,
                           uint64_t home)
{
    ASSERT_SLOW(home > 0);
    ASSERT_SLOW(home < array->home_count);
    unsigned __int128 numerator = ((unsigned __int128)home << 64) + array->home_count - 1;
    uint64_t place = (uint64_t)(numerator / array->home_count);
    uint64_t below = (uint64_t)1 << table->shift;
    return table->prefix | (place / below + (place % below != 0));
}

/* How far one home bucket reaches from `hash` on: to its last hash, but not across the frontier,
 * behind which the items of the same range are still in the old array. */
static uint64_t last_hash_of_home(const struct table *table, uint64_t hash)
{
    const struct table_array *array = table_array_of(table, hash);
    uint64_t next = table_home(table, array, hash) + 1;
    uint64_t last = last_hash(table);
    if (next < array->home_count) last = first_hash(table, array, next) - 1;
    if (table->old.buckets == NULL || array == &table->old) return last;

    uint64_t last_moved = first_hash(table, &table->old, table->frontier) - 1;
    return last < last_moved ? last : last_moved;
}

/* Gives the items with first <= hash <= last, which all have one home. False when `each` ever
 * returned false. */
static bool each_in_home(const struct table *table, uint64_t first, uint64_t last,
                         bool (*each)(void *context, void *item, uint64_t hash), void *context)
{
    const struct table_array *array = table_array_of(table, first);
    uint64_t home = table_home(table, array, first);
    bool wants_more = true;
    bool is_last = false;
    for (uint64_t i = home; !is_last; i++) {
        const struct table_bucket *bucket = &array->buckets[i];
        is_last = bucket->overflow == 0;
        for (unsigned left = occupied(bucket); left != 0; left &= left - 1) {
            void *item = table_word_item(table_word(bucket, (unsigned)__builtin_ctz(left)));
            uint64_t hash = item_hash(table, item);
            if (hash < first || hash > last) continue;
            if (!each(context, item, hash)) wants_more = false;
        }
    }
    return wants_more;
}

static void prefetch_home(const struct table *table, uint64_t hash)
{
    const struct table_array *array = table_array_of(table, hash);
    const struct table_bucket *bucket = array->buckets + table_home(table, array, hash);
    for (unsigned left = occupied(bucket); left != 0; left &= left - 1) {
        __builtin_prefetch(table_word_item(table_word(bucket, (unsigned)__builtin_ctz(left))));
    }
}

uint64_t table_walk(const struct table *table, uint64_t position, struct table_walk *walk)
{
    const uint64_t end = last_hash(table);
    const uint64_t granule_mask = ((uint64_t)1 << walk->granule_bits) - 1;
    if (position < table->prefix) position = table->prefix;
    if (position > end) return 0;

    bool is_enough = false;
    while (!is_enough || (position & granule_mask) != 0) {
        /* What is left of a granule after the last bucket goes along, so that positions are whole
         * granules and the next call repeats nothing. */
        uint64_t last = last_hash_of_home(table, position);
        if (is_enough && last > (position | granule_mask)) last = position | granule_mask;
        if (last < end) prefetch_home(table, last + 1);
        if (!each_in_home(table, position, last, walk->each, walk->context))
            walk->is_stopped = true;
        if (walk->bucket_max > 0) walk->bucket_max--;
        if (walk->bucket_max == 0 || walk->is_stopped) is_enough = true;
        if (last == end) return 0;
        position = last + 1;
    }
    return position;
}

uint64_t table_scan(const struct table *table, uint64_t position, unsigned bucket_max,
                    bool (*each)(void *context, void *item, uint64_t hash), void *context)
{
    struct table_walk walk = {.each = each, .context = context, .bucket_max = bucket_max};
    return table_walk(table, position, &walk);
}

void table_each_between(const struct table *table, uint64_t first, uint64_t last,
                        bool (*each)(void *context, void *item, uint64_t hash), void *context)
{
    uint64_t end = last_hash(table);
    if (last > end) last = end;
    if (first < table->prefix) first = table->prefix;
    while (first <= last) {
        uint64_t step_last = last_hash_of_home(table, first);
        if (step_last > last) step_last = last;
        (void)each_in_home(table, first, step_last, each, context);
        if (step_last == last) return;
        first = step_last + 1;
    }
}

bool table_drain(struct table *table, uint64_t *cursor, unsigned bucket_max,
                 void (*each)(void *context, void *item), void *context)
{
    uint64_t old_count = table->old.buckets != NULL ? total_count(&table->old) : 0;
    uint64_t end = is_real(&table->current) ? old_count + total_count(&table->current) : 0;
    for (unsigned i = 0; i < bucket_max && *cursor < end; i++, (*cursor)++) {
        const struct table_bucket *bucket = *cursor < old_count
                                                ? &table->old.buckets[*cursor]
                                                : &table->current.buckets[*cursor - old_count];
        for (unsigned left = occupied(bucket); left != 0; left &= left - 1) {
            each(context, table_word_item(table_word(bucket, (unsigned)__builtin_ctz(left))));
            set_count(table, table->count - 1);
        }
    }
    ASSERT(*cursor < end || table->count == 0);
    return *cursor >= end;
}

/* The bucket with this number when the old array's unmoved part and the current array stand in one
 * row. */
static const struct table_bucket *bucket_in_row(const struct table *table, uint64_t number)
{
    uint64_t old_count = table->old.buckets != NULL ? total_count(&table->old) - table->frontier
                                                    : 0;
    if (number < old_count) return &table->old.buckets[table->frontier + number];
    return &table->current.buckets[number - old_count];
}

void *table_random_item(const struct table *table, uint64_t random)
{
    if (table->count == 0) return NULL;
    uint64_t row_count = total_count(&table->current);
    if (table->old.buckets != NULL) row_count += total_count(&table->old) - table->frontier;

    /* A slot drawn from all slots, again when it is free: each item has the same chance. */
    uint64_t number = 0;
    for (unsigned i = 0; i < RANDOM_TRIES; i++) {
        random = (random ^ random >> 29) * 0xbf58476d1ce4e5b9ull + 0x9e3779b97f4a7c15ull;
        uint64_t slot_count = row_count * TABLE_BUCKET_ITEMS;
        uint64_t slot = (uint64_t)(((unsigned __int128)random * slot_count) >> 64);
        number = slot / TABLE_BUCKET_ITEMS;
        const struct table_bucket *bucket = bucket_in_row(table, number);
        unsigned index = (unsigned)(slot % TABLE_BUCKET_ITEMS);
        if (bucket->tags[index] != 0) return table_word_item(table_word(bucket, index));
    }
    /* Nearly empty for its size: the next item from here on. */
    for (;; number = number + 1 < row_count ? number + 1 : 0) {
        const struct table_bucket *bucket = bucket_in_row(table, number);
        unsigned full = occupied(bucket);
        if (full != 0) return table_word_item(table_word(bucket, (unsigned)__builtin_ctz(full)));
    }
}

/* The tags may change under our eyes; any pointer is good enough for a prefetch, which cannot
 * fault. The bucket itself is inside an array that its owner keeps until we have passed. */
NO_SANITIZE_THREAD void table_prefetch_item(const struct table *table, uint64_t hash)
{
    struct table_array array;
    if (!table_snapshot(table, hash, &array)) return;
    const struct table_bucket *bucket = array.buckets + table_home(table, &array, hash);
    unsigned match = table_match(bucket, table_tag(hash));
    if (match == 0 && bucket->overflow != 0 && bucket->overflow != OVERFLOW_SATURATED) {
        __builtin_prefetch(bucket + 1);
        return;
    }
    for (; match != 0; match &= match - 1) {
        const char *item = table_word_item(table_word(bucket, (unsigned)__builtin_ctz(match)));
        __builtin_prefetch(item);
        __builtin_prefetch(item + CACHE_LINE_BYTES);
    }
}
