/* DUMP and RESTORE: a key's value as bytes that any Redis understands. Strings only, until the
 * other types come. */
#include "families/deadline.h"
#include "families/families.h"
#include "families/lookup.h"
#include "value/dump.h"

static void cmd_dump(struct call *call)
{
    struct entry *entry = txn_read(call->txn, &call->keys[0]);
    if (!entry) {
        reply_nil(call->reply);
        return;
    }
    if (!entry_is_string(entry)) {
        reply_errorf(call->reply, "ERR DUMP of a %s is not supported yet", lookup_type(entry));
        return;
    }
    char scratch[NUMBER_INT_TEXT_MAX];
    struct buf payload = {0};
    dump_encode_string(entry_string(entry, scratch), &payload);
    reply_bulk(call->reply, buf_bytes(&payload));
    buf_deinit(&payload);
}

struct restore_options {
    bool has_replace;
    bool is_absolute; /* ABSTTL */
    bool has_idle_time;
    bool has_frequency;
};

/* A number that is checked and then not needed: nothing here tracks when or how often a key is
 * used. */
static bool check_hint(struct call *call, uint32_t index, int64_t max, const char *refusal)
{
    int64_t hint;
    if (!call_integer(call, index, &hint)) return false;
    if (hint >= 0 && hint <= max) return true;
    reply_error(call->reply, refusal);
    return false;
}

static bool parse_restore_options(struct call *call, struct restore_options *options)
{
    for (uint32_t i = 4; i < call->argument_count; i++) {
        bool has_value = i + 1 < call->argument_count;
        if (call_argument_is(call, i, "replace")) {
            options->has_replace = true;
        } else if (call_argument_is(call, i, "absttl")) {
            options->is_absolute = true;
        } else if (call_argument_is(call, i, "idletime") && has_value && !options->has_frequency) {
            if (!check_hint(call, ++i, INT64_MAX, "ERR Invalid IDLETIME value, must be >= 0"))
                return false;
            options->has_idle_time = true;
        } else if (call_argument_is(call, i, "freq") && has_value && !options->has_idle_time) {
            if (!check_hint(call, ++i, UINT8_MAX,
                            "ERR Invalid FREQ value, must be >= 0 and <= 255"))
                return false;
            options->has_frequency = true;
        } else {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    return true;
}

/* The ttl argument as a deadline; 0 stands for none. */
static bool parse_ttl(struct call *call, bool is_absolute, int64_t *out)
{
    int64_t ttl;
    if (!call_integer(call, 2, &ttl)) return false;
    if (ttl < 0) {
        reply_error(call->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    /* A sum beyond 64 bits wraps round in Redis, so the key is past its time at once: the same
     * here. */
    int64_t deadline_ms = 1;
    (void)deadline_compute(ttl, is_absolute ? 0 : DEADLINE_RELATIVE, call->now_ms, &deadline_ms);
    *out = ttl == 0 ? ENTRY_NO_DEADLINE : deadline_storable(deadline_ms);
    return true;
}

static void cmd_restore(struct call *call)
{
    struct restore_options options = {0};
    if (!parse_restore_options(call, &options)) return;

    struct item item = txn_item(call->txn, &call->keys[0]);
    if (item.entry && !options.has_replace) {
        reply_error(call->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    int64_t deadline_ms;
    if (!parse_ttl(call, options.is_absolute, &deadline_ms)) return;
    struct bytes payload = call_argument(call, 3);
    if (!dump_verify(payload)) {
        reply_error(call->reply, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    struct buf storage = {0};
    struct bytes text;
    enum status status = dump_decode_string(payload, &storage, &text);
    if (status == STATUS_OK) {
        txn_set_text(call->txn, &item, text, deadline_ms);
        reply_ok(call->reply);
    } else if (status == STATUS_VERSION) {
        reply_error(call->reply, "ERR RESTORE of values other than strings is not supported yet");
    } else {
        reply_error(call->reply, "ERR Bad data format");
    }
    buf_deinit(&storage);
}

/* clang-format off */
static const struct command commands[] = {
    {"dump", cmd_dump, 2, CMD_READ, {1, 1, 1, 0},
     "key", "2.6.0",
     "Gives what a key holds as bytes for RESTORE.",
     "generic", "O(N) where N is the size of the value", "@keyspace", NULL},
    {"restore", cmd_restore, -4, CMD_WRITE | CMD_GROWS_MEMORY, {1, 1, 1, 0},
     "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]", "2.6.0",
     "Stores the value that DUMP gave as bytes.",
     "generic", "O(N) where N is the size of the value", "@keyspace @dangerous", NULL},
};
/* clang-format on */

const struct family dump_family = FAMILY("dump", commands);
