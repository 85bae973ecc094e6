/* ACL, as far as there is one user, "default", who may do everything once the password of
 * requirepass is given. */
#include <inttypes.h>

#include "base/number.h"
#include "command/call.h"
#include "command/registry.h"
#include "command/services.h"
#include "command/session.h"
#include "os/entropy.h"
#include "server/server_commands.h"
#include "server/server_state.h"

static bool has_password(const struct call *call)
{
    return server_state_of(call->services)->options.has_password != 0;
}

static void cmd_acl_whoami(struct call *call)
{
    reply_text(call->reply, call->session->user);
}

static void cmd_acl_users(struct call *call)
{
    reply_array(call->reply, 1);
    reply_text(call->reply, "default");
}

/* The hash of the password, which stands here in Redis, is left out. */
static void cmd_acl_list(struct call *call)
{
    reply_array(call->reply, 1);
    reply_textf(call->reply, "user default on %ssanitize-payload ~* &* +@all",
                has_password(call) ? "" : "nopass ");
}

static void cmd_acl_getuser(struct call *call)
{
    struct reply *reply = call->reply;
    if (!bytes_equal(call_argument(call, 2), BYTES_LITERAL("default"))) {
        reply_nil(reply);
        return;
    }
    bool is_open = !has_password(call);
    reply_map(reply, 6);
    reply_text(reply, "flags");
    reply_set(reply, is_open ? 3 : 2);
    reply_text(reply, "on");
    if (is_open) reply_text(reply, "nopass");
    reply_text(reply, "sanitize-payload");
    reply_text(reply, "passwords");
    reply_array(reply, 0);
    reply_text(reply, "commands");
    reply_text(reply, "+@all");
    reply_text(reply, "keys");
    reply_text(reply, "~*");
    reply_text(reply, "channels");
    reply_text(reply, "&*");
    reply_text(reply, "selectors");
    reply_array(reply, 0);
}

/* ---- CAT ---- */

static void reply_categories(struct reply *reply)
{
    reply_array(reply, COMMAND_CATEGORY_COUNT);
    for (int i = 0; i < COMMAND_CATEGORY_COUNT; i++) reply_text(reply, command_category_names[i]);
}

static int find_category(struct bytes name)
{
    for (int i = 0; i < COMMAND_CATEGORY_COUNT; i++) {
        if (bytes_is_word(name, command_category_names[i])) return i;
    }
    return -1;
}

/* Containers are spoken for by their subcommands. */
static bool is_in_category(const struct command *command, int category)
{
    return command->function != NULL && (command_categories(command) >> category & 1) != 0;
}

/* Redis's words for a subcommand that takes one argument or none. */
static void refuse_count(struct call *call)
{
    struct bytes name = call_argument(call, 1);
    reply_errorf(call->reply,
                 "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try ACL HELP.",
                 (int)name.size, name.data);
}

static void cmd_acl_cat(struct call *call)
{
    if (call->argument_count > 3) {
        refuse_count(call);
        return;
    }
    if (call->argument_count == 2) {
        reply_categories(call->reply);
        return;
    }
    struct bytes name = call_argument(call, 2);
    int category = find_category(name);
    if (category < 0) {
        reply_errorf(call->reply, "ERR Unknown category '%.*s'", (int)name.size, name.data);
        return;
    }
    const struct registry *registry = call->services->registry;
    uint64_t count = 0;
    for (unsigned i = 0; i < registry_count(registry); i++)
        count += is_in_category(registry_at(registry, i), category);
    reply_array(call->reply, count);
    for (unsigned i = 0; i < registry_count(registry); i++) {
        const struct command *command = registry_at(registry, i);
        if (is_in_category(command, category)) reply_text(call->reply, command->name);
    }
}

/* ---- the rest ---- */

static void cmd_acl_genpass(struct call *call)
{
    enum { GENPASS_BITS = 256, GENPASS_BITS_MAX = 4096 };
    int64_t bits = GENPASS_BITS;
    if (call->argument_count > 3) {
        refuse_count(call);
        return;
    }
    if (call->argument_count == 3 && !call_integer(call, 2, &bits)) return;
    if (bits <= 0 || bits > GENPASS_BITS_MAX) {
        reply_errorf(
            call->reply,
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number "
            "up to %d",
            GENPASS_BITS_MAX);
        return;
    }
    static const char digits[] = "0123456789abcdef";
    uint8_t random[GENPASS_BITS_MAX / 4];
    char text[GENPASS_BITS_MAX / 4];
    size_t size = (size_t)(bits + 3) / 4;
    entropy_fill(random, size);
    for (size_t i = 0; i < size; i++) text[i] = digits[random[i] & 15];
    reply_bulk(call->reply, bytes_of(text, size));
}

/* Refusals are not kept yet, so the log is empty. */
static void cmd_acl_log(struct call *call)
{
    int64_t count;
    if (call->argument_count > 3) {
        refuse_count(call);
        return;
    }
    if (call->argument_count == 3 && call_argument_is(call, 2, "reset")) {
        reply_ok(call->reply);
        return;
    }
    if (call->argument_count == 3 && !call_integer(call, 2, &count)) return;
    reply_array(call->reply, 0);
}

static void cmd_acl_refused(struct call *call)
{
    reply_errorf(call->reply, "ERR ACL %s is not implemented yet: there is only the user default",
                 registry_last_name(call->command));
}

static void cmd_acl_help(struct call *call)
{
    static const char *const lines[] = {
        "CAT [<category>]",
        "    List the categories, or the commands of one.",
        "GENPASS [<bits>]",
        "    Make a random password (default: 256 bits).",
        "GETUSER <username>",
        "    Describe a user; there is only default.",
        "LIST",
        "    List the users as in an ACL file.",
        "LOG [<count> | RESET]",
        "    List refusals (none are kept yet).",
        "USERS",
        "    List the names of the users.",
        "WHOAMI",
        "    Return the name of this connection's user.",
    };
    reply_help(call->reply, "ACL", lines, sizeof(lines) / sizeof(lines[0]));
}

enum {
    FLAGS_ANYBODY = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE,
    FLAGS_ADMIN = CMD_ADMIN | FLAGS_ANYBODY,
};

/* clang-format off */
static const struct command acl_commands[] = {
    {"acl|cat", cmd_acl_cat, -2, FLAGS_ANYBODY, {0, 0, 0, 0},
     "[category]", "6.0.0", "Lists the categories of commands, or the commands of one.", "server",
     "O(1)", "", NULL},
    {"acl|deluser", cmd_acl_refused, -3, FLAGS_ADMIN, {0, 0, 0, 0},
     "username [username ...]", "6.0.0", "Not implemented yet.", "server", "O(1)", "", NULL},
    {"acl|dryrun", cmd_acl_refused, -4, FLAGS_ADMIN, {0, 0, 0, 0},
     "username command [arg ...]", "7.0.0", "Not implemented yet.", "server", "O(1)", "", NULL},
    {"acl|genpass", cmd_acl_genpass, -2, FLAGS_ANYBODY, {0, 0, 0, 0},
     "[bits]", "6.0.0", "Makes a random password.", "server", "O(1)", "", NULL},
    {"acl|getuser", cmd_acl_getuser, 3, FLAGS_ADMIN, {0, 0, 0, 0},
     "username", "6.0.0", "Describes a user.", "server", "O(1)", "", NULL},
    {"acl|help", cmd_acl_help, 2, CMD_LOADING | CMD_STALE, {0, 0, 0, 0},
     "", "6.0.0", "Explains the subcommands.", "server", "O(1)", "", NULL},
    {"acl|list", cmd_acl_list, 2, FLAGS_ADMIN, {0, 0, 0, 0},
     "", "6.0.0", "Lists the users as in an ACL file.", "server", "O(1)", "", NULL},
    {"acl|load", cmd_acl_refused, 2, FLAGS_ADMIN, {0, 0, 0, 0},
     "", "6.0.0", "Not implemented yet.", "server", "O(1)", "", NULL},
    {"acl|log", cmd_acl_log, -2, FLAGS_ADMIN, {0, 0, 0, 0},
     "[count | RESET]", "6.0.0", "Lists refusals; none are kept yet.", "server", "O(1)", "", NULL},
    {"acl|save", cmd_acl_refused, 2, FLAGS_ADMIN, {0, 0, 0, 0},
     "", "6.0.0", "Not implemented yet.", "server", "O(1)", "", NULL},
    {"acl|setuser", cmd_acl_refused, -3, FLAGS_ADMIN, {0, 0, 0, 0},
     "username [rule ...]", "6.0.0", "Not implemented yet.", "server", "O(1)", "", NULL},
    {"acl|users", cmd_acl_users, 2, FLAGS_ADMIN, {0, 0, 0, 0},
     "", "6.0.0", "Lists the names of the users.", "server", "O(1)", "", NULL},
    {"acl|whoami", cmd_acl_whoami, 2, FLAGS_ANYBODY, {0, 0, 0, 0},
     "", "6.0.0", "Tells the name of this connection's user.", "server", "O(1)", "", NULL},
    {0},
};

static const struct command commands[] = {
    {"acl", NULL, -2, 0, {0, 0, 0, 0},
     "", "6.0.0", "Commands about users and what they may do.", "server", "Depends on subcommand.",
     "", acl_commands},
};
/* clang-format on */

const struct family acl_family = FAMILY("acl", commands);
