#include "command/command.h"

#include "base/assert.h"
#include "base/number.h"

/* ---- keys ---- */

static struct command_key_range counted_keys(uint32_t count_at, const struct bytes *arguments,
                                             uint32_t argument_count)
{
    static const struct command_key_range none = {0, 1, 0};
    int64_t count;
    if (count_at >= argument_count || !number_parse_i64(arguments[count_at], &count)) return none;
    if (count <= 0 || count > (int64_t)(argument_count - count_at - 1)) return none;
    return (struct command_key_range){count_at + 1, 1, (uint32_t)count};
}

struct command_key_range command_key_range(const struct command *command,
                                           const struct bytes *arguments, uint32_t argument_count)
{
    const struct command_keys *keys = &command->keys;
    if (keys->count_at > 0)
        return counted_keys((uint32_t)keys->count_at, arguments, argument_count);

    int64_t first = keys->first;
    int64_t last = keys->last >= 0 ? keys->last : (int64_t)argument_count + keys->last;
    if (last >= (int64_t)argument_count) last = (int64_t)argument_count - 1;
    if (first == 0 || last < first) return (struct command_key_range){0, 1, 0};
    ASSERT(keys->step > 0);
    uint32_t count = (uint32_t)((last - first) / keys->step + 1);
    return (struct command_key_range){(uint32_t)first, (uint32_t)keys->step, count};
}

/* ---- categories ---- */

const char *const command_category_names[COMMAND_CATEGORY_COUNT] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
};

/* Bit i for the name of category i; 0 for a name that is none. */
static uint32_t category_bit(struct bytes name)
{
    for (uint32_t i = 0; i < COMMAND_CATEGORY_COUNT; i++) {
        if (bytes_is_word(name, command_category_names[i])) return 1u << i;
    }
    return 0;
}

static uint32_t bit_of(const char *name)
{
    return category_bit(bytes_of_text(name));
}

static uint32_t categories_of_words(const char *words)
{
    uint32_t categories = 0;
    while (words != NULL && *words != '\0') {
        words += strspn(words, " @");
        size_t size = strcspn(words, " ");
        categories |= category_bit(bytes_of(words, size));
        words += size;
    }
    return categories;
}

uint32_t command_categories(const struct command *command)
{
    uint32_t flags = command->flags;
    uint32_t categories = categories_of_words(command->acl);
    if ((flags & CMD_WRITE) != 0) categories |= bit_of("write");
    if ((flags & CMD_READ) != 0) categories |= bit_of("read");
    if ((flags & CMD_ADMIN) != 0) categories |= bit_of("admin") | bit_of("dangerous");
    if ((flags & CMD_PUBSUB) != 0) categories |= bit_of("pubsub");
    if ((flags & CMD_BLOCKING) != 0) categories |= bit_of("blocking");
    return categories | bit_of((flags & CMD_FAST) != 0 ? "fast" : "slow");
}
