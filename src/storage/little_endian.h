/* Integers as they stand on disk: little endian, at any alignment. Compilers turn each into one
 * move. Pure. */
#ifndef STORAGE_LITTLE_ENDIAN_H
#define STORAGE_LITTLE_ENDIAN_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a big-endian machine must swap here");

static inline void put_u16(char *out, uint16_t value)
{
    memcpy(out, &value, sizeof(value));
}

static inline void put_u32(char *out, uint32_t value)
{
    memcpy(out, &value, sizeof(value));
}

static inline void put_u64(char *out, uint64_t value)
{
    memcpy(out, &value, sizeof(value));
}

static inline uint16_t take_u16(const char *data)
{
    uint16_t value;
    memcpy(&value, data, sizeof(value));
    return value;
}

static inline uint32_t take_u32(const char *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof(value));
    return value;
}

static inline uint64_t take_u64(const char *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof(value));
    return value;
}

#endif
