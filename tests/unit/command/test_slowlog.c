#include "command/slowlog.h"

#include "base/buf.h"
#include "tests/support/check.h"

static void start(void *context, uint64_t count)
{
    buf_printf(context, "%llu:", (unsigned long long)count);
}

static void print_entry(void *context, const struct slowlog_entry *entry)
{
    buf_printf(context, " %llu", (unsigned long long)entry->id);
    for (uint32_t i = 0; i < entry->argument_count; i++) {
        buf_append_byte(context, i == 0 ? '=' : ',');
        buf_append_bytes(context, entry->arguments[i]);
    }
}

static void check_log(struct slowlog *slowlog, uint64_t entry_max, const char *expected)
{
    struct buf text = {0};
    slowlog_each(slowlog, entry_max, start, print_entry, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_deinit(&text);
}

static void record(struct slowlog *slowlog, const struct bytes *arguments, uint32_t count)
{
    struct slowlog_sample sample = {.arguments = arguments,
                                    .argument_count = count,
                                    .elapsed_us = 5,
                                    .wall_s = 100,
                                    .address = "1.2.3.4:5"};
    slowlog_record(slowlog, &sample);
}

static void record_word(struct slowlog *slowlog, const char *word)
{
    struct bytes argument = bytes_of_text(word);
    record(slowlog, &argument, 1);
}

TEST(newest_come_first_and_old_ones_go)
{
    struct slowlog *slowlog = slowlog_create();
    slowlog_set_capacity(slowlog, 2);
    check_log(slowlog, 10, "0:");
    record_word(slowlog, "a");
    record_word(slowlog, "b");
    record_word(slowlog, "c");
    assert_int_equal(slowlog_count(slowlog), 2);
    check_log(slowlog, 10, "2: 2=c 1=b");
    check_log(slowlog, 1, "1: 2=c");
    check_log(slowlog, 0, "0:");
    slowlog_set_capacity(slowlog, 1);
    check_log(slowlog, 10, "1: 2=c");
    slowlog_reset(slowlog);
    record_word(slowlog, "d"); /* ids go on */
    check_log(slowlog, 10, "1: 3=d");
    slowlog_set_capacity(slowlog, 0);
    record_word(slowlog, "e");
    check_log(slowlog, 10, "0:");
    slowlog_destroy(slowlog);
}

TEST(long_arguments_are_cut)
{
    struct slowlog *slowlog = slowlog_create();
    char text[SLOWLOG_ARGUMENT_BYTES_MAX + 10];
    memset(text, 'x', sizeof(text));
    struct bytes arguments[] = {BYTES_LITERAL("set"), bytes_of(text, sizeof(text)),
                                bytes_of(text, SLOWLOG_ARGUMENT_BYTES_MAX)};
    record(slowlog, arguments, 3);
    struct buf expected = {0};
    buf_printf(&expected, "1: 0=set,%.*s... (10 more bytes),%.*s", SLOWLOG_ARGUMENT_BYTES_MAX, text,
               SLOWLOG_ARGUMENT_BYTES_MAX, text);
    check_log(slowlog, 10, buf_text(&expected));
    buf_deinit(&expected);
    slowlog_destroy(slowlog);
}

static void check_cut_count(void *context, const struct slowlog_entry *entry)
{
    (void)context;
    assert_int_equal(entry->argument_count, SLOWLOG_ARGUMENTS_MAX);
    assert_bytes_text(entry->arguments[SLOWLOG_ARGUMENTS_MAX - 2], "x");
    assert_bytes_text(entry->arguments[SLOWLOG_ARGUMENTS_MAX - 1], "... (9 more arguments)");
    assert_bytes_text(entry->address, "1.2.3.4:5");
    assert_bytes_text(entry->client_name, "");
    assert_int_equal(entry->wall_s, 100);
    assert_int_equal(entry->elapsed_us, 5);
}

TEST(many_arguments_are_cut)
{
    struct slowlog *slowlog = slowlog_create();
    struct buf nothing = {0};
    struct bytes arguments[SLOWLOG_ARGUMENTS_MAX + 8];
    for (size_t i = 0; i < SLOWLOG_ARGUMENTS_MAX + 8; i++) arguments[i] = BYTES_LITERAL("x");
    record(slowlog, arguments, SLOWLOG_ARGUMENTS_MAX + 8);
    slowlog_each(slowlog, 1, start, check_cut_count, &nothing);
    buf_deinit(&nothing);
    slowlog_destroy(slowlog);
}

TEST(the_threshold_decides)
{
    struct slowlog *slowlog = slowlog_create();
    assert_int_equal(slowlog_threshold_us(slowlog), 10000);
    slowlog_set_threshold(slowlog, -1);
    assert_int_equal(slowlog_threshold_us(slowlog), -1);
    assert_false(slowlog_is_slow(-1, 1000000));
    assert_true(slowlog_is_slow(0, 0));
    assert_true(slowlog_is_slow(10, 10));
    assert_false(slowlog_is_slow(10, 9));
    slowlog_destroy(slowlog);
}

RUN_TESTS(CHECK(newest_come_first_and_old_ones_go), CHECK(long_arguments_are_cut),
          CHECK(many_arguments_are_cut), CHECK(the_threshold_decides))
