/* Strings as a whole: reading, storing, replacing, many at once. GET and SET are the hottest path
 * of the server: they allocate nothing and look at options only when there are any. */
#include "base/assert.h"
#include "families/deadline.h"
#include "families/families.h"
#include "families/lookup.h"

enum set_condition { SET_ALWAYS, SET_IF_ABSENT, SET_IF_PRESENT };

/* What stands behind "SET key value" or "GETEX key". */
struct string_options {
    enum set_condition condition;
    bool has_get;
    bool is_kept;                         /* KEEPTTL */
    bool is_persisted;                    /* PERSIST */
    const struct deadline_word *deadline; /* NULL: none given */
    uint32_t deadline_index;              /* of its amount */
};

static bool takes_deadline(const struct call *call, uint32_t index, struct string_options *options)
{
    const struct deadline_word *word = deadline_find_word(call_argument(call, index));
    if (!word || index + 1 >= call->argument_count) return false;
    if (options->is_kept || options->is_persisted) return false;
    if (options->deadline && options->deadline != word) return false;
    options->deadline = word;
    options->deadline_index = index + 1;
    return true;
}

/* The word at `index` that takes no amount; false when it is unknown or contradicts an earlier one.
 */
static bool takes_set_word(const struct call *call, uint32_t index, struct string_options *options)
{
    if (call_argument_is(call, index, "nx")) {
        if (options->condition == SET_IF_PRESENT) return false;
        options->condition = SET_IF_ABSENT;
    } else if (call_argument_is(call, index, "xx")) {
        if (options->condition == SET_IF_ABSENT) return false;
        options->condition = SET_IF_PRESENT;
    } else if (call_argument_is(call, index, "get")) {
        options->has_get = true;
    } else if (call_argument_is(call, index, "keepttl")) {
        if (options->deadline) return false;
        options->is_kept = true;
    } else {
        return false;
    }
    return true;
}

static bool parse_set_options(struct call *call, struct string_options *options)
{
    for (uint32_t i = 3; i < call->argument_count; i++) {
        if (takes_deadline(call, i, options)) {
            i++;
        } else if (!takes_set_word(call, i, options)) {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    return true;
}

static bool parse_getex_options(struct call *call, struct string_options *options)
{
    for (uint32_t i = 2; i < call->argument_count; i++) {
        if (takes_deadline(call, i, options)) {
            i++;
        } else if (call_argument_is(call, i, "persist") && !options->deadline) {
            options->is_persisted = true;
        } else {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    return true;
}

static void cmd_get(struct call *call)
{
    struct entry *entry;
    if (lookup_string(call, 0, &entry)) lookup_reply(call->reply, entry);
}

/* SET with at least one option. With GET the old value is the reply, whatever is decided. */
static void set_with_options(struct call *call)
{
    struct string_options options = {0};
    if (!parse_set_options(call, &options)) return;

    int64_t deadline_ms = options.is_kept ? TXN_KEEP_DEADLINE : ENTRY_NO_DEADLINE;
    if (options.deadline &&
        !deadline_argument(call, options.deadline_index, options.deadline->form, &deadline_ms))
        return;

    struct entry *old;
    if (options.has_get) {
        if (!lookup_string(call, 0, &old)) return;
        lookup_reply(call->reply, old);
    }

    struct item item = txn_item(call->txn, &call->keys[0]);
    bool is_refused = (options.condition == SET_IF_ABSENT && item.entry) ||
                      (options.condition == SET_IF_PRESENT && !item.entry);
    if (!is_refused) txn_set_text(call->txn, &item, call_argument(call, 2), deadline_ms);

    if (options.has_get) return;
    if (is_refused)
        reply_nil(call->reply);
    else
        reply_ok(call->reply);
}

static void cmd_set(struct call *call)
{
    if (UNLIKELY(call->argument_count > 3)) {
        set_with_options(call);
        return;
    }
    struct item item = txn_item(call->txn, &call->keys[0]);
    txn_set_text(call->txn, &item, call_argument(call, 2), ENTRY_NO_DEADLINE);
    reply_ok(call->reply);
}

static void cmd_setnx(struct call *call)
{
    struct item item = txn_item(call->txn, &call->keys[0]);
    bool is_absent = !item.entry;
    if (is_absent) txn_set_text(call->txn, &item, call_argument(call, 2), ENTRY_NO_DEADLINE);
    reply_integer(call->reply, is_absent);
}

static void set_with_deadline(struct call *call, unsigned form)
{
    int64_t deadline_ms;
    if (!deadline_argument(call, 2, form, &deadline_ms)) return;

    struct item item = txn_item(call->txn, &call->keys[0]);
    txn_set_text(call->txn, &item, call_argument(call, 3), deadline_ms);
    reply_ok(call->reply);
}

static void cmd_setex(struct call *call)
{
    set_with_deadline(call, DEADLINE_SECONDS | DEADLINE_RELATIVE);
}

static void cmd_psetex(struct call *call)
{
    set_with_deadline(call, DEADLINE_RELATIVE);
}

static void cmd_getset(struct call *call)
{
    struct entry *old;
    if (!lookup_string(call, 0, &old)) return;

    lookup_reply(call->reply, old);
    struct item item = txn_item(call->txn, &call->keys[0]);
    txn_set_text(call->txn, &item, call_argument(call, 2), ENTRY_NO_DEADLINE);
}

static void cmd_getdel(struct call *call)
{
    struct entry *old;
    if (!lookup_string(call, 0, &old)) return;

    lookup_reply(call->reply, old);
    struct item item = txn_item(call->txn, &call->keys[0]);
    if (item.entry) txn_remove(call->txn, &item);
}

static void cmd_getex(struct call *call)
{
    struct string_options options = {0};
    if (!parse_getex_options(call, &options)) return;

    struct entry *entry;
    if (!lookup_string(call, 0, &entry)) return;
    if (!entry) {
        reply_nil(call->reply);
        return;
    }
    int64_t deadline_ms = entry_deadline(entry);
    if (options.is_persisted) deadline_ms = ENTRY_NO_DEADLINE;
    if (options.deadline &&
        !deadline_argument(call, options.deadline_index, options.deadline->form, &deadline_ms))
        return;

    lookup_reply(call->reply, entry);
    if (deadline_ms == entry_deadline(entry)) return;
    struct item item = txn_item(call->txn, &call->keys[0]);
    ASSERT(item.entry);
    txn_set_deadline(call->txn, &item, deadline_ms);
}

static void cmd_mget(struct call *call)
{
    reply_array(call->reply, call->key_count);
    for (uint32_t i = 0; i < call->key_count; i++) {
        struct entry *entry = txn_read(call->txn, &call->keys[i]);
        lookup_reply(call->reply, entry && entry_is_string(entry) ? entry : NULL);
    }
}

/* MSET and MSETNX: names and values come in pairs. */
static bool has_pairs(struct call *call)
{
    if (call->argument_count % 2 == 1) return true;
    reply_errorf(call->reply, "ERR wrong number of arguments for '%s' command",
                 call->command->name);
    return false;
}

static void set_pairs(struct call *call)
{
    for (uint32_t i = 0; i < call->key_count; i++) {
        struct item item = txn_item(call->txn, &call->keys[i]);
        txn_set_text(call->txn, &item, call_argument(call, 2 * i + 2), ENTRY_NO_DEADLINE);
    }
}

static void cmd_mset(struct call *call)
{
    if (!has_pairs(call)) return;
    set_pairs(call);
    reply_ok(call->reply);
}

static void cmd_msetnx(struct call *call)
{
    if (!has_pairs(call)) return;
    for (uint32_t i = 0; i < call->key_count; i++) {
        struct item item = txn_item(call->txn, &call->keys[i]);
        if (item.entry) {
            reply_integer(call->reply, 0);
            return;
        }
    }
    set_pairs(call);
    reply_integer(call->reply, 1);
}

/* clang-format off */
static const struct command commands[] = {
    {"get", cmd_get, 2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key", "1.0.0",
     "Gives the string that a key holds.",
     "string", "O(1)", "@string", NULL},
    {"getdel", cmd_getdel, 2, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key", "6.2.0",
     "Gives the string that a key holds and deletes the key.",
     "string", "O(1)", "@string", NULL},
    {"getex", cmd_getex, -2, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | "
     "PERSIST]", "6.2.0",
     "Gives the string that a key holds and changes when the key expires.",
     "string", "O(1)", "@string", NULL},
    {"getset", cmd_getset, 3, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key value", "1.0.0",
     "Stores a string and gives the one that was there before.",
     "string", "O(1)", "@string", NULL},
    {"mget", cmd_mget, -2, CMD_READ | CMD_FAST, {1, -1, 1, 0},
     "key [key ...]", "1.0.0",
     "Gives the strings of several keys, nil for each that holds none.",
     "string", "O(N) where N is the number of keys", "@string", NULL},
    {"mset", cmd_mset, -3, CMD_WRITE | CMD_GROWS_MEMORY, {1, -1, 2, 0},
     "key value [key value ...]", "1.0.1",
     "Stores several strings at once.",
     "string", "O(N) where N is the number of keys", "@string", NULL},
    {"msetnx", cmd_msetnx, -3, CMD_WRITE | CMD_GROWS_MEMORY, {1, -1, 2, 0},
     "key value [key value ...]", "1.0.1",
     "Stores several strings at once if none of the keys is there yet.",
     "string", "O(N) where N is the number of keys", "@string", NULL},
    {"psetex", cmd_psetex, 4, CMD_WRITE | CMD_GROWS_MEMORY, {1, 1, 1, 0},
     "key milliseconds value", "2.6.0",
     "Stores a string that expires after so many milliseconds.",
     "string", "O(1)", "@string", NULL},
    {"set", cmd_set, -3, CMD_WRITE | CMD_GROWS_MEMORY, {1, 1, 1, 0},
     "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
     "PXAT unix-time-milliseconds | KEEPTTL]", "1.0.0",
     "Stores a string, whatever the key held before.",
     "string", "O(1)", "@string", NULL},
    {"setex", cmd_setex, 4, CMD_WRITE | CMD_GROWS_MEMORY, {1, 1, 1, 0},
     "key seconds value", "2.0.0",
     "Stores a string that expires after so many seconds.",
     "string", "O(1)", "@string", NULL},
    {"setnx", cmd_setnx, 3, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key value", "1.0.0",
     "Stores a string if the key is not there yet.",
     "string", "O(1)", "@string", NULL},
};
/* clang-format on */

const struct family string_family = FAMILY("string", commands);
