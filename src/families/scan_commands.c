/* Walking over all keys of a database: KEYS, SCAN, RANDOMKEY. Names are copied while their shard is
 * locked and told afterwards, when it is known how many they are. */
#include "base/buf.h"
#include "base/text.h"
#include "families/families.h"
#include "families/lookup.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    SCAN_BUCKETS_MIN = 4096,
    SCAN_BUCKETS_MAX = 1 << 20,
    KEYS_BUCKETS = 64,
};

/* 52 bits: beyond them nothing is left to scan. */
#define SCAN_CURSOR_MAX ((1ull << 52) - 1)

struct scan {
    bool has_pattern;
    struct bytes pattern;
    bool has_type;
    struct bytes type;
    uint64_t seen_max; /* stop after so many keys, matching or not */
    uint64_t seen_count;
    uint64_t found_count;
    struct buf names; /* each as a size_t and its bytes */
};

static bool matches(const struct scan *scan, struct entry *entry)
{
    if (scan->has_type && !bytes_is_word(scan->type, lookup_type(entry))) return false;
    return !scan->has_pattern || text_glob_match(scan->pattern, entry_key(entry), false);
}

static bool collect(void *context, struct entry *entry)
{
    struct scan *scan = context;
    scan->seen_count++;
    if (matches(scan, entry)) {
        struct bytes name = entry_key(entry);
        buf_append(&scan->names, &name.size, sizeof name.size);
        buf_append_bytes(&scan->names, name);
        scan->found_count++;
    }
    return scan->seen_count < scan->seen_max;
}

static void reply_names(struct reply *reply, const struct scan *scan)
{
    reply_array(reply, scan->found_count);
    const char *next = scan->names.data;
    for (uint64_t i = 0; i < scan->found_count; i++) {
        struct bytes name;
        memcpy(&name.size, next, sizeof name.size);
        name.data = next + sizeof name.size;
        reply_bulk(reply, name);
        next = name.data + name.size;
    }
}

static void set_pattern(struct scan *scan, struct bytes pattern)
{
    scan->has_pattern = !bytes_equal(pattern, BYTES_LITERAL("*"));
    scan->pattern = pattern;
}

static void cmd_keys(struct call *call)
{
    struct scan scan = {.seen_max = UINT64_MAX};
    set_pattern(&scan, call_argument(call, 1));
    uint64_t cursor = 0;
    do {
        cursor = txn_scan(call->txn, cursor, KEYS_BUCKETS, collect, &scan);
    } while (cursor != 0);
    reply_names(call->reply, &scan);
    buf_deinit(&scan.names);
}

/* As strtoul reads it, for that is what clients are used to: nothing is 0, a sign is taken, a
 * negative number wraps. */
static bool parse_cursor(struct bytes text, uint64_t *out)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    bool has_sign = is_negative || (text.size > 0 && text.data[0] == '+');
    if (has_sign && text.size == 1) return false;

    uint64_t value = 0;
    for (size_t i = has_sign; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value)) return false;
    }
    *out = is_negative ? 0 - value : value;
    return true;
}

static bool parse_scan_options(struct call *call, struct scan *scan)
{
    for (uint32_t i = 2; i < call->argument_count; i += 2) {
        bool has_value = i + 1 < call->argument_count;
        if (has_value && call_argument_is(call, i, "count")) {
            int64_t count;
            if (!call_integer(call, i + 1, &count)) return false;
            if (count < 1) {
                reply_error_syntax(call->reply);
                return false;
            }
            scan->seen_max = (uint64_t)count;
        } else if (has_value && call_argument_is(call, i, "match")) {
            set_pattern(scan, call_argument(call, i + 1));
        } else if (has_value && call_argument_is(call, i, "type")) {
            scan->has_type = true;
            scan->type = call_argument(call, i + 1);
        } else {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    return true;
}

/* Looking at buckets ends when `count` keys were seen; in a nearly empty database it would go on
 * for long without this limit, or take a call for each few buckets with a smaller one. */
static unsigned buckets_for(uint64_t count)
{
    uint64_t buckets = SCAN_BUCKETS_MIN + count;
    return buckets < SCAN_BUCKETS_MAX ? (unsigned)buckets : SCAN_BUCKETS_MAX;
}

static void cmd_scan(struct call *call)
{
    uint64_t cursor;
    if (!parse_cursor(call_argument(call, 1), &cursor)) {
        reply_error(call->reply, "ERR invalid cursor");
        return;
    }
    struct scan scan = {.seen_max = SCAN_COUNT_DEFAULT};
    if (!parse_scan_options(call, &scan)) return;

    uint64_t next = 0;
    if (cursor <= SCAN_CURSOR_MAX)
        next = txn_scan(call->txn, cursor, buckets_for(scan.seen_max), collect, &scan);
    reply_array(call->reply, 2);
    char text[NUMBER_INT_TEXT_MAX];
    reply_bulk(call->reply, bytes_of(text, number_format_u64(text, next)));
    reply_names(call->reply, &scan);
    buf_deinit(&scan.names);
}

static void reply_name(void *context, struct entry *entry)
{
    struct reply *reply = context;
    reply_bulk(reply, entry_key(entry));
}

static void cmd_randomkey(struct call *call)
{
    if (!txn_random(call->txn, reply_name, call->reply)) reply_nil(call->reply);
}

/* clang-format off */
static const struct command commands[] = {
    {"keys", cmd_keys, 2, CMD_READ | CMD_TOUCHES_KEYS_ANYWHERE, {0, 0, 0, 0},
     "pattern", "1.0.0",
     "Lists all keys whose names match a pattern.",
     "generic", "O(N) where N is the number of keys in the database", "@keyspace @dangerous", NULL},
    {"randomkey", cmd_randomkey, 1, CMD_READ | CMD_TOUCHES_KEYS_ANYWHERE, {0, 0, 0, 0},
     "", "1.0.0",
     "Names some key of the database.",
     "generic", "O(1)", "@keyspace", NULL},
    {"scan", cmd_scan, -2, CMD_READ | CMD_TOUCHES_KEYS_ANYWHERE, {0, 0, 0, 0},
     "cursor [MATCH pattern] [COUNT count] [TYPE type]", "2.8.0",
     "Lists the keys of the database in portions, each call a few more.",
     "generic", "O(1) for each call, O(N) for all where N is the number of keys",
     "@keyspace", NULL},
};
/* clang-format on */

const struct family scan_family = FAMILY("scan", commands);
