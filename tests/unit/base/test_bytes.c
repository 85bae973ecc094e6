#include "base/bytes.h"

#include "tests/support/check.h"

static struct bytes text(const char *data)
{
    return bytes_of_text(data);
}

TEST(empty_bytes_are_equal_wherever_they_point)
{
    assert_true(bytes_equal((struct bytes){NULL, 0}, BYTES_EMPTY));
    assert_int_equal(bytes_compare((struct bytes){NULL, 0}, BYTES_EMPTY), 0);
    assert_true(bytes_equal_nocase((struct bytes){NULL, 0}, BYTES_EMPTY));
}

TEST(equality_sees_every_byte)
{
    assert_true(bytes_equal(bytes_of("a\0b", 3), bytes_of("a\0b", 3)));
    assert_false(bytes_equal(bytes_of("a\0b", 3), bytes_of("a\0c", 3)));
    assert_false(bytes_equal(text("a"), text("ab")));
}

TEST(order_is_by_unsigned_byte_then_by_length)
{
    assert_true(bytes_compare(text("a"), text("b")) < 0);
    assert_true(bytes_compare(text("b"), text("a")) > 0);
    assert_true(bytes_compare(text("a"), text("ab")) < 0);
    assert_true(bytes_compare(text("ab"), text("a")) > 0);
    assert_true(bytes_compare(text("\x7f"), text("\x80")) < 0);
    assert_true(bytes_compare(BYTES_EMPTY, text("a")) < 0);
    assert_true(bytes_compare(text("same"), text("same")) == 0);
}

TEST(only_ascii_letters_fold)
{
    assert_true(bytes_equal_nocase(text("GeT[\xc4"), text("gEt[\xc4")));
    assert_false(bytes_equal_nocase(text("@"), text("`")));
    assert_false(bytes_equal_nocase(text("["), text("{")));
    assert_false(bytes_equal_nocase(text("\xc4"), text("\xe4")));
    assert_true(bytes_is_word(text("WITHSCORES"), "withscores"));
    assert_false(bytes_is_word(text("withscore"), "withscores"));
}

TEST(parts_stay_inside)
{
    struct bytes all = BYTES_LITERAL("abcdef");
    assert_bytes_text(bytes_part(all, 0, 2), "ab");
    assert_bytes_text(bytes_part(all, 4, 10), "ef");
    assert_bytes_text(bytes_part(all, 4, SIZE_MAX), "ef");
    assert_bytes_text(bytes_part(all, 6, 1), "");
    assert_bytes_text(bytes_part(all, 100, 1), "");
}

RUN_TESTS(CHECK(empty_bytes_are_equal_wherever_they_point), CHECK(equality_sees_every_byte),
          CHECK(order_is_by_unsigned_byte_then_by_length), CHECK(only_ascii_letters_fold),
          CHECK(parts_stay_inside))
