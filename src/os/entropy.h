/* Unpredictable bytes from the kernel: secrets and identities. */
#ifndef OS_ENTROPY_H
#define OS_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

void entropy_fill(void *out, size_t size);
uint64_t entropy_u64(void);

#endif
