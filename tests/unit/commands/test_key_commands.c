#include <stdio.h>

#include "tests/support/check.h"
#include "tests/support/command_harness.h"

#define BEGIN struct command_harness *h = command_harness_create()
#define END command_harness_destroy(h)

TEST(deleting_and_counting)
{
    BEGIN;
    assert_reply(h, "mset a 1 b 2 c 3", "+OK");
    assert_reply(h, "exists a a none", ":2");
    assert_reply(h, "touch a b none", ":2");
    assert_reply(h, "del a a none", ":1");
    assert_reply(h, "unlink b c", ":2");
    assert_reply(h, "exists a b c", ":0");
    assert_reply(h, "type a", "+none");
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "type a", "+string");
    END;
}

TEST(renaming_moves_value_and_deadline)
{
    BEGIN;
    assert_reply(h, "rename a b", "-ERR no such key");
    assert_reply(h, "set a 1 EX 100", "+OK");
    assert_reply(h, "set b 2", "+OK");
    assert_reply(h, "renamenx a b", ":0");
    assert_reply(h, "rename a a", "+OK");
    assert_reply(h, "renamenx a a", ":0");
    assert_reply(h, "rename a b", "+OK");
    assert_reply(h, "mget a b", "*2 $-1 $1 1");
    assert_reply(h, "ttl b", ":100");
    assert_reply(h, "renamenx b c", ":1");
    assert_reply(h, "get c", "$1 1");
    END;
}

TEST(keys_of_one_shard_are_renamed_too)
{
    BEGIN;
    char line[64];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "set old:%u %u", i, i);
        assert_reply(h, line, "+OK");
    }
    for (unsigned i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "rename old:%u new:%u", i, i * 7);
        assert_reply(h, line, "+OK");
    }
    char expected[32];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "incrby new:%u 0", i * 7);
        snprintf(expected, sizeof expected, ":%u", i);
        assert_reply(h, line, expected);
    }
    END;
}

TEST(copies_live_on_their_own)
{
    BEGIN;
    assert_reply(h, "set a one EX 100", "+OK");
    assert_reply(h, "copy a b", ":1");
    assert_reply(h, "append a x", ":4");
    assert_reply(h, "get b", "$3 one");
    assert_reply(h, "ttl b", ":100");
    assert_reply(h, "copy a b", ":0");
    assert_reply(h, "copy a b REPLACE", ":1");
    assert_reply(h, "get b", "$4 onex");
    assert_reply(h, "copy none b REPLACE", ":0");
    assert_reply(h, "copy a a DB 1", ":1");
    assert_reply(h, "copy a a DB 1", ":0");
    assert_reply(h, "copy a a", "-ERR source and destination objects are the same");
    assert_reply(h, "copy a b DB 16", "-ERR DB index is out of range");
    assert_reply(h, "copy a b DB x", "-ERR value is not an integer or out of range");
    assert_reply(h, "copy a b DB", "-ERR syntax error");
    END;
}

TEST(moving_needs_a_free_place)
{
    BEGIN;
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "move a 1", ":1");
    assert_reply(h, "exists a", ":0");
    assert_reply(h, "set a 2", "+OK");
    assert_reply(h, "move a 1", ":0");
    assert_reply(h, "move none 1", ":0");
    assert_reply(h, "move a 0", "-ERR source and destination objects are the same");
    assert_reply(h, "move a -1", "-ERR DB index is out of range");
    assert_reply(h, "move a 99999999999",
                 "-ERR value is out of range, value must between -2147483648 and 2147483647");
    END;
}

TEST(expiring)
{
    BEGIN;
    assert_reply(h, "expire none 10", ":0");
    assert_reply(h, "ttl none", ":-2");
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "ttl a", ":-1");
    assert_reply(h, "expire a 10", ":1");
    assert_reply(h, "ttl a", ":10");
    assert_reply(h, "pttl a", ":10000");
    assert_reply(h, "expiretime a", ":1700000010");
    assert_reply(h, "pexpiretime a", ":1700000010000");
    assert_reply(h, "pexpire a 1499", ":1");
    assert_reply(h, "ttl a", ":1");
    assert_reply(h, "persist a", ":1");
    assert_reply(h, "persist a", ":0");
    assert_reply(h, "expireat a 1700000100", ":1");
    assert_reply(h, "ttl a", ":100");
    assert_reply(h, "expire a 9223372036854775807", "-ERR invalid expire time in 'expire' command");
    assert_reply(h, "pexpireat a 1", ":1");
    assert_reply(h, "exists a", ":0");
    END;
}

TEST(expiring_on_conditions)
{
    BEGIN;
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "expire a 10 XX", ":0");
    assert_reply(h, "expire a 10 GT", ":0");
    assert_reply(h, "expire a 10 LT", ":1");
    assert_reply(h, "expire a 10 NX", ":0");
    assert_reply(h, "expire a 5 GT", ":0");
    assert_reply(h, "expire a 20 xx gt", ":1");
    assert_reply(h, "expire a 10 NX GT",
                 "-ERR NX and XX, GT or LT options at the same time are not compatible");
    assert_reply(h, "expire a 10 GT LT",
                 "-ERR GT and LT options at the same time are not compatible");
    assert_reply(h, "expire a x FOO", "-ERR Unsupported option FOO");
    END;
}

TEST(deadlines_end_in_the_year_10889)
{
    BEGIN;
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "pexpireat a 9223372036854775807", ":1");
    assert_reply(h, "pexpiretime a", ":281474976710655");
    assert_reply(h, "pexpireat a 0", ":1");
    assert_reply(h, "exists a", ":0");
    assert_reply(h, "set a 1", "+OK");
    assert_reply(h, "pexpireat a -1", ":1");
    assert_reply(h, "exists a", ":0");
    END;
}

TEST(scanning_meets_every_key_once)
{
    BEGIN;
    enum { COUNT = 1000 };
    char line[64];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(line, sizeof line, "set k%u x", i);
        assert_reply(h, line, "+OK");
    }
    bool seen[COUNT] = {0};
    unsigned total = 0;
    unsigned long long cursor = 0;
    do {
        snprintf(line, sizeof line, "scan %llu COUNT 20", cursor);
        const char *text = command_harness_run(h, line);
        unsigned header;
        int used;
        assert_int_equal(sscanf(text, "*2 $%*d %llu *%u%n", &cursor, &header, &used), 2);
        for (unsigned i = 0; i < header; i++) {
            unsigned key;
            int more;
            assert_int_equal(sscanf(text + used, " $%*d k%u%n", &key, &more), 1);
            used += more;
            assert_false(seen[key]);
            seen[key] = true;
            total++;
        }
    } while (cursor != 0);
    assert_int_equal(total, COUNT);
    END;
}

TEST(a_small_database_is_scanned_in_one_call)
{
    BEGIN;
    assert_reply(h, "scan 0", "*2 $1 0 *0");
    assert_reply(h, "set only x", "+OK");
    assert_reply(h, "scan 0", "*2 $1 0 *1 $4 only");
    assert_reply(h, "scan 0 TYPE STRING MATCH o*", "*2 $1 0 *1 $4 only");
    assert_reply(h, "scan 0 TYPE list", "*2 $1 0 *0");
    assert_reply(h, "scan 0 MATCH x*", "*2 $1 0 *0");
    assert_reply(h, "keys *", "*1 $4 only");
    assert_reply(h, "keys o?ly", "*1 $4 only");
    assert_reply(h, "keys x", "*0");
    assert_reply(h, "randomkey", "$4 only");
    assert_reply(h, "del only", ":1");
    assert_reply(h, "randomkey", "$-1");
    END;
}

TEST(expired_keys_are_not_listed)
{
    BEGIN;
    assert_reply(h, "set a 1 PX 10", "+OK");
    command_harness_set_time(h, COMMAND_HARNESS_BEGIN_MS + 11);
    assert_reply(h, "keys *", "*0");
    assert_reply(h, "scan 0", "*2 $1 0 *0");
    assert_reply(h, "copy a b", ":0");
    END;
}

TEST(mistakes_in_scan)
{
    BEGIN;
    assert_reply(h, "scan abc", "-ERR invalid cursor");
    assert_reply(h, "scan 18446744073709551616", "-ERR invalid cursor");
    assert_reply(h, "scan -1", "*2 $1 0 *0");
    assert_reply(h, "scan 0 COUNT 0", "-ERR syntax error");
    assert_reply(h, "scan 0 COUNT x", "-ERR value is not an integer or out of range");
    assert_reply(h, "scan 0 MATCH", "-ERR syntax error");
    assert_reply(h, "scan 0 FOO 1", "-ERR syntax error");
    END;
}

TEST(dumped_values_are_restored)
{
    BEGIN;
    struct bytes restore[] = {BYTES_LITERAL("restore"), BYTES_LITERAL("b"), BYTES_LITERAL("0"),
                              BYTES_LITERAL("\0\5hello\n\0cr\xdfve4 \n"), BYTES_LITERAL("REPLACE")};
    struct bytes dump[] = {BYTES_LITERAL("dump"), BYTES_LITERAL("a")};
    assert_reply(h, "dump a", "$-1");
    assert_reply(h, "set a hello", "+OK");
    assert_bytes_equal(command_harness_run_words(h, dump, 2),
                       BYTES_LITERAL("$17\r\n\0\5hello\n\0cr\xdfve4 \n\r\n"));
    assert_bytes_text(command_harness_run_words(h, restore, 4), "+OK\r\n");
    assert_reply(h, "get b", "$5 hello");
    assert_bytes_text(command_harness_run_words(h, restore, 4),
                      "-BUSYKEY Target key name already exists.\r\n");
    restore[2] = BYTES_LITERAL("5000");
    assert_bytes_text(command_harness_run_words(h, restore, 5), "+OK\r\n");
    assert_reply(h, "pttl b", ":5000");
    END;
}

TEST(mistakes_in_restore)
{
    BEGIN;
    assert_reply(h, "restore a 0 foo", "-ERR DUMP payload version or checksum are wrong");
    assert_reply(h, "restore a -1 foo", "-ERR Invalid TTL value, must be >= 0");
    assert_reply(h, "restore a x foo", "-ERR value is not an integer or out of range");
    assert_reply(h, "restore a 0 foo FREQ 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255");
    assert_reply(h, "restore a 0 foo IDLETIME -1", "-ERR Invalid IDLETIME value, must be >= 0");
    assert_reply(h, "restore a 0 foo IDLETIME 1 FREQ 1", "-ERR syntax error");
    assert_reply(h, "restore a 0 foo FOO", "-ERR syntax error");
    END;
}

TEST(objects)
{
    BEGIN;
    assert_reply(h, "object encoding none", "$-1");
    assert_reply(h, "set a 12345678901234567890123456789012345678901234", "+OK");
    assert_reply(h, "object encoding a", "$6 embstr");
    assert_reply(h, "append a 5", ":45");
    assert_reply(h, "object ENCODING a", "$3 raw");
    assert_reply(h, "object refcount a", ":1");
    assert_reply(h, "object foo a", "-ERR unknown subcommand 'foo'. Try OBJECT HELP.");
    assert_reply(h, "object", "-ERR wrong number of arguments for 'object' command");
    assert_reply(h, "object encoding",
                 "-ERR wrong number of arguments for 'object|encoding' command");
    END;
}

RUN_TESTS(CHECK(deleting_and_counting), CHECK(renaming_moves_value_and_deadline),
          CHECK(keys_of_one_shard_are_renamed_too), CHECK(copies_live_on_their_own),
          CHECK(moving_needs_a_free_place), CHECK(expiring), CHECK(expiring_on_conditions),
          CHECK(deadlines_end_in_the_year_10889), CHECK(scanning_meets_every_key_once),
          CHECK(a_small_database_is_scanned_in_one_call), CHECK(expired_keys_are_not_listed),
          CHECK(mistakes_in_scan), CHECK(dumped_values_are_restored), CHECK(mistakes_in_restore),
          CHECK(objects))
