/* Numbers to text and back, exactly as Redis reads and prints them. Pure; any thread. LC_NUMERIC
 * must be "C". */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/bytes.h"

enum {
    NUMBER_INT_TEXT_MAX = 21,               /* "-9223372036854775808" and a NUL */
    NUMBER_DOUBLE_TEXT_MAX = 32,            /* the longest shortest-round-trip double and a NUL */
    NUMBER_LONG_DOUBLE_TEXT_MAX = 5 * 1024, /* %.17Lf of LDBL_MAX and a NUL */
};

/* Strict: optional '-', digits, no leading zeros, no spaces, no '+', "-0" refused: the canonical
 * form only, so that the text can be rebuilt from the value (Redis's string2ll). False leaves
 * *out alone. */
bool number_parse_i64(struct bytes text, int64_t *out);
bool number_parse_u64(struct bytes text, uint64_t *out);
/* Decimal text of value; returns its length; writes no NUL. `out` holds NUMBER_INT_TEXT_MAX. */
size_t number_format_i64(char *out, int64_t value);
size_t number_format_u64(char *out, uint64_t value);
size_t number_length_i64(int64_t value);

/* Floats as Redis's getDoubleFromObject: what strtod takes, whole text, no leading space, no
 * NaN; inf allowed. */
bool number_parse_double(struct bytes text, double *out);
/* As Redis's string2ld for INCRBYFLOAT: whole text, no leading space, no NaN. */
bool number_parse_long_double(struct bytes text, long double *out);
/* Shortest text that reads back as the same double, in the style of Redis 7.2 ("3.3", "1e+20",
 * "inf", "-inf", "nan", integers below 1e17 without exponent, "-0"). Returns the length, no NUL. */
size_t number_format_double(char *out, double value);
/* %.17Lf with trailing zeros removed, as INCRBYFLOAT answers. Returns the length, no NUL. */
size_t number_format_long_double(char *out, long double value);

/* "1gb", "64kb", "100", as in redis.conf (k=1000, kb=1024, ...; any case). */
bool number_parse_memory(struct bytes text, uint64_t *out);

#endif
