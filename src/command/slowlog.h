/* The slow log: the newest commands that took longer than a threshold, with their arguments cut
 * short. Any thread. */
#ifndef COMMAND_SLOWLOG_H
#define COMMAND_SLOWLOG_H

#include <stdatomic.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct slowlog;

enum {
    SLOWLOG_ARGUMENTS_MAX = 32, /* the last of them then says how many are missing */
    SLOWLOG_ARGUMENT_BYTES_MAX = 128,
};

/* What the dispatcher hands in. */
struct slowlog_sample {
    const struct bytes *arguments;
    uint32_t argument_count;
    uint64_t elapsed_us;
    int64_t wall_s;
    const char *address;
    const char *client_name; /* NULL for none */
};

/* What is kept; borrowed inside slowlog_each. */
struct slowlog_entry {
    uint64_t id;
    int64_t wall_s;
    uint64_t elapsed_us;
    uint32_t argument_count;
    const struct bytes *arguments;
    struct bytes address;
    struct bytes client_name;
};

struct slowlog *slowlog_create(void);
void slowlog_destroy(struct slowlog *slowlog);

/* slowlog-log-slower-than; negative: nothing is logged, 0: everything. */
void slowlog_set_threshold(struct slowlog *slowlog, int64_t threshold_us);
/* slowlog-max-len; what is too many is forgotten at once. */
void slowlog_set_capacity(struct slowlog *slowlog, uint64_t capacity);
int64_t slowlog_threshold_us(const struct slowlog *slowlog);

static inline bool slowlog_is_slow(int64_t threshold_us, uint64_t elapsed_us)
{
    return threshold_us >= 0 && elapsed_us >= (uint64_t)threshold_us;
}

void slowlog_record(struct slowlog *slowlog, const struct slowlog_sample *sample);
uint64_t slowlog_count(struct slowlog *slowlog);
void slowlog_reset(struct slowlog *slowlog);
/* The newest first, at most `entry_max`, under the log's lock. `start` is called once before, with
 * how many there will be. */
void slowlog_each(struct slowlog *slowlog, uint64_t entry_max,
                  void (*start)(void *context, uint64_t count),
                  void (*each)(void *context, const struct slowlog_entry *entry), void *context);

#endif
