/* DEBUG: only what does no harm. It runs with all shards locked, since DEBUG OBJECT may be asked
 * for any key. */
#include <inttypes.h>

#include "base/number.h"
#include "base/text.h"
#include "command/call.h"
#include "command/services.h"
#include "command/session.h"
#include "os/messages.h"
#include "server/server_commands.h"
#include "server/server_state.h"

/* ---- who may ---- */

static bool is_local(const struct session *session)
{
    return (session->flags & SESSION_UNIX_SOCKET) != 0 ||
           strncmp(session->address, "127.", 4) == 0 || strncmp(session->address, "[::1]", 5) == 0;
}

static bool is_allowed(const struct call *call)
{
    int64_t who = server_state_of(call->services)->options.enable_debug_command;
    return who == DEBUG_COMMAND_YES || (who == DEBUG_COMMAND_LOCAL && is_local(call->session));
}

/* ---- subcommands ---- */

static void resume_sleep(struct call *call)
{
    reply_ok(call->reply);
}

/* In Redis everything sleeps; here only the client that asks. */
static void debug_sleep(struct call *call)
{
    double seconds = 0;
    (void)number_parse_double(call_argument(call, 2), &seconds);
    if (!(seconds > 0)) {
        reply_ok(call->reply);
        return;
    }
    enum { SLEEP_SECONDS_MAX = 365 * 24 * 3600 };
    if (seconds > SLEEP_SECONDS_MAX) seconds = SLEEP_SECONDS_MAX;
    uint64_t deadline_ns = call->services->monotonic_ns(call->services) +
                           (uint64_t)(seconds * 1e9) + 1;
    call->services->suspend(call, 0, deadline_ns, resume_sleep);
}

static const char *encoding_of(const struct entry *entry)
{
    if (entry_kind(entry) == ENTRY_INTEGER) return "int";
    enum { EMBEDDED_BYTES_MAX = 44 };
    bool is_embedded = entry_kind(entry) == ENTRY_STRING && !entry_is_raw(entry);
    return is_embedded && entry_string_length(entry) <= EMBEDDED_BYTES_MAX ? "embstr" : "raw";
}

static void debug_object(struct call *call)
{
    struct key key = txn_key(call->txn, call_argument(call, 2));
    const struct entry *entry = txn_peek(call->txn, &key);
    if (entry == NULL) {
        reply_error_no_key(call->reply);
        return;
    }
    size_t size = entry_is_string(entry) ? entry_string_length(entry) + 1 : entry_size(entry);
    struct buf text = {0};
    buf_printf(&text,
               "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:0 lru_seconds_idle:0",
               (const void *)entry, encoding_of(entry), size);
    reply_simple(call->reply, buf_bytes(&text));
    buf_deinit(&text);
}

static void debug_set_active_expire(struct call *call)
{
    bool is_on = !bytes_equal(call_argument(call, 2), BYTES_LITERAL("0"));
    atomic_store(&server_state_of(call->services)->has_no_active_expiry, !is_on);
    reply_ok(call->reply);
}

static void debug_stringmatch(struct call *call)
{
    reply_integer(call->reply,
                  text_glob_match(call_argument(call, 2), call_argument(call, 3), false));
}

static void debug_error(struct call *call)
{
    struct bytes text = call_argument(call, 2);
    reply_errorf(call->reply, "%.*s", (int)text.size, text.data);
}

static void debug_log(struct call *call)
{
    enum { LOG_BYTES_MAX = 1024 };
    struct bytes text = bytes_part(call_argument(call, 2), 0, LOG_BYTES_MAX);
    struct buf quoted = {0};
    text_append_quoted(&quoted, text);
    message_warning("DEBUG LOG: %s", buf_text(&quoted));
    buf_deinit(&quoted);
    reply_ok(call->reply);
}

static void debug_accepted(struct call *call)
{
    reply_ok(call->reply);
}

/* ---- PROTOCOL: one reply of each kind, for those who write clients ---- */

static void reply_numbers(struct reply *reply, unsigned count)
{
    for (unsigned i = 0; i < count; i++) reply_integer(reply, i);
}

static void say_string(struct reply *reply)
{
    reply_text(reply, "Hello World");
}

static void say_integer(struct reply *reply)
{
    reply_integer(reply, 12345);
}

static void say_double(struct reply *reply)
{
    reply_real(reply, 3.141);
}

static void say_null(struct reply *reply)
{
    reply_nil(reply);
}

static void say_array(struct reply *reply)
{
    reply_array(reply, 3);
    reply_numbers(reply, 3);
}

static void say_set(struct reply *reply)
{
    reply_set(reply, 3);
    reply_numbers(reply, 3);
}

static void say_map(struct reply *reply)
{
    reply_map(reply, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(reply, i);
        reply_boolean(reply, i == 1);
    }
}

static void say_attribute(struct reply *reply)
{
    if (reply->protocol >= 3) {
        reply->ops->attribute(reply, 1);
        reply_text(reply, "key-popularity");
        reply_array(reply, 2);
        reply_text(reply, "key:123");
        reply_integer(reply, 90);
    }
    reply_text(reply, "Some real reply following the attribute");
}

static void say_push(struct reply *reply)
{
    reply_push(reply, 2);
    reply_text(reply, "server-cpu-usage");
    reply_integer(reply, 42);
}

static void say_verbatim(struct reply *reply)
{
    reply->ops->verbatim(reply, "txt", BYTES_LITERAL("This is a verbatim\nstring"));
}

static void say_big_number(struct reply *reply)
{
    reply->ops->big_number(reply, BYTES_LITERAL("1234567999999999999999999999999999999"));
}

static void say_true(struct reply *reply)
{
    reply_boolean(reply, true);
}

static void say_false(struct reply *reply)
{
    reply_boolean(reply, false);
}

static void debug_protocol(struct call *call)
{
    static const struct {
        const char *name;
        void (*say)(struct reply *reply);
    } kinds[] = {
        {"string",   say_string    },
        {"integer",  say_integer   },
        {"double",   say_double    },
        {"bignum",   say_big_number},
        {"null",     say_null      },
        {"array",    say_array     },
        {"set",      say_set       },
        {"map",      say_map       },
        {"attrib",   say_attribute },
        {"push",     say_push      },
        {"verbatim", say_verbatim  },
        {"true",     say_true      },
        {"false",    say_false     },
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!call_argument_is(call, 2, kinds[i].name)) continue;
        kinds[i].say(call->reply);
        return;
    }
    reply_error(call->reply,
                "ERR Wrong protocol type name. Please use one of the following: "
                "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

/* ---- the table ---- */

static void debug_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANGE-REPL-ID",
        "    Accepted: there are no replicas.",
        "ERROR <string>",
        "    Return an error with this text.",
        "LOG <message>",
        "    Write a message to the server's log.",
        "OBJECT <key>",
        "    Show how a key's value is kept.",
        "PROTOCOL <type>",
        "    Return a value of this type: string, integer, double, bignum, null, array, set, map, attrib, push,",
        "    verbatim, true, false.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Switch the deletion of expired keys that nobody asks for off or on.",
        "SLEEP <seconds>",
        "    Let this client wait. Decimals allowed.",
        "STRINGMATCH-LEN <pattern> <string>",
        "    Return whether a glob pattern matches.",
    };
    reply_help(call->reply, "DEBUG", lines, sizeof(lines) / sizeof(lines[0]));
}

static const struct debug_subcommand {
    const char *name;
    uint32_t argument_count; /* with DEBUG itself */
    void (*run)(struct call *call);
} subcommands[] = {
    {"change-repl-id",    2, debug_accepted         },
    {"error",             3, debug_error            },
    {"help",              2, debug_help             },
    {"log",               3, debug_log              },
    {"object",            3, debug_object           },
    {"protocol",          3, debug_protocol         },
    {"set-active-expire", 3, debug_set_active_expire},
    {"sleep",             3, debug_sleep            },
    {"stringmatch-len",   4, debug_stringmatch      },
};

static void cmd_debug(struct call *call)
{
    if (!is_allowed(call)) {
        reply_error(
            call->reply,
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run "
            "it from a local connection, otherwise you need to set this option in the configuration file, and "
            "then restart the server.");
        return;
    }
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        if (!call_argument_is(call, 1, subcommands[i].name)) continue;
        if (call->argument_count != subcommands[i].argument_count) break;
        subcommands[i].run(call);
        return;
    }
    struct bytes name = bytes_part(call_argument(call, 1), 0, 128);
    reply_errorf(call->reply,
                 "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG HELP.",
                 (int)name.size, name.data);
}

/* clang-format off */
static const struct command commands[] = {
    {"debug", cmd_debug, -2, CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALL_SHARDS,
     {0, 0, 0, 0},
     "subcommand [arg ...]", "1.0.0", "Looks inside, for tests.", "server",
     "Depends on subcommand.", "", NULL},
};
/* clang-format on */

const struct family debug_family = FAMILY("debug", commands);
