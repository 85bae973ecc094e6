#include "families/bit_offset.h"

#include "families/lookup.h"

bool bit_offset_argument(struct call *call, uint32_t index, unsigned width, uint64_t *out)
{
    struct bytes text = call_argument(call, index);
    bool is_multiple = width > 0 && text.size > 0 && text.data[0] == '#';
    if (is_multiple) text = bytes_part(text, 1, text.size);

    int64_t offset;
    bool is_valid = number_parse_i64(text, &offset) && offset >= 0;
    if (is_valid && is_multiple)
        is_valid = !__builtin_mul_overflow(offset, (int64_t)width, &offset);
    if (!is_valid || offset / 8 >= LOOKUP_STRING_BYTES_MAX) {
        bit_offset_refuse(call);
        return false;
    }
    *out = (uint64_t)offset;
    return true;
}

void bit_offset_refuse(struct call *call)
{
    reply_error(call->reply, "ERR bit offset is not an integer or out of range");
}
