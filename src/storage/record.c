#include "storage/record.h"

#include "base/assert.h"
#include "storage/little_endian.h"

enum {
    VARINT_BYTES_MAX = 10,
    FIXED_BYTES = 1 + 1 + 4, /* op, flags, sequence */
};

char *record_begin(char *out, uint8_t op, uint8_t flags, uint32_t sequence, uint64_t table,
                   struct bytes key, size_t arguments_bytes, char **out_flags)
{
    uint64_t body_bytes = FIXED_BYTES + record_varint_size(table) + record_varint_size(key.size) +
                          key.size + arguments_bytes;
    char *next = record_put_varint(out, body_bytes);
    char *body = next;
    *next++ = (char)op;
    *out_flags = next;
    *next++ = (char)flags;
    put_u32(next, sequence);
    next = record_put_varint(next + 4, table);
    next = record_put_varint(next, key.size);
    if (key.size > 0) memcpy(next, key.data, key.size);
    next += key.size;
    ASSERT((uint64_t)(next - body) + arguments_bytes == body_bytes);
    return next;
}

bool record_take_varint(struct bytes *input, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < VARINT_BYTES_MAX; i++) {
        if (i == input->size) return false;
        uint8_t byte = (uint8_t)input->data[i];
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) return false; /* would not fit into 64 bits */
        value |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            *input = (struct bytes){input->data + i + 1, input->size - i - 1};
            *out = value;
            return true;
        }
    }
    return false;
}

/* Splits `size` bytes off the front. */
static struct bytes take(struct bytes *input, size_t size)
{
    struct bytes taken = {input->data, size};
    *input = (struct bytes){input->data + size, input->size - size};
    return taken;
}

enum status record_next(struct bytes *input, struct record *out)
{
    if (input->size == 0) return STATUS_NOT_FOUND;
    struct bytes rest = *input;

    uint64_t body_bytes;
    if (!record_take_varint(&rest, &body_bytes)) return STATUS_CORRUPT;
    if (body_bytes < FIXED_BYTES || body_bytes > rest.size) return STATUS_CORRUPT;
    struct bytes body = take(&rest, body_bytes);

    struct record record = {
        .op = (uint8_t)body.data[0],
        .flags = (uint8_t)body.data[1],
        .sequence = take_u32(body.data + 2),
    };
    (void)take(&body, FIXED_BYTES);

    uint64_t key_bytes;
    if (!record_take_varint(&body, &record.table)) return STATUS_CORRUPT;
    if (!record_take_varint(&body, &key_bytes) || key_bytes > body.size) return STATUS_CORRUPT;
    record.key = take(&body, key_bytes);
    record.arguments = body;

    *out = record;
    *input = rest;
    return STATUS_OK;
}
