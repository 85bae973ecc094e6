#include "base/text.h"
#include "command/call.h"
#include "command/registry.h"
#include "command/services.h"
#include "server/command_description.h"
#include "server/server_commands.h"

static bool is_listed(const struct command *command)
{
    return !registry_is_subcommand(command) && (command->flags & CMD_NOT_IN_LIST) == 0;
}

/* ---- INFO ---- */

static void reply_all_commands(struct call *call)
{
    const struct registry *registry = call->services->registry;
    reply_array(call->reply, registry_listed_count(registry));
    for (unsigned i = 0; i < registry_count(registry); i++) {
        const struct command *command = registry_at(registry, i);
        if (is_listed(command)) command_description_reply(call->reply, command);
    }
}

static void cmd_command(struct call *call)
{
    if (call->argument_count == 1) {
        reply_all_commands(call);
        return;
    }
    struct bytes name = bytes_part(call_argument(call, 1), 0, 128);
    reply_errorf(call->reply, "ERR unknown subcommand '%.*s'. Try COMMAND HELP.", (int)name.size,
                 name.data);
}

static void cmd_command_info(struct call *call)
{
    if (call->argument_count == 2) {
        reply_all_commands(call);
        return;
    }
    reply_array(call->reply, call->argument_count - 2);
    for (uint32_t i = 2; i < call->argument_count; i++) {
        const struct command *command = registry_find_full(call->services->registry,
                                                           call_argument(call, i));
        if (command != NULL) {
            command_description_reply(call->reply, command);
        } else {
            reply_nil(call->reply);
        }
    }
}

static void cmd_command_count(struct call *call)
{
    reply_integer(call->reply, registry_listed_count(call->services->registry));
}

/* ---- DOCS ---- */

static void reply_all_docs(struct call *call)
{
    const struct registry *registry = call->services->registry;
    reply_map(call->reply, registry_listed_count(registry));
    for (unsigned i = 0; i < registry_count(registry); i++) {
        const struct command *command = registry_at(registry, i);
        if (is_listed(command)) command_description_reply_docs(call->reply, call->arena, command);
    }
}

/* Names that are unknown are left out. */
static void cmd_command_docs(struct call *call)
{
    if (call->argument_count == 2) {
        reply_all_docs(call);
        return;
    }
    const struct registry *registry = call->services->registry;
    uint64_t count = 0;
    for (uint32_t i = 2; i < call->argument_count; i++) {
        count += registry_find_full(registry, call_argument(call, i)) != NULL;
    }
    reply_map(call->reply, count);
    for (uint32_t i = 2; i < call->argument_count; i++) {
        const struct command *command = registry_find_full(registry, call_argument(call, i));
        if (command != NULL) command_description_reply_docs(call->reply, call->arena, command);
    }
}

/* ---- LIST ---- */

enum filter_kind { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN };

struct filter {
    enum filter_kind kind;
    struct bytes text;
    uint32_t categories;
};

static uint32_t category_bit(struct bytes name)
{
    for (int i = 0; i < COMMAND_CATEGORY_COUNT; i++) {
        if (bytes_is_word(name, command_category_names[i])) return 1u << i;
    }
    return 0;
}

/* False when the words make no filter. */
static bool parse_filter(const struct call *call, struct filter *out)
{
    *out = (struct filter){0};
    if (call->argument_count == 2) return true;
    if (call->argument_count != 5 || !call_argument_is(call, 2, "filterby")) return false;
    out->text = call_argument(call, 4);
    if (call_argument_is(call, 3, "module")) {
        out->kind = FILTER_MODULE;
    } else if (call_argument_is(call, 3, "aclcat")) {
        out->kind = FILTER_CATEGORY;
        out->categories = category_bit(out->text);
    } else if (call_argument_is(call, 3, "pattern")) {
        out->kind = FILTER_PATTERN;
    } else {
        return false;
    }
    return true;
}

static bool passes(const struct filter *filter, const struct command *command)
{
    switch (filter->kind) {
    case FILTER_NONE: return (command->flags & CMD_NOT_IN_LIST) == 0;
    case FILTER_CATEGORY: return (command_categories(command) & filter->categories) != 0;
    case FILTER_PATTERN: return text_glob_match(filter->text, bytes_of_text(command->name), true);
    case FILTER_MODULE: return false; /* there are no modules */
    }
    return false;
}

static void cmd_command_list(struct call *call)
{
    struct filter filter;
    if (!parse_filter(call, &filter)) {
        reply_error_syntax(call->reply);
        return;
    }
    const struct registry *registry = call->services->registry;
    uint64_t count = 0;
    for (unsigned i = 0; i < registry_count(registry); i++)
        count += passes(&filter, registry_at(registry, i));
    reply_set(call->reply, count);
    for (unsigned i = 0; i < registry_count(registry); i++) {
        if (passes(&filter, registry_at(registry, i)))
            reply_text(call->reply, registry_at(registry, i)->name);
    }
}

/* ---- GETKEYS ---- */

/* The whole command that stands behind GETKEYS. */
struct inner {
    const struct command *command;
    const struct bytes *arguments;
    uint32_t argument_count;
    struct command_key_range keys;
};

/* False after saying why there is nothing to tell. */
static bool find_inner(struct call *call, struct inner *out)
{
    const struct bytes *arguments = call->arguments + 2;
    uint32_t count = call->argument_count - 2;
    const struct command *command = registry_find(call->services->registry, arguments[0]);
    if (command != NULL && command->subcommands != NULL && count > 1) {
        const struct command *subcommand = registry_find_subcommand(command, arguments[1]);
        if (subcommand != NULL || command->function == NULL) command = subcommand;
    }
    if (command == NULL) {
        reply_error(call->reply, "ERR Invalid command specified");
        return false;
    }
    bool has_key_spec = command->keys.first != 0 || command->keys.count_at > 0;
    if (!has_key_spec) {
        reply_error(call->reply, "ERR The command has no key arguments");
        return false;
    }
    if (!command_takes(command, count)) {
        reply_error(call->reply, "ERR Invalid number of arguments specified for command");
        return false;
    }
    struct command_key_range keys = command_key_range(command, arguments, count);
    if (keys.count == 0) {
        reply_error(call->reply, "ERR Invalid arguments specified for command");
        return false;
    }
    *out = (struct inner){command, arguments, count, keys};
    return true;
}

static struct bytes inner_key(const struct inner *inner, uint32_t index)
{
    return inner->arguments[inner->keys.first + index * inner->keys.step];
}

static void cmd_command_getkeys(struct call *call)
{
    struct inner inner;
    if (!find_inner(call, &inner)) return;
    reply_array(call->reply, inner.keys.count);
    for (uint32_t i = 0; i < inner.keys.count; i++) reply_bulk(call->reply, inner_key(&inner, i));
}

static void cmd_command_getkeysandflags(struct call *call)
{
    struct inner inner;
    if (!find_inner(call, &inner)) return;
    reply_array(call->reply, inner.keys.count);
    for (uint32_t i = 0; i < inner.keys.count; i++) {
        reply_array(call->reply, 2);
        reply_bulk(call->reply, inner_key(&inner, i));
        command_description_reply_use(call->reply, inner.command, inner.arguments,
                                      inner.argument_count, i);
    }
}

/* ---- rows ---- */

static void cmd_command_help(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Return details of all commands.",
        "COUNT",
        "    Return how many commands there are.",
        "DOCS [<command-name> ...]",
        "    Return what these commands (default: all) are for and what they take.",
        "GETKEYS <full-command>",
        "    Return the keys among the arguments of a command.",
        "GETKEYSANDFLAGS <full-command>",
        "    The same, and what happens to them.",
        "INFO [<command-name> ...]",
        "    Return details of these commands (default: all).",
        "LIST [FILTERBY (MODULE <module>|ACLCAT <category>|PATTERN <pattern>)]",
        "    Return the names of commands.",
    };
    reply_help(call->reply, "COMMAND", lines, sizeof(lines) / sizeof(lines[0]));
}

enum { FLAGS_COMMAND = CMD_LOADING | CMD_STALE };

/* clang-format off */
static const struct command command_commands[] = {
    {"command|count", cmd_command_count, 2, FLAGS_COMMAND, {0, 0, 0, 0},
     "", "2.8.13", "Counts the commands.", "server", "O(1)", "@connection", NULL},
    {"command|docs", cmd_command_docs, -2, FLAGS_COMMAND, {0, 0, 0, 0},
     "[command-name ...]", "7.0.0", "Tells what commands are for and what they take.", "server",
     "O(N) where N is the number of commands", "@connection", NULL},
    {"command|getkeys", cmd_command_getkeys, -4, FLAGS_COMMAND, {0, 0, 0, 0},
     "command [arg ...]", "2.8.13", "Finds the keys among the arguments of a command.", "server",
     "O(N) where N is the number of arguments", "@connection", NULL},
    {"command|getkeysandflags", cmd_command_getkeysandflags, -4, FLAGS_COMMAND, {0, 0, 0, 0},
     "command [arg ...]", "7.0.0", "Finds the keys among the arguments, and what happens to them.",
     "server",
     "O(N) where N is the number of arguments", "@connection", NULL},
    {"command|help", cmd_command_help, 2, FLAGS_COMMAND, {0, 0, 0, 0},
     "", "5.0.0", "Explains the subcommands.", "server", "O(1)", "@connection", NULL},
    {"command|info", cmd_command_info, -2, FLAGS_COMMAND, {0, 0, 0, 0},
     "[command-name ...]", "2.8.13", "Describes commands for programs.", "server",
     "O(N) where N is the number of commands", "@connection", NULL},
    {"command|list", cmd_command_list, -2, FLAGS_COMMAND, {0, 0, 0, 0},
     "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", "7.0.0",
     "Lists the names of commands.",
     "server", "O(N) where N is the number of commands", "@connection", NULL},
    {0},
};

static const struct command commands[] = {
    {"command", cmd_command, -1, FLAGS_COMMAND, {0, 0, 0, 0},
     "", "2.8.13", "Describes all commands for programs.", "server",
     "O(N) where N is the number of commands",
     "@connection", command_commands},
};
/* clang-format on */

const struct family command_family = FAMILY("command", commands);
