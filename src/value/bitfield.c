#include "value/bitfield.h"

#include "base/assert.h"
#include "base/number.h"

/* Wide enough for every sum of two values of any type. */
__extension__ typedef __int128 wide;

bool bitfield_parse_type(struct bytes text, struct bitfield_type *out)
{
    if (text.size < 2 || (text.data[0] != 'i' && text.data[0] != 'u')) return false;
    bool is_signed = text.data[0] == 'i';
    int64_t width;
    if (!number_parse_i64(bytes_part(text, 1, text.size), &width)) return false;
    if (width < 1 || width > (is_signed ? 64 : 63)) return false;
    *out = (struct bitfield_type){is_signed, (unsigned)width};
    return true;
}

int64_t bitfield_value(struct bitfield_type type, uint64_t bits)
{
    ASSERT(type.width >= 1);
    ASSERT(type.width <= 64);
    unsigned unused = 64 - type.width;
    if (type.is_signed) return (int64_t)(bits << unused) >> unused;
    return (int64_t)(bits << unused >> unused);
}

static bool fit(struct bitfield_type type, enum bitfield_overflow overflow, wide value,
                int64_t *out)
{
    wide limit = (wide)1 << (type.is_signed ? type.width - 1 : type.width);
    wide min = type.is_signed ? -limit : 0;
    wide max = limit - 1;
    bool is_inside = value >= min && value <= max;
    if (!is_inside && overflow == BITFIELD_FAIL) return false;

    if (is_inside)
        *out = (int64_t)value;
    else if (overflow == BITFIELD_SAT)
        *out = (int64_t)(value < min ? min : max);
    else
        *out = bitfield_value(type, (uint64_t)value);
    return true;
}

bool bitfield_fit(struct bitfield_type type, enum bitfield_overflow overflow, int64_t value,
                  int64_t *out)
{
    wide exact = type.is_signed ? (wide)value : (wide)(uint64_t)value;
    wide max = ((wide)1 << (type.width - 1)) - 1;
    /* Redis looks at max - value in 64 bits: far enough below, it takes the value for too large. */
    if (type.is_signed && overflow == BITFIELD_SAT && type.width < 64 && max - exact > INT64_MAX) {
        *out = (int64_t)max;
        return true;
    }
    return fit(type, overflow, exact, out);
}

bool bitfield_add(struct bitfield_type type, enum bitfield_overflow overflow, int64_t old,
                  int64_t increment, int64_t *out)
{
    return fit(type, overflow, (wide)old + increment, out);
}
