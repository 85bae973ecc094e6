/* An item stands in the finest level whose reach covers its deadline. On coarse levels it fires at
 * the start of its slot, early, and is then filed again with what the key says: items need no
 * deadline of their own. A slot of a coarse level that is the present one has started already, so
 * nothing is filed there; if it has items, they are left from an advance that ran into its bound.
 *
 * Time jumps from one occupied slot to the next by bitmap, so years without items cost nothing, and
 * the work of an advance is bounded by its item_max alone. */
#include "keyspace/expiry.h"

#include "base/assert.h"
#include "base/memory.h"

enum { SLOT_CAPACITY_MIN = 4 };

struct level {
    unsigned shift;      /* log2 of a slot's milliseconds */
    unsigned slot_count; /* a power of two */
};

static const struct level levels[EXPIRY_LEVELS] = {
    {0,  256},
    {8,  64 },
    {14, 64 },
    {20, 64 },
    {26, 64 },
    {32, 64 },
};

void expiry_init(struct expiry *expiry, int64_t now_ms)
{
    ASSERT(now_ms >= 0);
    *expiry = (struct expiry){.now_ms = now_ms};
}

void expiry_deinit(struct expiry *expiry)
{
    for (unsigned level = 0; level < EXPIRY_LEVELS; level++) {
        if (expiry->levels[level] == NULL) continue;
        for (unsigned i = 0; i < levels[level].slot_count; i++) {
            memory_free(expiry->levels[level][i].items);
        }
        memory_free(expiry->levels[level]);
    }
    expiry_init(expiry, expiry->now_ms);
}

/* Slots are numbered from the beginning of time; the wheel keeps them modulo slot_count. */
static uint64_t slot_number(unsigned level, int64_t time_ms)
{
    return (uint64_t)time_ms >> levels[level].shift;
}

static struct expiry_slot *slot_at(struct expiry *expiry, unsigned level, uint64_t number)
{
    size_t slot_count = levels[level].slot_count;
    if (expiry->levels[level] == NULL) {
        size_t size = slot_count * sizeof(struct expiry_slot);
        expiry->levels[level] = memory_zalloc(size);
        expiry->heap_bytes += size;
    }
    return &expiry->levels[level][number % slot_count];
}

static void set_occupied(struct expiry *expiry, unsigned level, uint64_t number, bool is_occupied)
{
    uint64_t index = number % levels[level].slot_count;
    uint64_t bit = (uint64_t)1 << (index % 64);
    if (is_occupied) {
        expiry->occupied[level][index / 64] |= bit;
    } else {
        expiry->occupied[level][index / 64] &= ~bit;
    }
}

static void slot_push(struct expiry *expiry, struct expiry_slot *slot, uint64_t item)
{
    if (slot->count == slot->capacity) {
        uint32_t capacity = slot->capacity + slot->capacity / 2;
        if (capacity < SLOT_CAPACITY_MIN) capacity = SLOT_CAPACITY_MIN;
        slot->items = memory_realloc(slot->items, capacity * sizeof(uint64_t));
        expiry->heap_bytes += (capacity - slot->capacity) * sizeof(uint64_t);
        slot->capacity = capacity;
    }
    slot->items[slot->count++] = item;
    expiry->item_count++;
}

static void slot_free(struct expiry *expiry, struct expiry_slot *slot)
{
    ASSERT(slot->count == 0);
    expiry->heap_bytes -= slot->capacity * sizeof(uint64_t);
    memory_free(slot->items);
    *slot = (struct expiry_slot){0};
}

/* Files an item by its deadline as seen from now_ms. */
static void file_item(struct expiry *expiry, uint64_t item, int64_t deadline_ms)
{
    if (deadline_ms < expiry->now_ms) deadline_ms = expiry->now_ms;
    unsigned level = 0;
    uint64_t number;
    for (;; level++) {
        uint64_t present = slot_number(level, expiry->now_ms);
        number = slot_number(level, deadline_ms);
        if (number - present < levels[level].slot_count) break;
        /* Beyond the wheel: the farthest slot, and on from there. */
        number = present + levels[level].slot_count - 1;
        if (level == EXPIRY_LEVELS - 1) break;
    }
    slot_push(expiry, slot_at(expiry, level, number), item);
    set_occupied(expiry, level, number, true);
}

void expiry_add(struct expiry *expiry, uint64_t hash, uint32_t database, int64_t deadline_ms)
{
    ASSERT(deadline_ms > 0);
    uint64_t item = hash & ~(uint64_t)EXPIRY_DATABASE_MASK;
    file_item(expiry, item | (database & EXPIRY_DATABASE_MASK), deadline_ms);
}

/* The number of the first occupied slot from `present` on, within one turn; false when none is. */
static bool next_occupied(const struct expiry *expiry, unsigned level, uint64_t present,
                          uint64_t *out)
{
    unsigned slot_count = levels[level].slot_count;
    unsigned word_count = slot_count / 64;
    unsigned start = (unsigned)(present % slot_count);
    /* The word of `start` comes twice: its upper part first, its lower part after a turn. */
    for (unsigned i = 0; i <= word_count; i++) {
        unsigned word = (start / 64 + i) % word_count;
        uint64_t bits = expiry->occupied[level][word];
        uint64_t upper = UINT64_MAX << (start % 64);
        if (i == 0) bits &= upper;
        if (i == word_count) bits &= ~upper;
        if (bits == 0) continue;
        unsigned index = word * 64 + (unsigned)__builtin_ctzll(bits);
        *out = present + (index + slot_count - start) % slot_count;
        return true;
    }
    return false;
}

/* The slot that is due first, coarse ones before fine ones at the same time; its due time is at
 * least now_ms. INT64_MAX when the wheel is empty. */
static int64_t next_due(const struct expiry *expiry, unsigned *out_level, uint64_t *out_number)
{
    int64_t due_ms = INT64_MAX;
    for (unsigned i = 0; i < EXPIRY_LEVELS; i++) {
        unsigned level = EXPIRY_LEVELS - 1 - i;
        uint64_t number;
        if (!next_occupied(expiry, level, slot_number(level, expiry->now_ms), &number)) continue;
        int64_t start_ms = (int64_t)(number << levels[level].shift);
        if (start_ms < expiry->now_ms) start_ms = expiry->now_ms;
        if (start_ms >= due_ms) continue;
        due_ms = start_ms;
        *out_level = level;
        *out_number = number;
    }
    return due_ms;
}

unsigned expiry_advance(struct expiry *expiry, int64_t now_ms, unsigned item_max,
                        int64_t (*fire)(void *context, uint64_t hash, uint32_t database),
                        void *context)
{
    unsigned fired = 0;
    while (fired < item_max) {
        unsigned level;
        uint64_t number;
        int64_t due_ms = next_due(expiry, &level, &number);
        if (due_ms > now_ms) break;

        expiry->now_ms = due_ms;
        struct expiry_slot *slot = slot_at(expiry, level, number);
        uint64_t item = slot->items[--slot->count];
        expiry->item_count--;
        fired++;
        if (slot->count == 0) {
            slot_free(expiry, slot);
            set_occupied(expiry, level, number, false);
        }

        uint64_t hash = item & ~(uint64_t)EXPIRY_DATABASE_MASK;
        int64_t deadline_ms = fire(context, hash, (uint32_t)(item & EXPIRY_DATABASE_MASK));
        if (deadline_ms == 0) continue;
        ASSERT(deadline_ms > now_ms);
        file_item(expiry, item, deadline_ms);
    }
    /* All that is due has fired only when the bound was not what ended the loop. */
    if (fired < item_max && now_ms > expiry->now_ms) expiry->now_ms = now_ms;
    return fired;
}

int64_t expiry_next_ms(const struct expiry *expiry)
{
    unsigned level;
    uint64_t number;
    return next_due(expiry, &level, &number);
}

size_t expiry_memory_bytes(const struct expiry *expiry)
{
    return expiry->heap_bytes;
}
