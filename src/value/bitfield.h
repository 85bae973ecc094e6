/* Integers of 1 to 64 bits inside a string, as BITFIELD sees them: their types, and arithmetic that
 * does not fit. Pure. */
#ifndef VALUE_BITFIELD_H
#define VALUE_BITFIELD_H

#include "base/bytes.h"

struct bitfield_type {
    bool is_signed;
    unsigned width; /* 1 to 64 bits when signed, 1 to 63 when not */
};

/* What happens to a result outside the type's range. */
enum bitfield_overflow {
    BITFIELD_WRAP, /* its low bits are taken */
    BITFIELD_SAT,  /* the nearest number in range is taken */
    BITFIELD_FAIL, /* nothing is changed */
};

/* "i8", "u63"; false for what is none. */
bool bitfield_parse_type(struct bytes text, struct bitfield_type *out);

/* What the bits say as a number of this type. */
int64_t bitfield_value(struct bitfield_type type, uint64_t bits);

/* A value a client gave, and old + increment, brought into the type's range; false when `overflow`
 * is FAIL and it is outside. An unsigned type takes a negative client's value as the huge number
 * with the same 64 bits. */
bool bitfield_fit(struct bitfield_type type, enum bitfield_overflow overflow, int64_t value,
                  int64_t *out);
bool bitfield_add(struct bitfield_type type, enum bitfield_overflow overflow, int64_t old,
                  int64_t increment, int64_t *out);

#endif
