/* When keys expire: set it, take it away, ask for it. */
#include "families/deadline.h"
#include "families/families.h"
#include "families/lookup.h"

enum expire_condition {
    EXPIRE_NX = 1, /* only if it has no deadline yet */
    EXPIRE_XX = 2, /* only if it has one */
    EXPIRE_GT = 4, /* only if the new one is later; none at all counts as the latest */
    EXPIRE_LT = 8, /* only if the new one is earlier */
};

static bool parse_conditions(struct call *call, unsigned *out)
{
    static const struct {
        const char *word;
        enum expire_condition condition;
    } words[] = {
        {"nx", EXPIRE_NX},
        {"xx", EXPIRE_XX},
        {"gt", EXPIRE_GT},
        {"lt", EXPIRE_LT}
    };

    unsigned conditions = 0;
    for (uint32_t i = 3; i < call->argument_count; i++) {
        unsigned found = 0;
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            if (call_argument_is(call, i, words[w].word)) found = words[w].condition;
        if (found == 0) {
            struct bytes option = call_argument(call, i);
            reply_errorf(call->reply, "ERR Unsupported option %.*s", (int)option.size, option.data);
            return false;
        }
        conditions |= found;
    }
    if (conditions & EXPIRE_NX && conditions != EXPIRE_NX) {
        reply_error(call->reply,
                    "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (conditions & EXPIRE_GT && conditions & EXPIRE_LT) {
        reply_error(call->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    *out = conditions;
    return true;
}

static bool is_allowed(unsigned conditions, int64_t old_ms, int64_t new_ms)
{
    bool has_old = old_ms != ENTRY_NO_DEADLINE;
    if (conditions & EXPIRE_NX && has_old) return false;
    if (conditions & EXPIRE_XX && !has_old) return false;
    if (conditions & EXPIRE_GT && (!has_old || new_ms <= old_ms)) return false;
    if (conditions & EXPIRE_LT && has_old && new_ms >= old_ms) return false;
    return true;
}

static void expire(struct call *call, unsigned form)
{
    unsigned conditions;
    if (!parse_conditions(call, &conditions)) return;
    int64_t amount;
    if (!call_integer(call, 2, &amount)) return;
    int64_t deadline_ms;
    if (!deadline_compute(amount, form, call->now_ms, &deadline_ms)) {
        deadline_refuse(call);
        return;
    }
    struct item item = txn_item(call->txn, &call->keys[0]);
    bool is_set = item.entry && is_allowed(conditions, entry_deadline(item.entry), deadline_ms);
    if (is_set) txn_set_deadline(call->txn, &item, deadline_storable(deadline_ms));
    reply_integer(call->reply, is_set);
}

static void cmd_expire(struct call *call)
{
    expire(call, DEADLINE_SECONDS | DEADLINE_RELATIVE);
}

static void cmd_pexpire(struct call *call)
{
    expire(call, DEADLINE_RELATIVE);
}

static void cmd_expireat(struct call *call)
{
    expire(call, DEADLINE_SECONDS);
}

static void cmd_pexpireat(struct call *call)
{
    expire(call, 0);
}

static void cmd_persist(struct call *call)
{
    struct item item = txn_item(call->txn, &call->keys[0]);
    bool has_deadline = item.entry && entry_deadline(item.entry) != ENTRY_NO_DEADLINE;
    if (has_deadline) txn_set_deadline(call->txn, &item, ENTRY_NO_DEADLINE);
    reply_integer(call->reply, has_deadline);
}

/* TTL and its relatives; seconds are rounded to the nearest. */
static void reply_deadline(struct call *call, unsigned form)
{
    enum { NO_KEY = -2, NO_DEADLINE = -1 };
    const struct entry *entry = txn_read(call->txn, &call->keys[0]);
    int64_t deadline_ms = entry ? entry_deadline(entry) : ENTRY_NO_DEADLINE;
    int64_t answer = entry ? NO_DEADLINE : NO_KEY;
    if (deadline_ms != ENTRY_NO_DEADLINE) {
        answer = form & DEADLINE_RELATIVE ? deadline_ms - call->now_ms : deadline_ms;
        if (answer < 0) answer = 0;
        if (form & DEADLINE_SECONDS) answer = (answer + 500) / 1000;
    }
    reply_integer(call->reply, answer);
}

static void cmd_ttl(struct call *call)
{
    reply_deadline(call, DEADLINE_SECONDS | DEADLINE_RELATIVE);
}

static void cmd_pttl(struct call *call)
{
    reply_deadline(call, DEADLINE_RELATIVE);
}

static void cmd_expiretime(struct call *call)
{
    reply_deadline(call, DEADLINE_SECONDS);
}

static void cmd_pexpiretime(struct call *call)
{
    reply_deadline(call, 0);
}

/* clang-format off */
static const struct command commands[] = {
    {"expire", cmd_expire, -3, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key seconds [NX | XX | GT | LT]", "1.0.0",
     "Lets a key expire after so many seconds.",
     "generic", "O(1)", "@keyspace", NULL},
    {"expireat", cmd_expireat, -3, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key unix-time-seconds [NX | XX | GT | LT]", "1.2.0",
     "Lets a key expire at a time given in seconds since 1970.",
     "generic", "O(1)", "@keyspace", NULL},
    {"expiretime", cmd_expiretime, 2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key", "7.0.0",
     "Says when a key expires, in seconds since 1970.",
     "generic", "O(1)", "@keyspace", NULL},
    {"persist", cmd_persist, 2, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key", "2.2.0",
     "Lets a key no longer expire.",
     "generic", "O(1)", "@keyspace", NULL},
    {"pexpire", cmd_pexpire, -3, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key milliseconds [NX | XX | GT | LT]", "2.6.0",
     "Lets a key expire after so many milliseconds.",
     "generic", "O(1)", "@keyspace", NULL},
    {"pexpireat", cmd_pexpireat, -3, CMD_WRITE | CMD_FAST, {1, 1, 1, 0},
     "key unix-time-milliseconds [NX | XX | GT | LT]", "2.6.0",
     "Lets a key expire at a time given in milliseconds since 1970.",
     "generic", "O(1)", "@keyspace", NULL},
    {"pexpiretime", cmd_pexpiretime, 2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key", "7.0.0",
     "Says when a key expires, in milliseconds since 1970.",
     "generic", "O(1)", "@keyspace", NULL},
    {"pttl", cmd_pttl, 2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key", "2.6.0",
     "Says how many milliseconds are left until a key expires.",
     "generic", "O(1)", "@keyspace", NULL},
    {"ttl", cmd_ttl, 2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key", "1.0.0",
     "Says how many seconds are left until a key expires.",
     "generic", "O(1)", "@keyspace", NULL},
};
/* clang-format on */

const struct family expire_family = FAMILY("expire", commands);
