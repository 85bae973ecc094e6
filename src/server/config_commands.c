#include "base/memory.h"
#include "command/call.h"
#include "command/services.h"
#include "server/server_commands.h"
#include "server/server_state.h"

static struct options *options_of(const struct call *call)
{
    return &server_state_of(call->services)->options;
}

static void count_pair(void *context, struct bytes name, struct bytes value)
{
    (void)name;
    (void)value;
    ++*(uint64_t *)context;
}

static void reply_pair(void *context, struct bytes name, struct bytes value)
{
    reply_bulk(context, name);
    reply_bulk(context, value);
}

/* What matches depends on the names alone, so the count of the first round holds for the second. */
static void cmd_config_get(struct call *call)
{
    const struct bytes *patterns = call->arguments + 2;
    size_t pattern_count = call->argument_count - 2;
    uint64_t count = 0;
    options_match(options_of(call), patterns, pattern_count, count_pair, &count);
    reply_map(call->reply, count);
    options_match(options_of(call), patterns, pattern_count, reply_pair, call->reply);
}

static void cmd_config_set(struct call *call)
{
    size_t count = call->argument_count - 2;
    if (count % 2 != 0) {
        reply_error_syntax(call->reply);
        return;
    }
    struct buf error = {0};
    if (options_change(options_of(call), call->arguments + 2, count / 2, &error)) {
        reply_ok(call->reply);
    } else {
        reply_error(call->reply, buf_text(&error));
    }
    buf_deinit(&error);
}

static void cmd_config_resetstat(struct call *call)
{
    server_state_reset_statistics(server_state_of(call->services));
    reply_ok(call->reply);
}

static void cmd_config_rewrite(struct call *call)
{
    if (server_state_of(call->services)->config_path.size == 0) {
        reply_error(call->reply, "ERR The server is running without a config file");
    } else {
        reply_error(call->reply,
                    "ERR CONFIG REWRITE is not implemented yet; the file is unchanged");
    }
}

static void cmd_config_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    Return the options whose names match and their values.",
        "SET <option> <value> [<option> <value> ...]",
        "    Change options: all of them or none.",
        "RESETSTAT",
        "    Set the counters of INFO to zero.",
        "REWRITE",
        "    Write the options to the file that the server was started with (not implemented yet).",
    };
    reply_help(call->reply, "CONFIG", lines, sizeof(lines) / sizeof(lines[0]));
}

enum { FLAGS_CONFIG = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE };

/* clang-format off */
static const struct command config_commands[] = {
    {"config|get", cmd_config_get, -3, FLAGS_CONFIG, {0, 0, 0, 0},
     "parameter [parameter ...]", "2.0.0",
     "Lists options whose names match patterns, and their values.", "server",
     "O(N) where N is the number of options", "", NULL},
    {"config|help", cmd_config_help, 2, CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "5.0.0", "Explains the subcommands.", "server", "O(1)", "", NULL},
    {"config|resetstat", cmd_config_resetstat, 2, FLAGS_CONFIG, {0, 0, 0, 0},
     "", "2.0.0", "Sets the counters of INFO to zero.", "server", "O(1)", "", NULL},
    {"config|rewrite", cmd_config_rewrite, 2, FLAGS_CONFIG, {0, 0, 0, 0},
     "", "2.8.0", "Writes the options to the configuration file; not implemented yet.", "server",
     "O(1)", "", NULL},
    {"config|set", cmd_config_set, -4, FLAGS_CONFIG, {0, 0, 0, 0},
     "parameter value [parameter value ...]", "2.0.0",
     "Changes options, all that are named or none.", "server",
     "O(N) where N is the number of options named", "", NULL},
    {0},
};

static const struct command commands[] = {
    {"config", NULL, -2, 0, {0, 0, 0, 0},
     "", "2.0.0", "Commands about the server's options.", "server", "Depends on subcommand.", "",
     config_commands},
};
/* clang-format on */

const struct family config_family = FAMILY("config", commands);
