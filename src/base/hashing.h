/* The keyed 64-bit hash that orders everything: virtual partitions, shards, buckets, SCAN,
 * checkpoints. XXH3 under a secret of 192 random bytes, so that nobody outside can craft
 * colliding keys. The secret is made once per data directory and stored in its manifest: the
 * order of keys must survive restarts. */
#ifndef BASE_HASHING_H
#define BASE_HASHING_H

#define XXH_INLINE_ALL
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "base/bytes.h"

enum { HASHING_SECRET_BYTES = 192 };

struct hashing {
    uint8_t secret[HASHING_SECRET_BYTES];
};

static inline uint64_t hashing_bytes(const struct hashing *hashing, struct bytes bytes)
{
    return XXH3_64bits_withSecret(bytes.data, bytes.size, hashing->secret, HASHING_SECRET_BYTES);
}

/* Virtual partition (0..4095): the unit of log sequence numbers and of checkpoints, fixed for
 * ever. */
enum { HASHING_PARTITION_BITS = 12, HASHING_PARTITION_COUNT = 1 << HASHING_PARTITION_BITS };

static inline uint32_t hashing_partition(uint64_t hash)
{
    return (uint32_t)(hash >> (64 - HASHING_PARTITION_BITS));
}

#endif
