#include "command/latency.h"

#include <stdatomic.h>

#include "base/assert.h"
#include "base/memory.h"
#include "os/lock.h"

/* The samples of one event, oldest first. */
struct event {
    const char *name;
    uint64_t longest_ms;
    uint32_t count;
    struct latency_sample samples[LATENCY_SAMPLES_MAX];
};

struct latency {
    _Atomic uint64_t threshold_ms;
    struct mutex mutex; /* LOCK_RANK_STATISTICS */
    uint32_t event_count GUARDED_BY(mutex);
    struct event *events[LATENCY_EVENTS_MAX] GUARDED_BY(mutex);
};

struct latency *latency_create(void)
{
    struct latency *latency = memory_zalloc(sizeof(*latency));
    mutex_init(&latency->mutex, LOCK_RANK_STATISTICS);
    return latency;
}

void latency_destroy(struct latency *latency)
{
    if (latency == NULL) return;
    (void)latency_reset(latency, BYTES_EMPTY);
    mutex_deinit(&latency->mutex);
    memory_free(latency);
}

void latency_set_threshold(struct latency *latency, uint64_t threshold_ms)
{
    atomic_store_explicit(&latency->threshold_ms, threshold_ms, memory_order_relaxed);
}

uint64_t latency_threshold_ms(const struct latency *latency)
{
    return atomic_load_explicit(&latency->threshold_ms, memory_order_relaxed);
}

/* ---- recording ---- */

static struct event *find(struct latency *latency, struct bytes name) REQUIRES(latency->mutex)
{
    for (uint32_t i = 0; i < latency->event_count; i++) {
        if (bytes_equal(name, bytes_of_text(latency->events[i]->name))) return latency->events[i];
    }
    return NULL;
}

static struct event *find_or_add(struct latency *latency, const char *name) REQUIRES(latency->mutex)
{
    struct event *event = find(latency, bytes_of_text(name));
    if (event != NULL || latency->event_count == LATENCY_EVENTS_MAX) return event;
    event = memory_zalloc(sizeof(*event));
    event->name = name;
    latency->events[latency->event_count++] = event;
    return event;
}

static void add_sample(struct event *event, int64_t wall_s, uint64_t elapsed_ms)
{
    if (elapsed_ms > event->longest_ms) event->longest_ms = elapsed_ms;
    struct latency_sample *last = event->count > 0 ? &event->samples[event->count - 1] : NULL;
    if (last != NULL && last->wall_s == wall_s) {
        if (elapsed_ms > last->elapsed_ms) last->elapsed_ms = elapsed_ms;
        return;
    }
    if (event->count == LATENCY_SAMPLES_MAX) {
        memmove(event->samples, event->samples + 1,
                (LATENCY_SAMPLES_MAX - 1) * sizeof(event->samples[0]));
        event->count--;
    }
    event->samples[event->count++] = (struct latency_sample){wall_s, elapsed_ms};
}

void latency_record(struct latency *latency, const char *event_name, int64_t wall_s,
                    uint64_t elapsed_ms)
{
    uint64_t threshold_ms = latency_threshold_ms(latency);
    if (LIKELY(threshold_ms == 0 || elapsed_ms < threshold_ms)) return;
    mutex_acquire(&latency->mutex);
    struct event *event = find_or_add(latency, event_name);
    if (event != NULL) add_sample(event, wall_s, elapsed_ms);
    mutex_release(&latency->mutex);
}

/* ---- reading ---- */

static struct latency_event describe(const struct event *event)
{
    return (struct latency_event){event->name, event->longest_ms, event->count, event->samples};
}

void latency_each(struct latency *latency, void (*start)(void *context, uint32_t count),
                  void (*each)(void *context, const struct latency_event *event), void *context)
{
    mutex_acquire(&latency->mutex);
    start(context, latency->event_count);
    for (uint32_t i = 0; i < latency->event_count; i++) {
        struct latency_event event = describe(latency->events[i]);
        each(context, &event);
    }
    mutex_release(&latency->mutex);
}

bool latency_find(struct latency *latency, struct bytes name,
                  void (*each)(void *context, const struct latency_event *event), void *context)
{
    mutex_acquire(&latency->mutex);
    const struct event *found = find(latency, name);
    if (found != NULL) {
        struct latency_event event = describe(found);
        each(context, &event);
    }
    mutex_release(&latency->mutex);
    return found != NULL;
}

uint32_t latency_reset(struct latency *latency, struct bytes name)
{
    mutex_acquire(&latency->mutex);
    uint32_t kept = 0;
    uint32_t count = latency->event_count;
    for (uint32_t i = 0; i < count; i++) {
        struct event *event = latency->events[i];
        if (name.size == 0 || bytes_equal(name, bytes_of_text(event->name))) {
            memory_free(event);
        } else {
            latency->events[kept++] = event;
        }
    }
    latency->event_count = kept;
    mutex_release(&latency->mutex);
    return count - kept;
}
