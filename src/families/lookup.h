/* How commands look up a key of which only one kind of value will do, and how the kinds are called.
 */
#ifndef FAMILIES_LOOKUP_H
#define FAMILIES_LOOKUP_H

#include "command/call.h"

/* What a string may hold: Redis's proto-max-bulk-len. */
enum { LOOKUP_STRING_BYTES_MAX = 512 * 1024 * 1024 };

/* Reads key `key_index`, which must be absent (*out is NULL then) or hold a string; false after a
 * WRONGTYPE reply. */
bool lookup_string(struct call *call, uint32_t key_index, struct entry **out);
/* The same for a key that is going to be changed. */
bool lookup_string_item(struct call *call, uint32_t key_index, struct item *out);

/* The text of a string, as entry_string; empty for NULL. */
struct bytes lookup_text(const struct entry *entry, char scratch[NUMBER_INT_TEXT_MAX]);
size_t lookup_text_length(const struct entry *entry);
/* A string as a reply, nil for NULL. */
void lookup_reply(struct reply *reply, const struct entry *entry);

/* What TYPE answers: "string", "list" ..., "none" for NULL. */
const char *lookup_type(const struct entry *entry);

/* Answers and returns false when a string would grow beyond LOOKUP_STRING_BYTES_MAX by holding
 * `size` bytes at `offset`. */
bool lookup_admits_size(struct call *call, uint64_t offset, uint64_t size);

#endif
