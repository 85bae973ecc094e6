#include "base/text.h"

#include "base/memory.h"
#include "tests/support/check.h"

static bool matches(const char *pattern, const char *text)
{
    return text_glob_match(bytes_of_text(pattern), bytes_of_text(text), false);
}

static bool matches_nocase(const char *pattern, const char *text)
{
    return text_glob_match(bytes_of_text(pattern), bytes_of_text(text), true);
}

TEST(glob_without_wildcards_matches_itself_only)
{
    assert_true(matches("abc", "abc"));
    assert_false(matches("abc", "abd"));
    assert_false(matches("abc", "ab"));
    assert_false(matches("ab", "abc"));
    assert_false(matches("", "a"));
    assert_true(matches("", ""));
}

TEST(glob_star_matches_any_run)
{
    assert_true(matches("*", "anything"));
    assert_true(matches("*", ""));
    assert_true(matches("a*", "a"));
    assert_true(matches("a**", "abc"));
    assert_true(matches("*c", "abc"));
    assert_true(matches("a*c", "ac"));
    assert_true(matches("a*b*c", "axxbyybzzc"));
    assert_false(matches("a*c", "acb"));
    assert_true(matches("*ab", "aab"));
    assert_true(matches("*aab*", "aaaab"));
    assert_false(matches("*ab*ab", "ab"));
}

TEST(glob_question_mark_matches_one_byte)
{
    assert_true(matches("h?llo", "hello"));
    assert_false(matches("h?llo", "hllo"));
    assert_false(matches("?", ""));
    assert_true(matches("*?", "a"));
    assert_false(matches("??", "a"));
}

TEST(glob_on_empty_text_is_as_in_redis)
{
    assert_false(matches("**", ""));
    assert_false(matches("[^a]", ""));
}

TEST(glob_class_matches_members_ranges_and_complements)
{
    assert_true(matches("h[ae]llo", "hallo"));
    assert_false(matches("h[ae]llo", "hillo"));
    assert_true(matches("[a-c]", "b"));
    assert_false(matches("[a-c]", "d"));
    assert_true(matches("[c-a]", "b"));
    assert_true(matches("[^a-c]", "d"));
    assert_false(matches("[^a-c]", "b"));
    assert_true(matches("[a^]", "^"));
    assert_true(matches("[\x80-\xff]", "\xc3"));
    assert_false(matches("[]", "a"));
    assert_true(matches("[^]", "a"));
}

TEST(glob_class_with_odd_syntax_is_read_as_redis_reads_it)
{
    assert_false(matches("[", "["));
    assert_true(matches("[^", "x"));
    assert_true(matches("[abc", "b"));
    assert_true(matches("[a-", "-"));
    assert_true(matches("[a-]", "^"));
    assert_false(matches("[a-]", "b"));
    assert_true(matches("[\\]]", "]"));
    assert_true(matches("[\\", "\\"));
    assert_true(matches("[\\-x]", "-"));
    assert_true(matches("x[ab]*[cd]", "xa-b-c"));
}

TEST(glob_backslash_takes_the_next_byte_literally)
{
    assert_true(matches("a\\*", "a*"));
    assert_false(matches("a\\*", "ab"));
    assert_true(matches("\\?", "?"));
    assert_true(matches("\\[a]", "[a]"));
    assert_true(matches("a\\", "a\\"));
    assert_true(matches("\\a", "a"));
}

TEST(glob_ignores_case_when_asked)
{
    assert_true(matches_nocase("HeL*", "hElLo"));
    assert_true(matches_nocase("[A-C]x", "bX"));
    assert_true(matches_nocase("[abc]", "B"));
    assert_false(matches_nocase("[\\b]", "B"));
    assert_false(matches_nocase("[Z-a]", "z"));
    assert_false(matches("HeL*", "hElLo"));
}

TEST(glob_treats_nul_as_any_byte)
{
    assert_true(text_glob_match(bytes_of("a?b\0c", 5), bytes_of("a\0b\0c", 5), false));
    assert_false(text_glob_match(bytes_of("a\0", 2), bytes_of("a", 1), false));
}

/* With backtracking to more than the last star this would not end within a lifetime. */
TEST(glob_with_many_stars_ends)
{
    enum { STAR_COUNT = 1000, TEXT_SIZE = 10000 };
    char pattern[2 * STAR_COUNT + 1];
    for (int i = 0; i < STAR_COUNT; i++) memcpy(pattern + (ptrdiff_t)2 * i, "*a", 2);
    pattern[2 * STAR_COUNT] = 'b';
    char *text = memory_alloc(TEXT_SIZE);
    memset(text, 'a', TEXT_SIZE);
    assert_false(
        text_glob_match(bytes_of(pattern, sizeof(pattern)), bytes_of(text, TEXT_SIZE), false));
    memory_free(text);
}

/* Splits `line` and joins the words with '|'; "!" when it cannot be split. */
static void assert_words(const char *line, const char *expected)
{
    struct buf storage = {0};
    struct buf words = {0};
    struct buf joined = {0};
    if (text_split_words(bytes_of_text(line), &storage, &words)) {
        size_t count = words.size / sizeof(struct text_word);
        for (size_t i = 0; i < count; i++) {
            struct text_word word;
            memcpy(&word, words.data + i * sizeof(word), sizeof(word));
            buf_append(&joined, storage.data + word.offset, word.size);
            buf_append_byte(&joined, '|');
            assert_int_equal(storage.data[word.offset + word.size], '\0');
        }
    } else {
        buf_append_text(&joined, "!");
    }
    assert_bytes_text(buf_bytes(&joined), expected);
    buf_deinit(&storage);
    buf_deinit(&words);
    buf_deinit(&joined);
}

TEST(words_are_split_at_spaces)
{
    assert_words("", "");
    assert_words("  \t ", "");
    assert_words("set key value", "set|key|value|");
    assert_words("  set\tkey \r\n", "set|key|");
    assert_words("a\vb", "a\vb|");
    assert_words("a \vb", "a|b|");
}

TEST(double_quotes_hold_spaces_and_escapes)
{
    assert_words("set \"a b\"", "set|a b|");
    assert_words("\"\"", "|");
    assert_words("\"\\n\\r\\t\\b\\a\\\\\\\"\\q\"", "\n\r\t\b\a\\\"q|");
    assert_words("\"\\x41\\x4a\\xzz\"", "AJxzz|");
    assert_words("\"it's\"", "it's|");
    assert_words("foo\"bar\"", "foobar|");
}

TEST(single_quotes_hold_all_but_themselves)
{
    assert_words("'a b' 'it\\'s' '\\n'", "a b|it's|\\n|");
    assert_words("''", "|");
}

TEST(unbalanced_quotes_are_refused)
{
    assert_words("\"foo", "!");
    assert_words("'foo", "!");
    assert_words("\"foo\\", "!");
    assert_words("\"foo\"bar", "!");
    assert_words("'foo'bar", "!");
    assert_words("'foo'\"bar\"", "!");
    assert_words("a \"b\"c d", "!");
}

TEST(a_word_may_hold_a_nul_from_an_escape)
{
    struct buf storage = {0};
    struct buf words = {0};
    assert_true(text_split_words(BYTES_LITERAL("\"a\\x00b\""), &storage, &words));
    struct text_word word;
    assert_int_equal(words.size, sizeof(word));
    memcpy(&word, words.data, sizeof(word));
    assert_bytes_equal(bytes_of(storage.data + word.offset, word.size), bytes_of("a\0b", 3));
    buf_deinit(&storage);
    buf_deinit(&words);
}

TEST(a_nul_ends_the_line)
{
    struct buf storage = {0};
    struct buf words = {0};
    assert_true(text_split_words(BYTES_LITERAL("a\0b \""), &storage, &words));
    assert_int_equal(words.size, sizeof(struct text_word));
    assert_bytes_equal(buf_bytes(&storage), bytes_of("a\0", 2));
    assert_true(text_split_words((struct bytes){NULL, 0}, &storage, &words));
    buf_deinit(&storage);
    buf_deinit(&words);
}

TEST(quoted_text_has_escapes)
{
    struct buf out = {0};
    text_append_quoted(&out, bytes_of("a\"\\\n\r\t\a\b\0\x7f\xff~ ", 13));
    assert_bytes_text(buf_bytes(&out), "\"a\\\"\\\\\\n\\r\\t\\a\\b\\x00\\x7f\\xff~ \"");
    buf_deinit(&out);
}

TEST(quoted_text_splits_back_into_itself)
{
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    struct buf quoted = {0};
    text_append_quoted(&quoted, bytes_of(all, sizeof(all)));

    struct buf storage = {0};
    struct buf words = {0};
    assert_true(text_split_words(buf_bytes(&quoted), &storage, &words));
    assert_int_equal(words.size, sizeof(struct text_word));
    assert_bytes_equal(bytes_of(storage.data, 256), bytes_of(all, 256));
    buf_deinit(&quoted);
    buf_deinit(&storage);
    buf_deinit(&words);
}

TEST(lower_changes_ascii_letters_only)
{
    char text[] = "AZaz09@[`{\xc4";
    text_lower(text, sizeof(text) - 1);
    assert_string_equal(text, "azaz09@[`{\xc4");
}

TEST(human_bytes_are_as_in_info)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0,                          "0B"                   },
        {1023,                       "1023B"                },
        {1024,                       "1.00K"                },
        {1536,                       "1.50K"                },
        {1048576,                    "1.00M"                },
        {1320702443,                 "1.23G"                },
        {UINT64_C(1) << 40,          "1.00T"                },
        {UINT64_C(1) << 50,          "1.00P"                },
        {(UINT64_C(1) << 60) - 1024, "1024.00P"             },
        {UINT64_C(1) << 60,          "1152921504606846976B" },
        {UINT64_MAX,                 "18446744073709551615B"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        text_append_human_bytes(&out, rows[i].bytes);
        assert_bytes_text(buf_bytes(&out), rows[i].text);
        buf_deinit(&out);
    }
}

RUN_TESTS(CHECK(glob_without_wildcards_matches_itself_only), CHECK(glob_star_matches_any_run),
          CHECK(glob_question_mark_matches_one_byte), CHECK(glob_on_empty_text_is_as_in_redis),
          CHECK(glob_class_matches_members_ranges_and_complements),
          CHECK(glob_class_with_odd_syntax_is_read_as_redis_reads_it),
          CHECK(glob_backslash_takes_the_next_byte_literally), CHECK(glob_ignores_case_when_asked),
          CHECK(glob_treats_nul_as_any_byte), CHECK(glob_with_many_stars_ends),
          CHECK(words_are_split_at_spaces), CHECK(double_quotes_hold_spaces_and_escapes),
          CHECK(single_quotes_hold_all_but_themselves), CHECK(unbalanced_quotes_are_refused),
          CHECK(a_word_may_hold_a_nul_from_an_escape), CHECK(a_nul_ends_the_line),
          CHECK(quoted_text_has_escapes), CHECK(quoted_text_splits_back_into_itself),
          CHECK(lower_changes_ascii_letters_only), CHECK(human_bytes_are_as_in_info))
