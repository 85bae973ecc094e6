#include "command/syntax.h"

#include "base/arena.h"
#include "base/buf.h"
#include "tests/support/check.h"

static void print_list(struct buf *out, const struct syntax_argument *first);

/* token/name:type, '?' optional, '*' multiple, then the children in brackets. */
static void print_one(struct buf *out, const struct syntax_argument *argument)
{
    bool has_own_token = argument->token.size > 0 && argument->type != SYNTAX_PURE_TOKEN;
    if (has_own_token) buf_printf(out, "%.*s/", (int)argument->token.size, argument->token.data);
    buf_append_bytes(out, argument->name);
    if (argument->type == SYNTAX_PURE_TOKEN) {
        buf_printf(out, "=%.*s", (int)argument->token.size, argument->token.data);
    } else if (argument->type != SYNTAX_STRING) {
        buf_printf(out, ":%s", syntax_type_name(argument->type));
    }
    if (argument->is_optional) buf_append_byte(out, '?');
    if (argument->is_multiple) buf_append_byte(out, '*');
    if (argument->children == NULL) return;
    buf_append_byte(out, '(');
    print_list(out, argument->children);
    buf_append_byte(out, ')');
}

static void print_list(struct buf *out, const struct syntax_argument *first)
{
    for (const struct syntax_argument *argument = first; argument != NULL;
         argument = argument->next) {
        if (argument != first) buf_append_byte(out, ' ');
        print_one(out, argument);
    }
}

static void check(const char *syntax, const char *expected)
{
    struct arena arena;
    arena_init(&arena, 1024);
    struct buf text = {0};
    print_list(&text, syntax_parse(syntax, &arena));
    assert_string_equal(buf_text(&text), expected);
    buf_deinit(&text);
    arena_deinit(&arena);
}

TEST(words_are_values_with_types)
{
    check("", "");
    check("key", "key:key");
    check("source destination", "source:key destination:key");
    check("key offset value", "key:key offset:integer value");
    check("pattern", "pattern:pattern");
    check("key increment:double", "key:key increment:double");
    check("key what:nonsense", "key:key what");
    check("key unix-time-seconds", "key:key unix-time-seconds:unix-time");
}

TEST(capitals_are_tokens)
{
    check("[NX | XX]", "condition:oneof?(nx=NX xx=XX)");
    check("[GET]", "get=GET?");
    check("[DB destination-db] [REPLACE]", "DB/destination-db:integer? replace=REPLACE?");
    check("[LIMIT offset count]", "LIMIT/limit:block?(offset:integer count:integer)");
    check("[EX seconds | PX milliseconds | KEEPTTL]",
          "choice:oneof?(EX/seconds:integer PX/milliseconds:integer keepttl=KEEPTTL)");
}

TEST(angles_only_group)
{
    check("<AND | OR> destkey key [key ...]",
          "condition:oneof(and=AND or=OR) destkey:key key:key*");
}

TEST(what_is_repeated_is_one_argument)
{
    check("key [key ...]", "key:key*");
    check("key value [key value ...]", "key_value:block*(key:key value)");
    check("message [arg ...]", "message arg?*");
    check("[section ...]", "section?*");
    check("numkeys key [key ...] [WEIGHTS weight [weight ...]]",
          "numkeys:integer key:key* WEIGHTS/weight:double?*");
}

TEST(groups_nest)
{
    check(
        "key [start end [BYTE | BIT]]",
        "key:key start_end:block?(start:integer end:integer condition:oneof?(byte=BYTE bit=BIT))");
    check(
        "key bit [start [end [BYTE | BIT]]]",
        "key:key bit:integer start_end_condition:block?(start:integer end_condition:block?(end:integer "
        "condition:oneof?(byte=BYTE bit=BIT)))");
}

TEST(text_that_is_no_syntax_does_no_harm)
{
    check("]", "");
    check("[", "");
    check("[]", "");
    check("a ] b", "a b");
    check("[a", "a?");
    check("|", "");
    check("a | b", "choice:oneof(a b)");
    check("[[[[[[[[[[[[[[[[[[[[[[[[a", "");
    check("...", "");
}

RUN_TESTS(CHECK(words_are_values_with_types), CHECK(capitals_are_tokens), CHECK(angles_only_group),
          CHECK(what_is_repeated_is_one_argument), CHECK(groups_nest),
          CHECK(text_that_is_no_syntax_does_no_harm))
