#include "protocol/resp_parser.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "tests/support/check.h"
#include "tests/support/resp_reading.h"

enum { ROOM = 4 };

static const struct resp_limits usual = {.bulk_bytes_max = 512ull << 20,
                                         .argument_count_max = RESP_ARGUMENTS_MAX,
                                         .is_authenticated = true};
static const struct resp_limits stranger = {.bulk_bytes_max = 512ull << 20,
                                            .argument_count_max = RESP_ARGUMENTS_MAX,
                                            .is_authenticated = false};

static void check_reading(struct bytes stream, const size_t *cuts, size_t cut_count,
                          const struct resp_limits *limits, struct bytes expected)
{
    struct resp_reading reading;
    resp_reading_init(&reading);
    for (size_t i = 0; i < cut_count; i++) resp_reading_continue(&reading, stream, cuts[i], limits);
    resp_reading_continue(&reading, stream, stream.size, limits);
    assert_bytes_equal(buf_bytes(&reading.text), expected);
    resp_reading_deinit(&reading);
}

/* Whole, byte by byte, and cut in two at every byte: always the same. */
static void check_bytes_with(struct bytes stream, const struct resp_limits *limits,
                             struct bytes expected)
{
    check_reading(stream, NULL, 0, limits, expected);
    size_t *cuts = calloc(stream.size + 1, sizeof(*cuts));
    for (size_t i = 0; i < stream.size; i++) cuts[i] = i + 1;
    check_reading(stream, cuts, stream.size, limits, expected);
    for (size_t i = 1; i < stream.size && stream.size < 1000; i++)
        check_reading(stream, &i, 1, limits, expected);
    free(cuts);
}

static void check(const char *stream, const char *expected)
{
    check_bytes_with(bytes_of_text(stream), &usual, bytes_of_text(expected));
}

#define check_literal(stream, expected) \
    check_bytes_with(BYTES_LITERAL(stream), &usual, BYTES_LITERAL(expected))

TEST(requests_are_cut_out_of_the_stream)
{
    check("*1\r\n$4\r\nPING\r\n", "[PING];");
    check("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n", "[SET][k][];[PING];");
    check_literal("*2\r\n$3\r\nGET\r\n$5\r\n\0\r\n$*\r\n", "[GET][\0\r\n$*];");
}

TEST(more_arguments_than_room_go_to_the_arena)
{
    check("*6\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$10\r\n0123456789\r\n",
          "[a][b][c][d][e][0123456789];");
}

TEST(lengths_of_any_digits_are_read)
{
    struct buf stream = {0};
    struct buf expected = {0};
    static const size_t sizes[] = {0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12345, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        buf_printf(&stream, "*1\r\n$%zu\r\n", sizes[i]);
        buf_append_byte(&expected, '[');
        memset(buf_reserve(&stream, sizes[i]), 'x', sizes[i]);
        stream.size += sizes[i];
        memset(buf_reserve(&expected, sizes[i]), 'x', sizes[i]);
        expected.size += sizes[i];
        buf_append_text(&stream, "\r\n");
        buf_append_text(&expected, "];");
    }
    check_reading(buf_bytes(&stream), NULL, 0, &usual, buf_bytes(&expected));
    check_reading(buf_bytes(&stream), (size_t[]){100, 5000, 13000}, 3, &usual,
                  buf_bytes(&expected));
    buf_deinit(&stream);
    buf_deinit(&expected);
}

TEST(no_arguments_mean_no_request)
{
    check("*0\r\n*-1\r\n*-9223372036854775808\r\n*1\r\n$4\r\nPING\r\n", "[PING];");
    check("\r\n\n  \r\nPING\n", "[PING];");
}

/* Redis looks at neither the byte behind '\r' nor the two behind an argument. */
TEST(ends_are_passed_over_unseen)
{
    check("*1\r\n$4\r\nPINGxx*1\rx$4\ryPING\r\n", "[PING];[PING];");
}

TEST(inline_requests_are_split_into_words)
{
    check("PING\r\nGET k\n", "[PING];[GET][k];");
    check("SET  k \"a b\\x41\\n\"\r\n", "[SET][k][a bA\n];");
    check("SET k 'a\\'b' \"\" x\"y z\"\r\n", "[SET][k][a'b][][xy z];");
    check("PING\r\r\nPING \r\r\n\rPING\n", "[PING];[PING];[PING];");
    check("ECHO a b c d e f\r\n", "[ECHO][a][b][c][d][e][f];");
    check("*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n", "[PING];[PING];[PING];");
}

TEST(errors_have_the_words_of_redis)
{
    static const struct {
        const char *stream;
        const char *error;
    } rows[] = {
        {"*-0\r\n",                         "invalid multibulk length"    },
        {"*\r\n",                           "invalid multibulk length"    },
        {"*01\r\n",                         "invalid multibulk length"    },
        {"*+1\r\n",                         "invalid multibulk length"    },
        {"* 1\r\n",                         "invalid multibulk length"    },
        {"*1 \r\n",                         "invalid multibulk length"    },
        {"*a\r\n",                          "invalid multibulk length"    },
        {"*9223372036854775808\r\n",        "invalid multibulk length"    },
        {"*-9223372036854775809\r\n",       "invalid multibulk length"    },
        {"*2147483648\r\n",                 "invalid multibulk length"    },
        {"*1\r\n$\r\n",                     "invalid bulk length"         },
        {"*1\r\n$-1\r\n",                   "invalid bulk length"         },
        {"*1\r\n$a\r\n",                    "invalid bulk length"         },
        {"*1\r\n$1a\r\n",                   "invalid bulk length"         },
        {"*1\r\n$04\r\nPING\r\n",           "invalid bulk length"         },
        {"*1\r\n$00\r\n\r\n",               "invalid bulk length"         },
        {"*1\r\n$536870913\r\n",            "invalid bulk length"         },
        {"*1\r\n$18446744073709551615\r\n", "invalid bulk length"         },
        {"*1\r\n:4\r\nPING\r\n",            "expected '$', got ':'"       },
        {"*1\r\n\r\n",                      "expected '$', got '\r'"      },
        {"*1\r\n\n\r\n",                    "expected '$', got '\n'"      },
        {"*1\r\n\xff\r\n",                  "expected '$', got '\xff'"    },
        {"*1\r\nPI\r\n",                    "expected '$', got 'P'"       },
        {"*3\r\n$4\r\nPING\r\n*1\r\n",      "expected '$', got '*'"       },
        {"PING \"a\r\n",                    "unbalanced quotes in request"},
        {"PING 'a\r\n",                     "unbalanced quotes in request"},
        {"PING \"a\"b\r\n",                 "unbalanced quotes in request"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[128];
        snprintf(expected, sizeof(expected), "!ERR Protocol error: %s", rows[i].error);
        check(rows[i].stream, expected);
    }
}

TEST(an_unfinished_line_is_no_error_yet)
{
    check("*1\r\nP", "");
    check("*1\n$4\nPING\n", "");
    check("*2147", "");
    check("*1\r\n$536870912\r\n", "");
}

static void check_stranger(const char *stream, const char *expected)
{
    check_bytes_with(bytes_of_text(stream), &stranger, bytes_of_text(expected));
}

TEST(strangers_have_lower_limits)
{
    check_stranger("*10\r\n", "");
    check_stranger("*11\r\n", "!ERR Protocol error: unauthenticated multibulk length");
    check_stranger("*2147483648\r\n", "!ERR Protocol error: invalid multibulk length");
    check_stranger("*1\r\n$16384\r\n", "");
    check_stranger("*1\r\n$16385\r\n", "!ERR Protocol error: unauthenticated bulk length");
    check_stranger("*1\r\n$536870913\r\n", "!ERR Protocol error: invalid bulk length");
}

TEST(limits_are_the_callers)
{
    struct resp_limits small = {
        .bulk_bytes_max = 5, .argument_count_max = 2, .is_authenticated = true};
    check_bytes_with(BYTES_LITERAL("*2\r\n$5\r\nhello\r\n$0\r\n\r\n"), &small,
                     BYTES_LITERAL("[hello][];"));
    check_bytes_with(BYTES_LITERAL("*1\r\n$6\r\nhellos\r\n"), &small,
                     BYTES_LITERAL("!ERR Protocol error: invalid bulk length"));
    check_bytes_with(BYTES_LITERAL("*3\r\n"), &small,
                     BYTES_LITERAL("!ERR Protocol error: invalid multibulk length"));
}

/* `count` times `byte` between `head` and `tail`, whole and in pieces. */
static void check_long(const char *head, char byte, size_t count, const char *tail,
                       const char *expected)
{
    struct buf stream = {0};
    buf_append_text(&stream, head);
    memset(buf_reserve(&stream, count), byte, count);
    stream.size += count;
    buf_append_text(&stream, tail);
    size_t cuts[] = {1, 2, 1000, 65535, 65536, 65537, 65538, 65539, 65540};
    size_t cut_count = 0;
    while (cut_count < sizeof(cuts) / sizeof(cuts[0]) && cuts[cut_count] < stream.size) cut_count++;
    check_reading(buf_bytes(&stream), NULL, 0, &usual, bytes_of_text(expected));
    check_reading(buf_bytes(&stream), cuts, cut_count, &usual, bytes_of_text(expected));
    buf_deinit(&stream);
}

TEST(lines_are_bounded)
{
    check_long("*", '1', RESP_INLINE_BYTES_MAX - 1, "", "");
    check_long("*", '1', RESP_INLINE_BYTES_MAX - 1, "\r\n",
               "!ERR Protocol error: invalid multibulk length");
    check_long("*", '1', RESP_INLINE_BYTES_MAX, "",
               "!ERR Protocol error: too big mbulk count string");
    check_long("*", '1', RESP_INLINE_BYTES_MAX, "\r\n",
               "!ERR Protocol error: too big mbulk count string");
    check_long("*1\r\n", '1', RESP_INLINE_BYTES_MAX, "", "");
    check_long("*1\r\n", '$', RESP_INLINE_BYTES_MAX + 1, "",
               "!ERR Protocol error: too big bulk count string");
    check_long("", ' ', RESP_INLINE_BYTES_MAX, "", "");
    check_long("", ' ', RESP_INLINE_BYTES_MAX, "\nPING\n", "[PING];");
    check_long("", 'a', RESP_INLINE_BYTES_MAX + 1, "",
               "!ERR Protocol error: too big inline request");
    check_long("", 'a', RESP_INLINE_BYTES_MAX + 1, "\n",
               "!ERR Protocol error: too big inline request");
}

static struct resp_request parse_once(struct resp_parser *parser, struct arena *arena,
                                      struct bytes input)
{
    struct bytes room[ROOM];
    struct resp_request request;
    enum resp_result result = resp_parse(parser, input, &usual, room, ROOM, arena, &request);
    assert_int_equal(result, RESP_MORE);
    return request;
}

TEST(wanted_is_what_the_running_argument_lacks)
{
    struct resp_parser parser;
    struct arena arena;
    resp_parser_init(&parser);
    arena_init(&arena, 4096);
    struct bytes all = BYTES_LITERAL("*2\r\n$1000\r\nabc");
    assert_int_equal(parse_once(&parser, &arena, bytes_part(all, 0, 6)).wanted, 0);
    assert_int_equal(parse_once(&parser, &arena, bytes_part(all, 0, 11)).wanted, 1002);
    assert_int_equal(parse_once(&parser, &arena, all).wanted, 999);
    resp_parser_deinit(&parser);
    arena_deinit(&arena);
}

TEST(an_announced_count_costs_no_memory)
{
    struct resp_parser parser;
    struct arena arena;
    resp_parser_init(&parser);
    arena_init(&arena, 4096);
    parse_once(&parser, &arena, BYTES_LITERAL("*1048576\r\n$1\r\na\r\n$1\r\n"));
    assert_true(arena_bytes(&arena) < 8192);
    resp_parser_deinit(&parser);
    arena_deinit(&arena);
}

/* A million arguments byte by byte would take hours if each byte meant to begin anew. */
TEST(cost_is_linear_in_the_bytes)
{
    enum { COUNT = 200 * 1000 };
    struct buf stream = {0};
    buf_printf(&stream, "*%d\r\n", COUNT);
    for (unsigned i = 0; i < COUNT; i++) buf_append_text(&stream, "$1\r\nx\r\n");
    struct resp_parser parser;
    struct arena arena;
    resp_parser_init(&parser);
    arena_init(&arena, 4096);
    for (size_t size = 1; size < stream.size; size++) {
        parse_once(&parser, &arena, bytes_part(buf_bytes(&stream), 0, size));
    }
    struct bytes room[ROOM];
    struct resp_request request;
    enum resp_result result = resp_parse(&parser, buf_bytes(&stream), &usual, room, ROOM, &arena,
                                         &request);
    assert_int_equal(result, RESP_REQUEST);
    assert_int_equal(request.argument_count, COUNT);
    assert_int_equal(request.consumed, stream.size);
    assert_bytes_text(request.arguments[COUNT - 1], "x");
    assert_null(parser.partial);
    arena_deinit(&arena);
    buf_deinit(&stream);
}

TEST(nothing_is_remembered_between_requests)
{
    struct resp_parser parser;
    struct arena arena;
    resp_parser_init(&parser);
    arena_init(&arena, 4096);
    struct bytes all = BYTES_LITERAL("*1\r\n$4\r\nPING\r\n");
    parse_once(&parser, &arena, bytes_part(all, 0, 9));
    assert_non_null(parser.partial);
    struct bytes room[ROOM];
    struct resp_request request;
    assert_int_equal(resp_parse(&parser, all, &usual, room, ROOM, &arena, &request), RESP_REQUEST);
    assert_null(parser.partial);
    assert_ptr_equal(request.arguments, room);
    assert_ptr_equal(request.arguments[0].data, all.data + 8);
    arena_deinit(&arena);
}

RUN_TESTS(CHECK(requests_are_cut_out_of_the_stream),
          CHECK(more_arguments_than_room_go_to_the_arena), CHECK(lengths_of_any_digits_are_read),
          CHECK(no_arguments_mean_no_request), CHECK(ends_are_passed_over_unseen),
          CHECK(inline_requests_are_split_into_words), CHECK(errors_have_the_words_of_redis),
          CHECK(an_unfinished_line_is_no_error_yet), CHECK(strangers_have_lower_limits),
          CHECK(limits_are_the_callers), CHECK(lines_are_bounded),
          CHECK(wanted_is_what_the_running_argument_lacks),
          CHECK(an_announced_count_costs_no_memory), CHECK(cost_is_linear_in_the_bytes),
          CHECK(nothing_is_remembered_between_requests))
