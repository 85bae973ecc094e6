/* The inner loop of the table, inline: which bucket, which of its nine slots. Included by
 * table.h. */
#ifndef KEYSPACE_TABLE_FIND_H
#define KEYSPACE_TABLE_FIND_H

#if defined(__SSE2__) && !defined(TABLE_MATCH_PORTABLE)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && !defined(TABLE_MATCH_PORTABLE)
#include <arm_neon.h>
#endif

#include "base/assert.h"
#include "keyspace/table.h"

static_assert(sizeof(struct table_bucket) == CACHE_LINE_BYTES, "a bucket is one cache line");

ALWAYS_INLINE uint8_t table_tag(uint64_t hash)
{
    uint8_t tag = (uint8_t)hash;
    return tag != 0 ? tag : 0x80;
}

/* Fastrange: the high half of a 128-bit product keeps the order of hashes. */
ALWAYS_INLINE uint64_t table_home(const struct table *table, const struct table_array *array,
                                  uint64_t hash)
{
    uint64_t place = hash << table->shift;
    return (uint64_t)(((unsigned __int128)place * array->home_count) >> 64);
}

/* The one array that holds this hash, if any does. */
ALWAYS_INLINE const struct table_array *table_array_of(const struct table *table, uint64_t hash)
{
    if (LIKELY(table->old.buckets == NULL)) return &table->current;
    return table_home(table, &table->old, hash) < table->frontier ? &table->current : &table->old;
}

enum { TABLE_MATCH_MASK = (1 << TABLE_BUCKET_ITEMS) - 1 };

/* One bit for each slot whose tag is `tag` (0: the free slots). The first 16 bytes of a bucket are
 * compared at once; tags are bytes 1 to 9 of them. */
#if defined(__SSE2__) && !defined(TABLE_MATCH_PORTABLE)
ALWAYS_INLINE unsigned table_match(const struct table_bucket *bucket, uint8_t tag)
{
    __m128i line = _mm_load_si128((const __m128i *)(const void *)bucket);
    __m128i equal = _mm_cmpeq_epi8(line, _mm_set1_epi8((char)tag));
    return ((unsigned)_mm_movemask_epi8(equal) >> 1) & TABLE_MATCH_MASK;
}
#elif defined(__ARM_NEON) && !defined(TABLE_MATCH_PORTABLE)
ALWAYS_INLINE unsigned table_match(const struct table_bucket *bucket, uint8_t tag)
{
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t equal = vceqq_u8(vld1q_u8((const uint8_t *)bucket), vdupq_n_u8(tag));
    uint8x16_t bits = vandq_u8(equal, vld1q_u8(weights));
    unsigned low = vaddv_u8(vget_low_u8(bits));
    unsigned high = vaddv_u8(vget_high_u8(bits));
    return ((low | high << 8) >> 1) & TABLE_MATCH_MASK;
}
#else
ALWAYS_INLINE unsigned table_match(const struct table_bucket *bucket, uint8_t tag)
{
    const uint64_t low_bits = 0x7f7f7f7f7f7f7f7full;
    uint64_t tags;
    memcpy(&tags, bucket->tags, sizeof(tags));
    uint64_t difference = tags ^ (0x0101010101010101ull * tag);
    /* The top bit of each byte that is zero, exactly; then the eight bits side by side. */
    uint64_t zero = ~(((difference & low_bits) + low_bits) | difference | low_bits);
    unsigned first = (unsigned)(((zero >> 7) * 0x0102040810204080ull) >> 56);
    return first | (unsigned)(bucket->tags[8] == tag) << 8;
}
#endif

/* Pointer and marks of a slot, 48 bits. */
ALWAYS_INLINE uint64_t table_word(const struct table_bucket *bucket, unsigned index)
{
    uint32_t low;
    uint16_t high;
    memcpy(&low, bucket->items + 6 * index, 4);
    memcpy(&high, bucket->items + 6 * index + 4, 2);
    return (uint64_t)high << 32 | low;
}

ALWAYS_INLINE void table_set_word(struct table_bucket *bucket, unsigned index, uint64_t word)
{
    uint32_t low = (uint32_t)word;
    uint16_t high = (uint16_t)(word >> 32);
    memcpy(bucket->items + 6 * index, &low, 4);
    memcpy(bucket->items + 6 * index + 4, &high, 2);
}

ALWAYS_INLINE void *table_word_item(uint64_t word)
{
    return (void *)(uintptr_t)(word & ~(uint64_t)TABLE_MARKS_MASK);
}

ALWAYS_INLINE uint64_t table_item_word(const void *item, unsigned marks)
{
    uint64_t word = (uint64_t)(uintptr_t)item;
    ASSERT_SLOW((word & TABLE_MARKS_MASK) == 0);
    ASSERT(word >> 48 == 0);
    return word | marks;
}

ALWAYS_INLINE void *table_slot_item(struct table_slot slot)
{
    return table_word_item(table_word(slot.bucket, slot.index));
}

ALWAYS_INLINE unsigned table_slot_marks(struct table_slot slot)
{
    return (unsigned)table_word(slot.bucket, slot.index) & TABLE_MARKS_MASK;
}

/* Puts another item with the same key in the place of the old one; marks stay. */
ALWAYS_INLINE void table_slot_replace(struct table_slot slot, void *item)
{
    uint64_t word = table_item_word(item, table_slot_marks(slot));
    table_set_word(slot.bucket, slot.index, word);
}

ALWAYS_INLINE void table_slot_set_marks(struct table_slot slot, unsigned marks)
{
    ASSERT_SLOW(marks <= TABLE_MARKS_MASK);
    uint64_t word = table_item_word(table_slot_item(slot), marks);
    table_set_word(slot.bucket, slot.index, word);
}

/* The item for which equal(item, key) holds; NULL when absent. *out_slot (may be NULL) is filled
 * when present. No bound is checked: the last bucket of an array is never passed over. */
ALWAYS_INLINE void *table_find(const struct table *table, uint64_t hash,
                               bool (*equal)(const void *item, const void *key), const void *key,
                               struct table_slot *out_slot)
{
    const struct table_array *array = table_array_of(table, hash);
    struct table_bucket *bucket = array->buckets + table_home(table, array, hash);
    uint8_t tag = table_tag(hash);
    for (;; bucket++) {
        for (unsigned match = table_match(bucket, tag); match != 0; match &= match - 1) {
            unsigned index = (unsigned)__builtin_ctz(match);
            void *item = table_word_item(table_word(bucket, index));
            if (UNLIKELY(!equal(item, key))) continue;
            if (out_slot != NULL) *out_slot = (struct table_slot){bucket, index};
            return item;
        }
        if (LIKELY(bucket->overflow == 0)) return NULL;
    }
}

/* A pair of array and size that belong together, read without the lock; false when they are just
 * being exchanged. Pairs with the stores in table.c: whoever sees a new field sees an odd or a
 * newer generation afterwards. */
ALWAYS_INLINE bool table_snapshot(const struct table *table, uint64_t hash, struct table_array *out)
{
    uint32_t generation = __atomic_load_n(&table->generation, __ATOMIC_ACQUIRE);
    struct table_array array = {
        __atomic_load_n(&table->old.buckets, __ATOMIC_ACQUIRE),
        __atomic_load_n(&table->old.home_count, __ATOMIC_ACQUIRE),
        0,
    };
    uint64_t frontier = __atomic_load_n(&table->frontier, __ATOMIC_RELAXED);
    if (LIKELY(array.buckets == NULL) || table_home(table, &array, hash) < frontier) {
        array.buckets = __atomic_load_n(&table->current.buckets, __ATOMIC_ACQUIRE);
        array.home_count = __atomic_load_n(&table->current.home_count, __ATOMIC_ACQUIRE);
    }
    if (generation % 2 != 0) return false;
    if (__atomic_load_n(&table->generation, __ATOMIC_RELAXED) != generation) return false;
    *out = array;
    return true;
}

ALWAYS_INLINE void table_prefetch_bucket(const struct table *table, uint64_t hash)
{
    struct table_array array;
    if (!table_snapshot(table, hash, &array)) return;
    __builtin_prefetch(array.buckets + table_home(table, &array, hash));
}

#endif
