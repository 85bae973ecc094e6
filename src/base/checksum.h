/* Checksums. XXH3-64 guards every byte of ours on disk; CRC-64 (Jones) is the one in DUMP
 * payloads and RDB files. */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include "base/bytes.h"

/* XXH3-64, seed 0. */
uint64_t checksum_xxh3(const void *data, size_t size);
/* CRC-64/Jones as in Redis, reflected, initial 0; feed the previous value to continue. */
uint64_t checksum_crc64(uint64_t crc, const void *data, size_t size);

#endif
