#include "os/messages.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/disk.h"
#include "os/thread.h"
#include "tests/support/check.h"

/* A folder for one test, with the log in it. */
struct place {
    char folder[64];
    char log[80];
    struct disk *disk;
};

static void open_place(struct place *place)
{
    strcpy(place->folder, "/tmp/cairn-messages-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->log, sizeof(place->log), "%s/log", place->folder);
    assert_ok(disk_posix_open(place->folder, &place->disk));
    assert_ok(messages_set_file(place->log));
}

static void close_place(struct place *place)
{
    assert_ok(messages_set_file("/dev/null"));
    messages_set_level(MESSAGE_LEVEL_NOTICE);
    place->disk->ops->close_disk(place->disk);
    (void)unlink(place->log);
    (void)rmdir(place->folder);
}

static const char *read_log(struct place *place, struct buf *out)
{
    out->size = 0;
    assert_ok(disk_read_all(place->disk, "log", 10 << 20, out));
    return buf_text(out);
}

TEST(line_looks_as_redis_prints_it)
{
    struct place place;
    open_place(&place);
    message_notice("ready after %d ms", 12);
    message_warning("careful");

    struct buf text = {0};
    char expected[256];
    snprintf(expected, sizeof(expected),
             "^%d:M [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} "
             "\\* ready after 12 ms\n%d:M [^#]+ # careful\n$",
             (int)getpid(), (int)getpid());
    regex_t regex;
    assert_int_equal(regcomp(&regex, expected, REG_EXTENDED | REG_NOSUB), 0);
    assert_int_equal(regexec(&regex, read_log(&place, &text), 0, NULL, 0), 0);
    regfree(&regex);
    buf_deinit(&text);
    close_place(&place);
}

TEST(lines_below_the_level_are_left_out)
{
    struct place place;
    open_place(&place);
    struct buf text = {0};
    message_debug("a");
    message_verbose("b");
    assert_string_equal(read_log(&place, &text), "");
    messages_set_level(MESSAGE_LEVEL_DEBUG);
    message_debug("c");
    message_verbose("d");
    assert_non_null(strstr(read_log(&place, &text), " . c\n"));
    assert_non_null(strstr(read_log(&place, &text), " - d\n"));
    buf_deinit(&text);
    close_place(&place);
}

TEST(message_is_one_line_whatever_it_holds)
{
    struct place place;
    open_place(&place);
    message_notice("evil\r\n1:M fake\x1b[0m");
    struct buf text = {0};
    const char *log = read_log(&place, &text);
    assert_non_null(strstr(log, "evil  1:M fake [0m\n"));
    assert_ptr_equal(strchr(log, '\n'), log + text.size - 1);
    buf_deinit(&text);
    close_place(&place);
}

TEST(long_message_is_cut)
{
    struct place place;
    open_place(&place);
    message_notice("%05000d", 7);
    struct buf text = {0};
    (void)read_log(&place, &text);
    assert_true(text.size > 1000);
    assert_true(text.size < 1200);
    assert_int_equal(text.data[text.size - 1], '\n');
    buf_deinit(&text);
    close_place(&place);
}

TEST(reopening_follows_a_moved_file)
{
    struct place place;
    open_place(&place);
    message_notice("first");
    assert_ok(place.disk->ops->rename(place.disk, "log", "log.1"));
    message_notice("second");
    assert_ok(messages_set_file(place.log));
    message_notice("third");

    struct buf text = {0};
    assert_null(strstr(read_log(&place, &text), "second"));
    assert_non_null(strstr(read_log(&place, &text), "third"));
    buf_deinit(&text);
    assert_ok(place.disk->ops->remove(place.disk, "log.1"));
    close_place(&place);
}

TEST(file_that_cannot_be_opened_is_reported)
{
    assert_status(messages_set_file("/nowhere/at/all/log"), STATUS_NOT_FOUND);
}

static void print_many(void *context)
{
    (void)context;
    for (int i = 0; i < 200; i++) message_notice("%0100d", i);
}

TEST(lines_of_threads_do_not_mix)
{
    struct place place;
    open_place(&place);
    struct thread threads[4];
    for (int i = 0; i < 4; i++) assert_ok(thread_start(&threads[i], "printer", print_many, NULL));
    for (int i = 0; i < 20; i++) assert_ok(messages_set_file(place.log));
    for (int i = 0; i < 4; i++) thread_join(&threads[i]);

    struct buf text = {0};
    const char *log = read_log(&place, &text);
    int line_count = 0;
    size_t line_size = (size_t)(strchr(log, '\n') - log);
    for (const char *end = strchr(log, '\n'); end != NULL; end = strchr(log, '\n')) {
        assert_int_equal(end - log, line_size);
        line_count++;
        log = end + 1;
    }
    assert_int_equal(line_count, 4 * 200);
    buf_deinit(&text);
    close_place(&place);
}

RUN_TESTS(CHECK(line_looks_as_redis_prints_it), CHECK(lines_below_the_level_are_left_out),
          CHECK(message_is_one_line_whatever_it_holds), CHECK(long_message_is_cut),
          CHECK(reopening_follows_a_moved_file), CHECK(file_that_cannot_be_opened_is_reported),
          CHECK(lines_of_threads_do_not_mix))
