#include "tests/support/check.h"
#include "tests/support/command_harness.h"

#define BEGIN struct command_harness *h = command_harness_create()
#define END command_harness_destroy(h)

TEST(set_and_get_keep_any_text)
{
    BEGIN;
    assert_reply(h, "get a", "$-1");
    assert_reply(h, "set a hello", "+OK");
    assert_reply(h, "GET a", "$5 hello");
    assert_reply(h, "set a \"\"", "+OK");
    assert_reply(h, "get a", "$0 ");
    assert_reply(h, "set a -0", "+OK");
    assert_reply(h, "get a", "$2 -0");
    assert_reply(h, "set a 9223372036854775807", "+OK");
    assert_reply(h, "get a", "$19 9223372036854775807");
    END;
}

TEST(set_looks_at_its_conditions)
{
    BEGIN;
    assert_reply(h, "set a 1 XX", "$-1");
    assert_reply(h, "set a 1 NX", "+OK");
    assert_reply(h, "set a 2 NX", "$-1");
    assert_reply(h, "set a 2 xx", "+OK");
    assert_reply(h, "set a 3 NX GET", "$1 2");
    assert_reply(h, "set a 4 GET XX", "$1 2");
    assert_reply(h, "set b 5 GET", "$-1");
    assert_reply(h, "mget a b", "*2 $1 4 $1 5");
    END;
}

TEST(set_refuses_contradictions)
{
    BEGIN;
    static const char *const lines[] = {
        "set a 1 NX XX",        "set a 1 EX 1 PX 1",  "set a 1 EX 10 KEEPTTL",
        "set a 1 KEEPTTL EX 1", "set a 1 EX",         "set a 1 PERSIST",
        "set a 1 FOO",          "set a 1 EX abc FOO", "getex a PERSIST EX 1",
        "getex a KEEPTTL",      "getex a EX",         "getex a NX",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_reply(h, lines[i], "-ERR syntax error");
    assert_reply(h, "set a 1 EX 10 EX 20", "+OK");
    assert_reply(h, "ttl a", ":20");
    END;
}

TEST(deadlines_must_lie_in_the_future_and_fit)
{
    BEGIN;
    assert_reply(h, "set a 1 EX 0", "-ERR invalid expire time in 'set' command");
    assert_reply(h, "set a 1 PX -1", "-ERR invalid expire time in 'set' command");
    assert_reply(h, "set a 1 EX 9223372036854776", "-ERR invalid expire time in 'set' command");
    assert_reply(h, "set a 1 PX 9223372036854775807", "-ERR invalid expire time in 'set' command");
    assert_reply(h, "set a 1 EX x", "-ERR value is not an integer or out of range");
    assert_reply(h, "setex a 0 1", "-ERR invalid expire time in 'setex' command");
    assert_reply(h, "psetex a -5 1", "-ERR invalid expire time in 'psetex' command");
    assert_reply(h, "getex a EX 0", "$-1");
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "getex a EX 0", "-ERR invalid expire time in 'getex' command");
    assert_reply(h, "get a", "$1 1");
    END;
}

TEST(a_deadline_that_has_passed_leaves_no_key)
{
    BEGIN;
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "set a 2 PXAT 1", "+OK");
    assert_reply(h, "exists a", ":0");
    assert_reply(h, "set a 3", "+OK");
    assert_reply(h, "getex a EXAT 1", "$1 3");
    assert_reply(h, "exists a", ":0");
    END;
}

TEST(keepttl_keeps_and_plain_set_forgets)
{
    BEGIN;
    assert_reply(h, "set a 1 PX 5000", "+OK");
    assert_reply(h, "set a 2 KEEPTTL", "+OK");
    assert_reply(h, "pttl a", ":5000");
    assert_reply(h, "getex a", "$1 2");
    assert_reply(h, "pttl a", ":5000");
    assert_reply(h, "getex a EX 100", "$1 2");
    assert_reply(h, "ttl a", ":100");
    assert_reply(h, "getex a PERSIST", "$1 2");
    assert_reply(h, "ttl a", ":-1");
    assert_reply(h, "setex a 10 3", "+OK");
    assert_reply(h, "getset a 4", "$1 3");
    assert_reply(h, "ttl a", ":-1");
    END;
}

TEST(values_are_there_until_their_deadline)
{
    BEGIN;
    assert_reply(h, "set a 1 PX 100", "+OK");
    command_harness_set_time(h, COMMAND_HARNESS_BEGIN_MS + 99);
    assert_reply(h, "get a", "$1 1");
    command_harness_set_time(h, COMMAND_HARNESS_BEGIN_MS + 101);
    assert_reply(h, "get a", "$-1");
    assert_reply(h, "setnx a 2", ":1");
    assert_reply(h, "ttl a", ":-1");
    END;
}

TEST(getdel_and_setnx)
{
    BEGIN;
    assert_reply(h, "getdel a", "$-1");
    assert_reply(h, "setnx a 1", ":1");
    assert_reply(h, "setnx a 2", ":0");
    assert_reply(h, "getdel a", "$1 1");
    assert_reply(h, "exists a", ":0");
    END;
}

TEST(many_at_once)
{
    BEGIN;
    assert_reply(h, "mset a 1 b 2 a 3", "+OK");
    assert_reply(h, "mget a x b", "*3 $1 3 $-1 $1 2");
    assert_reply(h, "msetnx c 1 a 1", ":0");
    assert_reply(h, "exists c", ":0");
    assert_reply(h, "msetnx c 1 d 2", ":1");
    assert_reply(h, "mset a 1 b", "-ERR wrong number of arguments for 'mset' command");
    assert_reply(h, "msetnx a 1 b", "-ERR wrong number of arguments for 'msetnx' command");
    END;
}

TEST(counters_count_and_stop_at_the_limits)
{
    BEGIN;
    assert_reply(h, "incr n", ":1");
    assert_reply(h, "incrby n 9", ":10");
    assert_reply(h, "decr n", ":9");
    assert_reply(h, "decrby n -3", ":12");
    assert_reply(h, "decrby n -9223372036854775808", "-ERR decrement would overflow");
    assert_reply(h, "incrby n 9223372036854775807", "-ERR increment or decrement would overflow");
    assert_reply(h, "incrby n 1.5", "-ERR value is not an integer or out of range");
    assert_reply(h, "set n 007", "+OK");
    assert_reply(h, "incr n", "-ERR value is not an integer or out of range");
    assert_reply(h, "set n 5 EX 100", "+OK");
    assert_reply(h, "incr n", ":6");
    assert_reply(h, "ttl n", ":100");
    END;
}

TEST(fractions_add_up)
{
    BEGIN;
    assert_reply(h, "incrbyfloat f 10.5", "$4 10.5");
    assert_reply(h, "incrbyfloat f 0.1", "$4 10.6");
    assert_reply(h, "incrbyfloat f -0.6", "$2 10");
    assert_reply(h, "object encoding f", "$6 embstr");
    assert_reply(h, "incrbyfloat f 3.0e3", "$4 3010");
    assert_reply(h, "incrbyfloat f abc", "-ERR value is not a valid float");
    assert_reply(h, "incrbyfloat f nan", "-ERR value is not a valid float");
    assert_reply(h, "incrbyfloat f inf", "-ERR increment would produce NaN or Infinity");
    assert_reply(h, "set f \" 1\"", "+OK");
    assert_reply(h, "incrbyfloat f 1", "-ERR value is not a valid float");
    END;
}

TEST(append_and_ranges)
{
    BEGIN;
    assert_reply(h, "append s Hello", ":5");
    assert_reply(h, "append s \" World\"", ":11");
    assert_reply(h, "strlen s", ":11");
    assert_reply(h, "getrange s 0 4", "$5 Hello");
    assert_reply(h, "substr s -5 -1", "$5 World");
    assert_reply(h, "getrange s -1 -5", "$0 ");
    assert_reply(h, "getrange s -100 -200", "$0 ");
    assert_reply(h, "getrange s 0 9223372036854775807", "$11 Hello World");
    assert_reply(h, "getrange s -9223372036854775808 0", "$1 H");
    assert_reply(h, "getrange none a b", "-ERR value is not an integer or out of range");
    assert_reply(h, "setrange s 6 Redis", ":11");
    assert_reply(h, "get s", "$11 Hello Redis");
    assert_reply(h, "setrange gap 2 x", ":3");
    assert_reply(h, "getrange gap 2 2", "$1 x");
    assert_reply(h, "setrange none 5 \"\"", ":0");
    assert_reply(h, "exists none", ":0");
    END;
}

TEST(strings_have_a_limit)
{
    BEGIN;
    static const char too_long[] = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_reply(h, "setrange s 536870912 x", too_long);
    assert_reply(h, "setrange s 536870911 xx", too_long);
    assert_reply(h, "setrange s 9223372036854775807 x", too_long);
    assert_reply(h, "setrange s -1 x", "-ERR offset is out of range");
    assert_reply(h, "exists s", ":0");
    END;
}

TEST(numbers_can_be_edited_as_texts)
{
    BEGIN;
    assert_reply(h, "set n 12", "+OK");
    assert_reply(h, "append n 3", ":3");
    assert_reply(h, "object encoding n", "$3 raw");
    assert_reply(h, "incr n", ":124");
    assert_reply(h, "object encoding n", "$3 int");
    assert_reply(h, "setrange n 0 5", ":3");
    assert_reply(h, "get n", "$3 524");
    assert_reply(h, "append n \"\"", ":3");
    assert_reply(h, "object encoding n", "$3 raw");
    assert_reply(h, "append fresh 12", ":2");
    assert_reply(h, "object encoding fresh", "$3 int");
    END;
}

TEST(lcs_answers_text_length_or_positions)
{
    BEGIN;
    assert_reply(h, "mset a ohmytext b mynewtext", "+OK");
    assert_reply(h, "lcs a b", "$6 mytext");
    assert_reply(h, "lcs a b LEN", ":6");
    assert_reply(h, "lcs a b IDX",
                 "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6");
    assert_reply(h, "lcs a b IDX MINMATCHLEN 4 WITHMATCHLEN",
                 "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6");
    assert_reply(h, "lcs a none", "$0 ");
    assert_reply(h, "lcs a b LEN IDX",
                 "-ERR If you want both the length and indexes, please just use IDX.");
    assert_reply(h, "lcs a b FOO", "-ERR syntax error");
    assert_reply(h, "lcs a b MINMATCHLEN", "-ERR syntax error");
    command_harness_set_protocol(h, 3);
    assert_reply(h, "lcs a b IDX MINMATCHLEN 9", "%2 $7 matches *0 $3 len :6");
    END;
}

RUN_TESTS(CHECK(set_and_get_keep_any_text), CHECK(set_looks_at_its_conditions),
          CHECK(set_refuses_contradictions), CHECK(deadlines_must_lie_in_the_future_and_fit),
          CHECK(a_deadline_that_has_passed_leaves_no_key),
          CHECK(keepttl_keeps_and_plain_set_forgets), CHECK(values_are_there_until_their_deadline),
          CHECK(getdel_and_setnx), CHECK(many_at_once),
          CHECK(counters_count_and_stop_at_the_limits), CHECK(fractions_add_up),
          CHECK(append_and_ranges), CHECK(strings_have_a_limit),
          CHECK(numbers_can_be_edited_as_texts), CHECK(lcs_answers_text_length_or_positions))
