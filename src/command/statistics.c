#include "command/statistics.h"

#include "base/assert.h"
#include "base/memory.h"

struct statistics {
    _Atomic uint32_t generation;
    _Atomic bool has_histograms;
    unsigned command_count;
    unsigned worker_count;
    struct statistics_worker *workers;
    struct ticks ticks;
};

static void worker_init(struct statistics_worker *worker, struct statistics *statistics)
{
    worker->statistics = statistics;
    worker->newest_generation = &statistics->generation;
    worker->has_histograms = &statistics->has_histograms;
    size_t count = statistics->command_count;
    worker->commands = memory_zalloc(memory_size_mul(count, sizeof(worker->commands[0])) + 1);
    worker->histograms = memory_zalloc(memory_size_mul(count, sizeof(worker->histograms[0])) + 1);
    worker->errors = memory_zalloc(STATISTICS_ERRORS_MAX * sizeof(worker->errors[0]));
}

static void worker_deinit(struct statistics_worker *worker, unsigned command_count)
{
    for (unsigned i = 0; i < command_count; i++) memory_free(worker->histograms[i]);
    memory_free(worker->commands);
    memory_free(worker->histograms);
    memory_free(worker->errors);
}

struct statistics *statistics_create(unsigned command_count, unsigned worker_count)
{
    ASSERT(worker_count > 0);
    struct statistics *statistics = memory_zalloc(sizeof(*statistics));
    statistics->command_count = command_count;
    statistics->worker_count = worker_count;
    statistics->has_histograms = true;
    size_t size = memory_size_mul(worker_count, sizeof(statistics->workers[0]));
    statistics->workers = memory_alloc_aligned(CACHE_LINE_BYTES, size);
    memset(statistics->workers, 0, size);
    for (unsigned i = 0; i < worker_count; i++) worker_init(&statistics->workers[i], statistics);
    ticks_init(&statistics->ticks);
    return statistics;
}

void statistics_destroy(struct statistics *statistics)
{
    if (statistics == NULL) return;
    for (unsigned i = 0; i < statistics->worker_count; i++) {
        worker_deinit(&statistics->workers[i], statistics->command_count);
    }
    memory_free(statistics->workers);
    memory_free(statistics);
}

struct statistics_worker *statistics_worker_at(struct statistics *statistics, unsigned index)
{
    ASSERT(index < statistics->worker_count);
    return &statistics->workers[index];
}

const struct ticks *statistics_ticks(const struct statistics *statistics)
{
    return &statistics->ticks;
}

void statistics_set_histograms(struct statistics *statistics, bool has_histograms)
{
    atomic_store_explicit(&statistics->has_histograms, has_histograms, memory_order_relaxed);
}

/* ---- counting ---- */

static void clear(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, 0, memory_order_relaxed);
}

void statistics_renew(struct statistics_worker *worker)
{
    uint32_t newest = atomic_load_explicit(worker->newest_generation, memory_order_acquire);
    for (unsigned i = 0; i < worker->statistics->command_count; i++) {
        clear(&worker->commands[i].calls);
        clear(&worker->commands[i].elapsed_ns);
        clear(&worker->commands[i].rejected);
        clear(&worker->commands[i].failed);
        struct histogram *histogram = atomic_load_explicit(&worker->histograms[i],
                                                           memory_order_relaxed);
        if (histogram != NULL) histogram_reset(histogram);
    }
    /* The names stay: a reader may be looking at them. */
    for (unsigned i = 0; i < STATISTICS_ERRORS_MAX; i++) clear(&worker->errors[i].count);
    for (unsigned i = 0; i < STATISTICS_TOTAL_COUNT; i++) clear(&worker->totals[i]);
    atomic_store_explicit(&worker->generation, newest, memory_order_release);
}

void statistics_add_histogram(struct statistics_worker *worker, unsigned index)
{
    struct histogram *histogram = memory_zalloc(sizeof(*histogram));
    atomic_store_explicit(&worker->histograms[index], histogram, memory_order_release);
}

void statistics_reject(struct statistics_worker *worker, unsigned index)
{
    statistics_check(worker);
    statistics_raise(&worker->commands[index].rejected, 1);
}

/* The first word of an error, cut to the room there is. */
static struct bytes error_name(struct bytes text)
{
    size_t size = 0;
    while (size < text.size && size < STATISTICS_ERROR_NAME_BYTES - 1 && text.data[size] > ' ')
        size++;
    return bytes_part(text, 0, size);
}

void statistics_count_error(struct statistics_worker *worker, struct bytes text)
{
    statistics_check(worker);
    statistics_raise(&worker->totals[STATISTICS_ERRORS], 1);
    struct bytes name = error_name(text);
    uint32_t count = atomic_load_explicit(&worker->error_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        if (!bytes_equal(name, bytes_of_text(worker->errors[i].name))) continue;
        statistics_raise(&worker->errors[i].count, 1);
        return;
    }
    if (count == STATISTICS_ERRORS_MAX || name.size == 0) return;
    struct statistics_error *error = &worker->errors[count];
    memcpy(error->name, name.data, name.size);
    error->name[name.size] = '\0';
    statistics_raise(&error->count, 1);
    atomic_store_explicit(&worker->error_count, count + 1, memory_order_release);
}

/* ---- reading ---- */

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* False when what the worker holds was counted before the last reset. */
static bool is_fresh(const struct statistics *statistics, const struct statistics_worker *worker)
{
    uint32_t newest = atomic_load_explicit(&statistics->generation, memory_order_relaxed);
    return atomic_load_explicit(&worker->generation, memory_order_acquire) == newest;
}

uint64_t statistics_total(const struct statistics *statistics, enum statistics_total total)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < statistics->worker_count; i++) {
        const struct statistics_worker *worker = &statistics->workers[i];
        if (is_fresh(statistics, worker)) sum += get(&worker->totals[total]);
    }
    return sum;
}

struct statistics_command_sum statistics_command_at(const struct statistics *statistics,
                                                    unsigned index)
{
    ASSERT(index < statistics->command_count);
    struct statistics_command_sum sum = {0};
    for (unsigned i = 0; i < statistics->worker_count; i++) {
        const struct statistics_worker *worker = &statistics->workers[i];
        if (!is_fresh(statistics, worker)) continue;
        const struct statistics_command *command = &worker->commands[index];
        sum.calls += get(&command->calls);
        sum.elapsed_ns += get(&command->elapsed_ns);
        sum.rejected += get(&command->rejected);
        sum.failed += get(&command->failed);
    }
    return sum;
}

bool statistics_histogram(const struct statistics *statistics, unsigned index,
                          struct histogram *out)
{
    ASSERT(index < statistics->command_count);
    bool has_any = false;
    for (unsigned i = 0; i < statistics->worker_count; i++) {
        const struct statistics_worker *worker = &statistics->workers[i];
        const struct histogram *histogram = atomic_load_explicit(&worker->histograms[index],
                                                                 memory_order_acquire);
        if (histogram == NULL || !is_fresh(statistics, worker)) continue;
        histogram_add(out, histogram);
        has_any = true;
    }
    return has_any && histogram_count(out) > 0;
}

/* The sum over all workers from `first` on, or 0 when a worker before it has counted this name
 * already. */
static uint64_t sum_error(const struct statistics *statistics, unsigned first, struct bytes name)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < statistics->worker_count; i++) {
        const struct statistics_worker *worker = &statistics->workers[i];
        uint32_t count = atomic_load_explicit(&worker->error_count, memory_order_acquire);
        if (!is_fresh(statistics, worker)) continue;
        for (uint32_t j = 0; j < count; j++) {
            if (!bytes_equal(name, bytes_of_text(worker->errors[j].name))) continue;
            if (i < first) return 0;
            sum += get(&worker->errors[j].count);
        }
    }
    return sum;
}

void statistics_each_error(const struct statistics *statistics,
                           void (*each)(void *context, const char *name, uint64_t count),
                           void *context)
{
    for (unsigned i = 0; i < statistics->worker_count; i++) {
        const struct statistics_worker *worker = &statistics->workers[i];
        uint32_t count = atomic_load_explicit(&worker->error_count, memory_order_acquire);
        if (!is_fresh(statistics, worker)) continue;
        for (uint32_t j = 0; j < count; j++) {
            uint64_t sum = sum_error(statistics, i, bytes_of_text(worker->errors[j].name));
            if (sum > 0) each(context, worker->errors[j].name, sum);
        }
    }
}

void statistics_reset(struct statistics *statistics)
{
    atomic_fetch_add_explicit(&statistics->generation, 1, memory_order_release);
}
