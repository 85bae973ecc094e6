/* A request that is here as a whole is parsed straight into the caller's room and leaves nothing
 * behind. One that is not leaves a resp_partial: how far the parser came and where the arguments so
 * far are, as offsets, because the input may move until the rest arrives.
 *
 *     *2\r\n $3\r\nGET\r\n $5\r\nhe          partial: at = 19, bulk_size = 5, one span {8, 3}
 *                              ^ next time the parser goes on here
 *
 * Where Redis is lenient we are too: the byte behind each '\r' and the two behind each argument are
 * passed over without a look. Where its answer depends on how the bytes were cut (an end of line
 * that comes late) ours does not. */
#include "protocol/resp_parser.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/attributes.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#define PROTOCOL_ERROR(text) "ERR Protocol error: " text

enum {
    LINE_BYTES_MAX = RESP_INLINE_BYTES_MAX,
    ARGUMENT_WIRE_BYTES_MIN = 6, /* "$0\r\n\r\n" */
    END_BYTES = 2,
    SPANS_MIN = 8,
    SMALL_MAX = 999, /* what read_small reads at most */
};

#define NO_BULK UINT64_MAX

struct span {
    size_t offset;
    size_t size;
};

struct resp_partial {
    size_t at;
    size_t searched;
    uint64_t bulk_size;
    uint32_t argument_count; /* 0: not known yet, nothing but `searched` counts */
    uint32_t taken;
    uint32_t capacity;
    struct span *spans;
};

struct cursor {
    struct bytes input;
    size_t at;          /* the next byte to parse */
    size_t searched;    /* no end of line before here, when past `at` */
    uint64_t bulk_size; /* of the argument that begins at `at`; NO_BULK: its length line does */
    struct arena *arena;
    const char *error;
};

enum step { STEP_DONE, STEP_MORE, STEP_ERROR };

static enum step fail(struct cursor *cursor, const char *error)
{
    cursor->error = error;
    return STEP_ERROR;
}

/* ---- lines ---- */

/* Finds `end` in the line that begins at the cursor. STEP_ERROR without a text when it is not
 * within LINE_BYTES_MAX. */
static enum step find_end(struct cursor *cursor, char end, size_t *out)
{
    size_t from = cursor->searched > cursor->at ? cursor->searched : cursor->at;
    size_t to = cursor->input.size;
    if (to - cursor->at > LINE_BYTES_MAX + 1) to = cursor->at + LINE_BYTES_MAX + 1;
    const char *found = from < to ? memchr(cursor->input.data + from, end, to - from) : NULL;
    if (found != NULL) {
        *out = (size_t)(found - cursor->input.data);
        return STEP_DONE;
    }
    cursor->searched = to;
    return to - cursor->at > LINE_BYTES_MAX ? STEP_ERROR : STEP_MORE;
}

/* Takes a line of a sign and a number, "*3\r\n": `out` is what stands between its first byte and
 * '\r'. */
static enum step take_line(struct cursor *cursor, const char *too_big, struct bytes *out)
{
    size_t end;
    enum step step = find_end(cursor, '\r', &end);
    if (step == STEP_ERROR) return fail(cursor, too_big);
    if (step == STEP_MORE) return STEP_MORE;
    if (end + 1 == cursor->input.size) {
        cursor->searched = end;
        return STEP_MORE;
    }
    *out = bytes_of(cursor->input.data + cursor->at, end - cursor->at);
    cursor->at = end + END_BYTES;
    return STEP_DONE;
}

/* ---- arrays ---- */

static enum step take_count(struct cursor *cursor, const struct resp_limits *limits, uint32_t *out)
{
    struct bytes line;
    enum step step = take_line(cursor, PROTOCOL_ERROR("too big mbulk count string"), &line);
    if (step != STEP_DONE) return step;

    int64_t count;
    bool is_valid = number_parse_i64(bytes_part(line, 1, line.size), &count);
    if (!is_valid || count > (int64_t)limits->argument_count_max) {
        return fail(cursor, PROTOCOL_ERROR("invalid multibulk length"));
    }
    if (!limits->is_authenticated && count > RESP_ARGUMENTS_MAX_UNAUTHENTICATED) {
        return fail(cursor, PROTOCOL_ERROR("unauthenticated multibulk length"));
    }
    *out = count > 0 ? (uint32_t)count : 0;
    return STEP_DONE;
}

static enum step fail_sign(struct cursor *cursor, struct bytes line)
{
    enum { TEXT_BYTES = 64 };
    char got = line.size > 0 ? line.data[0] : '\r';
    char *text = arena_alloc(cursor->arena, TEXT_BYTES);
    snprintf(text, TEXT_BYTES, PROTOCOL_ERROR("expected '$', got '%c'"), got != '\0' ? got : ' ');
    return fail(cursor, text);
}

static enum step take_length(struct cursor *cursor, const struct resp_limits *limits)
{
    struct bytes line;
    enum step step = take_line(cursor, PROTOCOL_ERROR("too big bulk count string"), &line);
    if (step != STEP_DONE) return step;
    if (line.size == 0 || line.data[0] != '$') return fail_sign(cursor, line);

    uint64_t size;
    if (!number_parse_u64(bytes_part(line, 1, line.size), &size) || size > limits->bulk_bytes_max) {
        return fail(cursor, PROTOCOL_ERROR("invalid bulk length"));
    }
    if (!limits->is_authenticated && size > RESP_BULK_BYTES_MAX_UNAUTHENTICATED) {
        return fail(cursor, PROTOCOL_ERROR("unauthenticated bulk length"));
    }
    cursor->bulk_size = size;
    return STEP_DONE;
}

static enum step take_argument(struct cursor *cursor, const struct resp_limits *limits,
                               struct span *out)
{
    if (cursor->bulk_size == NO_BULK) {
        enum step step = take_length(cursor, limits);
        if (UNLIKELY(step != STEP_DONE)) return step;
    }
    size_t left = cursor->input.size - cursor->at;
    if (UNLIKELY(left < END_BYTES || left - END_BYTES < cursor->bulk_size)) return STEP_MORE;
    *out = (struct span){.offset = cursor->at, .size = cursor->bulk_size};
    cursor->at += cursor->bulk_size + END_BYTES;
    cursor->bulk_size = NO_BULK;
    return STEP_DONE;
}

/* ---- half requests ---- */

static void destroy_partial(struct resp_partial *partial)
{
    if (partial == NULL) return;
    memory_free(partial->spans);
    memory_free(partial);
}

/* The list grows with what arrives, not with what was announced. */
static void append_span(struct resp_partial *partial, struct span span)
{
    if (partial->taken == partial->capacity) {
        uint32_t capacity = partial->capacity < SPANS_MIN ? SPANS_MIN : partial->capacity * 2;
        partial->spans = memory_realloc(partial->spans, capacity * sizeof(struct span));
        partial->capacity = capacity;
    }
    partial->spans[partial->taken++] = span;
}

static enum resp_result suspend(struct resp_parser *parser, const struct cursor *cursor,
                                struct resp_request *out)
{
    if (parser->partial == NULL) parser->partial = memory_zalloc(sizeof(*parser->partial));
    struct resp_partial *partial = parser->partial;
    partial->at = cursor->at;
    partial->searched = cursor->searched;
    partial->bulk_size = cursor->bulk_size;
    size_t left = cursor->input.size - cursor->at;
    bool is_known = cursor->bulk_size != NO_BULK;
    *out = (struct resp_request){.wanted = is_known ? cursor->bulk_size + END_BYTES - left : 0};
    return RESP_MORE;
}

static enum resp_result refuse(const struct cursor *cursor, struct resp_request *out)
{
    ASSERT(cursor->error != NULL);
    *out = (struct resp_request){.error = cursor->error};
    return RESP_ERROR;
}

static enum resp_result finish(struct resp_parser *parser, struct bytes *arguments, uint32_t count,
                               size_t consumed, struct resp_request *out)
{
    if (UNLIKELY(parser->partial != NULL)) resp_parser_deinit(parser);
    *out = (struct resp_request){
        .arguments = arguments, .argument_count = count, .consumed = consumed};
    return RESP_REQUEST;
}

static struct bytes bytes_at(const struct cursor *cursor, struct span span)
{
    return bytes_of(cursor->input.data + span.offset, span.size);
}

/* ---- the kinds of request ---- */

static struct bytes *room_for(uint32_t count, struct bytes *room, uint32_t room_count,
                              struct arena *arena)
{
    return count <= room_count ? room
                               : arena_alloc(arena, memory_size_mul(count, sizeof(struct bytes)));
}

static enum resp_result parse_inline(struct resp_parser *parser, struct cursor *cursor,
                                     struct bytes *room, uint32_t room_count,
                                     struct resp_request *out)
{
    size_t end;
    enum step step = find_end(cursor, '\n', &end);
    if (step == STEP_MORE) return suspend(parser, cursor, out);
    if (step == STEP_ERROR) {
        (void)fail(cursor, PROTOCOL_ERROR("too big inline request"));
        return refuse(cursor, out);
    }
    size_t size = end;
    if (size > 0 && cursor->input.data[size - 1] == '\r') size--;

    struct buf storage = {0};
    struct buf words = {0};
    enum resp_result result = RESP_ERROR;
    if (!text_split_words(bytes_part(cursor->input, 0, size), &storage, &words)) {
        (void)fail(cursor, PROTOCOL_ERROR("unbalanced quotes in request"));
        result = refuse(cursor, out);
        goto done;
    }
    uint32_t count = (uint32_t)(words.size / sizeof(struct text_word));
    const struct text_word *word = (const struct text_word *)(const void *)words.data;
    struct bytes kept = arena_copy(cursor->arena, buf_bytes(&storage));
    struct bytes *arguments = room_for(count, room, room_count, cursor->arena);
    for (uint32_t i = 0; i < count; i++)
        arguments[i] = bytes_of(kept.data + word[i].offset, word[i].size);
    result = finish(parser, arguments, count, end + 1, out);
done:
    buf_deinit(&storage);
    buf_deinit(&words);
    return result;
}

/* Arguments that were taken before the input ran out are remembered by their offsets. */
static enum resp_result suspend_array(struct resp_parser *parser, const struct cursor *cursor,
                                      uint32_t count, const struct bytes *arguments, uint32_t taken,
                                      struct resp_request *out)
{
    enum resp_result result = suspend(parser, cursor, out);
    struct resp_partial *partial = parser->partial;
    partial->argument_count = count;
    for (uint32_t i = 0; i < taken; i++) {
        size_t offset = (size_t)(arguments[i].data - cursor->input.data);
        append_span(partial, (struct span){.offset = offset, .size = arguments[i].size});
    }
    return result;
}

static enum resp_result begin_array(struct resp_parser *parser, struct cursor *cursor,
                                    const struct resp_limits *limits, struct bytes *room,
                                    uint32_t room_count, struct resp_request *out)
{
    uint32_t count;
    enum step step = take_count(cursor, limits, &count);
    if (step != STEP_DONE)
        return step == STEP_MORE ? suspend(parser, cursor, out) : refuse(cursor, out);

    /* No more than can be here: an announced count must not cost memory. */
    size_t possible = (cursor->input.size - cursor->at) / ARGUMENT_WIRE_BYTES_MIN + 1;
    uint32_t place_count = count < possible ? count : (uint32_t)possible;
    struct bytes *arguments = room_for(place_count, room, room_count, cursor->arena);
    for (uint32_t taken = 0; taken < count; taken++) {
        struct span span;
        step = take_argument(cursor, limits, &span);
        if (UNLIKELY(step != STEP_DONE)) {
            if (step == STEP_ERROR) return refuse(cursor, out);
            return suspend_array(parser, cursor, count, arguments, taken, out);
        }
        ASSERT_SLOW(taken < place_count);
        arguments[taken] = bytes_at(cursor, span);
    }
    return finish(parser, arguments, count, cursor->at, out);
}

static enum resp_result continue_array(struct resp_parser *parser, struct cursor *cursor,
                                       const struct resp_limits *limits, struct bytes *room,
                                       uint32_t room_count, struct resp_request *out)
{
    struct resp_partial *partial = parser->partial;
    while (partial->taken < partial->argument_count) {
        struct span span;
        enum step step = take_argument(cursor, limits, &span);
        if (step != STEP_DONE)
            return step == STEP_MORE ? suspend(parser, cursor, out) : refuse(cursor, out);
        append_span(partial, span);
    }
    uint32_t count = partial->argument_count;
    struct bytes *arguments = room_for(count, room, room_count, cursor->arena);
    for (uint32_t i = 0; i < count; i++) arguments[i] = bytes_at(cursor, partial->spans[i]);
    return finish(parser, arguments, count, cursor->at, out);
}

/* ---- the usual request ---- */

static unsigned digit_of(char byte)
{
    return (unsigned)(unsigned char)byte - '0';
}

/* "*2\r\n", "$16\r\n", "$512\r\n": returns what follows, or NULL when it is anything else. Six
 * bytes are there: so many has even the shortest argument. */
ALWAYS_INLINE const char *read_small(const char *at, char sign, uint32_t *out)
{
    unsigned first = digit_of(at[1]);
    if (at[0] != sign || first > 9) return NULL;
    if (at[2] == '\r') {
        *out = first;
        return at + sizeof("$1\r\n") - 1;
    }
    unsigned second = digit_of(at[2]);
    if (first == 0 || second > 9) return NULL;
    if (at[3] == '\r') {
        *out = first * 10 + second;
        return at + sizeof("$12\r\n") - 1;
    }
    unsigned third = digit_of(at[3]);
    if (third > 9 || at[4] != '\r') return NULL;
    *out = first * 100 + second * 10 + third;
    return at + sizeof("$123\r\n") - 1;
}

/* Nearly every request is here as a whole, with a handful of short arguments. False: the careful
 * parser has a look, from the beginning; it remembers how far it came, so no byte is read more than
 * twice. */
ALWAYS_INLINE bool parse_usual(struct bytes input, const struct resp_limits *limits,
                               struct bytes *room, uint32_t room_count, struct resp_request *out)
{
    const char *at = input.data;
    const char *end = at + input.size;
    const char *last = end - ARGUMENT_WIRE_BYTES_MIN; /* where the last argument may begin */
    uint32_t count;
    if (last < at || limits->bulk_bytes_max < SMALL_MAX) return false;
    at = read_small(at, '*', &count);
    if (at == NULL || count - 1 >= room_count || count > limits->argument_count_max) return false;
    for (struct bytes *argument = room; argument < room + count; argument++) {
        uint32_t size;
        if (at > last) return false;
        at = read_small(at, '$', &size);
        if (at == NULL || (size_t)(end - at) < (size_t)size + END_BYTES) return false;
        *argument = bytes_of(at, size);
        at += size + END_BYTES;
    }
    out->arguments = room;
    out->argument_count = count;
    out->consumed = (size_t)(at - input.data);
    return true;
}

/* ---- the parser ---- */

void resp_parser_init(struct resp_parser *parser)
{
    *parser = (struct resp_parser){0};
}

void resp_parser_deinit(struct resp_parser *parser)
{
    destroy_partial(parser->partial);
    parser->partial = NULL;
}

enum resp_result resp_parse(struct resp_parser *parser, struct bytes input,
                            const struct resp_limits *limits, struct bytes *room,
                            uint32_t room_count, struct arena *arena, struct resp_request *out)
{
    if (input.size == 0) {
        ASSERT(parser->partial == NULL); /* what a partial request consists of stays in front */
        *out = (struct resp_request){0};
        return RESP_MORE;
    }
    const struct resp_partial *partial = parser->partial;
    if (LIKELY(partial == NULL && limits->is_authenticated)) {
        if (LIKELY(parse_usual(input, limits, room, room_count, out))) return RESP_REQUEST;
    }
    struct cursor cursor = {.input = input, .bulk_size = NO_BULK, .arena = arena};
    if (UNLIKELY(partial != NULL)) {
        ASSERT(partial->at <= input.size);
        cursor.searched = partial->searched;
        if (partial->argument_count > 0) {
            cursor.at = partial->at;
            cursor.bulk_size = partial->bulk_size;
            return continue_array(parser, &cursor, limits, room, room_count, out);
        }
    }
    if (LIKELY(input.data[0] == '*'))
        return begin_array(parser, &cursor, limits, room, room_count, out);
    return parse_inline(parser, &cursor, room, room_count, out);
}
