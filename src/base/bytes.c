#include "base/bytes.h"

static unsigned char fold(char byte)
{
    unsigned char value = (unsigned char)byte;
    return value >= 'A' && value <= 'Z' ? (unsigned char)(value + ('a' - 'A')) : value;
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    if (order != 0) return order;
    return (a.size > b.size) - (a.size < b.size);
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        if (fold(a.data[i]) != fold(b.data[i])) return false;
    }
    return true;
}

bool bytes_is_word(struct bytes bytes, const char *word)
{
    return bytes_equal_nocase(bytes, bytes_of_text(word));
}
