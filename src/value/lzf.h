/* LZF, the compression of long strings in RDB files and DUMP payloads: a stream of literal runs and
 * copies of earlier output.
 *
 *   000LLLLL                   L+1 literal bytes follow
 *   LLLOOOOO oooooooo          copy L+2 bytes (L is 1 to 6) from distance Oo+1 back
 *   111OOOOO llllllll oooooooo copy l+9 bytes likewise
 *
 * Pure; the input may be hostile. */
#ifndef VALUE_LZF_H
#define VALUE_LZF_H

#include "base/bytes.h"

/* No `size` bytes of LZF give more than this: three bytes copy at most 264. */
static inline uint64_t lzf_size_max(size_t size)
{
    return (uint64_t)size * 88;
}

/* True when the input is well formed and gives exactly `size` bytes, which `out` holds. */
bool lzf_decode(struct bytes input, char *out, size_t size);

#endif
