/* The connection's commands by themselves: no dispatcher, no engine, services that only take
 * notes. */
#include <stdio.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/text.h"
#include "command/services.h"
#include "command/session.h"
#include "families/families.h"
#include "protocol/resp_reply.h"
#include "tests/support/buffer_sink.h"
#include "tests/support/check.h"

enum { NOW_MS = 1000000, OTHERS = 2, WORDS_MAX = 16 };

struct fixture {
    struct services services;
    struct keyspace keyspace;
    struct txn txn;
    struct arena arena;
    struct buffer_sink sink;
    struct reply reply;
    struct session session;
    struct session others[OTHERS];
    const char *password;
    int64_t paused_until_ms;
    bool pauses_only_writes;
    unsigned pause_count;
    unsigned wake_count;
    struct session *woken;
    unsigned monitor_count;
    struct buf text;
};

static void password(struct services *services, struct buf *out)
{
    buf_append_text(out, ((struct fixture *)services->context)->password);
}

static void pause_clients(struct services *services, int64_t until_ms, bool only_writes)
{
    struct fixture *fixture = services->context;
    fixture->paused_until_ms = until_ms;
    fixture->pauses_only_writes = only_writes;
    fixture->pause_count++;
}

static void wake(struct services *services, struct session *session)
{
    struct fixture *fixture = services->context;
    fixture->woken = session;
    fixture->wake_count++;
}

static void monitor(struct services *services, struct session *session, bool on)
{
    (void)session;
    assert_false(on);
    ((struct fixture *)services->context)->monitor_count++;
}

static void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){.password = "", .keyspace.database_count = 16};
    fixture->txn.keyspace = &fixture->keyspace;
    fixture->services.context = fixture;
    fixture->services.sessions = sessions_create();
    fixture->services.password = password;
    fixture->services.pause = pause_clients;
    fixture->services.wake = wake;
    fixture->services.monitor = monitor;
    fixture->services.reply_ops = resp_reply_ops;
    arena_init(&fixture->arena, 4096);
    buffer_sink_init(&fixture->sink);
    fixture->reply = (struct reply){
        .ops = &resp2_reply_ops, .sink = &fixture->sink.sink, .protocol = 2};
    session_init(&fixture->session, fixture->services.sessions, 0, NOW_MS);
    session_set_peer(&fixture->session, 8, "127.0.0.1:1000", "127.0.0.1:6379");
    fixture->session.flags = SESSION_AUTHENTICATED;
    for (unsigned i = 0; i < OTHERS; i++) {
        char address[48];
        snprintf(address, sizeof(address), "127.0.0.1:%u", 2000 + i);
        session_init(&fixture->others[i], fixture->services.sessions, 1, NOW_MS);
        session_set_peer(&fixture->others[i], 9, address, "127.0.0.1:6379");
    }
}

static void fixture_deinit(struct fixture *fixture)
{
    session_deinit(&fixture->session);
    for (unsigned i = 0; i < OTHERS; i++) session_deinit(&fixture->others[i]);
    sessions_destroy(fixture->services.sessions);
    arena_deinit(&fixture->arena);
    buffer_sink_deinit(&fixture->sink);
    buf_deinit(&fixture->text);
}

static const struct command *find(const struct bytes *words, uint32_t count)
{
    for (size_t i = 0; i < connection_family.count; i++) {
        const struct command *command = &connection_family.commands[i];
        if (!bytes_is_word(words[0], command->name)) continue;
        if (command->subcommands == NULL) return command;
        for (const struct command *inner = command->subcommands; inner->name != NULL; inner++) {
            if (count > 1 && bytes_is_word(words[1], inner->name + strlen(command->name) + 1))
                return inner;
        }
    }
    fail_msg("no such command");
    return NULL;
}

/* Runs a line; the reply with a blank for each end of line. */
static const char *run(struct fixture *fixture, const char *line)
{
    struct buf storage = {0};
    struct buf words = {0};
    assert_true(text_split_words(bytes_of_text(line), &storage, &words));
    struct bytes arguments[WORDS_MAX];
    uint32_t count = (uint32_t)(words.size / sizeof(struct text_word));
    assert_true(count <= WORDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct text_word *word = (const struct text_word *)(const void *)words.data + i;
        arguments[i] = bytes_of(storage.data + word->offset, word->size);
    }
    const struct command *command = find(arguments, count);
    assert_true(command->arity > 0 ? count == (uint32_t)command->arity
                                   : count >= (uint32_t)-command->arity);
    struct call call = {
        .command = command,
        .arguments = arguments,
        .argument_count = count,
        .txn = &fixture->txn,
        .reply = &fixture->reply,
        .session = &fixture->session,
        .arena = &fixture->arena,
        .services = &fixture->services,
        .now_ms = NOW_MS,
    };
    buffer_sink_clear(&fixture->sink);
    command->function(&call);
    struct bytes reply = buffer_sink_bytes(&fixture->sink);
    fixture->text.size = 0;
    for (size_t i = 0; i < reply.size; i++) {
        if (reply.data[i] == '\r') continue;
        if (reply.data[i] != '\n' || i + 1 < reply.size) {
            buf_append_byte(&fixture->text, reply.data[i] == '\n' ? ' ' : reply.data[i]);
        }
    }
    buf_deinit(&storage);
    buf_deinit(&words);
    arena_reset(&fixture->arena);
    return buf_text(&fixture->text);
}

#define assert_run(fixture, line, expected) assert_string_equal(run((fixture), (line)), (expected))

#define WRONGPASS "-WRONGPASS invalid username-password pair or user is disabled."
#define NO_PASSWORD \
    "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration " \
    "is correct?"

TEST(auth_without_a_password_lets_the_user_in)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "AUTH x", NO_PASSWORD);
    assert_run(&fixture, "AUTH default x", "+OK");
    assert_run(&fixture, "AUTH a b", WRONGPASS);
    assert_run(&fixture, "AUTH a b c", "-ERR syntax error");
    fixture_deinit(&fixture);
}

TEST(auth_wants_the_whole_password)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.password = "sesame";
    static const char *const wrong[] = {"AUTH no",
                                        "AUTH \"\"",
                                        "AUTH sesam",
                                        "AUTH sesamex",
                                        "AUTH Sesame",
                                        "AUTH default no",
                                        "AUTH nobody sesame",
                                        "AUTH DEFAULT sesame",
                                        "AUTH \"sesame\\x00\""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        fixture.session.flags = 0;
        assert_run(&fixture, wrong[i], WRONGPASS);
        assert_int_equal(fixture.session.flags, 0);
    }
    assert_run(&fixture, "AUTH sesame", "+OK");
    assert_int_equal(fixture.session.flags, SESSION_AUTHENTICATED);
    assert_run(&fixture, "AUTH no", WRONGPASS);
    assert_int_equal(fixture.session.flags, SESSION_AUTHENTICATED); /* once in, in */
    fixture.session.flags = 0;
    assert_run(&fixture, "AUTH default sesame", "+OK");
    fixture_deinit(&fixture);
}

#define GREETING(map, protocol) \
    map " $6 server $5 redis $7 version $5 7.2.4 $5 proto :" protocol \
        " $2 id :1 $4 mode $10 standalone $4 role $6 master " \
        "$7 modules *0"
#define HELLO_NOAUTH \
    "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> " \
    "option can be used to authenticate the client and select the RESP protocol version at the same time"

TEST(hello_picks_the_protocol)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "HELLO", GREETING("*14", "2"));
    assert_run(&fixture, "HELLO 3", GREETING("%7", "3"));
    assert_run(&fixture, "HELLO", GREETING("%7", "3"));
    assert_int_equal(fixture.session.protocol, 3);
    assert_int_equal(fixture.reply.protocol, 3);
    assert_run(&fixture, "HELLO 2 SETNAME bob", GREETING("*14", "2"));
    assert_string_equal(fixture.session.name, "bob");
    assert_run(&fixture, "hello 2 setname \"\"", GREETING("*14", "2"));
    assert_null(fixture.session.name);
    fixture_deinit(&fixture);
}

TEST(a_hello_that_fails_changes_nothing)
{
    struct fixture fixture;
    fixture_init(&fixture);
    static const struct {
        const char *line;
        const char *error;
    } rows[] = {
        {"HELLO 4",                    "-NOPROTO unsupported protocol version"                  },
        {"HELLO 1",                    "-NOPROTO unsupported protocol version"                  },
        {"HELLO abc",                  "-ERR Protocol version is not an integer or out of range"},
        {"HELLO 9223372036854775808",  "-ERR Protocol version is not an integer or out of range"},
        {"HELLO SETNAME a",            "-ERR Protocol version is not an integer or out of range"},
        {"HELLO 3 SETNAME",            "-ERR Syntax error in HELLO option 'SETNAME'"            },
        {"HELLO 3 AUTH a",             "-ERR Syntax error in HELLO option 'AUTH'"               },
        {"HELLO 3 SETNAME x FOO",      "-ERR Syntax error in HELLO option 'FOO'"                },
        {"HELLO 3 SETNAME 'a b'",
         "-ERR Client names cannot contain spaces, newlines or special characters."             },
        {"HELLO 3 SETNAME x AUTH a b", WRONGPASS                                                },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_run(&fixture, rows[i].line, rows[i].error);
        assert_null(fixture.session.name);
        assert_int_equal(fixture.session.protocol, 2);
    }
    fixture_deinit(&fixture);
}

TEST(hello_wants_authentication_and_can_bring_it)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.password = "sesame";
    fixture.session.flags = 0;
    assert_run(&fixture, "HELLO", HELLO_NOAUTH);
    assert_run(&fixture, "HELLO 3 SETNAME ok", HELLO_NOAUTH);
    assert_run(&fixture, "HELLO 4", "-NOPROTO unsupported protocol version");
    assert_run(&fixture, "HELLO 3 AUTH default no", WRONGPASS);
    assert_run(&fixture, "HELLO 3 AUTH default sesame SETNAME x", GREETING("%7", "3"));
    assert_string_equal(fixture.session.name, "x");
    fixture_deinit(&fixture);
}

TEST(select_wants_a_database_that_is_there)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "SELECT 15", "+OK");
    assert_int_equal(fixture.session.database, 15);
    assert_run(&fixture, "SELECT 16", "-ERR DB index is out of range");
    assert_run(&fixture, "SELECT -1", "-ERR DB index is out of range");
    assert_run(&fixture, "SELECT abc", "-ERR value is not an integer or out of range");
    assert_run(&fixture, "SELECT 2147483648",
               "-ERR value is out of range, value must between -2147483648 and 2147483647");
    assert_int_equal(fixture.session.database, 15);
    fixture_deinit(&fixture);
}

TEST(ping_echo_and_quit_answer)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "PING", "+PONG");
    assert_run(&fixture, "PING hello", "$5 hello");
    assert_run(&fixture, "PING a b", "-ERR wrong number of arguments for 'ping' command");
    assert_run(&fixture, "ECHO ''", "$0 ");
    assert_run(&fixture, "QUIT now", "+OK");
    assert_true((fixture.session.flags & SESSION_CLOSE_AFTER_REPLY) != 0);
    fixture_deinit(&fixture);
}

TEST(reset_makes_a_connection_new)
{
    struct fixture fixture;
    fixture_init(&fixture);
    run(&fixture, "HELLO 3 SETNAME bob");
    run(&fixture, "SELECT 4");
    fixture.session.flags |= SESSION_MONITOR;
    assert_run(&fixture, "RESET", "+RESET");
    assert_int_equal(fixture.monitor_count, 1);
    assert_int_equal(fixture.session.protocol, 2);
    assert_int_equal(fixture.session.database, 0);
    assert_run(&fixture, "CLIENT GETNAME", "$-1");
    assert_int_equal(fixture.session.flags, SESSION_AUTHENTICATED);
    fixture.password = "sesame";
    assert_run(&fixture, "RESET", "+RESET");
    assert_int_equal(fixture.session.flags, 0);
    fixture_deinit(&fixture);
}

#define BAD_NAME "-ERR Client names cannot contain spaces, newlines or special characters."

TEST(names_are_printable)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT SETNAME ~!", "+OK");
    assert_run(&fixture, "CLIENT GETNAME", "$2 ~!");
    assert_run(&fixture, "CLIENT SETNAME 'a b'", BAD_NAME);
    assert_run(&fixture, "CLIENT SETNAME \"\\x7f\"", BAD_NAME);
    assert_run(&fixture, "CLIENT SETNAME \"\\xc3\\xa4\"", BAD_NAME);
    assert_run(&fixture, "CLIENT GETNAME", "$2 ~!");
    assert_run(&fixture, "CLIENT SETNAME ''", "+OK");
    assert_run(&fixture, "CLIENT GETNAME", "$-1");
    fixture_deinit(&fixture);
}

TEST(setinfo_knows_name_and_version)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT SETINFO LIB-NAME redis-py", "+OK");
    assert_run(&fixture, "client setinfo lib-ver 5.0.8", "+OK");
    assert_string_equal(fixture.session.library_name, "redis-py");
    assert_string_equal(fixture.session.library_version, "5.0.8");
    assert_run(&fixture, "CLIENT SETINFO foo bar", "-ERR Unrecognized option 'foo'");
    assert_run(&fixture, "CLIENT SETINFO Lib-Name 'a b'",
               "-ERR Lib-Name cannot contain spaces, newlines or special characters.");
    assert_run(&fixture, "CLIENT SETINFO LIB-NAME ''", "+OK");
    assert_null(fixture.session.library_name);
    fixture_deinit(&fixture);
}

TEST(switches_are_on_or_off)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT NO-EVICT on", "+OK");
    assert_run(&fixture, "CLIENT NO-TOUCH ON", "+OK");
    assert_int_equal(fixture.session.flags,
                     SESSION_AUTHENTICATED | SESSION_NO_EVICT | SESSION_NO_TOUCH);
    assert_run(&fixture, "CLIENT NO-EVICT off", "+OK");
    assert_run(&fixture, "CLIENT NO-TOUCH off", "+OK");
    assert_int_equal(fixture.session.flags, SESSION_AUTHENTICATED);
    assert_run(&fixture, "CLIENT NO-EVICT x", "-ERR syntax error");
    fixture_deinit(&fixture);
}

TEST(replies_are_switched_off_in_silence)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT REPLY x", "-ERR syntax error");
    assert_run(&fixture, "CLIENT REPLY SKIP", "");
    assert_int_equal(fixture.session.flags, SESSION_AUTHENTICATED | SESSION_REPLY_SKIP_NEXT);
    fixture.session.flags = SESSION_AUTHENTICATED;
    assert_run(&fixture, "CLIENT REPLY OFF", "");
    assert_run(&fixture, "CLIENT REPLY SKIP", "");
    assert_int_equal(fixture.session.flags, SESSION_AUTHENTICATED | SESSION_REPLY_OFF);
    assert_run(&fixture, "CLIENT REPLY ON", "+OK");
    assert_int_equal(fixture.session.flags, SESSION_AUTHENTICATED);
    fixture_deinit(&fixture);
}

TEST(nobody_is_tracked)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT GETREDIR", ":-1");
    assert_run(&fixture, "CLIENT TRACKINGINFO",
               "*6 $5 flags *1 $3 off $8 redirect :-1 $8 prefixes *0");
    assert_run(&fixture, "CLIENT TRACKING off", "+OK");
    assert_run(&fixture, "CLIENT TRACKING x", "-ERR syntax error");
    assert_run(
        &fixture, "CLIENT TRACKING on",
        "-ERR CLIENT TRACKING ON is not available: this server sends no invalidation messages");
    assert_run(
        &fixture, "CLIENT CACHING yes",
        "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode "
        "enabled");
    fixture_deinit(&fixture);
}

/* The ids of the lines in a reply, each followed by a blank. */
static const char *ids_of(const char *reply)
{
    static char ids[200];
    ids[0] = '\0';
    for (const char *at = strstr(reply, "id="); at != NULL; at = strstr(at + 1, " id=")) {
        int id = 0;
        if (*at == ' ') at++;
        sscanf(at, "id=%d", &id);
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%d ", id);
    }
    return ids;
}

TEST(list_has_everybody_or_those_asked_for)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_string_equal(ids_of(run(&fixture, "CLIENT LIST")), "1 2 3 ");
    assert_string_equal(ids_of(run(&fixture, "CLIENT LIST TYPE normal")), "1 2 3 ");
    assert_string_equal(ids_of(run(&fixture, "CLIENT LIST ID 3 1 99 3 -5")), "3 1 3 ");
    assert_run(&fixture, "CLIENT LIST TYPE pubsub", "$0 ");
    assert_run(&fixture, "CLIENT LIST ID 99", "$0 ");
    assert_run(&fixture, "CLIENT LIST ID 1 a", "-ERR Invalid client ID");
    assert_run(&fixture, "CLIENT LIST ID", "-ERR syntax error");
    assert_run(&fixture, "CLIENT LIST TYPE nonsense", "-ERR Unknown client type 'nonsense'");
    assert_run(&fixture, "CLIENT LIST TYPE normal x", "-ERR syntax error");
    assert_string_equal(ids_of(run(&fixture, "CLIENT INFO")), "1 ");
    assert_run(&fixture, "CLIENT ID", ":1");
    fixture_deinit(&fixture);
}

TEST(kill_marks_and_wakes_others)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT KILL 127.0.0.1:2000", "+OK");
    assert_int_equal(fixture.others[0].is_killed, 1);
    assert_ptr_equal(fixture.woken, &fixture.others[0]);
    assert_string_equal(ids_of(run(&fixture, "CLIENT LIST")), "1 3 ");
    assert_run(&fixture, "CLIENT KILL 127.0.0.1:2000", "-ERR No such client"); /* gone already */
    assert_run(&fixture, "CLIENT KILL LADDR 127.0.0.1:6379 ID 3", ":1");
    assert_int_equal(fixture.others[1].is_killed, 1);
    assert_run(&fixture, "CLIENT KILL TYPE normal", ":0"); /* oneself is skipped */
    assert_int_equal(fixture.wake_count, 2);
    assert_run(&fixture, "CLIENT KILL TYPE replica SKIPME no", ":0");
    assert_false((fixture.session.flags & SESSION_CLOSE_AFTER_REPLY) != 0);
    assert_run(&fixture, "CLIENT KILL USER default SKIPME no", ":1");
    assert_true((fixture.session.flags & SESSION_CLOSE_AFTER_REPLY) != 0);
    fixture_deinit(&fixture);
}

TEST(kill_checks_its_options)
{
    struct fixture fixture;
    fixture_init(&fixture);
    static const struct {
        const char *line;
        const char *error;
    } rows[] = {
        {"CLIENT KILL ID",                     "-ERR No such client"                    },
        {"CLIENT KILL 1.2.3.4:5",              "-ERR No such client"                    },
        {"CLIENT KILL ID x",                   "-ERR client-id should be greater than 0"},
        {"CLIENT KILL ID 0",                   "-ERR client-id should be greater than 0"},
        {"CLIENT KILL ID 9223372036854775808", "-ERR client-id should be greater than 0"},
        {"CLIENT KILL TYPE x ID 0",            "-ERR Unknown client type 'x'"           },
        {"CLIENT KILL USER nobody",            "-ERR No such user 'nobody'"             },
        {"CLIENT KILL SKIPME x",               "-ERR syntax error"                      },
        {"CLIENT KILL SKIPME yes x",           "-ERR syntax error"                      },
        {"CLIENT KILL ID 99 FOO x",            "-ERR syntax error"                      },
        {"CLIENT KILL MAXAGE 1",               "-ERR syntax error"                      },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_run(&fixture, rows[i].line, rows[i].error);
    assert_int_equal(fixture.wake_count, 0);
    fixture_deinit(&fixture);
}

TEST(unblock_ends_a_wait_once)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT UNBLOCK 2", ":0"); /* it waits for nothing */
    fixture.others[0].flags |= SESSION_BLOCKED;
    fixture.others[1].flags |= SESSION_BLOCKED;
    assert_run(&fixture, "CLIENT UNBLOCK 2", ":1");
    assert_run(&fixture, "CLIENT UNBLOCK 2", ":0");
    assert_run(&fixture, "CLIENT UNBLOCK 3 error", ":1");
    assert_int_equal(fixture.others[0].is_unblocked, 1);
    assert_int_equal(fixture.others[1].is_unblocked, 2);
    assert_int_equal(fixture.wake_count, 2);
    assert_run(&fixture, "CLIENT UNBLOCK 99", ":0");
    assert_run(&fixture, "CLIENT UNBLOCK -1", ":0");
    assert_run(&fixture, "CLIENT UNBLOCK abc", "-ERR value is not an integer or out of range");
    assert_run(&fixture, "CLIENT UNBLOCK abc x",
               "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    assert_run(
        &fixture, "CLIENT UNBLOCK 1 TIMEOUT x",
        "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.");
    fixture_deinit(&fixture);
}

TEST(pause_lasts_until_a_moment)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_run(&fixture, "CLIENT PAUSE 100", "+OK");
    assert_int_equal(fixture.paused_until_ms, NOW_MS + 100);
    assert_false(fixture.pauses_only_writes);
    assert_run(&fixture, "CLIENT PAUSE 50 write", "+OK");
    assert_int_equal(fixture.paused_until_ms, NOW_MS + 50);
    assert_true(fixture.pauses_only_writes);
    assert_run(&fixture, "CLIENT UNPAUSE", "+OK");
    assert_int_equal(fixture.paused_until_ms, 0);
    assert_int_equal(fixture.pause_count, 3);
    assert_run(&fixture, "CLIENT PAUSE abc", "-ERR timeout is not an integer or out of range");
    assert_run(&fixture, "CLIENT PAUSE -1", "-ERR timeout is negative");
    assert_run(&fixture, "CLIENT PAUSE 9223372036854775807", "-ERR timeout is out of range");
    assert_run(&fixture, "CLIENT PAUSE abc x", "-ERR CLIENT PAUSE mode must be WRITE or ALL");
    assert_run(
        &fixture, "CLIENT PAUSE 0 WRITE x",
        "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.");
    assert_int_equal(fixture.pause_count, 3);
    fixture_deinit(&fixture);
}

TEST(help_names_every_subcommand)
{
    struct fixture fixture;
    fixture_init(&fixture);
    const char *help = run(&fixture, "CLIENT HELP");
    assert_non_null(
        strstr(help, "+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (size_t i = 0; i < connection_family.count; i++) {
        const struct command *inner = connection_family.commands[i].subcommands;
        for (; inner != NULL && inner->name != NULL; inner++) {
            char word[40];
            snprintf(word, sizeof(word), "+%s", inner->name + strlen("client|"));
            for (char *at = word; *at != '\0'; at++)
                *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
            assert_non_null(strstr(help, word));
        }
    }
    fixture_deinit(&fixture);
}

TEST(each_row_is_complete)
{
    for (size_t i = 0; i < connection_family.count; i++) {
        const struct command *command = &connection_family.commands[i];
        const struct command *inner = command->subcommands;
        do {
            assert_true(command->function != NULL || command->subcommands != NULL);
            assert_non_null(command->syntax);
            assert_non_null(command->since);
            assert_non_null(command->summary);
            assert_string_equal(command->group, "connection");
            assert_non_null(command->complexity);
            assert_non_null(command->acl);
            command = inner != NULL && inner->name != NULL ? inner++ : NULL;
        } while (command != NULL);
    }
}

RUN_TESTS(CHECK(auth_without_a_password_lets_the_user_in), CHECK(auth_wants_the_whole_password),
          CHECK(hello_picks_the_protocol), CHECK(a_hello_that_fails_changes_nothing),
          CHECK(hello_wants_authentication_and_can_bring_it),
          CHECK(select_wants_a_database_that_is_there), CHECK(ping_echo_and_quit_answer),
          CHECK(reset_makes_a_connection_new), CHECK(names_are_printable),
          CHECK(setinfo_knows_name_and_version), CHECK(switches_are_on_or_off),
          CHECK(replies_are_switched_off_in_silence), CHECK(nobody_is_tracked),
          CHECK(list_has_everybody_or_those_asked_for), CHECK(kill_marks_and_wakes_others),
          CHECK(kill_checks_its_options), CHECK(unblock_ends_a_wait_once),
          CHECK(pause_lasts_until_a_moment), CHECK(help_names_every_subcommand),
          CHECK(each_row_is_complete))
