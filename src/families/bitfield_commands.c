/* BITFIELD: strings as rows of integers of any width. All operations are read before the first one
 * runs. */
#include "base/arena.h"
#include "base/assert.h"
#include "families/bit_offset.h"
#include "families/families.h"
#include "families/lookup.h"
#include "value/bitfield.h"
#include "value/bitops.h"

enum operation_kind { OPERATION_GET, OPERATION_SET, OPERATION_INCRBY };

struct operation {
    enum operation_kind kind;
    enum bitfield_overflow overflow;
    struct bitfield_type type;
    uint64_t offset; /* bits */
    int64_t operand;
};

struct operations {
    struct operation *items;
    uint32_t count;
    size_t written_bytes; /* how long the string must be for all that write; 0: none does */
};

static bool parse_overflow(struct call *call, uint32_t index, enum bitfield_overflow *out)
{
    if (call_argument_is(call, index, "wrap")) {
        *out = BITFIELD_WRAP;
    } else if (call_argument_is(call, index, "sat")) {
        *out = BITFIELD_SAT;
    } else if (call_argument_is(call, index, "fail")) {
        *out = BITFIELD_FAIL;
    } else {
        reply_error(call->reply, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* The operation at `index`, without its overflow; false after an error reply. */
static bool parse_operation(struct call *call, uint32_t index, struct operation *out)
{
    uint32_t left = call->argument_count - index;
    if (call_argument_is(call, index, "get") && left >= 3) {
        out->kind = OPERATION_GET;
    } else if (call_argument_is(call, index, "set") && left >= 4) {
        out->kind = OPERATION_SET;
    } else if (call_argument_is(call, index, "incrby") && left >= 4) {
        out->kind = OPERATION_INCRBY;
    } else {
        reply_error_syntax(call->reply);
        return false;
    }
    if (!bitfield_parse_type(call_argument(call, index + 1), &out->type)) {
        reply_error(call->reply, "ERR Invalid bitfield type. Use something like i16 u8. "
                                 "Note that u64 is not supported but i64 is.");
        return false;
    }
    if (!bit_offset_argument(call, index + 2, out->type.width, &out->offset)) return false;
    return out->kind == OPERATION_GET || call_integer(call, index + 3, &out->operand);
}

/* An operation that writes makes the string as long as its field needs; false after an error reply.
 */
static bool admit_write(struct call *call, const struct operation *operation, size_t *written_bytes)
{
    if (operation->kind == OPERATION_GET) return true;
    size_t end = (operation->offset + operation->type.width - 1) / 8 + 1;
    if (end > LOOKUP_STRING_BYTES_MAX) {
        bit_offset_refuse(call);
        return false;
    }
    if (end > *written_bytes) *written_bytes = end;
    return true;
}

static bool parse(struct call *call, struct operations *out)
{
    *out = (struct operations){0};
    out->items = arena_alloc(call->arena, call->argument_count * sizeof *out->items);
    enum bitfield_overflow overflow = BITFIELD_WRAP;
    uint32_t i = 2;
    while (i < call->argument_count) {
        if (call_argument_is(call, i, "overflow") && i + 1 < call->argument_count) {
            if (!parse_overflow(call, i + 1, &overflow)) return false;
            i += 2;
            continue;
        }
        struct operation operation = {.overflow = overflow};
        if (!parse_operation(call, i, &operation)) return false;
        if (!admit_write(call, &operation, &out->written_bytes)) return false;
        out->items[out->count++] = operation;
        i += operation.kind == OPERATION_GET ? 3 : 4;
    }
    return true;
}

static int64_t read_field(const struct entry *entry, const struct operation *operation)
{
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = lookup_text(entry, scratch);
    return bitfield_value(operation->type,
                          bitops_get(text, operation->offset, operation->type.width));
}

/* Writes only the bytes that the field touches, at most nine. */
static void write_field(struct call *call, struct item *item, const struct operation *operation,
                        int64_t value)
{
    enum { FIELD_BYTES_MAX = 9 };
    size_t first = operation->offset / 8;
    size_t last = (operation->offset + operation->type.width - 1) / 8;
    struct bytes text = entry_string(item->entry, (char[NUMBER_INT_TEXT_MAX]){0});
    char bytes[FIELD_BYTES_MAX];
    ASSERT(last - first < FIELD_BYTES_MAX);
    ASSERT(last < text.size);
    memcpy(bytes, text.data + first, last - first + 1);
    bitops_set(bytes, operation->offset % 8, operation->type.width, (uint64_t)value);
    txn_write_range(call->txn, item, first, bytes_of(bytes, last - first + 1));
}

static void run_write(struct call *call, struct item *item, const struct operation *operation)
{
    int64_t old = read_field(item->entry, operation);
    int64_t new;
    bool is_set = operation->kind == OPERATION_SET;
    bool fits = is_set
                    ? bitfield_fit(operation->type, operation->overflow, operation->operand, &new)
                    : bitfield_add(operation->type, operation->overflow, old, operation->operand,
                                   &new);
    if (!fits) {
        reply_nil(call->reply);
        return;
    }
    if (new != old)
        write_field(call, item, operation, new);
    else
        txn_touch(call->txn, item);
    reply_integer(call->reply, is_set ? old : new);
}

/* Bytes beyond the end of the string come into being even when every write fails. */
static void extend(struct call *call, struct item *item, size_t size)
{
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = lookup_text(item->entry, scratch);
    if (size > text.size) txn_write_range_quietly(call->txn, item, size - 1, bytes_of("", 1));
    txn_make_raw(call->txn, item);
}

static void run_writes(struct call *call, const struct operations *operations)
{
    struct item item;
    if (!lookup_string_item(call, 0, &item)) return;

    extend(call, &item, operations->written_bytes);
    reply_array(call->reply, operations->count);
    for (uint32_t i = 0; i < operations->count; i++) {
        const struct operation *operation = &operations->items[i];
        if (operation->kind == OPERATION_GET)
            reply_integer(call->reply, read_field(item.entry, operation));
        else
            run_write(call, &item, operation);
    }
}

static void run_reads(struct call *call, const struct operations *operations)
{
    struct entry *entry;
    if (!lookup_string(call, 0, &entry)) return;

    reply_array(call->reply, operations->count);
    for (uint32_t i = 0; i < operations->count; i++)
        reply_integer(call->reply, read_field(entry, &operations->items[i]));
}

static void cmd_bitfield(struct call *call)
{
    struct operations operations;
    if (!parse(call, &operations)) return;
    if (operations.written_bytes > 0)
        run_writes(call, &operations);
    else
        run_reads(call, &operations);
}

static void cmd_bitfield_ro(struct call *call)
{
    struct operations operations;
    if (!parse(call, &operations)) return;
    if (operations.written_bytes > 0)
        reply_error(call->reply, "ERR BITFIELD_RO only supports the GET subcommand");
    else
        run_reads(call, &operations);
}

#define WRITES \
    "[OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment>"

/* clang-format off */
static const struct command commands[] = {
    {"bitfield", cmd_bitfield, -2, CMD_WRITE | CMD_GROWS_MEMORY, {1, 1, 1, 0},
     "key [GET encoding offset | " WRITES " [GET encoding offset | " WRITES " ...]]", "3.2.0",
     "Reads, sets and adds to integers of any width inside a string.",
     "bitmap", "O(1) for each operation", "@bitmap", NULL},
    {"bitfield_ro", cmd_bitfield_ro, -2, CMD_READ | CMD_FAST, {1, 1, 1, 0},
     "key [GET encoding offset [GET encoding offset ...]]", "6.0.0",
     "Reads integers of any width inside a string.",
     "bitmap", "O(1) for each operation", "@bitmap", NULL},
};
/* clang-format on */

const struct family bitfield_family = FAMILY("bitfield", commands);
