/* COMMAND: what the rows say, in the shapes that clients know. */
#include "base/arena.h"
#include "base/text.h"
#include "command/call.h"
#include "command/registry.h"
#include "command/services.h"
#include "command/syntax.h"
#include "server/server_commands.h"

static bool is_listed(const struct command *command)
{
    return !registry_is_subcommand(command) && (command->flags & CMD_NOT_IN_LIST) == 0;
}

static uint64_t count_subcommands(const struct command *command)
{
    uint64_t count = 0;
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++) count++;
    return count;
}

static void reply_status(struct reply *reply, const char *text)
{
    reply_simple(reply, bytes_of_text(text));
}

/* ---- INFO: flags ---- */

/* In Redis's order. */
static const struct {
    uint32_t flag;
    const char *name;
} flag_names[] = {
    {CMD_WRITE,         "write"        },
    {CMD_READ,          "readonly"     },
    {CMD_GROWS_MEMORY,  "denyoom"      },
    {CMD_ADMIN,         "admin"        },
    {CMD_PUBSUB,        "pubsub"       },
    {CMD_NO_SCRIPT,     "noscript"     },
    {CMD_BLOCKING,      "blocking"     },
    {CMD_LOADING,       "loading"      },
    {CMD_STALE,         "stale"        },
    {CMD_SKIP_MONITOR,  "skip_monitor" },
    {CMD_SKIP_SLOWLOG,  "skip_slowlog" },
    {CMD_ASKING,        "asking"       },
    {CMD_FAST,          "fast"         },
    {CMD_NO_AUTH,       "no_auth"      },
    {CMD_MAY_REPLICATE, "may_replicate"},
    {CMD_NO_MULTI,      "no_multi"     },
    {CMD_MOVABLE_KEYS,  "movablekeys"  },
};

enum { FLAG_NAME_COUNT = sizeof(flag_names) / sizeof(flag_names[0]) };

static void reply_flags(struct reply *reply, const struct command *command)
{
    uint64_t count = 0;
    for (int i = 0; i < FLAG_NAME_COUNT; i++) count += (command->flags & flag_names[i].flag) != 0;
    reply_set(reply, count);
    for (int i = 0; i < FLAG_NAME_COUNT; i++) {
        if ((command->flags & flag_names[i].flag) != 0) reply_status(reply, flag_names[i].name);
    }
}

static void reply_categories(struct reply *reply, const struct command *command)
{
    uint32_t categories = command_categories(command);
    reply_set(reply, (uint64_t)__builtin_popcount(categories));
    for (int i = 0; i < COMMAND_CATEGORY_COUNT; i++) {
        if ((categories >> i & 1) == 0) continue;
        char name[32] = "@";
        strncat(name, command_category_names[i], sizeof(name) - 2);
        reply_status(reply, name);
    }
}

/* ---- INFO: keys ---- */

/* What a command does with its first key and with the others: RO reads, RW reads and writes, OW overwrites, RM removes;
 * then whether it returns the value, changes it, adds or deletes. Those that are missing follow from the row's flags. */
static const struct key_use {
    const char *command;
    const char *first;
    const char *others; /* NULL: as the first */
} key_uses[] = {
    {"append",          "RW insert",                       NULL       },
    {"bitfield",        "RW access update variable_flags", NULL       },
    {"bitop",           "OW update",                       "RO access"},
    {"copy",            "RO access",                       "OW update"},
    {"decr",            "RW access update",                NULL       },
    {"decrby",          "RW access update",                NULL       },
    {"del",             "RM delete",                       NULL       },
    {"exists",          "RO",                              NULL       },
    {"getdel",          "RW access delete",                NULL       },
    {"getex",           "RW access update",                NULL       },
    {"getset",          "RW access update",                NULL       },
    {"incr",            "RW access update",                NULL       },
    {"incrby",          "RW access update",                NULL       },
    {"incrbyfloat",     "RW access update",                NULL       },
    {"memory|usage",    "RO",                              NULL       },
    {"move",            "RW access update",                NULL       },
    {"mset",            "OW update",                       NULL       },
    {"msetnx",          "OW insert",                       NULL       },
    {"object|encoding", "RO",                              NULL       },
    {"object|freq",     "RO",                              NULL       },
    {"object|idletime", "RO",                              NULL       },
    {"object|refcount", "RO",                              NULL       },
    {"psetex",          "OW update",                       NULL       },
    {"rename",          "RW access delete",                "OW update"},
    {"renamenx",        "RW access delete",                "OW insert"},
    {"restore",         "OW update",                       NULL       },
    {"restore-asking",  "OW update",                       NULL       },
    {"set",             "RW access update variable_flags", NULL       },
    {"setbit",          "RW access update",                NULL       },
    {"setex",           "OW update",                       NULL       },
    {"setnx",           "OW insert",                       NULL       },
    {"strlen",          "RO",                              NULL       },
    {"touch",           "RO",                              NULL       },
    {"type",            "RO",                              NULL       },
    {"unlink",          "RM delete",                       NULL       },
    {"watch",           "RO",                              NULL       },
};

static struct key_use key_use_of(const struct command *command)
{
    for (size_t i = 0; i < sizeof(key_uses) / sizeof(key_uses[0]); i++) {
        if (strcmp(key_uses[i].command, command->name) == 0) return key_uses[i];
    }
    return (struct key_use){command->name,
                            (command->flags & CMD_WRITE) != 0 ? "RW update" : "RO access", NULL};
}

static size_t count_words(const char *text)
{
    size_t count = 0;
    while (*text != '\0') {
        count++;
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    return count;
}

static void reply_words(struct reply *reply, const char *text)
{
    reply_set(reply, count_words(text));
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        reply_simple(reply, bytes_of(text, size));
        text += size + strspn(text + size, " ");
    }
}

static void reply_pair(struct reply *reply, const char *name, int64_t value)
{
    reply_text(reply, name);
    reply_integer(reply, value);
}

/* Keys from argument `index` on; `last` counts from there, or from the end when negative. */
static void reply_range_spec(struct reply *reply, const char *use, int64_t index, int64_t last,
                             int64_t step)
{
    reply_map(reply, 3);
    reply_text(reply, "flags");
    reply_words(reply, use);
    reply_text(reply, "begin_search");
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, "index");
    reply_text(reply, "spec");
    reply_map(reply, 1);
    reply_pair(reply, "index", index);
    reply_text(reply, "find_keys");
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, "range");
    reply_text(reply, "spec");
    reply_map(reply, 3);
    reply_pair(reply, "lastkey", last);
    reply_pair(reply, "keystep", step);
    reply_pair(reply, "limit", 0);
}

static void reply_counted_spec(struct reply *reply, const char *use, int64_t index)
{
    reply_map(reply, 3);
    reply_text(reply, "flags");
    reply_words(reply, use);
    reply_text(reply, "begin_search");
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, "index");
    reply_text(reply, "spec");
    reply_map(reply, 1);
    reply_pair(reply, "index", index);
    reply_text(reply, "find_keys");
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, "keynum");
    reply_text(reply, "spec");
    reply_map(reply, 3);
    reply_pair(reply, "keynumidx", 0);
    reply_pair(reply, "firstkey", 1);
    reply_pair(reply, "keystep", 1);
}

static void reply_key_specs(struct reply *reply, const struct command *command)
{
    const struct command_keys *keys = &command->keys;
    struct key_use use = key_use_of(command);
    if (keys->count_at > 0) {
        reply_array(reply, 1);
        reply_counted_spec(reply, use.first, keys->count_at);
        return;
    }
    if (keys->first == 0) {
        reply_array(reply, 0);
        return;
    }
    int64_t last = keys->last < 0 ? keys->last : keys->last - keys->first;
    if (use.others == NULL) {
        reply_array(reply, 1);
        reply_range_spec(reply, use.first, keys->first, last, keys->step);
        return;
    }
    reply_array(reply, 2);
    reply_range_spec(reply, use.first, keys->first, 0, keys->step);
    reply_range_spec(reply, use.others, keys->first + keys->step,
                     last < 0 ? last : last - keys->step, keys->step);
}

/* ---- INFO ---- */

static void reply_command(struct reply *reply, const struct command *command)
{
    bool is_counted = command->keys.count_at > 0;
    reply_array(reply, 10);
    reply_text(reply, command->name);
    reply_integer(reply, command->arity);
    reply_flags(reply, command);
    reply_integer(reply, is_counted ? 0 : command->keys.first);
    reply_integer(reply, is_counted ? 0 : command->keys.last);
    reply_integer(reply, is_counted ? 0 : command->keys.step);
    reply_categories(reply, command);
    reply_array(reply, 0); /* tips for proxies */
    reply_key_specs(reply, command);
    reply_array(reply, count_subcommands(command));
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++) reply_command(reply, inner);
}

static void reply_all_commands(struct call *call)
{
    const struct registry *registry = call->services->registry;
    reply_array(call->reply, registry_listed_count(registry));
    for (unsigned i = 0; i < registry_count(registry); i++) {
        const struct command *command = registry_at(registry, i);
        if (is_listed(command)) reply_command(call->reply, command);
    }
}

static void cmd_command(struct call *call)
{
    reply_all_commands(call);
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
            reply_command(call->reply, command);
        } else {
            reply_nil_array(call->reply);
        }
    }
}

static void cmd_command_count(struct call *call)
{
    reply_integer(call->reply, registry_listed_count(call->services->registry));
}

/* ---- DOCS ---- */

static void reply_arguments(struct reply *reply, const struct syntax_argument *first,
                            int64_t *next_key);

static void reply_argument(struct reply *reply, const struct syntax_argument *argument,
                           int64_t *next_key)
{
    bool is_key = argument->type == SYNTAX_KEY;
    bool has_flags = argument->is_optional || argument->is_multiple;
    bool has_token = argument->token.size > 0;
    bool has_children = argument->children != NULL;
    reply_map(reply, 2u + is_key + has_token + has_flags + has_children);
    reply_text(reply, "name");
    reply_bulk(reply, argument->name);
    reply_text(reply, "type");
    reply_text(reply, syntax_type_name(argument->type));
    if (is_key) reply_pair(reply, "key_spec_index", (*next_key)++);
    if (has_token) {
        reply_text(reply, "token");
        reply_bulk(reply, argument->token);
    }
    if (has_flags) {
        reply_text(reply, "flags");
        reply_set(reply, (uint64_t)argument->is_optional + argument->is_multiple);
        if (argument->is_optional) reply_status(reply, "optional");
        if (argument->is_multiple) reply_status(reply, "multiple");
    }
    if (has_children) {
        reply_text(reply, "arguments");
        reply_arguments(reply, argument->children, next_key);
    }
}

static void reply_arguments(struct reply *reply, const struct syntax_argument *first,
                            int64_t *next_key)
{
    reply_array(reply, syntax_count(first));
    for (; first != NULL; first = first->next) reply_argument(reply, first, next_key);
}

static void reply_field(struct reply *reply, const char *name, const char *value)
{
    reply_text(reply, name);
    reply_text(reply, value != NULL ? value : "");
}

static void reply_docs(struct call *call, const struct command *command)
{
    struct reply *reply = call->reply;
    const char *syntax = command->syntax != NULL ? command->syntax : "";
    const struct syntax_argument *arguments = syntax_parse(syntax, call->arena);
    uint64_t subcommand_count = count_subcommands(command);
    reply_text(reply, command->name);
    reply_map(reply, 4u + (arguments != NULL) + (subcommand_count > 0));
    reply_field(reply, "summary", command->summary);
    reply_field(reply, "since", command->since);
    reply_field(reply, "group", command->group);
    reply_field(reply, "complexity", command->complexity);
    if (arguments != NULL) {
        int64_t next_key = 0;
        reply_text(reply, "arguments");
        reply_arguments(reply, arguments, &next_key);
    }
    if (subcommand_count == 0) return;
    reply_text(reply, "subcommands");
    reply_map(reply, subcommand_count);
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++) reply_docs(call, inner);
}

static void reply_all_docs(struct call *call)
{
    const struct registry *registry = call->services->registry;
    reply_map(call->reply, registry_listed_count(registry));
    for (unsigned i = 0; i < registry_count(registry); i++) {
        const struct command *command = registry_at(registry, i);
        if (is_listed(command)) reply_docs(call, command);
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
        if (command != NULL) reply_docs(call, command);
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

/* Subcommands are listed only when something is asked for. */
static bool passes(const struct filter *filter, const struct command *command)
{
    switch (filter->kind) {
    case FILTER_NONE: return is_listed(command);
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

static bool has_word(const struct inner *inner, const char *word)
{
    for (uint32_t i = 2; i < inner->argument_count; i++) {
        if (bytes_is_word(inner->arguments[i], word)) return true;
    }
    return false;
}

/* Commands whose arguments decide what happens to the key. */
static const char *use_of_key(const struct inner *inner, uint32_t index)
{
    struct key_use use = key_use_of(inner->command);
    if (strcmp(inner->command->name, "set") == 0)
        return has_word(inner, "get") ? "RW access update" : "OW update";
    if (strcmp(inner->command->name, "bitfield") == 0) {
        bool changes = has_word(inner, "set") || has_word(inner, "incrby");
        return changes ? "RW access update" : "RO access";
    }
    return index > 0 && use.others != NULL ? use.others : use.first;
}

static void cmd_command_getkeysandflags(struct call *call)
{
    struct inner inner;
    if (!find_inner(call, &inner)) return;
    reply_array(call->reply, inner.keys.count);
    for (uint32_t i = 0; i < inner.keys.count; i++) {
        reply_array(call->reply, 2);
        reply_bulk(call->reply, inner_key(&inner, i));
        reply_words(call->reply, use_of_key(&inner, i));
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
     "command [arg ...]", "7.0.0", "Finds the keys among the arguments, and what happens to them.", "server",
     "O(N) where N is the number of arguments", "@connection", NULL},
    {"command|help", cmd_command_help, 2, FLAGS_COMMAND, {0, 0, 0, 0},
     "", "5.0.0", "Explains the subcommands.", "server", "O(1)", "@connection", NULL},
    {"command|info", cmd_command_info, -2, FLAGS_COMMAND, {0, 0, 0, 0},
     "[command-name ...]", "2.8.13", "Describes commands for programs.", "server",
     "O(N) where N is the number of commands", "@connection", NULL},
    {"command|list", cmd_command_list, -2, FLAGS_COMMAND, {0, 0, 0, 0},
     "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", "7.0.0", "Lists the names of commands.",
     "server", "O(N) where N is the number of commands", "@connection", NULL},
    {0},
};

static const struct command commands[] = {
    {"command", cmd_command, -1, FLAGS_COMMAND, {0, 0, 0, 0},
     "", "2.8.13", "Describes all commands for programs.", "server", "O(N) where N is the number of commands",
     "@connection", command_commands},
};
/* clang-format on */

const struct family command_family = FAMILY("command", commands);
