/* Strings as numbers. */
#include <math.h>

#include "families/families.h"
#include "families/lookup.h"

static void add(struct call *call, int64_t increment)
{
    struct item item;
    if (!lookup_string_item(call, 0, &item)) return;

    int64_t value = 0;
    char scratch[NUMBER_INT_TEXT_MAX];
    if (item.entry && entry_kind(item.entry) == ENTRY_INTEGER) {
        value = entry_integer(item.entry);
    } else if (item.entry && !number_parse_i64(entry_string(item.entry, scratch), &value)) {
        reply_error_not_integer(call->reply);
        return;
    }
    if (__builtin_add_overflow(value, increment, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    txn_set_integer(call->txn, &item, value, TXN_KEEP_DEADLINE);
    reply_integer(call->reply, value);
}

static void cmd_incr(struct call *call)
{
    add(call, 1);
}

static void cmd_decr(struct call *call)
{
    add(call, -1);
}

static void cmd_incrby(struct call *call)
{
    int64_t increment;
    if (call_integer(call, 2, &increment)) add(call, increment);
}

static void cmd_decrby(struct call *call)
{
    int64_t decrement;
    if (!call_integer(call, 2, &decrement)) return;
    if (decrement == INT64_MIN) {
        reply_error(call->reply, "ERR decrement would overflow");
        return;
    }
    add(call, -decrement);
}

static void cmd_incrbyfloat(struct call *call)
{
    struct item item;
    if (!lookup_string_item(call, 0, &item)) return;

    long double value = 0;
    long double increment;
    char scratch[NUMBER_INT_TEXT_MAX];
    bool are_numbers = (!item.entry ||
                        number_parse_long_double(entry_string(item.entry, scratch), &value)) &&
                       number_parse_long_double(call_argument(call, 2), &increment);
    if (!are_numbers) {
        reply_error_not_float(call->reply);
        return;
    }
    value += increment;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[NUMBER_LONG_DOUBLE_TEXT_MAX];
    struct bytes result = {text, number_format_long_double(text, value)};
    txn_set_bytes(call->txn, &item, result, TXN_KEEP_DEADLINE);
    reply_bulk(call->reply, result);
}

/* clang-format off */
static const struct command commands[] = {
    {"decr", cmd_decr, 2, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key", "1.0.0",
     "Takes one from the integer that a key holds; an absent key counts as 0.",
     "string", "O(1)", "@string", NULL},
    {"decrby", cmd_decrby, 3, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key decrement", "1.0.0",
     "Takes a number from the integer that a key holds; an absent key counts as 0.",
     "string", "O(1)", "@string", NULL},
    {"incr", cmd_incr, 2, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key", "1.0.0",
     "Adds one to the integer that a key holds; an absent key counts as 0.",
     "string", "O(1)", "@string", NULL},
    {"incrby", cmd_incrby, 3, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key increment", "1.0.0",
     "Adds a number to the integer that a key holds; an absent key counts as 0.",
     "string", "O(1)", "@string", NULL},
    {"incrbyfloat", cmd_incrbyfloat, 3, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key increment:double", "2.6.0",
     "Adds a number to the decimal fraction that a key holds; an absent key counts as 0.",
     "string", "O(1)", "@string", NULL},
};
/* clang-format on */

const struct family counter_family = FAMILY("counter", commands);
