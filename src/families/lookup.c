#include "families/lookup.h"

#include "base/assert.h"
#include "value/blob.h"

bool lookup_string(struct call *call, uint32_t key_index, struct entry **out)
{
    struct entry *entry = txn_read(call->txn, &call->keys[key_index]);
    if (UNLIKELY(entry && !entry_is_string(entry))) {
        reply_error_wrong_type(call->reply);
        return false;
    }
    *out = entry;
    return true;
}

bool lookup_string_item(struct call *call, uint32_t key_index, struct item *out)
{
    struct item item = txn_item(call->txn, &call->keys[key_index]);
    if (UNLIKELY(item.entry && !entry_is_string(item.entry))) {
        reply_error_wrong_type(call->reply);
        return false;
    }
    *out = item;
    return true;
}

struct bytes lookup_text(const struct entry *entry, char scratch[NUMBER_INT_TEXT_MAX])
{
    return entry ? entry_string(entry, scratch) : BYTES_EMPTY;
}

size_t lookup_text_length(const struct entry *entry)
{
    return entry ? entry_string_length(entry) : 0;
}

void lookup_reply(struct reply *reply, const struct entry *entry)
{
    if (!entry) {
        reply_nil(reply);
    } else if (LIKELY(entry_kind(entry) == ENTRY_STRING)) {
        reply_bulk(reply, entry_inline_string(entry));
    } else if (entry_kind(entry) == ENTRY_BLOB) {
        reply_blob(reply, entry_blob(entry));
    } else {
        char scratch[NUMBER_INT_TEXT_MAX];
        reply_bulk(reply, entry_string(entry, scratch));
    }
}

const char *lookup_type(const struct entry *entry)
{
    static const char *const names[] = {
        [ENTRY_STRING] = "string", [ENTRY_INTEGER] = "string", [ENTRY_BLOB] = "string",
        [ENTRY_LIST] = "list",     [ENTRY_HASH] = "hash",      [ENTRY_SET] = "set",
        [ENTRY_ZSET] = "zset",     [ENTRY_STREAM] = "stream",
    };
    if (!entry) return "none";
    enum entry_kind kind = entry_kind(entry);
    ASSERT((size_t)kind < sizeof names / sizeof names[0]);
    ASSERT(names[kind]);
    return names[kind];
}

bool lookup_admits_size(struct call *call, uint64_t offset, uint64_t size)
{
    if (offset <= LOOKUP_STRING_BYTES_MAX && size <= LOOKUP_STRING_BYTES_MAX - offset) return true;
    reply_error(call->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}
