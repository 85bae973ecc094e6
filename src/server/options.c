#include "server/options.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/text.h"
#include "os/messages.h"
#include "os/thread.h"
#include "server/option_checks.h"

/* ---- where values are ---- */

static _Atomic int64_t *number_of(struct options *options, const struct option *option)
{
    ASSERT(!option_is_text(option));
    if (option->offset == 0) return &options->slots[option_index(option)].number;
    return (_Atomic int64_t *)(void *)((char *)options + option->offset);
}

static char **text_of(struct options *options, const struct option *option)
{
    ASSERT(option_is_text(option));
    if (option->offset == 0) return &options->slots[option_index(option)].text;
    return (char **)(void *)((char *)options + option->offset);
}

static void value_deinit(struct option_value *value)
{
    memory_free(value->text);
    value->text = NULL;
}

/* Puts a value in place; *value becomes the one that was there. */
static void exchange(struct options *options, const struct option *option,
                     struct option_value *value) REQUIRES(options->lock)
{
    if (option_is_text(option)) {
        char **text = text_of(options, option);
        char *old = *text;
        *text = value->text;
        value->text = old;
    } else {
        value->number = atomic_exchange(number_of(options, option), value->number);
    }
    if (option->follow != NULL) option->follow(options);
}

static bool is_current(struct options *options, const struct option *option,
                       const struct option_value *value) REQUIRES(options->lock)
{
    if (option_is_text(option)) return strcmp(*text_of(options, option), value->text) == 0;
    return *number_of(options, option) == value->number;
}

/* ---- defaults ---- */

/* Splits a text that is known to be well-formed or comes from one word of a client; false on
 * unbalanced quotes. */
static bool split(struct bytes text, struct buf *storage, struct buf *words)
{
    struct buf places = {0};
    bool is_valid = text_split_words(text, storage, &places);
    const struct text_word *place = (const struct text_word *)(const void *)places.data;
    for (size_t i = 0; is_valid && i < places.size / sizeof(*place); i++) {
        struct bytes word = bytes_of(storage->data + place[i].offset, place[i].size);
        buf_append(words, &word, sizeof(word));
    }
    buf_deinit(&places);
    return is_valid;
}

/* Reads one text as a value: options of several words take them from it. */
static bool parse_one(const struct option *option, struct bytes text, struct option_value *out,
                      struct buf *error)
{
    bool takes_words = option->type == OPTION_WORDS || option->type == OPTION_SPECIAL;
    if (!takes_words || text.size == 0) return option_parse(option, &text, 1, out, error);

    struct buf storage = {0};
    struct buf words = {0};
    bool is_valid = split(text, &storage, &words);
    if (is_valid) {
        const struct bytes *word = (const struct bytes *)(const void *)words.data;
        is_valid = option_parse(option, word, words.size / sizeof(*word), out, error);
    } else {
        buf_append_text(error, "unbalanced quotes");
    }
    buf_deinit(&storage);
    buf_deinit(&words);
    return is_valid;
}

static void make_default(const struct option *option, struct option_value *out)
{
    struct buf error = {0};
    bool is_valid = parse_one(option, bytes_of_text(option->fallback), out, &error);
    ASSERT(is_valid);
    buf_deinit(&error);
}

static bool is_default(const struct option *option, const struct option_value *value)
{
    struct option_value fallback;
    make_default(option, &fallback);
    bool is_same = option_is_text(option) ? strcmp(fallback.text, value->text) == 0
                                          : fallback.number == value->number;
    value_deinit(&fallback);
    return is_same;
}

void options_init(struct options *options)
{
    memset(options, 0, sizeof(*options));
    mutex_init(&options->lock, LOCK_RANK_CONFIG);
    mutex_acquire(&options->lock);
    for (size_t i = 0; i < option_row_count; i++) {
        struct option_value value = {0};
        make_default(&option_rows[i], &value);
        exchange(options, &option_rows[i], &value);
    }
    mutex_release(&options->lock);
    options->threads = thread_core_count();
}

void options_deinit(struct options *options)
{
    for (size_t i = 0; i < option_row_count; i++) {
        if (option_is_text(&option_rows[i])) memory_free(*text_of(options, &option_rows[i]));
    }
    buf_deinit(&options->warnings);
    mutex_deinit(&options->lock);
}

/* ---- changes ---- */

/* What the operator should know about a value that is accepted but not in force. */
static void warn(const struct option *option, const struct option_value *value, struct buf *out)
{
    if ((option->flags & (OPTION_IGNORED | OPTION_WARNS)) == 0 || is_default(option, value)) return;
    buf_printf(out, "option '%s': %s\n", option->name, option->summary);
}

/* NULL, or why this value cannot be taken. */
static const char *refuse(struct options *options, const struct option *option,
                          const struct option_value *value, bool is_start) REQUIRES(options->lock)
{
    if ((option->flags & OPTION_LATER) != 0 && !is_default(option, value))
        return "not implemented yet";
    if (is_start || (option->flags & OPTION_FIXED) == 0) return NULL;
    return is_current(options, option, value) ? NULL
                                              : "can't be changed while the server is running";
}

static void merge(struct options *options, const struct option *option, struct option_value *value,
                  bool is_start) REQUIRES(options->lock)
{
    if (option->merge == NULL) return;
    char *merged = option->merge(*text_of(options, option), value->text, is_start,
                                 options->is_set[option_index(option)]);
    memory_free(value->text);
    value->text = merged;
}

bool options_set(struct options *options, struct bytes name, const struct bytes *values,
                 size_t count, struct buf *error)
{
    const struct option *option = option_find(name);
    if (option == NULL) {
        buf_append_text(error, "Bad directive or wrong number of arguments");
        return false;
    }
    struct option_value value = {0};
    bool is_valid = count == 1 ? parse_one(option, values[0], &value, error)
                               : option_parse(option, values, count, &value, error);
    if (!is_valid) return false;

    mutex_acquire(&options->lock);
    const char *reason = refuse(options, option, &value, true);
    if (reason == NULL) {
        warn(option, &value, &options->warnings);
        merge(options, option, &value, true);
        exchange(options, option, &value);
        options->is_set[option_index(option)] = true;
        if (options->threads == 0) options->threads = thread_core_count();
    } else {
        buf_append_text(error, reason);
    }
    mutex_release(&options->lock);
    value_deinit(&value);
    return reason == NULL;
}

/* One pair of a CONFIG SET. */
struct change {
    const struct option *option;
    struct bytes name;         /* as the client wrote it */
    struct option_value value; /* new; the old one once it is in place */
};

static void explain(struct buf *error, struct bytes name, const char *reason)
{
    buf_printf(error, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s",
               (int)name.size, name.data, reason);
}

static bool is_named_before(const struct change *changes, size_t count, const struct option *option)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].option == option) return true;
    }
    return false;
}

/* Finds the options; no value is looked at yet. Returns how many there are, 0 when something is
 * wrong. */
static size_t name_changes(const struct bytes *pairs, size_t pair_count,
                           struct change changes[OPTIONS_ROWS_MAX], struct buf *error)
{
    for (size_t i = 0; i < pair_count; i++) {
        struct bytes name = pairs[2 * i];
        const struct option *option = option_find(name);
        if (option == NULL) {
            buf_printf(error, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                       (int)(name.size < 128 ? name.size : 128), name.data);
            return 0;
        }
        if ((option->flags & OPTION_MUTABLE) == 0) {
            explain(error, name, "can't set immutable config");
            return 0;
        }
        if (is_named_before(changes, i, option)) {
            explain(error, name, "duplicate parameter");
            return 0;
        }
        ASSERT(i < OPTIONS_ROWS_MAX); /* more would have to repeat one */
        changes[i] = (struct change){.option = option, .name = name};
    }
    return pair_count;
}

static bool parse_changes(const struct bytes *pairs, struct change *changes, size_t count,
                          struct buf *error)
{
    for (size_t i = 0; i < count; i++) {
        struct buf reason = {0};
        bool is_valid = parse_one(changes[i].option, pairs[2 * i + 1], &changes[i].value, &reason);
        if (!is_valid) explain(error, changes[i].name, buf_text(&reason));
        buf_deinit(&reason);
        if (!is_valid) return false;
    }
    return true;
}

/* Puts all values in place, or none. */
static bool put_changes(struct options *options, struct change *changes, size_t count,
                        struct buf *error)
{
    mutex_acquire(&options->lock);
    const char *reason = NULL;
    size_t i = 0;
    for (; i < count && reason == NULL; i++) {
        reason = refuse(options, changes[i].option, &changes[i].value, false);
    }
    if (reason != NULL) {
        explain(error, changes[i - 1].name, reason);
    } else {
        for (i = 0; i < count; i++) {
            merge(options, changes[i].option, &changes[i].value, false);
            exchange(options, changes[i].option, &changes[i].value);
        }
    }
    mutex_release(&options->lock);
    return reason == NULL;
}

static void take_back(struct options *options, struct change *changes, size_t count)
{
    mutex_acquire(&options->lock);
    for (size_t i = 0; i < count; i++) exchange(options, changes[i].option, &changes[i].value);
    mutex_release(&options->lock);
}

/* Tells the rest of the server; the first who objects has everything taken back. */
static bool announce_changes(struct options *options, struct change *changes, size_t count,
                             struct buf *error)
{
    if (options->on_change == NULL) return true;
    for (size_t i = 0; i < count; i++) {
        const char *reason = options->on_change(options->context, changes[i].option);
        if (reason == NULL) continue;
        explain(error, changes[i].name, reason);
        take_back(options, changes, count);
        for (size_t j = 0; j <= i; j++)
            (void)options->on_change(options->context, changes[j].option);
        return false;
    }
    return true;
}

static void log_warnings(const struct change *changes, size_t count)
{
    struct buf lines = {0};
    for (size_t i = 0; i < count; i++) {
        lines.size = 0;
        warn(changes[i].option, &changes[i].value, &lines);
        if (lines.size > 0) message_warning("CONFIG SET %.*s", (int)lines.size - 1, lines.data);
    }
    buf_deinit(&lines);
}

bool options_change(struct options *options, const struct bytes *pairs, size_t pair_count,
                    struct buf *error)
{
    struct change changes[OPTIONS_ROWS_MAX] = {{0}};
    size_t count = name_changes(pairs, pair_count, changes, error);
    if (count == 0) return false;

    bool is_done = parse_changes(pairs, changes, count, error);
    if (is_done) log_warnings(changes, count);
    is_done = is_done && put_changes(options, changes, count, error) &&
              announce_changes(options, changes, count, error);
    for (size_t i = 0; i < count; i++) value_deinit(&changes[i].value);
    return is_done;
}

/* ---- reading ---- */

void options_print(struct options *options, const struct option *option, struct buf *out)
{
    mutex_acquire(&options->lock);
    if (option_is_text(option)) {
        option_print(option, 0, *text_of(options, option), out);
    } else {
        option_print(option, *number_of(options, option), NULL, out);
    }
    mutex_release(&options->lock);
}

void options_copy_text(struct options *options, char *const *field, struct buf *out)
{
    mutex_acquire(&options->lock);
    buf_append_text(out, *field);
    mutex_release(&options->lock);
}

static bool is_pattern(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '*' || text.data[i] == '?' || text.data[i] == '[') return true;
    }
    return false;
}

/* The place in `patterns` of the first that matches; `count` when none does. A pattern without
 * wildcards is a name. */
static size_t find_match(struct bytes name, const struct bytes *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_match = is_pattern(patterns[i]) ? text_glob_match(patterns[i], name, true)
                                                : bytes_equal_nocase(patterns[i], name);
        if (is_match) return i;
    }
    return count;
}

void options_match(struct options *options, const struct bytes *patterns, size_t count,
                   void (*each)(void *context, struct bytes name, struct bytes value),
                   void *context)
{
    struct buf value = {0};
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option *option = &option_rows[i];
        const char *names[] = {option->name, option->alias};
        for (size_t j = 0; j < 2 && names[j] != NULL; j++) {
            struct bytes name = bytes_of_text(names[j]);
            size_t match = find_match(name, patterns, count);
            if (match == count) continue;
            value.size = 0;
            options_print(options, option, &value);
            /* Redis answers a plain name in the letters of the question. */
            each(context, is_pattern(patterns[match]) ? name : patterns[match], buf_bytes(&value));
        }
    }
    buf_deinit(&value);
}

size_t options_save_points(struct options *options,
                           struct options_save_point out[OPTIONS_SAVE_POINTS_MAX])
{
    mutex_acquire(&options->lock);
    size_t count = option_checks_read_save(options->save, out);
    mutex_release(&options->lock);
    return count;
}

/* ---- spelling ---- */

enum { SPELLING_BYTES_MAX = 64, SPELLING_DISTANCE_MAX = 3 };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Single letters to insert, delete or replace to come from one text to the other (Levenshtein). */
static unsigned distance(struct bytes a, struct bytes b)
{
    unsigned row[SPELLING_BYTES_MAX + 1];
    for (unsigned j = 0; j <= b.size; j++) row[j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            unsigned replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[b.size];
}

const char *options_nearest(struct bytes name)
{
    if (name.size > SPELLING_BYTES_MAX) return NULL;
    const char *nearest = NULL;
    unsigned nearest_distance = SPELLING_DISTANCE_MAX + 1;
    if (nearest_distance > name.size) nearest_distance = (unsigned)name.size;
    for (size_t i = 0; i < option_row_count; i++) {
        unsigned candidate = distance(name, bytes_of_text(option_rows[i].name));
        if (candidate >= nearest_distance) continue;
        nearest = option_rows[i].name;
        nearest_distance = candidate;
    }
    return nearest;
}
