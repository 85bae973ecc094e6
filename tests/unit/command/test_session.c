#include "command/session.h"

#include <pthread.h>
#include <stdio.h>

#include "base/arena.h"
#include "command/multi.h"
#include "tests/support/check.h"

enum { WORKER = 0, NOW_MS = 10000 };

static bool collect_id(void *context, struct session *session)
{
    struct buf *ids = context;
    buf_printf(ids, "%llu ", (unsigned long long)session->id);
    return true;
}

static void check_ids(struct sessions *sessions, const char *expected)
{
    struct buf ids = {0};
    sessions_each(sessions, collect_id, &ids);
    assert_string_equal(buf_text(&ids), expected);
    buf_deinit(&ids);
}

TEST(sessions_stand_in_order_of_their_ids)
{
    struct sessions *sessions = sessions_create();
    struct session some[3];
    for (unsigned i = 0; i < 3; i++) session_init(&some[i], sessions, WORKER, NOW_MS);
    check_ids(sessions, "1 2 3 ");
    session_deinit(&some[1]);
    check_ids(sessions, "1 3 ");
    session_init(&some[1], sessions, WORKER, NOW_MS); /* an id is never given twice */
    check_ids(sessions, "1 3 4 ");
    assert_int_equal(sessions_count(sessions), 3);
    for (unsigned i = 0; i < 3; i++) session_deinit(&some[i]);
    assert_int_equal(sessions_count(sessions), 0);
    sessions_destroy(sessions);
}

static bool stop_at_first(void *context, struct session *session)
{
    (void)session;
    (*(unsigned *)context)++;
    return false;
}

TEST(false_stops_the_walk)
{
    struct sessions *sessions = sessions_create();
    struct session some[2];
    for (unsigned i = 0; i < 2; i++) session_init(&some[i], sessions, WORKER, NOW_MS);
    unsigned calls = 0;
    sessions_each(sessions, stop_at_first, &calls);
    assert_int_equal(calls, 1);
    for (unsigned i = 0; i < 2; i++) session_deinit(&some[i]);
    sessions_destroy(sessions);
}

static void check_description(struct session *session, int64_t now_ms, const char *expected)
{
    struct buf line = {0};
    session_describe(session, now_ms, &line);
    assert_string_equal(buf_text(&line), expected);
    buf_deinit(&line);
}

TEST(a_description_has_the_fields_of_redis_7_2)
{
    struct sessions *sessions = sessions_create();
    struct session session;
    session_init(&session, sessions, WORKER, NOW_MS);
    session_set_peer(&session, 8, "127.0.0.1:5000", "127.0.0.1:6379");
    char expected[500];
    const char *format =
        "id=1 addr=127.0.0.1:5000 laddr=127.0.0.1:6379 fd=8 name=%s age=%d idle=%d flags=%s db=%d sub=0 "
        "psub=0 ssub=0 multi=%d qbuf=%d qbuf-free=0 argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=0 oll=%d "
        "omem=%d tot-mem=%zu events=%s cmd=%s user=default redir=-1 resp=%d lib-name=%s lib-ver=%s\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(expected, sizeof(expected), format, "", 0, 0, "N", 0, -1, 0, (size_t)0, 0, 0,
             sizeof(session), "r", "NULL", 2, "", "");
    check_description(&session, NOW_MS, expected);

    static const struct command command = {.name = "client|list"};
    session.last_command = &command;
    session.active_ms = NOW_MS + 2000;
    session.database = 5;
    session.protocol = 3;
    session.input_bytes = 40;
    session.output_bytes = 20000;
    session.flags = SESSION_UNIX_SOCKET | SESSION_NO_TOUCH | SESSION_IN_MULTI |
                    SESSION_AUTHENTICATED;
    session_set_text(&session, &session.name, BYTES_LITERAL("worker"));
    session_set_text(&session, &session.library_name, BYTES_LITERAL("lib"));
    session_set_text(&session, &session.library_version, BYTES_LITERAL("1.0"));
    struct bytes argument = BYTES_LITERAL("ping");
    multi_queue(&session, &command, &argument, 1);
    size_t queue_bytes = session.multi->capacity * sizeof(struct queued_command);
    snprintf(expected, sizeof(expected), format, "worker", 7, 5, "xUT", 5, 1, 40, queue_bytes, 2,
             20000, sizeof(session) + queue_bytes + 40 + 20000, "rw", "client|list", 3, "lib",
             "1.0");
#pragma GCC diagnostic pop
    check_description(&session, NOW_MS + 7999, expected);
    session_deinit(&session);
    sessions_destroy(sessions);
}

TEST(reset_leaves_what_belongs_to_the_connection)
{
    struct sessions *sessions = sessions_create();
    struct session session;
    session_init(&session, sessions, WORKER, NOW_MS);
    session.flags = SESSION_UNIX_SOCKET | SESSION_NO_TOUCH | SESSION_IN_MULTI | SESSION_REPLY_OFF |
                    SESSION_MONITOR | SESSION_AUTHENTICATED;
    session.database = 5;
    session.protocol = 3;
    session_set_text(&session, &session.name, BYTES_LITERAL("worker"));
    session_set_text(&session, &session.library_name, BYTES_LITERAL("lib"));
    session_reset(&session, true);
    assert_int_equal(session.flags, SESSION_UNIX_SOCKET);
    assert_int_equal(session.database, 0);
    assert_int_equal(session.protocol, 2);
    assert_null(session.name);
    assert_string_equal(session.library_name, "lib");
    session_reset(&session, false);
    assert_int_equal(session.flags, SESSION_UNIX_SOCKET | SESSION_AUTHENTICATED);
    session_deinit(&session);
    sessions_destroy(sessions);
}

TEST(an_empty_text_goes)
{
    struct sessions *sessions = sessions_create();
    struct session session;
    session_init(&session, sessions, WORKER, NOW_MS);
    session_set_text(&session, &session.name, BYTES_LITERAL("a"));
    session_set_text(&session, &session.name, BYTES_LITERAL("b"));
    assert_string_equal(session.name, "b");
    session_set_text(&session, &session.name, BYTES_EMPTY);
    assert_null(session.name);
    session_deinit(&session);
    sessions_destroy(sessions);
}

/* One thread changes what its session says; others list all of them and come and go. */
enum { ROUNDS = 2000 };

static bool describe_one(void *context, struct session *session)
{
    session_describe(session, NOW_MS, context);
    return true;
}

static void *come_and_go(void *context)
{
    struct sessions *sessions = context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct session session;
        session_init(&session, sessions, WORKER, NOW_MS);
        session_set_peer(&session, 1, "here", "there");
        session.flags = i & 1 ? SESSION_NO_TOUCH : 0;
        session.database = i;
        session.active_ms = NOW_MS + i;
        session_set_text(&session, &session.name,
                         i & 1 ? BYTES_LITERAL("one") : BYTES_LITERAL("another"));
        session_deinit(&session);
    }
    return NULL;
}

static void *list_all(void *context)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct buf lines = {0};
        sessions_each(context, describe_one, &lines);
        buf_deinit(&lines);
    }
    return NULL;
}

TEST(any_thread_may_list_sessions)
{
    struct sessions *sessions = sessions_create();
    pthread_t threads[3];
    assert_int_equal(pthread_create(&threads[0], NULL, come_and_go, sessions), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, come_and_go, sessions), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, list_all, sessions), 0);
    for (unsigned i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_int_equal(sessions_count(sessions), 0);
    sessions_destroy(sessions);
}

RUN_TESTS(CHECK(sessions_stand_in_order_of_their_ids), CHECK(false_stops_the_walk),
          CHECK(a_description_has_the_fields_of_redis_7_2),
          CHECK(reset_leaves_what_belongs_to_the_connection), CHECK(an_empty_text_goes),
          CHECK(any_thread_may_list_sessions))
