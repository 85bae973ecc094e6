#include "server/option_checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/number.h"

static char *take_text(struct buf *text)
{
    buf_append_byte(text, '\0');
    return text->data;
}

static bool is_empty(const struct bytes *words, size_t count)
{
    return count == 0 || (count == 1 && words[0].size == 0);
}

/* ---- save ---- */

const char *option_checks_save(const struct bytes *words, size_t count, struct option_value *out)
{
    static const char invalid[] = "Invalid save parameters";
    struct buf text = {0};
    if (is_empty(words, count)) count = 0;
    bool is_valid = count % 2 == 0 && count / 2 <= OPTIONS_SAVE_POINTS_MAX;
    for (size_t i = 0; is_valid && i < count; i++) {
        int64_t value;
        int64_t low = i % 2 == 0 ? 1 : 0; /* seconds, then changes */
        is_valid = number_parse_i64(words[i], &value) && value >= low;
        if (is_valid) buf_printf(&text, "%s%" PRId64, i > 0 ? " " : "", value);
    }
    if (!is_valid) {
        buf_deinit(&text);
        return invalid;
    }
    out->text = take_text(&text);
    return NULL;
}

size_t option_checks_read_save(const char *text,
                               struct options_save_point out[OPTIONS_SAVE_POINTS_MAX])
{
    size_t count = 0;
    while (count < OPTIONS_SAVE_POINTS_MAX && *text != '\0') {
        char *next;
        out[count].seconds = strtoll(text, &next, 10);
        out[count].changes = strtoll(next, &next, 10);
        ASSERT(next > text);
        text = next;
        count++;
    }
    return count;
}

char *option_checks_merge_save(const char *old, const char *change, bool is_start, bool is_again)
{
    struct buf text = {0};
    struct options_save_point points[OPTIONS_SAVE_POINTS_MAX];
    size_t old_count = option_checks_read_save(old, points);
    size_t new_count = option_checks_read_save(change, points);
    bool adds = is_start && is_again && old_count > 0 && new_count > 0;
    if (adds && old_count + new_count <= OPTIONS_SAVE_POINTS_MAX) buf_printf(&text, "%s ", old);
    buf_append_text(&text, change);
    return take_text(&text);
}

/* ---- client-output-buffer-limit ---- */

/* CONFIG GET says "slave" as Redis does; both are understood. */
static const char *const class_names[CLIENT_CLASS_COUNT] = {"normal", "slave", "pubsub"};

enum { LIMIT_WORDS = 4, LIMIT_NUMBERS = 3 };

static int find_class(struct bytes word)
{
    if (bytes_is_word(word, "replica")) return CLIENT_CLASS_REPLICA;
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        if (bytes_is_word(word, class_names[i])) return i;
    }
    return -1;
}

static bool parse_limit(const struct bytes *words, int64_t out[LIMIT_NUMBERS])
{
    uint64_t hard;
    uint64_t soft;
    if (!number_parse_memory(words[0], &hard) || hard > INT64_MAX) return false;
    if (!number_parse_memory(words[1], &soft) || soft > INT64_MAX) return false;
    if (!number_parse_i64(words[2], &out[2]) || out[2] < 0) return false;
    out[0] = (int64_t)hard;
    out[1] = (int64_t)soft;
    return true;
}

static char *print_limits(int64_t limits[CLIENT_CLASS_COUNT][LIMIT_NUMBERS],
                          const bool is_named[CLIENT_CLASS_COUNT])
{
    struct buf text = {0};
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        if (!is_named[i]) continue;
        if (text.size > 0) buf_append_byte(&text, ' ');
        buf_printf(&text, "%s %" PRId64 " %" PRId64 " %" PRId64, class_names[i], limits[i][0],
                   limits[i][1], limits[i][2]);
    }
    return take_text(&text);
}

const char *option_checks_output_limits(const struct bytes *words, size_t count,
                                        struct option_value *out)
{
    int64_t limits[CLIENT_CLASS_COUNT][LIMIT_NUMBERS] = {{0}};
    bool is_named[CLIENT_CLASS_COUNT] = {0};
    if (count == 0 || count % LIMIT_WORDS != 0)
        return "Wrong number of arguments in buffer limit configuration.";
    for (size_t i = 0; i < count; i += LIMIT_WORDS) {
        int class = find_class(words[i]);
        if (class < 0) return "Invalid client class specified in buffer limit configuration.";
        if (!parse_limit(&words[i + 1], limits[class])) {
            return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        }
        is_named[class] = true;
    }
    out->text = print_limits(limits, is_named);
    return NULL;
}

void option_checks_read_limits(const char *text, int64_t out[CLIENT_CLASS_COUNT][3],
                               bool is_named[CLIENT_CLASS_COUNT])
{
    char name[16];
    int used;
    int64_t numbers[LIMIT_NUMBERS];
    while (sscanf(text, " %15s %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", name, &numbers[0],
                  &numbers[1], &numbers[2], &used) == LIMIT_WORDS) {
        int class = find_class(bytes_of_text(name));
        ASSERT(class >= 0);
        memcpy(out[class], numbers, sizeof(numbers));
        is_named[class] = true;
        text += used;
    }
}

char *option_checks_merge_limits(const char *old, const char *change, bool is_start, bool is_again)
{
    (void)is_start;
    (void)is_again;
    int64_t limits[CLIENT_CLASS_COUNT][LIMIT_NUMBERS] = {{0}};
    bool is_named[CLIENT_CLASS_COUNT] = {0};
    option_checks_read_limits(old, limits, is_named);
    option_checks_read_limits(change, limits, is_named);
    return print_limits(limits, is_named);
}

/* ---- the rest ---- */

const char *option_checks_percentiles(const struct bytes *words, size_t count,
                                      struct option_value *out)
{
    struct buf text = {0};
    const char *reason = NULL;
    if (is_empty(words, count)) count = 0;
    for (size_t i = 0; reason == NULL && i < count; i++) {
        double percent;
        char digits[NUMBER_DOUBLE_TEXT_MAX];
        if (!number_parse_double(words[i], &percent)) {
            reason = "Invalid latency-tracking-info-percentiles parameters";
        } else if (!(percent >= 0 && percent <= 100)) {
            reason = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        } else {
            if (i > 0) buf_append_byte(&text, ' ');
            buf_append(&text, digits, number_format_double(digits, percent));
        }
    }
    if (reason != NULL) {
        buf_deinit(&text);
        return reason;
    }
    out->text = take_text(&text);
    return NULL;
}

const char *option_checks_keyspace_events(const struct bytes *words, size_t count,
                                          struct option_value *out)
{
    static const char classes[] = "Ag$lshzxeKEtmdn";
    if (count != 1) return "wrong number of arguments";
    for (size_t i = 0; i < words[0].size; i++) {
        if (strchr(classes, words[0].data[i]) == NULL) {
            return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
        }
    }
    struct buf text = {0};
    buf_append_bytes(&text, words[0]);
    out->text = take_text(&text);
    return NULL;
}
