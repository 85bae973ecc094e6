#include "server/command_description.h"

#include "base/arena.h"
#include "command/call.h"
#include "command/syntax.h"

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

/* ---- flags ---- */

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

/* Flags that mean something in Redis only, for clients that copy its table. */
static const struct {
    const char *command;
    const char *name;
} foreign_flags[] = {
    {"auth",          "allow_busy"      },
    {"bgrewriteaof",  "no_async_loading"},
    {"bgsave",        "no_async_loading"},
    {"discard",       "allow_busy"      },
    {"hello",         "allow_busy"      },
    {"module|load",   "no_async_loading"},
    {"multi",         "allow_busy"      },
    {"module|loadex", "no_async_loading"},
    {"quit",          "allow_busy"      },
    {"module|unload", "no_async_loading"},
    {"reset",         "allow_busy"      },
    {"replicaof",     "no_async_loading"},
    {"shutdown",      "allow_busy"      },
    {"save",          "no_async_loading"},
    {"unwatch",       "allow_busy"      },
    {"slaveof",       "no_async_loading"},
    {"watch",         "allow_busy"      },
};

/* NULL for none. */
static const char *foreign_flag(const struct command *command)
{
    for (size_t i = 0; i < sizeof(foreign_flags) / sizeof(foreign_flags[0]); i++) {
        if (strcmp(foreign_flags[i].command, command->name) == 0) return foreign_flags[i].name;
    }
    return NULL;
}

static void reply_flags(struct reply *reply, const struct command *command)
{
    const char *foreign = foreign_flag(command);
    uint64_t count = foreign != NULL;
    for (int i = 0; i < FLAG_NAME_COUNT; i++) count += (command->flags & flag_names[i].flag) != 0;
    reply_set(reply, count);
    for (int i = 0; i < FLAG_NAME_COUNT; i++) {
        if ((command->flags & flag_names[i].flag) != 0) reply_status(reply, flag_names[i].name);
    }
    if (foreign != NULL) reply_status(reply, foreign);
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

/* ---- keys ---- */

/* What a command does with its first key and with the others: RO reads, RW reads and writes, OW
 * overwrites, RM removes; then whether it returns the value, changes it, adds or deletes. Those
 * that are missing follow from the row's flags. */
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

/* ---- the whole ---- */

void command_description_reply(struct reply *reply, const struct command *command)
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
    for (; inner != NULL && inner->name != NULL; inner++) command_description_reply(reply, inner);
}

/* ---- documentation ---- */

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

void command_description_reply_docs(struct reply *reply, struct arena *arena,
                                    const struct command *command)
{
    const char *syntax = command->syntax != NULL ? command->syntax : "";
    const struct syntax_argument *arguments = syntax_parse(syntax, arena);
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
    for (; inner != NULL && inner->name != NULL; inner++)
        command_description_reply_docs(reply, arena, inner);
}

/* ---- what a call does with its keys ---- */

static bool has_word(const struct bytes *arguments, uint32_t argument_count, const char *word)
{
    for (uint32_t i = 2; i < argument_count; i++) {
        if (bytes_is_word(arguments[i], word)) return true;
    }
    return false;
}

void command_description_reply_use(struct reply *reply, const struct command *command,
                                   const struct bytes *arguments, uint32_t argument_count,
                                   uint32_t key)
{
    struct key_use use = key_use_of(command);
    const char *words = key > 0 && use.others != NULL ? use.others : use.first;
    if (strcmp(command->name, "set") == 0) {
        words = has_word(arguments, argument_count, "get") ? "RW access update" : "OW update";
    } else if (strcmp(command->name, "bitfield") == 0) {
        bool changes = has_word(arguments, argument_count, "set") ||
                       has_word(arguments, argument_count, "incrby");
        words = changes ? "RW access update" : "RO access";
    }
    reply_words(reply, words);
}
