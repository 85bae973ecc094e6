#include "base/buf.h"

#include "tests/support/check.h"

TEST(zeroed_buffer_is_empty_and_usable)
{
    struct buf buf = {0};
    assert_bytes_text(buf_bytes(&buf), "");
    assert_string_equal(buf_text(&buf), "");
    buf_deinit(&buf);
    buf_deinit(&buf);
}

TEST(appended_bytes_stay_in_order_over_growth)
{
    struct buf buf = {0};
    for (int i = 0; i < 10000; i++) buf_append_byte(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.size, 10000);
    for (int i = 0; i < 10000; i++) assert_int_equal(buf.data[i], 'a' + i % 26);
    assert_true(buf.capacity >= buf.size);
    buf_deinit(&buf);
}

TEST(growth_is_by_half_at_least)
{
    struct buf buf = {0};
    int growth_count = 0;
    for (int i = 0; i < 1000000; i++) {
        size_t before = buf.capacity;
        buf_append_byte(&buf, 'x');
        if (buf.capacity != before) growth_count++;
    }
    assert_true(growth_count < 40);
    buf_deinit(&buf);
}

TEST(all_kinds_of_appending_add_up)
{
    struct buf buf = {0};
    buf_append(&buf, "ab", 2);
    buf_append(&buf, NULL, 0);
    buf_append_bytes(&buf, BYTES_LITERAL("cd"));
    buf_append_text(&buf, "ef");
    buf_printf(&buf, "%d-%s", 42, "g");
    assert_bytes_text(buf_bytes(&buf), "abcdef42-g");
    assert_string_equal(buf_text(&buf), "abcdef42-g");
    buf_deinit(&buf);
}

TEST(printing_more_than_the_room_grows)
{
    struct buf buf = {0};
    for (size_t size = 0; size < 400; size++) {
        buf.size = 0;
        buf_printf(&buf, "%0*d", (int)size + 1, 7);
        assert_int_equal(buf.size, size + 1);
        assert_int_equal(buf.data[size], '7');
    }
    buf_deinit(&buf);
}

TEST(consuming_removes_from_the_front)
{
    struct buf buf = {0};
    buf_append_text(&buf, "abcdef");
    buf_consume(&buf, 2);
    assert_bytes_text(buf_bytes(&buf), "cdef");
    buf_consume(&buf, 0);
    buf_consume(&buf, 4);
    assert_bytes_text(buf_bytes(&buf), "");
    buf_deinit(&buf);
}

static void consume_too_much(void *context)
{
    buf_consume(context, 2);
}

TEST(consuming_more_than_there_is_aborts)
{
    struct buf buf = {0};
    buf_append_byte(&buf, 'a');
    assert_aborts(consume_too_much, &buf);
    buf_deinit(&buf);
}

TEST(reserved_room_is_not_counted)
{
    struct buf buf = {0};
    char *place = buf_reserve(&buf, 1000);
    memset(place, 'x', 1000);
    assert_int_equal(buf.size, 0);
    assert_ptr_equal(buf_reserve(&buf, 1000), place);
    buf_deinit(&buf);
}

RUN_TESTS(CHECK(zeroed_buffer_is_empty_and_usable), CHECK(appended_bytes_stay_in_order_over_growth),
          CHECK(growth_is_by_half_at_least), CHECK(all_kinds_of_appending_add_up),
          CHECK(printing_more_than_the_room_grows), CHECK(consuming_removes_from_the_front),
          CHECK(consuming_more_than_there_is_aborts), CHECK(reserved_room_is_not_counted))
