#include "command/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "command/statistics.h"
#include "value/blob.h"

void reply_text(struct reply *reply, const char *text)
{
    reply_bulk(reply, bytes_of_text(text));
}

void reply_textf(struct reply *reply, const char *format, ...)
{
    struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    reply_bulk(reply, buf_bytes(&text));
    buf_deinit(&text);
}

/* ---- errors ---- */

static bool is_line_end(char byte)
{
    return byte == '\r' || byte == '\n';
}

static bool has_line_end(struct bytes text)
{
    return memchr(text.data, '\r', text.size) != NULL || memchr(text.data, '\n', text.size) != NULL;
}

/* Ends of lines at either end are dropped, those inside become spaces: what a client sent cannot
 * end the error early and begin a reply of its own. */
static void reply_error_lines(struct reply *reply, struct bytes text)
{
    while (text.size > 0 && is_line_end(text.data[text.size - 1])) text.size--;
    while (text.size > 0 && is_line_end(text.data[0])) text = bytes_part(text, 1, text.size);

    struct buf line = {0};
    buf_append_bytes(&line, text);
    for (size_t i = 0; i < line.size; i++) {
        if (is_line_end(line.data[i])) line.data[i] = ' ';
    }
    reply->ops->error(reply, buf_bytes(&line));
    buf_deinit(&line);
}

static void reply_error_bytes(struct reply *reply, struct bytes text)
{
    reply->error_count++;
    if (reply->statistics != NULL) statistics_count_error(reply->statistics, text);
    if (has_line_end(text)) {
        reply_error_lines(reply, text);
    } else {
        reply->ops->error(reply, text);
    }
}

void reply_error(struct reply *reply, const char *text)
{
    reply_error_bytes(reply, bytes_of_text(text));
}

void reply_errorf(struct reply *reply, const char *format, ...)
{
    struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    reply_error_bytes(reply, buf_bytes(&text));
    buf_deinit(&text);
}

void reply_error_syntax(struct reply *reply)
{
    reply_error(reply, "ERR syntax error");
}

void reply_error_wrong_type(struct reply *reply)
{
    reply_error(reply, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void reply_error_not_integer(struct reply *reply)
{
    reply_error(reply, "ERR value is not an integer or out of range");
}

void reply_error_not_float(struct reply *reply)
{
    reply_error(reply, "ERR value is not a valid float");
}

void reply_error_no_key(struct reply *reply)
{
    reply_error(reply, "ERR no such key");
}

void reply_error_out_of_range(struct reply *reply)
{
    reply_error(reply, "ERR index out of range");
}

/* ---- longer replies ---- */

static void release_blob(void *owner)
{
    blob_release(owner);
}

void reply_blob(struct reply *reply, struct blob *blob)
{
    bool can_attach = reply->ops->bulk_attached != NULL && reply->sink->ops->attach != NULL;
    if (blob->size < REPLY_ATTACHED_BYTES_MIN || !can_attach) {
        reply_bulk(reply, blob_bytes(blob));
        return;
    }
    reply->ops->bulk_attached(reply, blob_bytes(blob), release_blob, blob_acquire(blob));
}

static void reply_simple_text(struct reply *reply, const char *text)
{
    reply_simple(reply, bytes_of_text(text));
}

void reply_help(struct reply *reply, const char *command_name, const char *const *lines,
                size_t count)
{
    enum { OWN_LINES = 3 };
    struct buf first = {0};
    buf_append_text(&first, command_name);
    for (size_t i = 0; i < first.size; i++) {
        if (first.data[i] >= 'a' && first.data[i] <= 'z')
            first.data[i] = (char)(first.data[i] - 'a' + 'A');
    }
    buf_append_text(&first, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");

    reply_array(reply, OWN_LINES + count);
    reply_simple(reply, buf_bytes(&first));
    for (size_t i = 0; i < count; i++) reply_simple_text(reply, lines[i]);
    reply_simple_text(reply, "HELP");
    reply_simple_text(reply, "    Prints this help.");
    buf_deinit(&first);
}
