#include "command/slowlog.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/links.h"
#include "base/memory.h"
#include "os/lock.h"

struct slowlog {
    struct mutex mutex;                     /* LOCK_RANK_STATISTICS */
    struct links entries GUARDED_BY(mutex); /* newest first */
    uint64_t count GUARDED_BY(mutex);
    uint64_t next_id GUARDED_BY(mutex);
    uint64_t capacity GUARDED_BY(mutex);
    _Atomic int64_t threshold_us;
};

/* One allocation: the node, the arguments' bounds, then their bytes, the address and the name. */
struct node {
    struct links link; /* first */
    struct slowlog_entry entry;
    struct bytes arguments[];
};

struct slowlog *slowlog_create(void)
{
    struct slowlog *slowlog = memory_zalloc(sizeof(*slowlog));
    mutex_init(&slowlog->mutex, LOCK_RANK_STATISTICS);
    links_init(&slowlog->entries);
    slowlog->capacity = 128;
    slowlog->threshold_us = 10000;
    return slowlog;
}

static void forget_oldest(struct slowlog *slowlog) REQUIRES(slowlog->mutex)
{
    struct links *oldest = slowlog->entries.previous;
    links_remove(oldest);
    memory_free(oldest);
    slowlog->count--;
}

static void trim(struct slowlog *slowlog, uint64_t count_max) REQUIRES(slowlog->mutex)
{
    while (slowlog->count > count_max) forget_oldest(slowlog);
}

void slowlog_destroy(struct slowlog *slowlog)
{
    if (slowlog == NULL) return;
    slowlog_reset(slowlog);
    mutex_deinit(&slowlog->mutex);
    memory_free(slowlog);
}

void slowlog_set_threshold(struct slowlog *slowlog, int64_t threshold_us)
{
    atomic_store_explicit(&slowlog->threshold_us, threshold_us, memory_order_relaxed);
}

int64_t slowlog_threshold_us(const struct slowlog *slowlog)
{
    return atomic_load_explicit(&slowlog->threshold_us, memory_order_relaxed);
}

void slowlog_set_capacity(struct slowlog *slowlog, uint64_t capacity)
{
    mutex_acquire(&slowlog->mutex);
    slowlog->capacity = capacity;
    trim(slowlog, capacity);
    mutex_release(&slowlog->mutex);
}

/* ---- recording ---- */

enum { NOTE_BYTES_MAX = 48 };

/* What is kept of an argument: its start, and how much is missing. */
struct piece {
    struct bytes start;
    char note[NOTE_BYTES_MAX]; /* "" when all of it is kept */
};

static struct piece cut_argument(const struct slowlog_sample *sample, uint32_t index)
{
    struct piece piece = {.start = BYTES_EMPTY};
    uint32_t count = sample->argument_count;
    if (count > SLOWLOG_ARGUMENTS_MAX && index == SLOWLOG_ARGUMENTS_MAX - 1) {
        (void)snprintf(piece.note, sizeof(piece.note), "... (%u more arguments)",
                       count - SLOWLOG_ARGUMENTS_MAX + 1);
        return piece;
    }
    struct bytes argument = sample->arguments[index];
    piece.start = bytes_part(argument, 0, SLOWLOG_ARGUMENT_BYTES_MAX);
    if (argument.size > SLOWLOG_ARGUMENT_BYTES_MAX) {
        (void)snprintf(piece.note, sizeof(piece.note), "... (%zu more bytes)",
                       argument.size - SLOWLOG_ARGUMENT_BYTES_MAX);
    }
    return piece;
}

/* Copies to *next and moves it on. */
static struct bytes keep(char **next, struct bytes bytes)
{
    if (bytes.size > 0) memcpy(*next, bytes.data, bytes.size);
    struct bytes copy = bytes_of(*next, bytes.size);
    *next += bytes.size;
    return copy;
}

static struct node *make_node(const struct slowlog_sample *sample)
{
    uint32_t count = sample->argument_count;
    if (count > SLOWLOG_ARGUMENTS_MAX) count = SLOWLOG_ARGUMENTS_MAX;
    struct bytes address = bytes_of_text(sample->address != NULL ? sample->address : "");
    struct bytes name = bytes_of_text(sample->client_name != NULL ? sample->client_name : "");

    struct piece pieces[SLOWLOG_ARGUMENTS_MAX];
    size_t text_bytes = address.size + name.size;
    for (uint32_t i = 0; i < count; i++) {
        pieces[i] = cut_argument(sample, i);
        text_bytes += pieces[i].start.size + strlen(pieces[i].note);
    }

    struct node *node = memory_alloc(sizeof(*node) + count * sizeof(node->arguments[0]) +
                                     text_bytes);
    char *next = (char *)&node->arguments[count];
    for (uint32_t i = 0; i < count; i++) {
        node->arguments[i] = keep(&next, pieces[i].start);
        node->arguments[i].size += keep(&next, bytes_of_text(pieces[i].note)).size;
    }
    node->entry = (struct slowlog_entry){
        .wall_s = sample->wall_s,
        .elapsed_us = sample->elapsed_us,
        .argument_count = count,
        .arguments = node->arguments,
        .address = keep(&next, address),
        .client_name = keep(&next, name),
    };
    ASSERT(next == (char *)&node->arguments[count] + text_bytes);
    return node;
}

void slowlog_record(struct slowlog *slowlog, const struct slowlog_sample *sample)
{
    struct node *node = make_node(sample);
    mutex_acquire(&slowlog->mutex);
    node->entry.id = slowlog->next_id++;
    links_push_front(&slowlog->entries, &node->link);
    slowlog->count++;
    trim(slowlog, slowlog->capacity);
    mutex_release(&slowlog->mutex);
}

/* ---- reading ---- */

uint64_t slowlog_count(struct slowlog *slowlog)
{
    mutex_acquire(&slowlog->mutex);
    uint64_t count = slowlog->count;
    mutex_release(&slowlog->mutex);
    return count;
}

void slowlog_reset(struct slowlog *slowlog)
{
    mutex_acquire(&slowlog->mutex);
    trim(slowlog, 0);
    mutex_release(&slowlog->mutex);
}

void slowlog_each(struct slowlog *slowlog, uint64_t entry_max,
                  void (*start)(void *context, uint64_t count),
                  void (*each)(void *context, const struct slowlog_entry *entry), void *context)
{
    mutex_acquire(&slowlog->mutex);
    uint64_t left = slowlog->count < entry_max ? slowlog->count : entry_max;
    start(context, left);
    LINKS_FOR_EACH (link, &slowlog->entries) {
        if (left-- == 0) break;
        each(context, &((struct node *)(void *)link)->entry);
    }
    mutex_release(&slowlog->mutex);
}
