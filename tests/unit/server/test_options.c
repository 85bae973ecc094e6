#include "server/options.h"

#include "base/memory.h"
#include "base/text.h"
#include "os/thread.h"
#include "tests/support/check.h"

enum { WORDS_MAX = 32 };

/* A line of words, and where its bytes are kept. */
struct line {
    struct buf storage;
    struct bytes words[WORDS_MAX];
    size_t count;
};

static void line_init(struct line *line, const char *text)
{
    *line = (struct line){0};
    struct buf places = {0};
    assert_true(text_split_words(bytes_of_text(text), &line->storage, &places));
    const struct text_word *place = (const struct text_word *)(const void *)places.data;
    line->count = places.size / sizeof(*place);
    assert_true(line->count <= WORDS_MAX);
    for (size_t i = 0; i < line->count; i++) {
        line->words[i] = bytes_of(line->storage.data + place[i].offset, place[i].size);
    }
    buf_deinit(&places);
}

/* As a line of a file. */
static void check_set(struct options *options, const char *text, const char *expected_error)
{
    struct line line;
    struct buf error = {0};
    line_init(&line, text);
    bool is_set = options_set(options, line.words[0], line.words + 1, line.count - 1, &error);
    assert_string_equal(buf_text(&error), expected_error);
    assert_int_equal(is_set, expected_error[0] == '\0');
    buf_deinit(&error);
    buf_deinit(&line.storage);
}

/* As CONFIG SET; the whole error. */
static void check_change(struct options *options, const char *text, const char *expected_error)
{
    struct line line;
    struct buf error = {0};
    line_init(&line, text);
    bool is_changed = options_change(options, line.words, line.count / 2, &error);
    assert_string_equal(buf_text(&error), expected_error);
    assert_int_equal(is_changed, expected_error[0] == '\0');
    buf_deinit(&error);
    buf_deinit(&line.storage);
}

static void print_pair(void *context, struct bytes name, struct bytes value)
{
    struct buf *text = context;
    if (text->size > 0) buf_append_byte(text, ';');
    buf_append_bytes(text, name);
    buf_append_byte(text, '=');
    buf_append_bytes(text, value);
}

/* As CONFIG GET of several patterns. */
static void check_get(struct options *options, const char *patterns, const char *expected)
{
    struct line line;
    struct buf text = {0};
    line_init(&line, patterns);
    options_match(options, line.words, line.count, print_pair, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_deinit(&text);
    buf_deinit(&line.storage);
}

TEST(every_row_is_in_order_and_reads_its_own_print)
{
    struct options options;
    options_init(&options);
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option *option = &option_rows[i];
        if (i > 0) assert_true(strcmp(option_rows[i - 1].name, option->name) < 0);
        assert_non_null(option->summary);
        assert_ptr_equal(option_find(bytes_of_text(option->name)), option);
        if (option->alias != NULL)
            assert_ptr_equal(option_find(bytes_of_text(option->alias)), option);

        struct buf printed = {0};
        struct buf again = {0};
        struct buf error = {0};
        options_print(&options, option, &printed);
        struct bytes value = buf_bytes(&printed);
        assert_true(options_set(&options, bytes_of_text(option->name), &value, 1, &error));
        options_print(&options, option, &again);
        assert_bytes_equal(buf_bytes(&again), value);
        buf_deinit(&printed);
        buf_deinit(&again);
        buf_deinit(&error);
    }
    assert_int_equal(options.warnings.size, 0);
    options_deinit(&options);
}

TEST(defaults_are_safe)
{
    struct options options;
    options_init(&options);
    assert_int_equal(options.appendonly, true);
    assert_int_equal(options.appendfsync, APPENDFSYNC_ALWAYS);
    assert_int_equal(options.protected_mode, true);
    assert_int_equal(options.enable_debug_command, DEBUG_COMMAND_NO);
    assert_string_equal(options.bind, "127.0.0.1 -::1");
    assert_int_equal(options.threads, thread_core_count());
    check_get(&options, "maxclients databases port", "databases=16;maxclients=10000;port=6379");
    options_deinit(&options);
}

TEST(values_of_each_kind_are_read)
{
    struct options options;
    options_init(&options);
    check_set(&options, "maxmemory 64mb", "");
    check_set(&options, "PORT 7000", "");
    check_set(&options, "appendfsync EverySec", "");
    check_set(&options, "unixsocketperm 770", "");
    check_set(&options, "bind 1.2.3.4 -::1", "");
    check_set(&options, "requirepass \"a b\"", "");
    check_set(&options, "slave-read-only no", "");
    check_set(&options, "logfile ''", "");
    assert_int_equal(options.maxmemory, 64 << 20);
    assert_int_equal(options.port, 7000);
    assert_int_equal(options.appendfsync, APPENDFSYNC_EVERYSEC);
    assert_int_equal(options.unixsocketperm, 0770);
    assert_int_equal(options.has_password, true);
    check_get(
        &options, "bind unixsocketperm requirepass replica-read-only slave-read-only",
        "bind=1.2.3.4 -::1;replica-read-only=no;slave-read-only=no;requirepass=a b;unixsocketperm=770");
    options_deinit(&options);
}

TEST(wrong_values_say_what_would_be_right)
{
    struct options options;
    options_init(&options);
    check_set(&options, "nosuch 1", "Bad directive or wrong number of arguments");
    check_set(&options, "port", "wrong number of arguments");
    check_set(&options, "port 1 2", "wrong number of arguments");
    check_set(&options, "port abc", "argument couldn't be parsed into an integer");
    check_set(&options, "port 70000", "argument must be between 0 and 65535 inclusive");
    check_set(&options, "maxmemory -1", "argument must be a memory value");
    check_set(&options, "appendonly maybe", "argument must be 'yes' or 'no'");
    check_set(&options, "appendfsync x",
              "argument(s) must be one of the following: everysec, always, no");
    check_set(&options, "unixsocketperm 9", "argument couldn't be parsed as an octal number");
    check_set(&options, "unixsocketperm 7777", "argument must be between 0 and 511 inclusive");
    check_set(&options, "save 60", "Invalid save parameters");
    check_set(&options, "save 0 1", "Invalid save parameters");
    check_set(&options, "client-output-buffer-limit normal 0 0",
              "Wrong number of arguments in buffer limit configuration.");
    assert_int_equal(options.port, 6379);
    options_deinit(&options);
}

TEST(what_is_not_there_yet_is_refused)
{
    struct options options;
    options_init(&options);
    check_set(&options, "cluster-enabled no", "");
    check_set(&options, "cluster-enabled yes", "not implemented yet");
    check_set(&options, "replicaof 1.2.3.4 6379", "not implemented yet");
    check_set(&options, "tls-port 6380", "not implemented yet");
    check_set(&options, "aclfile users.acl", "not implemented yet");
    check_change(
        &options, "tls-port 6380",
        "ERR CONFIG SET failed (possibly related to argument 'tls-port') - not implemented yet");
    assert_int_equal(options.warnings.size, 0);
    options_deinit(&options);
}

TEST(what_has_no_meaning_is_echoed_with_a_warning)
{
    struct options options;
    options_init(&options);
    check_set(&options, "activedefrag yes", "");
    check_set(&options, "hash-max-ziplist-entries 100", "");
    check_set(&options, "maxmemory-policy allkeys-lru", "");
    check_get(&options, "activedefrag hash-max-listpack-entries maxmemory-policy",
              "activedefrag=yes;hash-max-listpack-entries=100;maxmemory-policy=allkeys-lru");
    assert_non_null(strstr(buf_text(&options.warnings), "'activedefrag'"));
    assert_non_null(strstr(buf_text(&options.warnings), "'hash-max-listpack-entries'"));
    assert_non_null(strstr(buf_text(&options.warnings), "Only noeviction is in force"));
    options_deinit(&options);
}

TEST(save_points_add_up_in_a_file_and_replace_each_other_later)
{
    struct options options;
    struct options_save_point points[OPTIONS_SAVE_POINTS_MAX];
    options_init(&options);
    check_get(&options, "save", "save=3600 1 300 100 60 10000");
    check_set(&options, "save 900 1", "");
    check_set(&options, "save 60 1000 30 5000", "");
    check_get(&options, "save", "save=900 1 60 1000 30 5000");
    assert_int_equal(options_save_points(&options, points), 3);
    assert_int_equal(points[1].seconds, 60);
    assert_int_equal(points[2].changes, 5000);
    check_set(&options, "save ''", "");
    assert_int_equal(options_save_points(&options, points), 0);
    check_change(&options, "save '10 1 20 2'", "");
    check_change(&options, "save '30 3'", "");
    check_get(&options, "save", "save=30 3");
    options_deinit(&options);
}

TEST(output_limits_keep_the_classes_that_are_not_named)
{
    struct options options;
    options_init(&options);
    check_set(&options, "client-output-buffer-limit replica 1mb 512kb 10", "");
    check_change(&options, "client-output-buffer-limit 'normal 5 6 7'", "");
    check_get(
        &options, "client-output-buffer-limit",
        "client-output-buffer-limit=normal 5 6 7 slave 1048576 524288 10 pubsub 33554432 8388608 60");
    assert_int_equal(options.output_limits[CLIENT_CLASS_NORMAL].soft_seconds, 7);
    assert_int_equal(options.output_limits[CLIENT_CLASS_REPLICA].hard_bytes, 1 << 20);
    options_deinit(&options);
}

TEST(a_change_is_all_or_nothing)
{
    struct options options;
    options_init(&options);
    check_change(&options, "timeout 10 tcp-keepalive 20", "");
    check_change(
        &options, "timeout 30 tcp-keepalive abc",
        "ERR CONFIG SET failed (possibly related to argument 'tcp-keepalive') - argument couldn't be parsed "
        "into an integer");
    check_change(&options, "timeout 30 nosuch 1",
                 "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    check_change(
        &options, "timeout 30 TIMEOUT 40",
        "ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter");
    check_change(
        &options, "timeout 30 databases 2",
        "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config");
    check_change(
        &options, "timeout 30 appendonly no",
        "ERR CONFIG SET failed (possibly related to argument 'appendonly') - can't be changed while the "
        "server is running");
    check_change(&options, "appendonly yes", "");
    check_get(&options, "timeout tcp-keepalive", "tcp-keepalive=20;timeout=10");
    options_deinit(&options);
}

static const char *object_to_hz(void *context, const struct option *option)
{
    buf_printf(context, "%s ", option->name);
    return strcmp(option->name, "hz") == 0 ? "no" : NULL;
}

TEST(who_objects_has_a_change_taken_back)
{
    struct options options;
    struct buf calls = {0};
    options_init(&options);
    options.on_change = object_to_hz;
    options.context = &calls;
    check_change(&options, "requirepass x hz 20 timeout 5",
                 "ERR CONFIG SET failed (possibly related to argument 'hz') - no");
    assert_string_equal(buf_text(&calls), "requirepass hz requirepass hz ");
    check_get(&options, "requirepass hz timeout", "hz=10;requirepass=;timeout=0");
    assert_int_equal(options.has_password, false);
    buf_deinit(&calls);
    options_deinit(&options);
}

TEST(patterns_name_each_option_once)
{
    struct options options;
    options_init(&options);
    check_get(&options, "nosuch", "");
    check_get(&options, "MaxMemory", "MaxMemory=0");
    check_get(
        &options, "maxmemory* maxmemory",
        "maxmemory=0;maxmemory-clients=0;maxmemory-eviction-tenacity=10;maxmemory-policy=noeviction;"
        "maxmemory-samples=5");
    check_get(&options, "SLOWLOG-*", "slowlog-log-slower-than=10000;slowlog-max-len=128");
    options_deinit(&options);
}

TEST(misspelt_names_find_their_neighbour)
{
    assert_string_equal(options_nearest(BYTES_LITERAL("maxmemori")), "maxmemory");
    assert_string_equal(options_nearest(BYTES_LITERAL("apendonly")), "appendonly");
    assert_string_equal(options_nearest(BYTES_LITERAL("requirespass")), "requirepass");
    assert_null(options_nearest(BYTES_LITERAL("completely-unlike-anything")));
    assert_null(options_nearest(BYTES_LITERAL("x")));
    assert_null(options_nearest(BYTES_EMPTY));
}

static void change_often(void *context)
{
    for (int i = 0; i < 300; i++) {
        struct buf error = {0};
        struct bytes pairs[] = {BYTES_LITERAL("requirepass"),
                                i % 2 == 0 ? BYTES_LITERAL("") : BYTES_LITERAL("secret"),
                                BYTES_LITERAL("maxmemory"), BYTES_LITERAL("1gb")};
        (void)options_change(context, pairs, 2, &error);
        buf_deinit(&error);
    }
}

TEST(any_thread_may_change_and_read)
{
    struct options options;
    struct thread threads[2];
    options_init(&options);
    for (int i = 0; i < 2; i++)
        assert_ok(thread_start(&threads[i], "change", change_often, &options));
    for (int i = 0; i < 300; i++) {
        struct buf text = {0};
        options_copy_text(&options, &options.requirepass, &text);
        assert_true(text.size == 0 || bytes_equal(buf_bytes(&text), BYTES_LITERAL("secret")));
        assert_true(options.maxmemory == 0 || options.maxmemory == 1 << 30);
        buf_deinit(&text);
    }
    for (int i = 0; i < 2; i++) thread_join(&threads[i]);
    options_deinit(&options);
}

RUN_TESTS(CHECK(every_row_is_in_order_and_reads_its_own_print), CHECK(defaults_are_safe),
          CHECK(values_of_each_kind_are_read), CHECK(wrong_values_say_what_would_be_right),
          CHECK(what_is_not_there_yet_is_refused),
          CHECK(what_has_no_meaning_is_echoed_with_a_warning),
          CHECK(save_points_add_up_in_a_file_and_replace_each_other_later),
          CHECK(output_limits_keep_the_classes_that_are_not_named),
          CHECK(a_change_is_all_or_nothing), CHECK(who_objects_has_a_change_taken_back),
          CHECK(patterns_name_each_option_once), CHECK(misspelt_names_find_their_neighbour),
          CHECK(any_thread_may_change_and_read))
