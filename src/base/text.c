#include "base/text.h"

#include "base/assert.h"

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/* ---- glob ---- */

/* How far a pattern and a text have been read. */
struct glob {
    struct bytes pattern;
    struct bytes text;
    size_t pattern_place;
    size_t text_place;
    bool ignore_case;
};

static bool is_between(char byte, char low, char high, bool ignore_case)
{
    unsigned char bounds[2] = {(unsigned char)low, (unsigned char)high};
    if (bounds[0] > bounds[1]) {
        unsigned char swapped = bounds[0];
        bounds[0] = bounds[1];
        bounds[1] = swapped;
    }
    if (ignore_case) { /* after the swap, as Redis does: [Z-a] matches no letter then */
        bounds[0] = (unsigned char)lower((char)bounds[0]);
        bounds[1] = (unsigned char)lower((char)bounds[1]);
        byte = lower(byte);
    }
    return (unsigned char)byte >= bounds[0] && (unsigned char)byte <= bounds[1];
}

static bool is_same(char a, char b, bool ignore_case)
{
    return ignore_case ? lower(a) == lower(b) : a == b;
}

/* Matches one byte against the class whose '[' is just before *place; moves *place behind it. A
 * class that is never closed ends with the pattern; an escaped byte in a class keeps its case. */
static bool match_class(struct bytes pattern, size_t *place, char byte, bool ignore_case)
{
    const char *data = pattern.data;
    size_t next = *place;
    bool is_negated = next < pattern.size && data[next] == '^';
    if (is_negated) next++;

    bool has_match = false;
    while (next < pattern.size && data[next] != ']') {
        if (data[next] == '\\' && next + 1 < pattern.size) {
            if (data[next + 1] == byte) has_match = true;
            next += 2;
        } else if (next + 2 < pattern.size && data[next + 1] == '-') {
            if (is_between(byte, data[next], data[next + 2], ignore_case)) has_match = true;
            next += 3;
        } else {
            if (is_same(data[next], byte, ignore_case)) has_match = true;
            next++;
        }
    }
    *place = next < pattern.size ? next + 1 : next;
    return has_match != is_negated;
}

/* Matches the next byte of the text against the next element of the pattern, which is not a
 * star, and moves past both. */
static bool match_one(struct glob *glob)
{
    if (glob->pattern_place == glob->pattern.size) return false;
    const char *data = glob->pattern.data;
    char byte = glob->text.data[glob->text_place++];
    char element = data[glob->pattern_place++];
    if (element == '?') return true;
    if (element == '[') {
        return match_class(glob->pattern, &glob->pattern_place, byte, glob->ignore_case);
    }
    bool is_escape = element == '\\' && glob->pattern_place < glob->pattern.size;
    if (is_escape) element = data[glob->pattern_place++];
    return is_same(element, byte, glob->ignore_case);
}

static bool is_at_star(const struct glob *glob)
{
    size_t place = glob->pattern_place;
    return place < glob->pattern.size && glob->pattern.data[place] == '*';
}

bool text_glob_match(struct bytes pattern, struct bytes text, bool ignore_case)
{
    /* Redis matches an empty text with "" only; and its callers let a lone star match
     * everything. */
    if (pattern.size == 1 && pattern.data[0] == '*') return true;
    if (text.size == 0) return pattern.size == 0;

    /* Every element but a star takes exactly one byte, so when a match fails it is enough to let
     * the last star take one byte more: an earlier star could only repeat what was tried. */
    struct glob glob = {.pattern = pattern, .text = text, .ignore_case = ignore_case};
    bool has_star = false;
    struct glob after_star = glob;
    while (glob.text_place < text.size) {
        if (is_at_star(&glob)) {
            glob.pattern_place++;
            has_star = true;
            after_star = glob;
        } else if (!match_one(&glob)) {
            if (!has_star) return false;
            after_star.text_place++;
            glob = after_star;
        }
    }
    while (is_at_star(&glob)) glob.pattern_place++;
    return glob.pattern_place == pattern.size;
}

/* ---- words ---- */

/* A line that is being split; `byte(line, 0)` past the end is NUL, as in the C strings that
 * Redis splits. */
struct line {
    const char *next;
    const char *end;
    struct buf *storage;
};

static char peek(const struct line *line, size_t distance)
{
    return (size_t)(line->end - line->next) > distance ? line->next[distance] : '\0';
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte = lower(byte);
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    return -1;
}

static char unescape(char byte)
{
    switch (byte) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return byte;
    }
}

/* The line is behind an opening double quote; false when it is not closed or text clings to the
 * closing one. */
static bool take_double_quoted(struct line *line)
{
    while (peek(line, 0) != '"') {
        char byte = peek(line, 0);
        if (byte == '\0') return false;
        if (byte == '\\' && peek(line, 1) == 'x' && hex_digit(peek(line, 2)) >= 0 &&
            hex_digit(peek(line, 3)) >= 0) {
            byte = (char)(hex_digit(peek(line, 2)) * 16 + hex_digit(peek(line, 3)));
            line->next += 4;
        } else if (byte == '\\' && peek(line, 1) != '\0') {
            byte = unescape(peek(line, 1));
            line->next += 2;
        } else {
            line->next++;
        }
        buf_append_byte(line->storage, byte);
    }
    line->next++;
    return peek(line, 0) == '\0' || is_space(peek(line, 0));
}

/* As above, for a single quote. */
static bool take_single_quoted(struct line *line)
{
    while (peek(line, 0) != '\'') {
        if (peek(line, 0) == '\0') return false;
        if (peek(line, 0) == '\\' && peek(line, 1) == '\'') line->next++;
        buf_append_byte(line->storage, *line->next++);
    }
    line->next++;
    return peek(line, 0) == '\0' || is_space(peek(line, 0));
}

/* A word ends at fewer kinds of space than lie between words; Redis does so too. */
static bool is_word_end(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\0';
}

/* Quotes may open inside a word, but always end it. */
static bool take_word(struct line *line)
{
    while (!is_word_end(peek(line, 0))) {
        char byte = *line->next++;
        if (byte == '"') return take_double_quoted(line);
        if (byte == '\'') return take_single_quoted(line);
        buf_append_byte(line->storage, byte);
    }
    return true;
}

bool text_split_words(struct bytes text, struct buf *storage, struct buf *words)
{
    struct line line = {text.data, text.data + text.size, storage};
    for (;;) {
        while (is_space(peek(&line, 0))) line.next++;
        if (peek(&line, 0) == '\0') return true; /* the end, or a NUL, which also ends a line */

        struct text_word word = {.offset = storage->size};
        if (!take_word(&line)) return false;
        word.size = storage->size - word.offset;
        buf_append_byte(storage, '\0');
        buf_append(words, &word, sizeof(word));
    }
}

/* ---- printing ---- */

void text_append_quoted(struct buf *out, struct bytes bytes)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        char byte = bytes.data[i];
        switch (byte) {
        case '\\': buf_append(out, "\\\\", 2); break;
        case '"': buf_append(out, "\\\"", 2); break;
        case '\n': buf_append(out, "\\n", 2); break;
        case '\r': buf_append(out, "\\r", 2); break;
        case '\t': buf_append(out, "\\t", 2); break;
        case '\a': buf_append(out, "\\a", 2); break;
        case '\b': buf_append(out, "\\b", 2); break;
        default:
            if (byte >= ' ' && byte <= '~') {
                buf_append_byte(out, byte);
            } else {
                buf_printf(out, "\\x%02x", (unsigned char)byte);
            }
        }
    }
    buf_append_byte(out, '"');
}

void text_lower(char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) data[i] = lower(data[i]);
}

void text_append_human_bytes(struct buf *out, uint64_t bytes)
{
    static const char units[] = "BKMGTP";
    size_t unit = 0;
    while (unit + 1 < sizeof(units) && bytes >> (10 * unit) >= 1024) unit++;
    if (unit == 0 || unit + 1 == sizeof(units)) { /* small, or beyond what has a letter */
        buf_printf(out, "%lluB", (unsigned long long)bytes);
        return;
    }
    double amount = (double)bytes / (double)(UINT64_C(1) << (10 * unit));
    buf_printf(out, "%.2f%c", amount, units[unit]);
}
