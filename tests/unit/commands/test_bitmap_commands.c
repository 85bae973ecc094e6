#include "tests/support/check.h"
#include "tests/support/command_harness.h"

#define BEGIN struct command_harness *h = command_harness_create()
#define END command_harness_destroy(h)

TEST(single_bits)
{
    BEGIN;
    assert_reply(h, "setbit b 7 1", ":0");
    assert_reply(h, "get b", "$1 \x01");
    assert_reply(h, "setbit b 7 0", ":1");
    assert_reply(h, "setbit b 100 0", ":0");
    assert_reply(h, "strlen b", ":13");
    assert_reply(h, "getbit b 7", ":0");
    assert_reply(h, "getbit b 4294967295", ":0");
    assert_reply(h, "getbit none 0", ":0");
    static const char offset[] = "-ERR bit offset is not an integer or out of range";
    assert_reply(h, "setbit b -1 1", offset);
    assert_reply(h, "setbit b 4294967296 1", offset);
    assert_reply(h, "getbit b abc", offset);
    assert_reply(h, "setbit b 0 2", "-ERR bit is not an integer or out of range");
    END;
}

TEST(a_bit_turns_a_number_into_a_text)
{
    BEGIN;
    assert_reply(h, "set n 12", "+OK");
    assert_reply(h, "setbit n 7 1", ":1");
    assert_reply(h, "object encoding n", "$3 raw");
    assert_reply(h, "get n", "$2 12");
    END;
}

TEST(counting)
{
    BEGIN;
    assert_reply(h, "set s foobar", "+OK");
    assert_reply(h, "bitcount s", ":26");
    assert_reply(h, "bitcount s 0 0", ":4");
    assert_reply(h, "bitcount s 1 1 BYTE", ":6");
    assert_reply(h, "bitcount s 5 30 bit", ":17");
    assert_reply(h, "bitcount s -1 -5", ":0");
    assert_reply(h, "bitcount none", ":0");
    assert_reply(h, "bitcount s 0", "-ERR syntax error");
    assert_reply(h, "bitcount s 0 1 FOO", "-ERR syntax error");
    assert_reply(h, "bitcount none a b", "-ERR value is not an integer or out of range");
    END;
}

TEST(finding)
{
    BEGIN;
    assert_reply(h, "set s \"\\xff\\xf0\\x00\"", "+OK");
    assert_reply(h, "bitpos s 0", ":12");
    assert_reply(h, "bitpos s 1 2", ":-1");
    assert_reply(h, "bitpos s 0 7 15 BIT", ":12");
    assert_reply(h, "bitpos s 1 7 15 BIT", ":7");
    assert_reply(h, "set s \"\\xff\\xff\"", "+OK");
    assert_reply(h, "bitpos s 0", ":16");
    assert_reply(h, "bitpos s 0 1", ":16");
    assert_reply(h, "bitpos s 0 0 -1", ":-1");
    assert_reply(h, "bitpos none 0", ":0");
    assert_reply(h, "bitpos none 1", ":-1");
    assert_reply(h, "set empty \"\"", "+OK");
    assert_reply(h, "bitpos empty 0", ":-1");
    assert_reply(h, "bitpos s 2", "-ERR The bit argument must be 1 or 0.");
    assert_reply(h, "bitpos s 1 0 1 FOO", "-ERR syntax error");
    END;
}

TEST(combining)
{
    BEGIN;
    assert_reply(h, "mset a abc b aB", "+OK");
    assert_reply(h, "bitop or d a b", ":3");
    assert_reply(h, "get d", "$3 abc");
    assert_reply(h, "bitop AND d a b", ":3");
    assert_reply(h, "getrange d 0 1", "$2 aB");
    assert_reply(h, "bitop xor a a a", ":3");
    assert_reply(h, "bitcount a", ":0");
    assert_reply(h, "bitop not b b", ":2");
    assert_reply(h, "bitop not b b", ":2");
    assert_reply(h, "get b", "$2 aB");
    assert_reply(h, "bitop or d none", ":0");
    assert_reply(h, "exists d", ":0");
    assert_reply(h, "bitop not d a b", "-ERR BITOP NOT must be called with a single source key.");
    assert_reply(h, "bitop foo d a", "-ERR syntax error");
    END;
}

TEST(the_result_of_bitop_is_no_number)
{
    BEGIN;
    assert_reply(h, "set n 12 EX 100", "+OK");
    assert_reply(h, "bitop or n n", ":2");
    assert_reply(h, "object encoding n", "$3 raw");
    assert_reply(h, "ttl n", ":-1");
    END;
}

TEST(fields)
{
    BEGIN;
    assert_reply(h, "bitfield f SET u8 0 255 GET i8 0 INCRBY u8 #1 7", "*3 :0 :-1 :7");
    assert_reply(h, "bitfield f OVERFLOW SAT INCRBY u8 0 10 OVERFLOW FAIL INCRBY u8 0 1",
                 "*2 :255 $-1");
    assert_reply(h, "bitfield f INCRBY u8 0 2", "*1 :1");
    assert_reply(h, "bitfield f SET i64 3 -9223372036854775808 GET i64 3",
                 "*2 :592223350999220224 :-9223372036854775808");
    assert_reply(h, "strlen f", ":9");
    assert_reply(h, "bitfield f", "*0");
    assert_reply(h, "bitfield_ro f GET u4 0", "*1 :1");
    assert_reply(h, "bitfield none GET u8 0", "*1 :0");
    assert_reply(h, "exists none", ":0");
    assert_reply(h, "bitfield none OVERFLOW FAIL INCRBY u2 100 10", "*1 $-1");
    assert_reply(h, "strlen none", ":13");
    END;
}

TEST(mistakes_in_bitfield_change_nothing)
{
    BEGIN;
    static const char type[] =
        "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
        "supported but i64 is.";
    static const char offset[] = "-ERR bit offset is not an integer or out of range";
    assert_reply(h, "bitfield f SET u8 0 1 GET u64 0", type);
    assert_reply(h, "bitfield f SET u8 0 1 GET x8 0", type);
    assert_reply(h, "bitfield f SET u8 0 1 GET u8 -1", offset);
    assert_reply(h, "bitfield f SET u8 0 1 GET u8 #9223372036854775807", offset);
    assert_reply(h, "bitfield f SET u8 4294967295 1", offset);
    assert_reply(h, "bitfield f SET u8 0 1 GET u8", "-ERR syntax error");
    assert_reply(h, "bitfield f SET u8 0 1 OVERFLOW", "-ERR syntax error");
    assert_reply(h, "bitfield f SET u8 0 1 OVERFLOW FOO", "-ERR Invalid OVERFLOW type specified");
    assert_reply(h, "bitfield f SET u8 0 abc", "-ERR value is not an integer or out of range");
    assert_reply(h, "bitfield_ro f SET u8 0 1",
                 "-ERR BITFIELD_RO only supports the GET subcommand");
    assert_reply(h, "exists f", ":0");
    END;
}

RUN_TESTS(CHECK(single_bits), CHECK(a_bit_turns_a_number_into_a_text), CHECK(counting),
          CHECK(finding), CHECK(combining), CHECK(the_result_of_bitop_is_no_number), CHECK(fields),
          CHECK(mistakes_in_bitfield_change_nothing))
