/* Delayed frees for memory that other threads may be reading without a lock (prefetching):
 * quiescent-state based. Each reader thread says once per loop that it holds no such pointer;
 * memory retired before that is then free to go. */
#ifndef KEYSPACE_RECLAIM_H
#define KEYSPACE_RECLAIM_H

#include <stddef.h>
#include <stdint.h>

struct reclaim;
struct reclaim *reclaim_create(uint32_t reader_count);
void reclaim_destroy(
    struct reclaim *reclaim); /* frees all that is retired; no reader runs any more */

/* Reader `reader` reads no shared memory until reclaim_enter. A new reader is outside. */
void reclaim_leave(struct reclaim *reclaim, uint32_t reader);
/* Reader `reader` may read again, and has passed a quiescent point. Call at each loop's beginning,
 * holding no lock of rank RECLAIM or above. */
void reclaim_enter(struct reclaim *reclaim, uint32_t reader);
/* Calls release(memory, size) when every reader has left or re-entered since; in this call, in a
 * later one, or in some reader's enter. The memory is already out of reach for new readers. Any
 * thread, also under shard locks. */
void reclaim_retire(struct reclaim *reclaim, void *memory, size_t size,
                    void (*release)(void *memory, size_t size));
/* Retired and not yet freed. */
size_t reclaim_pending_bytes(const struct reclaim *reclaim);

#endif
