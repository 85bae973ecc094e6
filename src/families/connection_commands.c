/* How a client says who it is, what it speaks and which database it means. */
#include "base/buf.h"
#include "base/number.h"
#include "command/services.h"
#include "command/session.h"
#include "families/client_commands.h"
#include "families/families.h"

/* ---- who ---- */

/* Takes as long for a wrong password as for the right one: only the length of what the client sent
 * shows. */
static bool is_same_secret(struct bytes given, struct bytes secret)
{
    volatile unsigned char difference = given.size != secret.size;
    for (size_t i = 0; i < given.size; i++) {
        unsigned char expected = i < secret.size ? (unsigned char)secret.data[i] : 0;
        difference |= (unsigned char)given.data[i] ^ expected;
    }
    return difference == 0;
}

static bool has_password(struct call *call)
{
    struct buf password = {0};
    call->services->password(call->services, &password);
    bool result = password.size > 0;
    buf_deinit(&password);
    return result;
}

/* There is one user. Without a password any will do for it, as in Redis. Answers the error and
 * returns false when it is somebody else. */
static bool authenticate(struct call *call, struct bytes user, struct bytes password)
{
    struct buf secret = {0};
    call->services->password(call->services, &secret);
    bool is_right = secret.size == 0 || is_same_secret(password, buf_bytes(&secret));
    buf_deinit(&secret);
    if (!is_right || !bytes_equal(user, BYTES_LITERAL("default"))) {
        reply_error(call->reply, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    call->session->flags |= SESSION_AUTHENTICATED;
    return true;
}

static void cmd_auth(struct call *call)
{
    if (call->argument_count > 3) {
        reply_error_syntax(call->reply);
        return;
    }
    bool has_user = call->argument_count == 3;
    if (!has_user && !has_password(call)) {
        reply_error(
            call->reply,
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?");
        return;
    }
    struct bytes user = has_user ? call_argument(call, 1) : BYTES_LITERAL("default");
    if (authenticate(call, user, call_argument(call, has_user ? 2 : 1))) reply_ok(call->reply);
}

/* ---- HELLO ---- */

/* From the running reply on. */
static void set_protocol(struct call *call, unsigned protocol)
{
    call->session->protocol = (uint8_t)protocol;
    call->reply->protocol = (uint8_t)protocol;
    call->reply->ops = call->services->reply_ops(protocol);
}

struct greeting {
    unsigned protocol; /* 0: the same as before */
    struct bytes user; /* without data: no AUTH */
    struct bytes password;
    struct bytes name; /* without data: no SETNAME */
};

static bool parse_protocol(struct call *call, unsigned *out)
{
    int64_t protocol;
    const char *error = NULL;
    if (!number_parse_i64(call_argument(call, 1), &protocol)) {
        error = "ERR Protocol version is not an integer or out of range";
    } else if (protocol != 2 && protocol != 3) {
        error = "NOPROTO unsupported protocol version";
    }
    if (error != NULL) {
        reply_error(call->reply, error);
        return false;
    }
    *out = (unsigned)protocol;
    return true;
}

static bool parse_greeting(struct call *call, struct greeting *out)
{
    if (call->argument_count > 1 && !parse_protocol(call, &out->protocol)) return false;
    for (uint32_t i = 2; i < call->argument_count; i++) {
        uint32_t more = call->argument_count - 1 - i;
        if (more >= 2 && call_argument_is(call, i, "auth")) {
            out->user = call_argument(call, i + 1);
            out->password = call_argument(call, i + 2);
            i += 2;
        } else if (more >= 1 && call_argument_is(call, i, "setname")) {
            out->name = call_argument(call, i + 1);
            if (!client_check_name(call, out->name)) return false;
            i += 1;
        } else {
            reply_errorf(call->reply, "ERR Syntax error in HELLO option '%.*s'",
                         (int)call->arguments[i].size, call->arguments[i].data);
            return false;
        }
    }
    return true;
}

static void reply_greeting(struct call *call)
{
    struct reply *reply = call->reply;
    reply_map(reply, 7);
    reply_text(reply, "server");
    reply_text(reply, "redis");
    reply_text(reply, "version");
    reply_text(reply, "7.2.4");
    reply_text(reply, "proto");
    reply_integer(reply, call->session->protocol);
    reply_text(reply, "id");
    reply_integer(reply, (int64_t)call->session->id);
    reply_text(reply, "mode");
    reply_text(reply, "standalone");
    reply_text(reply, "role");
    reply_text(reply, "master");
    reply_text(reply, "modules");
    reply_array(reply, 0);
}

/* All or nothing: what is wrong is found before anything changes. */
static void cmd_hello(struct call *call)
{
    struct greeting greeting = {0};
    if (!parse_greeting(call, &greeting)) return;
    if (greeting.user.data != NULL && !authenticate(call, greeting.user, greeting.password)) return;
    if ((call->session->flags & SESSION_AUTHENTICATED) == 0) {
        reply_error(
            call->reply,
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
            "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
            "select the RESP protocol version at the same time");
        return;
    }
    if (greeting.name.data != NULL)
        session_set_text(call->session, &call->session->name, greeting.name);
    if (greeting.protocol != 0) set_protocol(call, greeting.protocol);
    reply_greeting(call);
}

/* ---- the rest ---- */

static void cmd_select(struct call *call)
{
    int64_t database;
    if (!call_integer(call, 1, &database)) return;
    if (database < INT32_MIN || database > INT32_MAX) {
        reply_error(call->reply,
                    "ERR value is out of range, value must between -2147483648 and 2147483647");
        return;
    }
    if (database < 0 || database >= (int64_t)call->txn->keyspace->database_count) {
        reply_error(call->reply, "ERR DB index is out of range");
        return;
    }
    call->session->database = (uint32_t)database;
    reply_ok(call->reply);
}

static void cmd_ping(struct call *call)
{
    if (call->argument_count > 2) {
        reply_error(call->reply, "ERR wrong number of arguments for 'ping' command");
    } else if (call->argument_count == 2) {
        reply_bulk(call->reply, call_argument(call, 1));
    } else {
        reply_simple(call->reply, BYTES_LITERAL("PONG"));
    }
}

static void cmd_echo(struct call *call)
{
    reply_bulk(call->reply, call_argument(call, 1));
}

static void cmd_quit(struct call *call)
{
    call->session->flags |= SESSION_CLOSE_AFTER_REPLY;
    reply_ok(call->reply);
}

static void cmd_reset(struct call *call)
{
    struct session *session = call->session;
    if ((session->flags & SESSION_MONITOR) != 0)
        call->services->monitor(call->services, session, false);
    session_reset(session, has_password(call));
    set_protocol(call, session->protocol);
    reply_simple(call->reply, BYTES_LITERAL("RESET"));
}

enum {
    CONNECTION = CMD_LOADING | CMD_STALE | CMD_FAST,
    ANYBODY = CONNECTION | CMD_NO_SCRIPT | CMD_NO_AUTH,
};

/* clang-format off */
static const struct command commands[] = {
    {"auth", cmd_auth, -2, ANYBODY | CMD_SECRET, {0},
     "[username] password", "1.0.0",
     "Proves who the client is.",
     "connection", "O(N) where N is the length of the password", "@connection", NULL},
    /* A container has no function of its own: each subcommand is a row. */
    {"client", NULL, -2, 0, {0},
     "", "2.4.0",
     "Commands about connected clients.",
     "connection", "Depends on the subcommand", "", client_subcommands},
    {"echo", cmd_echo, 2, CONNECTION, {0},
     "message", "1.0.0",
     "Answers its argument.",
     "connection", "O(1)", "@connection", NULL},
    {"hello", cmd_hello, -1, ANYBODY | CMD_SECRET, {0},
     "[protover [AUTH username password] [SETNAME clientname]]", "6.0.0",
     "Introduces client and server to each other and picks the protocol.",
     "connection", "O(1)", "@connection", NULL},
    {"ping", cmd_ping, -1, CMD_FAST, {0},
     "[message]", "1.0.0",
     "Answers PONG, or its argument.",
     "connection", "O(1)", "@connection", NULL},
    {"quit", cmd_quit, -1, ANYBODY | CMD_TRANSACTION, {0},
     "", "1.0.0",
     "Answers OK and closes the connection.",
     "connection", "O(1)", "@connection", NULL},
    {"reset", cmd_reset, 1, ANYBODY | CMD_TRANSACTION, {0},
     "", "6.2.0",
     "Makes the connection as if it were new.",
     "connection", "O(1)", "@connection", NULL},
    {"select", cmd_select, 2, CONNECTION, {0},
     "index", "1.0.0",
     "Changes the connection's database.",
     "connection", "O(1)", "@connection", NULL},
};
/* clang-format on */

const struct family connection_family = FAMILY("connection", commands);
