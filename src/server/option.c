#include "server/option.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/number.h"

enum { OCTAL_DIGITS_MAX = 7 };

const struct option *option_find(struct bytes name)
{
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option *option = &option_rows[i];
        if (bytes_is_word(name, option->name)) return option;
        if (option->alias != NULL && bytes_is_word(name, option->alias)) return option;
    }
    return NULL;
}

/* ---- reading ---- */

static bool parse_octal(struct bytes text, int64_t *out)
{
    if (text.size == 0 || text.size > OCTAL_DIGITS_MAX) return false;
    int64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '7') return false;
        value = value * 8 + (text.data[i] - '0');
    }
    *out = value;
    return true;
}

static bool parse_memory(struct bytes text, int64_t *out)
{
    uint64_t value;
    if (!number_parse_memory(text, &value) || value > INT64_MAX) return false;
    *out = (int64_t)value;
    return true;
}

static bool parse_bool(struct bytes text, int64_t *out)
{
    bool is_yes = bytes_is_word(text, "yes");
    if (!is_yes && !bytes_is_word(text, "no")) return false;
    *out = is_yes;
    return true;
}

static bool parse_choice(const char *const *choices, struct bytes text, int64_t *out)
{
    for (int64_t i = 0; choices[i] != NULL; i++) {
        if (!bytes_is_word(text, choices[i])) continue;
        *out = i;
        return true;
    }
    return false;
}

static void explain_choices(const char *const *choices, struct buf *error)
{
    buf_append_text(error, "argument(s) must be one of the following: ");
    for (size_t i = 0; choices[i] != NULL; i++) {
        buf_printf(error, "%s%s", i > 0 ? ", " : "", choices[i]);
    }
}

static bool is_within(const struct option *option, int64_t value)
{
    if ((option->flags & OPTION_IS_LIMITED) == 0) return true;
    return value >= option->low && value <= option->high;
}

static bool parse_number(const struct option *option, struct bytes text, int64_t *out,
                         struct buf *error)
{
    switch (option->type) {
    case OPTION_BOOL:
        if (parse_bool(text, out)) return true;
        buf_append_text(error, "argument must be 'yes' or 'no'");
        return false;
    case OPTION_CHOICE:
        if (parse_choice(option->choices, text, out)) return true;
        explain_choices(option->choices, error);
        return false;
    case OPTION_OCTAL:
        if (parse_octal(text, out)) break;
        buf_append_text(error, "argument couldn't be parsed as an octal number");
        return false;
    case OPTION_MEMORY:
        if (parse_memory(text, out)) break;
        buf_append_text(error, "argument must be a memory value");
        return false;
    default:
        if (number_parse_i64(text, out)) break;
        buf_append_text(error, "argument couldn't be parsed into an integer");
        return false;
    }
    if (is_within(option, *out)) return true;
    buf_printf(error, "argument must be between %" PRId64 " and %" PRId64 " inclusive", option->low,
               option->high);
    return false;
}

static char *join(const struct bytes *words, size_t count)
{
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0) buf_append_byte(&text, ' ');
        buf_append_bytes(&text, words[i]);
    }
    buf_append_byte(&text, '\0');
    return text.data;
}

static bool has_nul(const struct bytes *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].size > 0 && memchr(words[i].data, '\0', words[i].size) != NULL) return true;
    }
    return false;
}

static bool parse_text(const struct option *option, const struct bytes *words, size_t count,
                       struct option_value *out, struct buf *error)
{
    if (has_nul(words, count)) {
        buf_append_text(error, "argument must not contain a zero byte");
        return false;
    }
    struct option_value value = {0};
    const char *reason = NULL;
    if (option->type == OPTION_SPECIAL) {
        reason = option->check(words, count, &value);
    } else {
        /* One empty word is no word at all: bind "". */
        bool is_empty = count == 1 && words[0].size == 0;
        value.text = join(words, is_empty ? 0 : count);
    }
    if (reason != NULL) {
        buf_append_text(error, reason);
        return false;
    }
    ASSERT(value.text != NULL);
    *out = value;
    return true;
}

bool option_parse(const struct option *option, const struct bytes *words, size_t count,
                  struct option_value *out, struct buf *error)
{
    bool takes_one = option->type < OPTION_WORDS;
    if (takes_one && count != 1) {
        buf_append_text(error, "wrong number of arguments");
        return false;
    }
    if (option_is_text(option)) return parse_text(option, words, count, out, error);

    int64_t number;
    if (!parse_number(option, words[0], &number, error)) return false;
    *out = (struct option_value){.number = number};
    return true;
}

/* ---- printing ---- */

void option_print(const struct option *option, int64_t number, const char *text, struct buf *out)
{
    switch (option->type) {
    case OPTION_BOOL: buf_append_text(out, number != 0 ? "yes" : "no"); return;
    case OPTION_CHOICE: buf_append_text(out, option->choices[number]); return;
    case OPTION_OCTAL: buf_printf(out, "%" PRIo64, (uint64_t)number); return;
    case OPTION_INTEGER:
    case OPTION_MEMORY: buf_printf(out, "%" PRId64, number); return;
    case OPTION_TEXT:
    case OPTION_WORDS:
    case OPTION_SPECIAL: buf_append_text(out, text); return;
    }
}
