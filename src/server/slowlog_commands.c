#include "command/slowlog.h"

#include "base/number.h"
#include "command/call.h"
#include "command/services.h"
#include "server/server_commands.h"

enum { SLOWLOG_DEFAULT_COUNT = 10 };

static void start_entries(void *context, uint64_t count)
{
    reply_array(context, count);
}

static void reply_entry(void *context, const struct slowlog_entry *entry)
{
    struct reply *reply = context;
    reply_array(reply, 6);
    reply_integer(reply, (int64_t)entry->id);
    reply_integer(reply, entry->wall_s);
    reply_integer(reply, (int64_t)entry->elapsed_us);
    reply_array(reply, entry->argument_count);
    for (uint32_t i = 0; i < entry->argument_count; i++) reply_bulk(reply, entry->arguments[i]);
    reply_bulk(reply, entry->address);
    reply_bulk(reply, entry->client_name);
}

static void cmd_slowlog_get(struct call *call)
{
    int64_t count = SLOWLOG_DEFAULT_COUNT;
    if (call->argument_count > 3) {
        struct bytes name = call_argument(call, 1);
        reply_errorf(call->reply,
                     "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG "
                     "HELP.",
                     (int)name.size, name.data);
        return;
    }
    bool is_valid = call->argument_count == 2 || number_parse_i64(call_argument(call, 2), &count);
    if (!is_valid || count < -1) {
        reply_error(call->reply, "ERR count should be greater than or equal to -1");
        return;
    }
    uint64_t entry_max = count < 0 ? UINT64_MAX : (uint64_t)count;
    slowlog_each(call->services->slowlog, entry_max, start_entries, reply_entry, call->reply);
}

static void cmd_slowlog_len(struct call *call)
{
    reply_integer(call->reply, (int64_t)slowlog_count(call->services->slowlog));
}

static void cmd_slowlog_reset(struct call *call)
{
    slowlog_reset(call->services->slowlog);
    reply_ok(call->reply);
}

static void cmd_slowlog_help(struct call *call)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    Return the newest <count> slow commands (default: 10, -1 for all):",
        "    id, time, microseconds, arguments, client address, client name.",
        "LEN",
        "    Return how many slow commands are kept.",
        "RESET",
        "    Forget them.",
    };
    reply_help(call->reply, "SLOWLOG", lines, sizeof(lines) / sizeof(lines[0]));
}

/* clang-format off */
static const struct command slowlog_commands[] = {
    {"slowlog|get", cmd_slowlog_get, -2, CMD_ADMIN | CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "[count]", "2.2.12", "Lists the newest slow commands.", "server",
     "O(N) where N is the number of entries", "", NULL},
    {"slowlog|help", cmd_slowlog_help, 2, CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "6.2.0", "Explains the subcommands.", "server", "O(1)", "", NULL},
    {"slowlog|len", cmd_slowlog_len, 2, CMD_ADMIN | CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "2.2.12", "Counts the slow commands that are kept.", "server", "O(1)", "", NULL},
    {"slowlog|reset", cmd_slowlog_reset, 2, CMD_ADMIN | CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "2.2.12", "Forgets the slow commands.", "server", "O(N) where N is the number of entries",
     "", NULL},
    {0},
};

static const struct command commands[] = {
    {"slowlog", NULL, -2, 0, {0, 0, 0, 0},
     "", "2.2.12", "Commands about commands that took long.", "server", "Depends on subcommand.",
     "",
     slowlog_commands},
};
/* clang-format on */

const struct family slowlog_family = FAMILY("slowlog", commands);
