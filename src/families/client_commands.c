#include "families/client_commands.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/number.h"
#include "command/services.h"
#include "command/session.h"

/* Every client is one until there are subscribers and replicas. */
enum client_type { CLIENT_NORMAL, CLIENT_REPLICA, CLIENT_MASTER, CLIENT_PUBSUB };

static bool parse_type(struct call *call, struct bytes word, enum client_type *out)
{
    static const struct {
        const char *name;
        enum client_type type;
    } types[] = {
        {"normal",  CLIENT_NORMAL },
        {"slave",   CLIENT_REPLICA},
        {"replica", CLIENT_REPLICA},
        {"pubsub",  CLIENT_PUBSUB },
        {"master",  CLIENT_MASTER },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (bytes_is_word(word, types[i].name)) {
            *out = types[i].type;
            return true;
        }
    }
    reply_errorf(call->reply, "ERR Unknown client type '%.*s'", (int)word.size, word.data);
    return false;
}

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
    reply_error(call->reply, "ERR Client names cannot contain spaces, newlines or special characters.");
    return false;
}

static void reply_lines(struct call *call, struct buf *lines)
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
    reply_lines(call, &line);
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
        if ((session->flags & SESSION_REPLY_OFF) == 0) set_flag(session, SESSION_REPLY_SKIP_NEXT, true);
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
        reply_error(call->reply, "ERR CLIENT TRACKING ON is not available: this server sends no invalidation messages");
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
    reply_error(call->reply, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                             "OPTOUT mode enabled");
}

static void cmd_client_getredir(struct call *call)
{
    reply_integer(call->reply, -1);
}

/* ---- CLIENT LIST ---- */

/* A client's line in the listing. */
struct found_line {
    uint64_t id;
    size_t offset;
    size_t size;
};

struct listing {
    const uint64_t *ids; /* ascending; NULL for everybody */
    size_t id_count;
    int64_t now_ms;
    struct buf lines;
    struct buf found; /* struct found_line, by ascending id; only with `ids` */
};

static int compare_ids(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* The id comes first in struct found_line. */
static_assert(offsetof(struct found_line, id) == 0, "an id compares with a line");

static bool list_one(void *context, struct session *session)
{
    struct listing *listing = context;
    if (atomic_load_explicit(&session->is_killed, memory_order_relaxed) != 0) return true;
    if (listing->ids != NULL &&
        bsearch(&session->id, listing->ids, listing->id_count, sizeof(uint64_t), compare_ids) == NULL) {
        return true;
    }
    struct found_line line = {.id = session->id, .offset = listing->lines.size};
    session_describe(session, listing->now_ms, &listing->lines);
    line.size = listing->lines.size - line.offset;
    if (listing->ids != NULL) buf_append(&listing->found, &line, sizeof(line));
    return true;
}

static void list_all(struct call *call)
{
    struct listing listing = {.now_ms = call->now_ms};
    sessions_each(call->services->sessions, list_one, &listing);
    reply_lines(call, &listing.lines);
    buf_deinit(&listing.lines);
}

/* The wanted ids, in the order given; NULL after an error reply. */
static uint64_t *parse_ids(struct call *call, uint32_t first, uint32_t count)
{
    uint64_t *ids = arena_alloc(call->arena, count * sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++) {
        int64_t id;
        if (!number_parse_i64(call_argument(call, first + i), &id)) {
            reply_error(call->reply, "ERR Invalid client ID");
            return NULL;
        }
        ids[i] = (uint64_t)id;
    }
    return ids;
}

/* One walk over the sessions whatever the number of ids; the lines then go out in the order in which they were asked
 * for. */
static void list_ids(struct call *call)
{
    enum { FIRST = 3 };
    uint32_t count = call->argument_count - FIRST;
    uint64_t *wanted = parse_ids(call, FIRST, count);
    if (wanted == NULL) return;
    uint64_t *sorted = arena_alloc(call->arena, count * sizeof(uint64_t));
    memcpy(sorted, wanted, count * sizeof(uint64_t));
    qsort(sorted, count, sizeof(uint64_t), compare_ids);

    struct listing listing = {.ids = sorted, .id_count = count, .now_ms = call->now_ms};
    sessions_each(call->services->sessions, list_one, &listing);

    struct buf answer = {0};
    size_t found_count = listing.found.size / sizeof(struct found_line);
    for (uint32_t i = 0; i < count && found_count > 0; i++) {
        const struct found_line *line =
            bsearch(&wanted[i], listing.found.data, found_count, sizeof(struct found_line), compare_ids);
        if (line != NULL) buf_append(&answer, listing.lines.data + line->offset, line->size);
    }
    reply_lines(call, &answer);
    buf_deinit(&answer);
    buf_deinit(&listing.found);
    buf_deinit(&listing.lines);
}

static void cmd_client_list(struct call *call)
{
    enum client_type type = CLIENT_NORMAL;
    if (call->argument_count == 4 && call_argument_is(call, 2, "type")) {
        if (!parse_type(call, call_argument(call, 3), &type)) return;
    } else if (call->argument_count > 3 && call_argument_is(call, 2, "id")) {
        list_ids(call);
        return;
    } else if (call->argument_count != 2) {
        reply_error_syntax(call->reply);
        return;
    }
    if (type == CLIENT_NORMAL) {
        list_all(call);
    } else {
        reply_lines(call, &(struct buf){0});
    }
}

/* ---- CLIENT KILL ---- */

struct killing {
    struct services *services;
    struct session *self;
    uint64_t id; /* 0: any */
    struct bytes address; /* without data: any */
    struct bytes local_address;
    enum client_type type;
    bool has_type;
    bool skips_self;
    bool hits_self;
    uint64_t count;
};

static bool is_condemned(const struct killing *killing, const struct session *session)
{
    if (killing->id != 0 && killing->id != session->id) return false;
    if (killing->has_type && killing->type != CLIENT_NORMAL) return false;
    if (killing->skips_self && session == killing->self) return false;
    struct bytes address = killing->address;
    struct bytes local_address = killing->local_address;
    if (address.data != NULL && !bytes_equal(address, bytes_of_text(session->address))) return false;
    return local_address.data == NULL || bytes_equal(local_address, bytes_of_text(session->local_address));
}

/* Another client is closed by its own worker; from here on it counts as gone. */
static bool kill_one(void *context, struct session *session)
{
    struct killing *killing = context;
    if (!is_condemned(killing, session)) return true;
    if (session == killing->self) {
        killing->hits_self = true;
    } else {
        if (atomic_exchange(&session->is_killed, 1) != 0) return true;
        killing->services->wake(killing->services, session);
    }
    killing->count++;
    return true;
}

static bool parse_kill_id(struct call *call, struct bytes text, uint64_t *out)
{
    int64_t id;
    if (number_parse_i64(text, &id) && id > 0) {
        *out = (uint64_t)id;
        return true;
    }
    reply_error(call->reply, "ERR client-id should be greater than 0");
    return false;
}

/* One option and its value, at `index`; answers the error and returns false when they make no sense. */
static bool parse_kill_option(struct call *call, uint32_t index, struct killing *killing)
{
    if (index + 1 == call->argument_count) {
        reply_error_syntax(call->reply);
        return false;
    }
    struct bytes value = call_argument(call, index + 1);
    if (call_argument_is(call, index, "id")) return parse_kill_id(call, value, &killing->id);
    if (call_argument_is(call, index, "type")) {
        killing->has_type = true;
        return parse_type(call, value, &killing->type);
    }
    if (call_argument_is(call, index, "addr")) {
        killing->address = value;
        return true;
    }
    if (call_argument_is(call, index, "laddr")) {
        killing->local_address = value;
        return true;
    }
    if (call_argument_is(call, index, "user")) {
        if (bytes_equal(value, BYTES_LITERAL("default"))) return true;
        reply_errorf(call->reply, "ERR No such user '%.*s'", (int)value.size, value.data);
        return false;
    }
    bool is_yes = bytes_is_word(value, "yes");
    if (!call_argument_is(call, index, "skipme") || (!is_yes && !bytes_is_word(value, "no"))) {
        reply_error_syntax(call->reply);
        return false;
    }
    killing->skips_self = is_yes;
    return true;
}

static void cmd_client_kill(struct call *call)
{
    struct killing killing = {.services = call->services, .self = call->session};
    bool is_old_form = call->argument_count == 3;
    if (is_old_form) {
        killing.address = call_argument(call, 2);
    } else {
        killing.skips_self = true;
        for (uint32_t i = 2; i < call->argument_count; i += 2) {
            if (!parse_kill_option(call, i, &killing)) return;
        }
    }
    sessions_each(call->services->sessions, kill_one, &killing);
    if (killing.hits_self) set_flag(call->session, SESSION_CLOSE_AFTER_REPLY, true);

    if (!is_old_form) {
        reply_integer(call->reply, (int64_t)killing.count);
    } else if (killing.count > 0) {
        reply_ok(call->reply);
    } else {
        reply_error(call->reply, "ERR No such client");
    }
}

/* ---- CLIENT UNBLOCK, PAUSE, UNPAUSE ---- */

/* PAUSE and UNBLOCK take one optional word; Redis checks that itself, with a text of its own. */
static bool check_one_optional(struct call *call, const char *name)
{
    if (call->argument_count <= 4) return true;
    reply_errorf(call->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
                 (int)call->arguments[1].size, call->arguments[1].data, name);
    return false;
}

struct unblocking {
    struct services *services;
    uint64_t id;
    uint8_t reason; /* as session->is_unblocked */
    bool is_done;
};

static bool unblock_one(void *context, struct session *session)
{
    struct unblocking *unblocking = context;
    if (session->id != unblocking->id) return true;
    uint8_t none = 0;
    bool is_blocked = (session_flags(session) & SESSION_BLOCKED) != 0;
    if (is_blocked && atomic_compare_exchange_strong(&session->is_unblocked, &none, unblocking->reason)) {
        unblocking->is_done = true;
        unblocking->services->wake(unblocking->services, session);
    }
    return false;
}

static void cmd_client_unblock(struct call *call)
{
    enum { REASON_TIMEOUT = 1, REASON_ERROR = 2 };
    if (!check_one_optional(call, "CLIENT")) return;
    struct unblocking unblocking = {.services = call->services, .reason = REASON_TIMEOUT};
    if (call->argument_count == 4 && call_argument_is(call, 3, "error")) {
        unblocking.reason = REASON_ERROR;
    } else if (call->argument_count == 4 && !call_argument_is(call, 3, "timeout")) {
        reply_error(call->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    int64_t id;
    if (!call_integer(call, 2, &id)) return;
    unblocking.id = (uint64_t)id;
    sessions_each(call->services->sessions, unblock_one, &unblocking);
    reply_integer(call->reply, unblocking.is_done);
}

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
    if (!check_one_optional(call, "CLIENT")) return;
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

#define EVERY_CLIENT "O(N) with N connected clients"
#define CLIENT_ROW .group = "connection", .acl = "@connection"

const struct command client_subcommands[] = {
    {.name = "client|caching", .function = cmd_client_caching, .arity = 3, .flags = QUICK, .syntax = "<YES | NO>",
     .since = "6.0.0", .summary = "Says whether the next command's keys are tracked.", .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|getname", .function = cmd_client_getname, .arity = 2, .flags = QUICK, .syntax = "",
     .since = "2.6.9", .summary = "Answers the connection's name.", .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|getredir", .function = cmd_client_getredir, .arity = 2, .flags = QUICK, .syntax = "",
     .since = "6.0.0", .summary = "Answers the client that gets this one's invalidation messages.",
     .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|help", .function = cmd_client_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE, .syntax = "",
     .since = "5.0.0", .summary = "Lists the subcommands.", .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|id", .function = cmd_client_id, .arity = 2, .flags = QUICK, .syntax = "", .since = "5.0.0",
     .summary = "Answers the connection's id.", .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|info", .function = cmd_client_info, .arity = 2, .flags = QUICK, .syntax = "", .since = "6.2.0",
     .summary = "Describes the connection.", .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|kill", .function = cmd_client_kill, .arity = -3, .flags = ADMIN,
     .syntax = "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | "
               "[ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] [[ID client-id] | "
               "[TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | "
               "[LADDR ip:port] | [SKIPME <YES | NO>] ...]>>",
     .since = "2.4.0", .summary = "Closes connections.", .complexity = EVERY_CLIENT, CLIENT_ROW},
    {.name = "client|list", .function = cmd_client_list, .arity = -2, .flags = ADMIN,
     .syntax = "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]", .since = "2.4.0",
     .summary = "Describes connections.", .complexity = EVERY_CLIENT, CLIENT_ROW},
    {.name = "client|no-evict", .function = cmd_client_no_evict, .arity = 3, .flags = ADMIN, .syntax = "<ON | OFF>",
     .since = "7.0.0", .summary = "Keeps the connection when memory for clients runs short.", .complexity = "O(1)",
     CLIENT_ROW},
    {.name = "client|no-touch", .function = cmd_client_no_touch, .arity = 3, .flags = QUICK, .syntax = "<ON | OFF>",
     .since = "7.2.0", .summary = "Lets the connection's commands leave access times alone.", .complexity = "O(1)",
     CLIENT_ROW},
    {.name = "client|pause", .function = cmd_client_pause, .arity = -3, .flags = ADMIN,
     .syntax = "timeout [WRITE | ALL]", .since = "3.0.0", .summary = "Holds clients' commands back for a while.",
     .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|reply", .function = cmd_client_reply, .arity = 3, .flags = QUICK, .syntax = "<ON | OFF | SKIP>",
     .since = "3.2.0", .summary = "Says whether commands are answered.", .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|setinfo", .function = cmd_client_setinfo, .arity = 4, .flags = QUICK,
     .syntax = "<LIB-NAME libname | LIB-VER libver>", .since = "7.2.0", .summary = "Tells which client library this is.",
     .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|setname", .function = cmd_client_setname, .arity = 3, .flags = QUICK,
     .syntax = "connection-name", .since = "2.6.9", .summary = "Names the connection.", .complexity = "O(1)",
     CLIENT_ROW},
    {.name = "client|tracking", .function = cmd_client_tracking, .arity = -3, .flags = QUICK,
     .syntax = "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
     .since = "6.0.0", .summary = "Switches invalidation messages for client-side caching.",
     .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|trackinginfo", .function = cmd_client_trackinginfo, .arity = 2, .flags = QUICK, .syntax = "",
     .since = "6.2.0", .summary = "Describes the connection's tracking.", .complexity = "O(1)", CLIENT_ROW},
    {.name = "client|unblock", .function = cmd_client_unblock, .arity = -3, .flags = ADMIN,
     .syntax = "client-id [TIMEOUT | ERROR]", .since = "5.0.0", .summary = "Ends another client's waiting.",
     .complexity = EVERY_CLIENT, CLIENT_ROW},
    {.name = "client|unpause", .function = cmd_client_unpause, .arity = 2, .flags = ADMIN, .syntax = "",
     .since = "6.2.0", .summary = "Ends CLIENT PAUSE.", .complexity = "O(1)", CLIENT_ROW},
    {.name = NULL},
};
