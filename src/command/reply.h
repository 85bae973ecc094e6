/* A reply as commands see it: values, not bytes. Each wire brings a table of functions (RESP2,
 * RESP3, HTTP ...); a function writes to `sink`. Containers are opened with their exact count and
 * then filled. Texts of errors are those of Redis, without the leading '-'. */
#ifndef COMMAND_REPLY_H
#define COMMAND_REPLY_H

#include "base/bytes.h"
#include "base/sink.h"

struct blob;
struct reply;
struct statistics_worker;

struct reply_ops {
    void (*nil)(struct reply *reply);
    void (*nil_array)(
        struct reply *reply); /* RESP2 "*-1" where Redis says so (EXEC, BLPOP); nil elsewhere */
    void (*simple)(struct reply *reply, struct bytes text); /* +OK; no CR or LF inside */
    void (*error)(struct reply *reply, struct bytes text);  /* "ERR ..." */
    void (*integer)(struct reply *reply, int64_t value);
    void (*real)(struct reply *reply, double value);
    void (*boolean)(struct reply *reply, bool value);
    void (*bulk)(struct reply *reply, struct bytes bytes);
    void (*big_number)(struct reply *reply, struct bytes digits);
    void (*verbatim)(struct reply *reply, const char format[4], struct bytes bytes); /* "txt" */
    void (*array)(struct reply *reply, uint64_t count);
    void (*map)(struct reply *reply, uint64_t pair_count); /* RESP2: an array of twice as many */
    void (*set)(struct reply *reply, uint64_t count);
    void (*push)(struct reply *reply, uint64_t count);
    void (*attribute)(struct reply *reply, uint64_t pair_count); /* protocol 3 only */
    /* A bulk whose bytes stay where they are until release(owner); only for a sink that attaches.
     * NULL: this wire copies. */
    void (*bulk_attached)(struct reply *reply, struct bytes bytes, void (*release)(void *owner),
                          void *owner);
};

enum { REPLY_ATTACHED_BYTES_MIN = 16 * 1024 }; /* a shorter blob is copied */

struct reply {
    const struct reply_ops *ops;
    struct sink *sink;
    uint8_t protocol; /* 2 or 3, as HELLO set it; other wires say 3 */
    uint64_t
        error_count; /* errors written so far: EXEC, statistics and scripts look at the difference */
    struct statistics_worker *statistics; /* where reply_error counts its kind; NULL: nowhere */
};

static inline void reply_nil(struct reply *reply)
{
    reply->ops->nil(reply);
}
static inline void reply_nil_array(struct reply *reply)
{
    reply->ops->nil_array(reply);
}
static inline void reply_integer(struct reply *reply, int64_t value)
{
    reply->ops->integer(reply, value);
}
static inline void reply_real(struct reply *reply, double value)
{
    reply->ops->real(reply, value);
}
static inline void reply_boolean(struct reply *reply, bool value)
{
    reply->ops->boolean(reply, value);
}
static inline void reply_bulk(struct reply *reply, struct bytes bytes)
{
    reply->ops->bulk(reply, bytes);
}
static inline void reply_array(struct reply *reply, uint64_t count)
{
    reply->ops->array(reply, count);
}
static inline void reply_map(struct reply *reply, uint64_t count)
{
    reply->ops->map(reply, count);
}
static inline void reply_set(struct reply *reply, uint64_t count)
{
    reply->ops->set(reply, count);
}
static inline void reply_push(struct reply *reply, uint64_t count)
{
    reply->ops->push(reply, count);
}
static inline void reply_simple(struct reply *reply, struct bytes text)
{
    reply->ops->simple(reply, text);
}
static inline void reply_ok(struct reply *reply)
{
    reply->ops->simple(reply, BYTES_LITERAL("OK"));
}

/* A text as a bulk string. */
void reply_text(struct reply *reply, const char *text);
/* printf into a bulk string. */
void reply_textf(struct reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);
/* CR and LF inside become spaces, as in Redis; counts into error_count. */
void reply_error(struct reply *reply, const char *text);
void reply_errorf(struct reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);

/* The errors that many commands share, each with Redis's very words. */
void reply_error_syntax(struct reply *reply); /* ERR syntax error */
void reply_error_wrong_type(
    struct reply *reply); /* WRONGTYPE Operation against a key holding the wrong kind of value */
void reply_error_not_integer(struct reply *reply); /* ERR value is not an integer or out of range */
void reply_error_not_float(struct reply *reply);   /* ERR value is not a valid float */
void reply_error_no_key(struct reply *reply);      /* ERR no such key */
void reply_error_out_of_range(struct reply *reply); /* ERR index out of range */

/* The bytes of a blob: by reference when large, copied when small. The blob is pinned until
 * sent. */
void reply_blob(struct reply *reply, struct blob *blob);

/* HELP texts: an array of simple strings as Redis prints them: "COMMAND <subcommand> ...", the
 * lines, HELP last. */
void reply_help(struct reply *reply, const char *command_name, const char *const *lines,
                size_t count);

#endif
