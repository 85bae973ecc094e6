#include "command/command.h"

#include <stdio.h>

#include "tests/support/check.h"

enum { WORDS_MAX = 16 };

/* "first:step:count" of the keys in a line of words. */
static void check_keys(struct command_keys keys, const char *line, const char *expected)
{
    struct bytes words[WORDS_MAX];
    uint32_t count = 0;
    while (*line != '\0') {
        size_t size = strcspn(line, " ");
        words[count++] = bytes_of(line, size);
        line += size + strspn(line + size, " ");
    }
    struct command command = {.name = "x", .keys = keys};
    struct command_key_range range = command_key_range(&command, words, count);
    char text[64];
    (void)snprintf(text, sizeof(text), "%u:%u:%u", range.count > 0 ? range.first : 0, range.step,
                   range.count);
    assert_string_equal(text, expected);
}

TEST(keys_stand_where_the_row_says)
{
    check_keys((struct command_keys){0, 0, 0, 0}, "ping a", "0:1:0");
    check_keys((struct command_keys){1, 1, 1, 0}, "get a", "1:1:1");
    check_keys((struct command_keys){1, -1, 1, 0}, "mget a b c", "1:1:3");
    check_keys((struct command_keys){1, -1, 2, 0}, "mset a 1 b 2", "1:2:2");
    check_keys((struct command_keys){2, -1, 1, 0}, "bitop and d a b", "2:1:3");
    check_keys((struct command_keys){1, -2, 1, 0}, "blpop a b 0", "1:1:2");
    check_keys((struct command_keys){2, 2, 1, 0}, "memory usage k", "2:1:1");
}

TEST(keys_that_are_missing_are_not_counted)
{
    check_keys((struct command_keys){1, 1, 1, 0}, "get", "0:1:0");
    check_keys((struct command_keys){1, 2, 1, 0}, "rename a", "1:1:1");
    check_keys((struct command_keys){1, -2, 1, 0}, "blpop 0", "0:1:0");
    check_keys((struct command_keys){1, -1, 2, 0}, "mset a 1 b", "1:2:2");
}

TEST(keys_follow_their_number)
{
    struct command_keys counted = {0, 0, 0, 1};
    check_keys(counted, "sintercard 2 a b LIMIT 1", "2:1:2");
    check_keys(counted, "sintercard 3 a b", "0:1:0");
    check_keys(counted, "sintercard 0 a", "0:1:0");
    check_keys(counted, "sintercard -1 a", "0:1:0");
    check_keys(counted, "sintercard x a", "0:1:0");
    check_keys(counted, "sintercard 9223372036854775807 a", "0:1:0");
    check_keys(counted, "sintercard", "0:1:0");
}

TEST(arity_is_exact_or_a_least)
{
    struct command exact = {.name = "x", .arity = 2};
    struct command least = {.name = "x", .arity = -2};
    assert_true(command_takes(&exact, 2));
    assert_false(command_takes(&exact, 1));
    assert_false(command_takes(&exact, 3));
    assert_true(command_takes(&least, 2));
    assert_true(command_takes(&least, 100));
    assert_false(command_takes(&least, 1));
}

static bool is_in(const struct command *command, const char *category)
{
    for (int i = 0; i < COMMAND_CATEGORY_COUNT; i++) {
        if (strcmp(command_category_names[i], category) == 0)
            return (command_categories(command) >> i & 1) != 0;
    }
    return false;
}

TEST(categories_follow_from_flags_and_words)
{
    struct command command = {
        .name = "x", .flags = CMD_WRITE | CMD_ADMIN, .acl = "@keyspace @blocking"};
    assert_true(is_in(&command, "write"));
    assert_true(is_in(&command, "admin"));
    assert_true(is_in(&command, "dangerous"));
    assert_true(is_in(&command, "keyspace"));
    assert_true(is_in(&command, "blocking"));
    assert_true(is_in(&command, "slow"));
    assert_false(is_in(&command, "fast"));
    assert_false(is_in(&command, "read"));
    struct command bare = {.name = "x", .flags = CMD_FAST};
    assert_int_equal(__builtin_popcount(command_categories(&bare)), 1);
    assert_true(is_in(&bare, "fast"));
}

RUN_TESTS(CHECK(keys_stand_where_the_row_says), CHECK(keys_that_are_missing_are_not_counted),
          CHECK(keys_follow_their_number), CHECK(arity_is_exact_or_a_least),
          CHECK(categories_follow_from_flags_and_words))
