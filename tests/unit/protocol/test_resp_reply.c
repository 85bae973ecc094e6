#include "protocol/resp_reply.h"

#include <math.h>

#include "command/statistics.h"
#include "protocol/protocol.h"
#include "tests/support/buffer_sink.h"
#include "tests/support/check.h"
#include "value/blob.h"

/* Says one reply of each kind. */
typedef void say_function(struct reply *reply);

static void say_nil(struct reply *reply)
{
    reply_nil(reply);
}
static void say_nil_array(struct reply *reply)
{
    reply_nil_array(reply);
}
static void say_ok(struct reply *reply)
{
    reply_ok(reply);
}
static void say_error(struct reply *reply)
{
    reply_error(reply, "ERR no");
}
static void say_zero(struct reply *reply)
{
    reply_integer(reply, 0);
}
static void say_ten(struct reply *reply)
{
    reply_integer(reply, 10);
}
static void say_least(struct reply *reply)
{
    reply_integer(reply, INT64_MIN);
}
static void say_real(struct reply *reply)
{
    reply_real(reply, 3.3);
}
static void say_infinity(struct reply *reply)
{
    reply_real(reply, -INFINITY);
}
static void say_true(struct reply *reply)
{
    reply_boolean(reply, true);
}
static void say_false(struct reply *reply)
{
    reply_boolean(reply, false);
}
static void say_bulk(struct reply *reply)
{
    reply_bulk(reply, BYTES_LITERAL("a\r\nb"));
}
static void say_empty(struct reply *reply)
{
    reply_bulk(reply, BYTES_EMPTY);
}
static void say_long(struct reply *reply)
{
    reply_text(reply, "0123456789");
}
static void say_big(struct reply *reply)
{
    reply->ops->big_number(reply, BYTES_LITERAL("123"));
}
static void say_verbatim(struct reply *reply)
{
    reply->ops->verbatim(reply, "txt", BYTES_LITERAL("hello"));
}
static void say_array(struct reply *reply)
{
    reply_array(reply, 12);
}
static void say_map(struct reply *reply)
{
    reply_map(reply, 6);
}
static void say_set(struct reply *reply)
{
    reply_set(reply, 2);
}
static void say_push(struct reply *reply)
{
    reply_push(reply, 3);
}

static const struct {
    say_function *say;
    const char *resp2;
    const char *resp3;
} rows[] = {
    {say_nil,       "$-1\r\n",                   "_\r\n"                    },
    {say_nil_array, "*-1\r\n",                   "_\r\n"                    },
    {say_ok,        "+OK\r\n",                   "+OK\r\n"                  },
    {say_error,     "-ERR no\r\n",               "-ERR no\r\n"              },
    {say_zero,      ":0\r\n",                    ":0\r\n"                   },
    {say_ten,       ":10\r\n",                   ":10\r\n"                  },
    {say_least,     ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
    {say_real,      "$3\r\n3.3\r\n",             ",3.3\r\n"                 },
    {say_infinity,  "$4\r\n-inf\r\n",            ",-inf\r\n"                },
    {say_true,      ":1\r\n",                    "#t\r\n"                   },
    {say_false,     ":0\r\n",                    "#f\r\n"                   },
    {say_bulk,      "$4\r\na\r\nb\r\n",          "$4\r\na\r\nb\r\n"         },
    {say_empty,     "$0\r\n\r\n",                "$0\r\n\r\n"               },
    {say_long,      "$10\r\n0123456789\r\n",     "$10\r\n0123456789\r\n"    },
    {say_big,       "$3\r\n123\r\n",             "(123\r\n"                 },
    {say_verbatim,  "$5\r\nhello\r\n",           "=9\r\ntxt:hello\r\n"      },
    {say_array,     "*12\r\n",                   "*12\r\n"                  },
    {say_map,       "*12\r\n",                   "%6\r\n"                   },
    {say_set,       "*2\r\n",                    "~2\r\n"                   },
    {say_push,      "*3\r\n",                    ">3\r\n"                   },
};

static void check(say_function *say, unsigned protocol, const char *expected)
{
    struct buffer_sink sink;
    buffer_sink_init(&sink);
    struct reply reply = {
        .ops = resp_reply_ops(protocol), .sink = &sink.sink, .protocol = (uint8_t)protocol};
    say(&reply);
    assert_bytes_text(buffer_sink_bytes(&sink), expected);
    buffer_sink_deinit(&sink);
}

TEST(each_value_has_its_form)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(rows[i].say, 2, rows[i].resp2);
        check(rows[i].say, 3, rows[i].resp3);
    }
}

static void say_attribute(struct reply *reply)
{
    reply->ops->attribute(reply, 1);
}

static void say_attribute_in_resp2(void *context)
{
    (void)context;
    check(say_attribute, 2, "");
}

TEST(attributes_are_for_protocol_3)
{
    check(say_attribute, 3, "|1\r\n");
    assert_aborts(say_attribute_in_resp2, NULL);
}

/* The room that each writer reserves is enough: the sanitizers see a write past the end. */
TEST(room_is_reserved_for_all_of_a_reply)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned before = 0; before < 64; before++) {
            struct buffer_sink sink;
            buffer_sink_init(&sink);
            struct reply reply = {.ops = &resp3_reply_ops, .sink = &sink.sink, .protocol = 3};
            for (unsigned j = 0; j < before; j++) sink_write(&sink.sink, BYTES_LITERAL("x"));
            rows[i].say(&reply);
            struct bytes written = buffer_sink_bytes(&sink);
            assert_bytes_text(bytes_part(written, before, written.size), rows[i].resp3);
            buffer_sink_deinit(&sink);
        }
    }
}

static void say_two_lines(struct reply *reply)
{
    reply_error(reply, "\r\nERR a\r\nb\nc\n");
}
static void say_format(struct reply *reply)
{
    reply_errorf(reply, "ERR '%.*s' no", 4, "x\r\n+OK");
}

TEST(an_error_cannot_be_left_by_an_end_of_line)
{
    check(say_two_lines, 2, "-ERR a  b c\r\n");
    check(say_format, 3, "-ERR 'x  +' no\r\n");
}

TEST(errors_are_counted)
{
    struct buffer_sink sink;
    buffer_sink_init(&sink);
    struct statistics *statistics = statistics_create(1, 1);
    struct reply reply = {.ops = &resp2_reply_ops,
                          .sink = &sink.sink,
                          .statistics = statistics_worker_at(statistics, 0)};
    reply_error_syntax(&reply);
    reply_error_wrong_type(&reply);
    assert_int_equal(reply.error_count, 2);
    assert_int_equal(statistics_total(statistics, STATISTICS_ERRORS), 2);
    statistics_destroy(statistics);
    buffer_sink_deinit(&sink);
}

static void say_help(struct reply *reply)
{
    static const char *const lines[] = {"GET", "    Gets."};
    reply_help(reply, "config", lines, 2);
}

TEST(help_begins_and_ends_by_itself)
{
    check(
        say_help, 2,
        "*5\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+GET\r\n+    Gets.\r\n+HELP\r\n"
        "+    Prints this help.\r\n");
}

TEST(a_large_blob_goes_by_reference)
{
    struct buffer_sink sink;
    buffer_sink_init(&sink);
    struct reply reply = {.ops = &resp2_reply_ops, .sink = &sink.sink, .protocol = 2};
    struct blob *small = blob_create(REPLY_ATTACHED_BYTES_MIN - 1, REPLY_ATTACHED_BYTES_MIN);
    struct blob *large = blob_create(REPLY_ATTACHED_BYTES_MIN, REPLY_ATTACHED_BYTES_MIN);
    memset(small->data, 's', small->size);
    memset(large->data, 'l', large->size);
    reply_blob(&reply, small);
    assert_int_equal(sink.attach_count, 0);
    reply_blob(&reply, large);
    assert_int_equal(sink.attach_count, 1);
    assert_int_equal(large->references, 1);

    struct bytes written = buffer_sink_bytes(&sink);
    size_t second = sizeof("$16383\r\n") - 1 + small->size + 2;
    assert_bytes_text(bytes_part(written, second, 9), "$16384\r\nl");
    assert_int_equal(written.size, second + sizeof("$16384\r\n") - 1 + large->size + 2);
    blob_release(small);
    blob_release(large);
    buffer_sink_deinit(&sink);
}

TEST(a_wire_is_found_by_its_name)
{
    const struct protocol *resp = protocol_find(BYTES_LITERAL("resp"));
    assert_non_null(resp);
    assert_ptr_equal(resp->reply_ops, &resp2_reply_ops);
    assert_null(protocol_find(BYTES_LITERAL("gopher")));
    for (size_t i = 0; protocol_at(i) != NULL; i++) {
        assert_ptr_equal(protocol_find(bytes_of_text(protocol_at(i)->name)), protocol_at(i));
    }
}

RUN_TESTS(CHECK(each_value_has_its_form), CHECK(attributes_are_for_protocol_3),
          CHECK(room_is_reserved_for_all_of_a_reply),
          CHECK(an_error_cannot_be_left_by_an_end_of_line), CHECK(errors_are_counted),
          CHECK(help_begins_and_ends_by_itself), CHECK(a_large_blob_goes_by_reference),
          CHECK(a_wire_is_found_by_its_name))
