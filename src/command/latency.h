/* The latency monitor: for each kind of event, the newest moments at which it took longer than
 * latency-monitor-threshold. One sample a second and event: the longest. Any thread. */
#ifndef COMMAND_LATENCY_H
#define COMMAND_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct latency;

enum {
    LATENCY_EVENTS_MAX = 32,
    LATENCY_SAMPLES_MAX = 160, /* of one event */
};

struct latency_sample {
    int64_t wall_s;
    uint64_t elapsed_ms;
};

struct latency_event {
    const char *name;
    uint64_t longest_ms;
    uint32_t sample_count;
    const struct latency_sample *samples; /* oldest first; borrowed inside latency_each */
};

struct latency *latency_create(void);
void latency_destroy(struct latency *latency);

/* latency-monitor-threshold; 0: nothing is recorded. */
void latency_set_threshold(struct latency *latency, uint64_t threshold_ms);
uint64_t latency_threshold_ms(const struct latency *latency);

/* `event` is a literal: "command", "fast-command", "expire-cycle", "aof-fsync-always" ... Recorded
 * when it took at least the threshold and there is one; otherwise this costs one load. */
void latency_record(struct latency *latency, const char *event, int64_t wall_s,
                    uint64_t elapsed_ms);

/* Calls `each` for every event that has samples, under the lock. `start` is called once before,
 * with how many. */
void latency_each(struct latency *latency, void (*start)(void *context, uint32_t count),
                  void (*each)(void *context, const struct latency_event *event), void *context);
/* One event, under the lock; false when it has no samples. */
bool latency_find(struct latency *latency, struct bytes name,
                  void (*each)(void *context, const struct latency_event *event), void *context);
/* Forgets one event (or with an empty name all); returns how many were forgotten. */
uint32_t latency_reset(struct latency *latency, struct bytes name);

#endif
