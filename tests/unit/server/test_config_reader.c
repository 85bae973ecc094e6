#include "server/config_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/options.h"
#include "tests/support/check.h"

enum { PATH_BYTES = 256 };

struct fixture {
    struct options options;
    struct buf error;
    struct buf path;
};

static void setup(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    options_init(&fixture->options);
}

static void teardown(struct fixture *fixture)
{
    options_deinit(&fixture->options);
    buf_deinit(&fixture->error);
    buf_deinit(&fixture->path);
}

static bool read_text(struct fixture *fixture, const char *text)
{
    return config_read_text(&fixture->options, bytes_of_text(text), "test", &fixture->error);
}

static bool read_arguments(struct fixture *fixture, int count, const char *const *arguments)
{
    return config_read_arguments(&fixture->options, count, (char *const *)(uintptr_t)arguments,
                                 &fixture->path, &fixture->error);
}

#define READ_ARGUMENTS(fixture, ...) \
    read_arguments((fixture), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
                   (const char *[]){__VA_ARGS__})

/* A file that the test removes. */
static void write_file(char path[PATH_BYTES], const char *text)
{
    (void)snprintf(path, PATH_BYTES, "/tmp/cairn-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

TEST(lines_comments_and_quotes)
{
    struct fixture fixture;
    setup(&fixture);
    assert_true(read_text(
        &fixture,
        "# a comment\n\n  port   7000  \r\n\t# more\nrequirepass \"a \\x41 b\"\ntimeout 5"));
    assert_int_equal(fixture.options.port, 7000);
    assert_int_equal(fixture.options.timeout, 5);
    assert_string_equal(fixture.options.requirepass, "a A b");
    teardown(&fixture);
}

TEST(a_wrong_line_is_shown_with_its_number)
{
    struct fixture fixture;
    setup(&fixture);
    assert_false(read_text(&fixture, "port 7000\nmaxmemori 1gb\n"));
    assert_string_equal(buf_text(&fixture.error), "\n*** FATAL CONFIG FILE ERROR ***\n"
                                                  "Reading the configuration file, at line 2\n"
                                                  ">>> 'maxmemori 1gb'\n"
                                                  "Bad directive or wrong number of arguments\n"
                                                  "Did you mean 'maxmemory'?\n");
    teardown(&fixture);
    setup(&fixture);
    assert_false(read_text(&fixture, "port \"7000\n"));
    assert_non_null(strstr(buf_text(&fixture.error), "Unbalanced quotes in configuration line"));
    teardown(&fixture);
    setup(&fixture);
    assert_false(read_text(&fixture, "rename-command FLUSHALL \"\"\n"));
    assert_non_null(strstr(buf_text(&fixture.error), "not implemented yet"));
    teardown(&fixture);
}

TEST(included_files_are_read_in_their_place)
{
    struct fixture fixture;
    char inner[PATH_BYTES];
    char outer[PATH_BYTES];
    char text[3 * PATH_BYTES];
    setup(&fixture);
    write_file(inner, "port 2\ntimeout 2\n");
    (void)snprintf(text, sizeof(text), "port 1\ninclude %s\ntimeout 3\ninclude %s-nosuch*\n", inner,
                   inner);
    write_file(outer, text);
    assert_true(config_read_file(&fixture.options, outer, &fixture.error));
    assert_int_equal(fixture.options.port, 2);
    assert_int_equal(fixture.options.timeout, 3);
    assert_true(unlink(inner) == 0);
    assert_false(config_read_file(&fixture.options, outer, &fixture.error));
    assert_non_null(strstr(buf_text(&fixture.error), "Fatal error, can't open config file"));
    assert_true(unlink(outer) == 0);
    teardown(&fixture);
}

TEST(a_file_that_includes_itself_is_an_error)
{
    struct fixture fixture;
    char path[PATH_BYTES];
    char text[3 * PATH_BYTES];
    setup(&fixture);
    write_file(path, "");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)snprintf(text, sizeof(text), "include %s\n", path);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_false(config_read_file(&fixture.options, path, &fixture.error));
    assert_non_null(strstr(buf_text(&fixture.error), "Too many includes inside includes"));
    assert_true(unlink(path) == 0);
    teardown(&fixture);
}

TEST(the_command_line_wins_over_the_file)
{
    struct fixture fixture;
    char path[PATH_BYTES];
    setup(&fixture);
    write_file(path, "port 7000\nsave 900 1\ntimeout 5\n");
    assert_true(READ_ARGUMENTS(&fixture, path, "--port", "7001", "--save", "", "--bind", "1.2.3.4",
                               "::1", "--client-output-buffer-limit", "normal", "1", "2", "3",
                               "--port", "7002"));
    assert_string_equal(buf_text(&fixture.path), path);
    assert_int_equal(fixture.options.port, 7002);
    assert_int_equal(fixture.options.timeout, 5);
    assert_string_equal(fixture.options.save, "");
    assert_string_equal(fixture.options.bind, "1.2.3.4 ::1");
    assert_int_equal(fixture.options.output_limits[CLIENT_CLASS_NORMAL].hard_bytes, 1);
    assert_int_equal(fixture.options.dir[0], '/');
    assert_true(unlink(path) == 0);
    teardown(&fixture);
}

TEST(odd_command_lines_mean_what_they_mean_in_redis)
{
    struct fixture fixture;
    setup(&fixture);
    assert_true(READ_ARGUMENTS(&fixture, "--save", "--port", "7000", "--requirepass", "--secret",
                               "--timeout 7"));
    assert_string_equal(fixture.options.save, "");
    assert_int_equal(fixture.options.port, 7000);
    assert_int_equal(fixture.options.timeout, 7);
    assert_string_equal(fixture.options.requirepass, "--secret");
    teardown(&fixture);

    setup(&fixture);
    assert_true(read_arguments(&fixture, 0, NULL));
    assert_int_equal(fixture.path.size, 0);
    assert_false(READ_ARGUMENTS(&fixture, "--port"));
    assert_non_null(strstr(buf_text(&fixture.error), ">>> 'port'\nwrong number of arguments"));
    teardown(&fixture);

    setup(&fixture);
    assert_false(READ_ARGUMENTS(&fixture, "--port", "1", "--foo", "1"));
    assert_non_null(strstr(buf_text(&fixture.error), ">>> 'foo \"1\"'"));
    teardown(&fixture);
}

TEST(a_file_as_distributions_ship_it_starts_with_warnings_only)
{
    static const char text[] =
        "bind 127.0.0.1 -::1\nprotected-mode yes\nport 6379\ntcp-backlog 511\ntimeout 0\ntcp-keepalive 300\n"
        "daemonize yes\npidfile /run/redis/redis-server.pid\nloglevel notice\nlogfile /var/log/redis/redis-server.log\n"
        "databases 16\nalways-show-logo no\nset-proc-title yes\nproc-title-template \"{title} {listen-addr} "
        "{server-mode}\"\nstop-writes-on-bgsave-error yes\nrdbcompression yes\nrdbchecksum yes\ndbfilename dump.rdb\n"
        "rdb-del-sync-files no\ndir /var/lib/redis\nreplica-serve-stale-data yes\nreplica-read-only yes\n"
        "repl-diskless-sync yes\nrepl-diskless-sync-delay 5\nrepl-diskless-load disabled\nreplica-priority 100\n"
        "acllog-max-len 128\nlazyfree-lazy-eviction no\noom-score-adj no\noom-score-adj-values 0 200 800\n"
        "disable-thp yes\nappendonly no\nappendfilename \"appendonly.aof\"\nappendfsync everysec\n"
        "auto-aof-rewrite-percentage 100\nauto-aof-rewrite-min-size 64mb\naof-use-rdb-preamble yes\n"
        "lua-time-limit 5000\nslowlog-log-slower-than 10000\nslowlog-max-len 128\nnotify-keyspace-events \"\"\n"
        "hash-max-listpack-entries 512\nlist-max-ziplist-size -2\nhll-sparse-max-bytes 3000\nactiverehashing yes\n"
        "client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit replica 256mb 64mb 60\n"
        "client-output-buffer-limit pubsub 32mb 8mb 60\nhz 10\ndynamic-hz yes\njemalloc-bg-thread yes\n \n";
    struct fixture fixture;
    setup(&fixture);
    assert_true(read_text(&fixture, text));
    assert_int_equal(fixture.options.appendonly, false);
    assert_string_equal(fixture.options.dir, "/var/lib/redis");
    assert_non_null(strstr(buf_text(&fixture.options.warnings), "'daemonize'"));
    teardown(&fixture);
}

RUN_TESTS(CHECK(lines_comments_and_quotes), CHECK(a_wrong_line_is_shown_with_its_number),
          CHECK(included_files_are_read_in_their_place),
          CHECK(a_file_that_includes_itself_is_an_error),
          CHECK(the_command_line_wins_over_the_file),
          CHECK(odd_command_lines_mean_what_they_mean_in_redis),
          CHECK(a_file_as_distributions_ship_it_starts_with_warnings_only))
