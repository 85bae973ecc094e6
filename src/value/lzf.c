#include "value/lzf.h"

enum { LITERAL_MAX = 32, LONG_COPY = 7, COPY_EXTRA = 2 };

struct decoder {
    const uint8_t *next;
    const uint8_t *end;
    char *out;
    size_t written;
    size_t size;
};

static size_t left(const struct decoder *decoder)
{
    return (size_t)(decoder->end - decoder->next);
}

static bool copy_literals(struct decoder *decoder, size_t count)
{
    if (left(decoder) < count || decoder->size - decoder->written < count) return false;
    memcpy(decoder->out + decoder->written, decoder->next, count);
    decoder->next += count;
    decoder->written += count;
    return true;
}

/* Source and target may overlap: a copy of its own beginning repeats it. */
static bool copy_back(struct decoder *decoder, uint8_t control)
{
    size_t count = control >> 5;
    if (left(decoder) < (count == LONG_COPY ? 2u : 1u)) return false;
    if (count == LONG_COPY) count += *decoder->next++;
    count += COPY_EXTRA;
    size_t distance = ((size_t)(control & 0x1f) << 8 | *decoder->next++) + 1;
    if (distance > decoder->written || decoder->size - decoder->written < count) return false;

    char *target = decoder->out + decoder->written;
    for (size_t i = 0; i < count; i++) target[i] = target[(ptrdiff_t)i - (ptrdiff_t)distance];
    decoder->written += count;
    return true;
}

bool lzf_decode(struct bytes input, char *out, size_t size)
{
    const uint8_t *data = (const uint8_t *)input.data;
    struct decoder decoder = {.next = data, .end = data + input.size, .out = out, .size = size};
    while (decoder.next < decoder.end) {
        uint8_t control = *decoder.next++;
        bool is_valid = control < LITERAL_MAX ? copy_literals(&decoder, control + 1u)
                                              : copy_back(&decoder, control);
        if (!is_valid) return false;
    }
    return decoder.written == size;
}
