/* Strings as rows of bits. A long string is never copied: single bits read and write one byte of
 * it. */
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "families/bit_offset.h"
#include "families/families.h"
#include "families/index_range.h"
#include "families/lookup.h"
#include "value/bitops.h"

static void cmd_setbit(struct call *call)
{
    uint64_t offset;
    if (!bit_offset_argument(call, 2, 0, &offset)) return;
    int64_t bit;
    if (!number_parse_i64(call_argument(call, 3), &bit) || (bit != 0 && bit != 1)) {
        reply_error(call->reply, "ERR bit is not an integer or out of range");
        return;
    }
    struct item item;
    if (!lookup_string_item(call, 0, &item)) return;

    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = lookup_text(item.entry, scratch);
    int64_t old = (int64_t)bitops_get(text, offset, 1);
    size_t index = offset / 8;
    bool is_inside = index < text.size;
    if (old == bit && is_inside) {
        /* No write: nothing is recorded, no watch is spoilt. */
        txn_make_raw(call->txn, &item);
    } else {
        char byte = is_inside ? text.data[index] : 0;
        bitops_set(&byte, offset % 8, 1, (uint64_t)bit);
        txn_write_range(call->txn, &item, index, bytes_of(&byte, 1));
    }
    reply_integer(call->reply, old);
}

static void cmd_getbit(struct call *call)
{
    uint64_t offset;
    if (!bit_offset_argument(call, 2, 0, &offset)) return;
    struct entry *entry;
    if (!lookup_string(call, 0, &entry)) return;

    char scratch[NUMBER_INT_TEXT_MAX];
    reply_integer(call->reply, (int64_t)bitops_get(lookup_text(entry, scratch), offset, 1));
}

/* [BYTE | BIT] at `index`; false after an error reply. */
static bool parse_unit(struct call *call, uint32_t index, bool *out_is_bit)
{
    bool is_bit = false;
    if (index < call->argument_count) {
        is_bit = call_argument_is(call, index, "bit");
        if (!is_bit && !call_argument_is(call, index, "byte")) {
            reply_error_syntax(call->reply);
            return false;
        }
    }
    *out_is_bit = is_bit;
    return true;
}

/* Bytes to bits, when they are not bits already. */
static struct bit_range to_bits(struct index_range range, bool is_bit)
{
    if (is_bit) return (struct bit_range){range.first, range.last};
    return (struct bit_range){range.first * 8, range.last * 8 + 7};
}

static void cmd_bitcount(struct call *call)
{
    int64_t start = 0;
    int64_t end = -1;
    bool is_bit = false;
    if (call->argument_count == 3 || call->argument_count > 5) {
        reply_error_syntax(call->reply);
        return;
    }
    if (call->argument_count > 3) {
        if (!call_integer(call, 2, &start) || !call_integer(call, 3, &end)) return;
        if (!parse_unit(call, 4, &is_bit)) return;
    }
    struct entry *entry;
    if (!lookup_string(call, 0, &entry)) return;

    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = lookup_text(entry, scratch);
    struct index_range range;
    uint64_t count = 0;
    if (index_range_find(start, end, is_bit ? text.size * 8 : text.size, &range))
        count = bitops_count(text, to_bits(range, is_bit));
    reply_integer(call->reply, (int64_t)count);
}

/* Without an end a string counts as followed by zeros for ever. */
static int64_t find_bit(struct bytes text, bool bit, struct index_range range, bool is_bit,
                        bool has_end)
{
    int64_t position = bitops_find(text, bit, to_bits(range, is_bit));
    if (position < 0 && !bit && !has_end) return (int64_t)text.size * 8;
    return position;
}

static void cmd_bitpos(struct call *call)
{
    int64_t bit;
    if (!call_integer(call, 2, &bit)) return;
    if (bit != 0 && bit != 1) {
        reply_error(call->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    int64_t start = 0;
    int64_t end = -1;
    bool is_bit = false;
    if (call->argument_count > 6) {
        reply_error_syntax(call->reply);
        return;
    }
    bool has_end = call->argument_count > 4;
    if (call->argument_count > 3 && !call_integer(call, 3, &start)) return;
    if (!parse_unit(call, 5, &is_bit)) return;
    if (has_end && !call_integer(call, 4, &end)) return;

    struct entry *entry;
    if (!lookup_string(call, 0, &entry)) return;
    if (!entry) {
        reply_integer(call->reply, bit ? -1 : 0);
        return;
    }
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = lookup_text(entry, scratch);
    struct index_range range;
    int64_t position = -1;
    if (index_range_clamp(start, end, is_bit ? text.size * 8 : text.size, &range))
        position = find_bit(text, bit, range, is_bit, has_end);
    reply_integer(call->reply, position);
}

static bool parse_operation(struct bytes name, enum bitops_operation *out)
{
    static const char *const names[] = {
        [BITOPS_AND] = "and",
        [BITOPS_OR] = "or",
        [BITOPS_XOR] = "xor",
        [BITOPS_NOT] = "not",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!bytes_is_word(name, names[i])) continue;
        *out = (enum bitops_operation)i;
        return true;
    }
    return false;
}

/* The texts of the keys behind the target; false after an error reply. *out_size is that of the
 * longest. */
static bool read_sources(struct call *call, struct bytes *out, size_t *out_size)
{
    size_t size = 0;
    char *scratch = arena_alloc(call->arena, (size_t)call->key_count * NUMBER_INT_TEXT_MAX);
    for (uint32_t i = 1; i < call->key_count; i++) {
        struct entry *entry;
        if (!lookup_string(call, i, &entry)) return false;
        out[i - 1] = lookup_text(entry, scratch + (size_t)i * NUMBER_INT_TEXT_MAX);
        if (out[i - 1].size > size) size = out[i - 1].size;
    }
    *out_size = size;
    return true;
}

static void cmd_bitop(struct call *call)
{
    enum bitops_operation operation;
    if (!parse_operation(call_argument(call, 1), &operation)) {
        reply_error_syntax(call->reply);
        return;
    }
    if (operation == BITOPS_NOT && call->key_count != 2) {
        reply_error(call->reply, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    uint32_t count = call->key_count - 1;
    struct bytes *sources = arena_alloc(call->arena, count * sizeof *sources);
    size_t size;
    if (!read_sources(call, sources, &size)) return;

    struct buf result = {0};
    bitops_combine(operation, sources, count, buf_reserve(&result, size), size);
    result.size = size;

    struct item target = txn_item(call->txn, &call->keys[0]);
    if (size > 0)
        txn_set_raw(call->txn, &target, buf_bytes(&result), ENTRY_NO_DEADLINE);
    else if (target.entry)
        txn_remove(call->txn, &target);
    reply_integer(call->reply, (int64_t)size);
    buf_deinit(&result);
}

/* clang-format off */
static const struct command commands[] = {
    {"bitcount", cmd_bitcount, -2, CMD_READ, {1, 1, 1, 0},
     "key [start end [BYTE | BIT]]", "2.6.0",
     "Counts the bits of a string that are 1.",
     "bitmap", "O(N)", "@bitmap", NULL},
    {"bitop", cmd_bitop, -4, CMD_WRITE | CMD_GROWS_MEMORY, {2, -1, 1, 0},
     "<AND | OR | XOR | NOT> destkey key [key ...]", "2.6.0",
     "Combines strings bit by bit and stores the result.",
     "bitmap", "O(N)", "@bitmap", NULL},
    {"bitpos", cmd_bitpos, -3, CMD_READ, {1, 1, 1, 0},
     "key bit [start [end [BYTE | BIT]]]", "2.8.7",
     "Finds the first bit of a string that is 1, or 0.",
     "bitmap", "O(N)", "@bitmap", NULL},
    {"getbit", cmd_getbit, 3, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key offset", "2.2.0",
     "Gives one bit of a string.",
     "bitmap", "O(1)", "@bitmap", NULL},
    {"setbit", cmd_setbit, 4, CMD_WRITE | CMD_GROWS_MEMORY, {1, 1, 1, 0},
     "key offset value", "2.2.0",
     "Sets one bit of a string, filling up with zeros before it, and gives what it was.",
     "bitmap", "O(1)", "@bitmap", NULL},
};
/* clang-format on */

const struct family bitmap_family = FAMILY("bitmap", commands);
