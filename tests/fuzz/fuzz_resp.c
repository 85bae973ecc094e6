/* Requests of any bytes: however they are cut, they say the same, and what the parser takes is
 * bounded by what came. The first bytes of the input pick the limits and the cuts. */
#include "base/assert.h"
#include "tests/support/resp_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SETTINGS = 3, EVERY_CUT_MAX = 300, ARENA_BYTES_BASE = 8192 };

static struct resp_limits limits_of(uint8_t setting)
{
    static const uint64_t bulk_limits[] = {512ull << 20, 100, 9, 0};
    static const uint32_t count_limits[] = {RESP_ARGUMENTS_MAX, 12, 3, 0};
    return (struct resp_limits){
        .bulk_bytes_max = bulk_limits[setting & 3],
        .argument_count_max = count_limits[setting >> 2 & 3],
        .is_authenticated = (setting >> 4 & 1) != 0,
    };
}

/* Reads in steps of `first`, then `step`, bytes. */
static void read_in_steps(struct resp_reading *reading, struct bytes stream, size_t first,
                          size_t step, const struct resp_limits *limits)
{
    resp_reading_init(reading);
    for (size_t at = first; at < stream.size; at += step)
        resp_reading_continue(reading, stream, at, limits);
    resp_reading_continue(reading, stream, stream.size, limits);
    ASSERT(reading->arena_bytes_max <= ARENA_BYTES_BASE + stream.size * 4);
}

static void check_steps(struct bytes stream, size_t first, size_t step,
                        const struct resp_limits *limits, const struct resp_reading *whole)
{
    struct resp_reading reading;
    read_in_steps(&reading, stream, first, step, limits);
    ASSERT(bytes_equal(buf_bytes(&reading.text), buf_bytes(&whole->text)));
    resp_reading_deinit(&reading);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SETTINGS) return 0;
    struct resp_limits limits = limits_of(data[0]);
    struct bytes stream = bytes_of(data + SETTINGS, size - SETTINGS);
    struct resp_reading whole;
    read_in_steps(&whole, stream, stream.size, 1, &limits);
    check_steps(stream, (size_t)data[1] + 1, (size_t)data[2] + 1, &limits, &whole);
    if (stream.size <= EVERY_CUT_MAX) {
        check_steps(stream, 1, 1, &limits, &whole);
        for (size_t cut = 1; cut < stream.size; cut++)
            check_steps(stream, cut, stream.size, &limits, &whole);
    }
    resp_reading_deinit(&whole);
    return 0;
}
