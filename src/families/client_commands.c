#include "families/client_commands.h"

#include "base/number.h"
#include "command/services.h"
#include "command/session.h"
#include "families/client_others.h"

/* ON or OFF at argument 2; answers a syntax error otherwise. */
static bool parse_switch(struct call *call, bool *out)
{
    bool is_on = call_argument_is(call, 2, "on");
    if (!is_on && !call_argument_is(call, 2, "off")) {
        reply_error_syntax(call->reply);
        return false;
    }
    *out = is_on;
    return true;
}

static void set_flag(struct session *session, uint32_t flag, bool on)
{
    session->flags = on ? session->flags | flag : session->flags & ~flag;
}

/* CLIENT NO-EVICT and NO-TOUCH. */
static void switch_flag(struct call *call, uint32_t flag)
{
    bool is_on;
    if (!parse_switch(call, &is_on)) return;
    set_flag(call->session, flag, is_on);
    reply_ok(call->reply);
}

static bool is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '!' || text.data[i] > '~') return false;
    }
    return true;
}

bool client_check_name(struct call *call, struct bytes name)
{
    if (is_printable(name)) return true;
    reply_error(call->reply,
                "ERR Client names cannot contain spaces, newlines or special characters.");
    return false;
}

bool client_check_one_optional(struct call *call)
{
    if (call->argument_count <= 4) return true;
    struct bytes name = call_argument(call, 1);
    reply_errorf(call->reply,
                 "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try CLIENT HELP.",
                 (int)name.size, name.data);
    return false;
}

void client_reply_lines(struct call *call, const struct buf *lines)
{
    call->reply->ops->verbatim(call->reply, "txt", buf_bytes(lines));
}

/* ---- about oneself ---- */

static void cmd_client_id(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->session->id);
}

static void cmd_client_info(struct call *call)
{
    struct buf line = {0};
    session_describe(call->session, call->now_ms, &line);
    client_reply_lines(call, &line);
    buf_deinit(&line);
}

static void cmd_client_getname(struct call *call)
{
    if (call->session->name == NULL) {
        reply_nil(call->reply);
    } else {
        reply_text(call->reply, call->session->name);
    }
}

static void cmd_client_setname(struct call *call)
{
    struct bytes name = call_argument(call, 2);
    if (!client_check_name(call, name)) return;
    session_set_text(call->session, &call->session->name, name);
    reply_ok(call->reply);
}

static void cmd_client_setinfo(struct call *call)
{
    struct session *session = call->session;
    struct bytes option = call_argument(call, 2);
    struct bytes value = call_argument(call, 3);
    bool is_name = bytes_is_word(option, "lib-name");
    if (!is_name && !bytes_is_word(option, "lib-ver")) {
        reply_errorf(call->reply, "ERR Unrecognized option '%.*s'", (int)option.size, option.data);
        return;
    }
    if (!is_printable(value)) {
        reply_errorf(call->reply, "ERR %.*s cannot contain spaces, newlines or special characters.",
                     (int)option.size, option.data);
        return;
    }
    session_set_text(session, is_name ? &session->library_name : &session->library_version, value);
    reply_ok(call->reply);
}

static void cmd_client_no_evict(struct call *call)
{
    switch_flag(call, SESSION_NO_EVICT);
}

static void cmd_client_no_touch(struct call *call)
{
    switch_flag(call, SESSION_NO_TOUCH);
}

/* OFF and SKIP are answered with silence, also inside EXEC. */
static void cmd_client_reply(struct call *call)
{
    struct session *session = call->session;
    if (call_argument_is(call, 2, "on")) {
        set_flag(session, SESSION_REPLY_OFF | SESSION_REPLY_SKIP, false);
        reply_ok(call->reply);
    } else if (call_argument_is(call, 2, "off")) {
        set_flag(session, SESSION_REPLY_OFF, true);
    } else if (call_argument_is(call, 2, "skip")) {
        if ((session->flags & SESSION_REPLY_OFF) == 0)
            set_flag(session, SESSION_REPLY_SKIP_NEXT, true);
    } else {
        reply_error_syntax(call->reply);
    }
}

/* ---- client-side caching: nobody is tracked ---- */

static void cmd_client_tracking(struct call *call)
{
    bool is_on;
    if (!parse_switch(call, &is_on)) return;
    if (is_on) {
        reply_error(
            call->reply,
            "ERR CLIENT TRACKING ON is not available: this server sends no invalidation messages");
    } else if (call->argument_count > 3) {
        reply_error_syntax(call->reply);
    } else {
        reply_ok(call->reply);
    }
}

static void cmd_client_trackinginfo(struct call *call)
{
    struct reply *reply = call->reply;
    reply_map(reply, 3);
    reply_text(reply, "flags");
    reply_set(reply, 1);
    reply_text(reply, "off");
    reply_text(reply, "redirect");
    reply_integer(reply, -1);
    reply_text(reply, "prefixes");
    reply_array(reply, 0);
}

static void cmd_client_caching(struct call *call)
{
    reply_error(
        call->reply,
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
}

static void cmd_client_getredir(struct call *call)
{
    reply_integer(call->reply, -1);
}

/* ---- CLIENT PAUSE, UNPAUSE ---- */

/* Milliseconds from now as a moment; answers the error and returns false when it is none. */
static bool parse_timeout(struct call *call, struct bytes text, int64_t *out_until_ms)
{
    int64_t timeout_ms;
    int64_t until_ms;
    const char *error = NULL;
    if (!number_parse_i64(text, &timeout_ms)) {
        error = "ERR timeout is not an integer or out of range";
    } else if (timeout_ms < 0) {
        error = "ERR timeout is negative";
    } else if (__builtin_add_overflow(call->now_ms, timeout_ms, &until_ms)) {
        error = "ERR timeout is out of range";
    }
    if (error != NULL) {
        reply_error(call->reply, error);
        return false;
    }
    *out_until_ms = timeout_ms > 0 ? until_ms : 0;
    return true;
}

static void cmd_client_pause(struct call *call)
{
    if (!client_check_one_optional(call)) return;
    bool only_writes = call->argument_count == 4 && call_argument_is(call, 3, "write");
    if (call->argument_count == 4 && !only_writes && !call_argument_is(call, 3, "all")) {
        reply_error(call->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return;
    }
    int64_t until_ms;
    if (!parse_timeout(call, call_argument(call, 2), &until_ms)) return;
    call->services->pause(call->services, until_ms, only_writes);
    reply_ok(call->reply);
}

static void cmd_client_unpause(struct call *call)
{
    call->services->pause(call->services, 0, false);
    reply_ok(call->reply);
}

/* ---- the rows ---- */

static void cmd_client_help(struct call *call)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    Say whether the next command's keys are tracked (OPTIN and OPTOUT tracking).",
        "GETNAME",
        "    Answer this connection's name.",
        "GETREDIR",
        "    Answer the client that gets this one's invalidation messages.",
        "ID",
        "    Answer this connection's id.",
        "INFO",
        "    Describe this connection.",
        "KILL <ip:port>",
        "    Close the connection from this address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close the connections that meet every option:",
        "    * ID <client-id>",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "    * ADDR (<ip:port>|<unixsocket>:0), the client's end",
        "    * LADDR (<ip:port>|<unixsocket>:0), the server's end",
        "    * USER <username>",
        "    * SKIPME (YES|NO), spare this connection (default: yes)",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <client-id> [...]]",
        "    Describe connections, one a line.",
        "NO-EVICT (ON|OFF)",
        "    Keep this connection when memory for clients runs short.",
        "NO-TOUCH (ON|OFF)",
        "    Leave keys' access times alone.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Hold back clients' commands, or only writes, for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Answer this connection, or do not, or not its next command.",
        "SETINFO (LIB-NAME|LIB-VER) <text>",
        "    Tell which client library this is.",
        "SETNAME <name>",
        "    Name this connection.",
        "TRACKING (ON|OFF) [<option> [...]]",
        "    Switch invalidation messages for client-side caching (only OFF is available).",
        "TRACKINGINFO",
        "    Describe this connection's tracking.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    End another client's waiting.",
        "UNPAUSE",
        "    End CLIENT PAUSE.",
    };
    reply_help(call->reply, "client", lines, sizeof(lines) / sizeof(lines[0]));
}

enum {
    QUICK = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE,
    ADMIN = CMD_ADMIN | QUICK,
};

#define EVERY_CLIENT "O(N) where N is the number of clients"

/* clang-format off */
const struct command client_subcommands[] = {
    {"client|caching", cmd_client_caching, 3, QUICK, {0},
     "<YES | NO>", "6.0.0",
     "Says whether the next command's keys are tracked.",
     "connection", "O(1)", "@connection", NULL},
    {"client|getname", cmd_client_getname, 2, QUICK, {0},
     "", "2.6.9",
     "Answers the connection's name.",
     "connection", "O(1)", "@connection", NULL},
    {"client|getredir", cmd_client_getredir, 2, QUICK, {0},
     "", "6.0.0",
     "Answers the client that gets this one's invalidation messages.",
     "connection", "O(1)", "@connection", NULL},
    {"client|help", cmd_client_help, 2, CMD_LOADING | CMD_STALE, {0},
     "", "5.0.0",
     "Lists the subcommands.",
     "connection", "O(1)", "@connection", NULL},
    {"client|id", cmd_client_id, 2, QUICK, {0},
     "", "5.0.0",
     "Answers the connection's id.",
     "connection", "O(1)", "@connection", NULL},
    {"client|info", cmd_client_info, 2, QUICK, {0},
     "", "6.2.0",
     "Describes the connection.",
     "connection", "O(1)", "@connection", NULL},
    {"client|kill", cmd_client_kill, -3, ADMIN, {0},
     "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | "
     "[USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] "
     "[[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | "
     "[USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] ...]>>", "2.4.0",
     "Closes connections.",
     "connection", EVERY_CLIENT, "@connection", NULL},
    {"client|list", cmd_client_list, -2, ADMIN, {0},
     "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]", "2.4.0",
     "Describes connections.",
     "connection", EVERY_CLIENT, "@connection", NULL},
    {"client|no-evict", cmd_client_no_evict, 3, ADMIN, {0},
     "<ON | OFF>", "7.0.0",
     "Keeps the connection when memory for clients runs short.",
     "connection", "O(1)", "@connection", NULL},
    {"client|no-touch", cmd_client_no_touch, 3, QUICK, {0},
     "<ON | OFF>", "7.2.0",
     "Lets the connection's commands leave access times alone.",
     "connection", "O(1)", "@connection", NULL},
    {"client|pause", cmd_client_pause, -3, ADMIN, {0},
     "timeout [WRITE | ALL]", "3.0.0",
     "Holds clients' commands back for a while.",
     "connection", "O(1)", "@connection", NULL},
    {"client|reply", cmd_client_reply, 3, QUICK, {0},
     "<ON | OFF | SKIP>", "3.2.0",
     "Says whether commands are answered.",
     "connection", "O(1)", "@connection", NULL},
    {"client|setinfo", cmd_client_setinfo, 4, QUICK, {0},
     "<LIB-NAME libname | LIB-VER libver>", "7.2.0",
     "Tells which client library this is.",
     "connection", "O(1)", "@connection", NULL},
    {"client|setname", cmd_client_setname, 3, QUICK, {0},
     "connection-name", "2.6.9",
     "Names the connection.",
     "connection", "O(1)", "@connection", NULL},
    {"client|tracking", cmd_client_tracking, -3, QUICK, {0},
     "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] "
     "[OPTOUT] [NOLOOP]", "6.0.0",
     "Switches invalidation messages for client-side caching.",
     "connection", "O(1)", "@connection", NULL},
    {"client|trackinginfo", cmd_client_trackinginfo, 2, QUICK, {0},
     "", "6.2.0",
     "Describes the connection's tracking.",
     "connection", "O(1)", "@connection", NULL},
    {"client|unblock", cmd_client_unblock, -3, ADMIN, {0},
     "client-id [TIMEOUT | ERROR]", "5.0.0",
     "Ends another client's waiting.",
     "connection", EVERY_CLIENT, "@connection", NULL},
    {"client|unpause", cmd_client_unpause, 2, ADMIN, {0},
     "", "6.2.0",
     "Ends CLIENT PAUSE.",
     "connection", "O(1)", "@connection", NULL},
    {.name = NULL},
};
/* clang-format on */
