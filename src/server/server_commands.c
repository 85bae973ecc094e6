#include "server/server_commands.h"

#include <inttypes.h>

#include "base/memory.h"
#include "command/call.h"
#include "command/services.h"
#include "command/session.h"
#include "command/version.h"
#include "server/info.h"
#include "server/server_state.h"

static void cmd_info(struct call *call)
{
    struct buf text = {0};
    info_append(server_state_of(call->services), call->arguments + 1, call->argument_count - 1,
                call->txn->holds_all, &text);
    call->reply->ops->verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static void cmd_time(struct call *call)
{
    int64_t now_us = call->services->wall_us(call->services);
    reply_array(call->reply, 2);
    reply_textf(call->reply, "%" PRId64, now_us / 1000000);
    reply_textf(call->reply, "%" PRId64, now_us % 1000000);
}

static void cmd_role(struct call *call)
{
    reply_array(call->reply, 3);
    reply_text(call->reply, "master");
    reply_integer(call->reply, 0);
    reply_array(call->reply, 0);
}

static void cmd_lolwut(struct call *call)
{
    static const char text[] = "Cairn " VERSION_CAIRN_TEXT
                               ", answering as Redis ver. " VERSION_REDIS_TEXT "\n";
    call->reply->ops->verbatim(call->reply, "txt", bytes_of_text(text));
}

static void cmd_monitor(struct call *call)
{
    if ((call->session->flags & SESSION_IN_EXEC) != 0) {
        reply_error(call->reply, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    call->services->monitor(call->services, call->session, true);
    reply_ok(call->reply);
}

static void cmd_replicaof(struct call *call)
{
    if (call_argument_is(call, 1, "no") && call_argument_is(call, 2, "one")) {
        reply_ok(call->reply); /* it is a primary already */
        return;
    }
    reply_error(call->reply, "ERR replication is not implemented yet");
}

/* ---- SHUTDOWN ---- */

enum shutdown_flags {
    SHUTDOWN_NOSAVE = 1,
    SHUTDOWN_SAVE = 2,
    SHUTDOWN_NOW = 4,
    SHUTDOWN_FORCE = 8,
    SHUTDOWN_ABORT = 16
};

static unsigned shutdown_flag(struct bytes word)
{
    static const struct {
        const char *name;
        unsigned flag;
    } rows[] = {
        {"nosave", SHUTDOWN_NOSAVE},
        {"save",   SHUTDOWN_SAVE  },
        {"now",    SHUTDOWN_NOW   },
        {"force",  SHUTDOWN_FORCE },
        {"abort",  SHUTDOWN_ABORT },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bytes_is_word(word, rows[i].name)) return rows[i].flag;
    }
    return 0;
}

/* False when the words do not go together. */
static bool parse_shutdown(const struct call *call, unsigned *out)
{
    unsigned flags = 0;
    for (uint32_t i = 1; i < call->argument_count; i++) {
        unsigned flag = shutdown_flag(call_argument(call, i));
        if (flag == 0) return false;
        flags |= flag;
    }
    if ((flags & SHUTDOWN_NOSAVE) != 0 && (flags & SHUTDOWN_SAVE) != 0) return false;
    if ((flags & SHUTDOWN_ABORT) != 0 && flags != SHUTDOWN_ABORT) return false;
    *out = flags;
    return true;
}

/* Says nothing when it succeeds: the connection closes. */
static void cmd_shutdown(struct call *call)
{
    unsigned flags;
    if (!parse_shutdown(call, &flags)) {
        reply_error_syntax(call->reply);
    } else if ((flags & SHUTDOWN_ABORT) != 0) {
        reply_error(call->reply,
                    "ERR No shutdown in progress."); /* it does not wait for anybody here */
    } else {
        call->services->shutdown(call->services, (flags & SHUTDOWN_SAVE) != 0,
                                 (flags & SHUTDOWN_NOSAVE) != 0);
    }
}

/* ---- MODULE ---- */

static void cmd_module_list(struct call *call)
{
    reply_array(call->reply, 0);
}

static void cmd_module_refused(struct call *call)
{
    reply_error(call->reply, "ERR Modules of Redis cannot be loaded by this server");
}

static void cmd_module_help(struct call *call)
{
    static const char *const lines[] = {
        "LIST",
        "    Return the list of loaded modules: there are none.",
    };
    reply_help(call->reply, "MODULE", lines, sizeof(lines) / sizeof(lines[0]));
}

/* ---- rows ---- */

enum {
    FLAGS_ADMIN = CMD_ADMIN | CMD_NO_SCRIPT,
    FLAGS_ANY_TIME = CMD_LOADING | CMD_STALE,
};

/* clang-format off */
static const struct command module_commands[] = {
    {"module|help", cmd_module_help, 2, FLAGS_ANY_TIME, {0, 0, 0, 0},
     "", "5.0.0", "Explains the subcommands.", "server", "O(1)", "", NULL},
    {"module|list", cmd_module_list, 2, FLAGS_ADMIN, {0, 0, 0, 0},
     "", "4.0.0", "Lists the loaded modules: there are none.", "server", "O(1)", "", NULL},
    {"module|load", cmd_module_refused, -3, FLAGS_ADMIN, {0, 0, 0, 0},
     "path [arg ...]", "4.0.0", "Refuses: modules cannot be loaded.", "server", "O(1)", "", NULL},
    {"module|loadex", cmd_module_refused, -3, FLAGS_ADMIN, {0, 0, 0, 0},
     "path [CONFIG name value] [ARGS arg ...]", "7.0.0", "Refuses: modules cannot be loaded.",
     "server", "O(1)", "", NULL},
    {"module|unload", cmd_module_refused, 3, FLAGS_ADMIN, {0, 0, 0, 0},
     "name", "4.0.0", "Refuses: modules cannot be loaded.", "server", "O(1)", "", NULL},
    {0},
};

static const struct command commands[] = {
    {"info", cmd_info, -1, FLAGS_ANY_TIME | CMD_TOUCHES_KEYS_ANYWHERE, {0, 0, 0, 0},
     "[section ...]", "1.0.0",
     "Tells how the server is doing, section by section.",
     "server", "O(N) where N is the number of shards", "@dangerous", NULL},
    {"lolwut", cmd_lolwut, -1, CMD_READ | CMD_FAST, {0, 0, 0, 0},
     "[VERSION version]", "5.0.0", "Says what is running here.", "server", "O(1)", "", NULL},
    {"module", NULL, -2, 0, {0, 0, 0, 0},
     "", "4.0.0", "Commands about modules, of which there are none.", "server",
     "Depends on subcommand.", "",
     module_commands},
    {"monitor", cmd_monitor, 1, FLAGS_ADMIN | FLAGS_ANY_TIME, {0, 0, 0, 0},
     "", "1.0.0", "Shows every command that the server runs.", "server", "O(1)", "", NULL},
    {"replicaof", cmd_replicaof, 3, FLAGS_ADMIN | CMD_STALE, {0, 0, 0, 0},
     "host port", "5.0.0", "Takes NO ONE only: replication is not implemented yet.", "server",
     "O(1)", "", NULL},
    {"role", cmd_role, 1, CMD_NO_SCRIPT | FLAGS_ANY_TIME | CMD_FAST, {0, 0, 0, 0},
     "", "2.8.12", "Says whether this is a primary or a replica.", "server", "O(1)",
     "@admin @dangerous", NULL},
    {"shutdown", cmd_shutdown, -1, FLAGS_ADMIN | FLAGS_ANY_TIME | CMD_NO_MULTI, {0, 0, 0, 0},
     "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", "1.0.0",
     "Makes what is written durable and ends the process.",
     "server", "O(1), with SAVE O(N) where N is the number of keys", "", NULL},
    {"slaveof", cmd_replicaof, 3, FLAGS_ADMIN | CMD_STALE, {0, 0, 0, 0},
     "host port", "1.0.0", "An older name of REPLICAOF.", "server", "O(1)", "", NULL},
    {"time", cmd_time, 1, FLAGS_ANY_TIME | CMD_FAST, {0, 0, 0, 0},
     "", "2.6.0", "Tells the time: seconds since 1970, and microseconds.", "server", "O(1)", "",
     NULL},
};
/* clang-format on */

const struct family server_family = FAMILY("server", commands);
