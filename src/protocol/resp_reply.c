#include "protocol/resp_reply.h"

#include "base/assert.h"
#include "base/attributes.h"
#include "base/number.h"

enum { HEADER_BYTES_MAX = 1 + NUMBER_INT_TEXT_MAX + 2 };

/* ---- shared by both versions ---- */

ALWAYS_INLINE void write_literal(struct reply *reply, const char *text, size_t size)
{
    struct sink *sink = reply->sink;
    memcpy(sink_reserve(sink, size), text, size);
    sink->next += size;
}

/* "\r\n" at `at`; returns what follows. */
ALWAYS_INLINE char *put_end(char *at)
{
    at[0] = '\r';
    at[1] = '\n';
    return at + 2;
}

/* A sign, a number and the end of the line, into room for HEADER_BYTES_MAX. */
ALWAYS_INLINE char *put_header(char *at, char sign, uint64_t number)
{
    *at++ = sign;
    if (LIKELY(number < 10)) {
        *at++ = (char)('0' + number);
    } else {
        at += number_format_u64(at, number);
    }
    return put_end(at);
}

static void write_header(struct reply *reply, char sign, uint64_t number)
{
    struct sink *sink = reply->sink;
    sink->next = put_header(sink_reserve(sink, HEADER_BYTES_MAX), sign, number);
}

/* A sign, a text and the end of the line. */
static void write_line(struct reply *reply, char sign, struct bytes text)
{
    struct sink *sink = reply->sink;
    char *at = sink_reserve(sink, 1 + text.size + 2);
    *at++ = sign;
    if (text.size > 0) memcpy(at, text.data, text.size);
    sink->next = put_end(at + text.size);
}

static void simple(struct reply *reply, struct bytes text)
{
    ASSERT_SLOW(memchr(text.data, '\n', text.size) == NULL);
    write_line(reply, '+', text);
}

static void error(struct reply *reply, struct bytes text)
{
    write_line(reply, '-', text);
}

static void integer(struct reply *reply, int64_t value)
{
    struct sink *sink = reply->sink;
    char *at = sink_reserve(sink, HEADER_BYTES_MAX);
    *at++ = ':';
    if (LIKELY((uint64_t)value < 10)) {
        *at++ = (char)('0' + value);
    } else {
        at += number_format_i64(at, value);
    }
    sink->next = put_end(at);
}

static void bulk(struct reply *reply, struct bytes bytes)
{
    struct sink *sink = reply->sink;
    char *at = sink_reserve(sink, HEADER_BYTES_MAX + bytes.size + 2);
    at = put_header(at, '$', bytes.size);
    if (bytes.size > 0) memcpy(at, bytes.data, bytes.size);
    sink->next = put_end(at + bytes.size);
}

static void bulk_attached(struct reply *reply, struct bytes bytes, void (*release)(void *owner),
                          void *owner)
{
    write_header(reply, '$', bytes.size);
    reply->sink->ops->attach(reply->sink, bytes, release, owner);
    write_literal(reply, "\r\n", 2);
}

static void array(struct reply *reply, uint64_t count)
{
    write_header(reply, '*', count);
}

/* ---- version 2 ---- */

static void resp2_nil(struct reply *reply)
{
    write_literal(reply, "$-1\r\n", 5);
}

static void resp2_nil_array(struct reply *reply)
{
    write_literal(reply, "*-1\r\n", 5);
}

static void resp2_real(struct reply *reply, double value)
{
    char text[NUMBER_DOUBLE_TEXT_MAX];
    bulk(reply, bytes_of(text, number_format_double(text, value)));
}

static void resp2_boolean(struct reply *reply, bool value)
{
    integer(reply, value);
}

static void resp2_verbatim(struct reply *reply, const char format[4], struct bytes bytes)
{
    (void)format;
    bulk(reply, bytes);
}

static void resp2_map(struct reply *reply, uint64_t pair_count)
{
    ASSERT(pair_count <= UINT64_MAX / 2);
    write_header(reply, '*', pair_count * 2);
}

static void resp2_attribute(struct reply *reply, uint64_t pair_count)
{
    (void)reply;
    (void)pair_count;
    ASSERT(!"attributes are for protocol 3: what follows could not be dropped");
}

const struct reply_ops resp2_reply_ops = {
    .nil = resp2_nil,
    .nil_array = resp2_nil_array,
    .simple = simple,
    .error = error,
    .integer = integer,
    .real = resp2_real,
    .boolean = resp2_boolean,
    .bulk = bulk,
    .big_number = bulk,
    .verbatim = resp2_verbatim,
    .array = array,
    .map = resp2_map,
    .set = array,
    .push = array,
    .attribute = resp2_attribute,
    .bulk_attached = bulk_attached,
};

/* ---- version 3 ---- */

static void resp3_nil(struct reply *reply)
{
    write_literal(reply, "_\r\n", 3);
}

static void resp3_real(struct reply *reply, double value)
{
    char text[NUMBER_DOUBLE_TEXT_MAX];
    write_line(reply, ',', bytes_of(text, number_format_double(text, value)));
}

static void resp3_boolean(struct reply *reply, bool value)
{
    write_literal(reply, value ? "#t\r\n" : "#f\r\n", 4);
}

static void resp3_big_number(struct reply *reply, struct bytes digits)
{
    write_line(reply, '(', digits);
}

/* "=15\r\ntxt:Some string\r\n" */
static void resp3_verbatim(struct reply *reply, const char format[4], struct bytes bytes)
{
    enum { FORMAT_BYTES = 4 };
    struct sink *sink = reply->sink;
    char *at = sink_reserve(sink, HEADER_BYTES_MAX + FORMAT_BYTES + bytes.size + 2);
    at = put_header(at, '=', FORMAT_BYTES + bytes.size);
    memcpy(at, format, FORMAT_BYTES - 1);
    at[FORMAT_BYTES - 1] = ':';
    at += FORMAT_BYTES;
    if (bytes.size > 0) memcpy(at, bytes.data, bytes.size);
    sink->next = put_end(at + bytes.size);
}

static void resp3_map(struct reply *reply, uint64_t pair_count)
{
    write_header(reply, '%', pair_count);
}

static void resp3_set(struct reply *reply, uint64_t count)
{
    write_header(reply, '~', count);
}

static void resp3_push(struct reply *reply, uint64_t count)
{
    write_header(reply, '>', count);
}

static void resp3_attribute(struct reply *reply, uint64_t pair_count)
{
    write_header(reply, '|', pair_count);
}

const struct reply_ops resp3_reply_ops = {
    .nil = resp3_nil,
    .nil_array = resp3_nil,
    .simple = simple,
    .error = error,
    .integer = integer,
    .real = resp3_real,
    .boolean = resp3_boolean,
    .bulk = bulk,
    .big_number = resp3_big_number,
    .verbatim = resp3_verbatim,
    .array = array,
    .map = resp3_map,
    .set = resp3_set,
    .push = resp3_push,
    .attribute = resp3_attribute,
    .bulk_attached = bulk_attached,
};

const struct reply_ops *resp_reply_ops(unsigned protocol)
{
    ASSERT(protocol == 2 || protocol == 3);
    return protocol == 3 ? &resp3_reply_ops : &resp2_reply_ops;
}
