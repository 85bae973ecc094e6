/* Strings in parts: append, read a part, overwrite a part, and what two strings have in common. */
#include "base/arena.h"
#include "families/families.h"
#include "families/index_range.h"
#include "families/lcs.h"
#include "families/lookup.h"

/* Nothing, appended, still is a change: it touches watchers and turns a number into a text. */
static void append(struct call *call, struct item *item, struct bytes tail)
{
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = entry_string(item->entry, scratch);
    if (tail.size == 0 && entry_kind(item->entry) != ENTRY_BLOB)
        txn_set_raw(call->txn, item, text, TXN_KEEP_DEADLINE);
    else
        txn_write_range(call->txn, item, text.size, tail);
}

static void cmd_append(struct call *call)
{
    struct item item;
    if (!lookup_string_item(call, 0, &item)) return;

    struct bytes tail = call_argument(call, 2);
    size_t length = lookup_text_length(item.entry);
    if (!item.entry) {
        txn_set_text(call->txn, &item, tail, ENTRY_NO_DEADLINE);
    } else {
        if (!lookup_admits_size(call, length, tail.size)) return;
        append(call, &item, tail);
    }
    reply_integer(call->reply, (int64_t)(length + tail.size));
}

static void cmd_strlen(struct call *call)
{
    struct entry *entry;
    if (lookup_string(call, 0, &entry))
        reply_integer(call->reply, (int64_t)lookup_text_length(entry));
}

static void cmd_getrange(struct call *call)
{
    int64_t start;
    int64_t end;
    if (!call_integer(call, 2, &start) || !call_integer(call, 3, &end)) return;
    struct entry *entry;
    if (!lookup_string(call, 0, &entry)) return;

    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = lookup_text(entry, scratch);
    struct index_range range;
    if (index_range_find(start, end, text.size, &range))
        text = bytes_part(text, range.first, range.last - range.first + 1);
    else
        text.size = 0;
    reply_bulk(call->reply, text);
}

static void cmd_setrange(struct call *call)
{
    int64_t offset;
    if (!call_integer(call, 2, &offset)) return;
    if (offset < 0) {
        reply_error(call->reply, "ERR offset is out of range");
        return;
    }
    struct item item;
    if (!lookup_string_item(call, 0, &item)) return;

    struct bytes part = call_argument(call, 3);
    if (part.size > 0) {
        if (!lookup_admits_size(call, (uint64_t)offset, part.size)) return;
        txn_write_range(call->txn, &item, (size_t)offset, part);
    }
    reply_integer(call->reply, (int64_t)lookup_text_length(item.entry));
}

struct lcs_options {
    bool has_length;    /* LEN */
    bool has_positions; /* IDX */
    bool has_lengths;   /* WITHMATCHLEN */
    int64_t length_min; /* MINMATCHLEN */
};

static bool parse_lcs_options(struct call *call, struct lcs_options *options)
{
    for (uint32_t i = 3; i < call->argument_count; i++) {
        if (call_argument_is(call, i, "idx")) {
            options->has_positions = true;
        } else if (call_argument_is(call, i, "len")) {
            options->has_length = true;
        } else if (call_argument_is(call, i, "withmatchlen")) {
            options->has_lengths = true;
        } else if (call_argument_is(call, i, "minmatchlen") && i + 1 < call->argument_count) {
            i++;
            if (!call_integer(call, i, &options->length_min)) return false;
        } else {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    if (options->has_length && options->has_positions) {
        reply_error(call->reply,
                    "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

static void reply_lcs_range(struct reply *reply, const struct lcs_range *range, bool has_length)
{
    reply_array(reply, has_length ? 3 : 2);
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)range->first);
    reply_integer(reply, (int64_t)(range->first + range->size - 1));
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)range->second);
    reply_integer(reply, (int64_t)(range->second + range->size - 1));
    if (has_length) reply_integer(reply, (int64_t)range->size);
}

static void reply_lcs_positions(struct reply *reply, const struct lcs *lcs,
                                const struct lcs_options *options)
{
    uint64_t count = 0;
    for (size_t i = 0; i < lcs->range_count; i++)
        count += (int64_t)lcs->ranges[i].size >= options->length_min;

    reply_map(reply, 2);
    reply_text(reply, "matches");
    reply_array(reply, count);
    for (size_t i = 0; i < lcs->range_count; i++)
        if ((int64_t)lcs->ranges[i].size >= options->length_min)
            reply_lcs_range(reply, &lcs->ranges[i], options->has_lengths);
    reply_text(reply, "len");
    reply_integer(reply, (int64_t)lcs->length);
}

/* The ranges come last first; the text is written from its end. */
static void reply_lcs_text(struct call *call, const struct lcs *lcs, struct bytes first)
{
    char *text = arena_alloc(call->arena, lcs->length);
    size_t end = lcs->length;
    for (size_t i = 0; i < lcs->range_count; i++) {
        end -= lcs->ranges[i].size;
        memcpy(text + end, first.data + lcs->ranges[i].first, lcs->ranges[i].size);
    }
    reply_bulk(call->reply, bytes_of(text, lcs->length));
}

static void cmd_lcs(struct call *call)
{
    struct entry *first = txn_read(call->txn, &call->keys[0]);
    struct entry *second = txn_read(call->txn, &call->keys[1]);
    if ((first && !entry_is_string(first)) || (second && !entry_is_string(second))) {
        reply_error(call->reply, "ERR The specified keys must contain string values");
        return;
    }
    struct lcs_options options = {0};
    if (!parse_lcs_options(call, &options)) return;

    char first_scratch[NUMBER_INT_TEXT_MAX];
    char second_scratch[NUMBER_INT_TEXT_MAX];
    struct bytes first_text = lookup_text(first, first_scratch);
    struct bytes second_text = lookup_text(second, second_scratch);
    if (!lcs_admits(first_text.size, second_text.size)) {
        reply_error(call->reply, "ERR Insufficient memory, transient memory for LCS exceeds "
                                 "proto-max-bulk-len");
        return;
    }
    struct lcs lcs = {0};
    lcs_find(first_text, second_text, !options.has_length, &lcs);
    if (options.has_positions)
        reply_lcs_positions(call->reply, &lcs, &options);
    else if (options.has_length)
        reply_integer(call->reply, (int64_t)lcs.length);
    else
        reply_lcs_text(call, &lcs, first_text);
    lcs_deinit(&lcs);
}

/* clang-format off */
static const struct command commands[] = {
    {"append", cmd_append, 3, CMD_WRITE | CMD_GROWS_MEMORY | CMD_FAST, {1, 1, 1, 0},
     "key value", "2.0.0",
     "Puts a string behind the one that a key holds.",
     "string", "O(1) amortised, for a short value", "@string", NULL},
    {"getrange", cmd_getrange, 4, CMD_READ, {1, 1, 1, 0},
     "key start end", "2.4.0",
     "Gives a part of a string; negative positions count from its end.",
     "string", "O(N) where N is the length of the part", "@string", NULL},
    {"lcs", cmd_lcs, -3, CMD_READ, {1, 2, 1, 0},
     "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]", "7.0.0",
     "Finds the longest sequence of bytes that two strings have in common.",
     "string", "O(N*M) where N and M are the lengths of the strings", "@string", NULL},
    {"setrange", cmd_setrange, 4, CMD_WRITE | CMD_GROWS_MEMORY, {1, 1, 1, 0},
     "key offset value", "2.2.0",
     "Overwrites a part of a string, filling up with zero bytes before it.",
     "string", "O(M) where M is the length of the value", "@string", NULL},
    {"strlen", cmd_strlen, 2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key", "2.2.0",
     "Gives the length of a string in bytes.",
     "string", "O(1)", "@string", NULL},
    {"substr", cmd_getrange, 4, CMD_READ, {1, 1, 1, 0},
     "key start end", "1.0.0",
     "GETRANGE by its first name.",
     "string", "O(N) where N is the length of the part", "@string", NULL},
};
/* clang-format on */

const struct family substring_family = FAMILY("substring", commands);
