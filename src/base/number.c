#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"

enum {
    STRTOD_STACK_BYTES = 256,
    DOUBLE_DIGITS_MAX = 17, /* significant digits that tell any two doubles apart */
    U64_DIGITS_MAX = 20,
};

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* ---- integers ---- */

static bool parse_digits(const char *data, size_t size, uint64_t *out)
{
    if (size == 0 || size > U64_DIGITS_MAX) return false;
    if (data[0] == '0' && size > 1) return false;

    uint64_t value = 0;
    size_t safe = size < U64_DIGITS_MAX ? size : U64_DIGITS_MAX - 1; /* these cannot overflow */
    for (size_t i = 0; i < safe; i++) {
        if (!is_digit(data[i])) return false;
        value = value * 10 + (uint64_t)(data[i] - '0');
    }
    if (safe < size) {
        if (!is_digit(data[safe])) return false;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(data[safe] - '0'), &value)) return false;
    }
    *out = value;
    return true;
}

bool number_parse_u64(struct bytes text, uint64_t *out)
{
    return parse_digits(text.data, text.size, out);
}

bool number_parse_i64(struct bytes text, int64_t *out)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    uint64_t magnitude;
    if (!parse_digits(text.data + is_negative, text.size - is_negative, &magnitude)) return false;

    if (is_negative) {
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1) return false;
        *out = (int64_t)(0 - magnitude);
    } else {
        if (magnitude > INT64_MAX) return false;
        *out = (int64_t)magnitude;
    }
    return true;
}

static size_t length_u64(uint64_t value)
{
    size_t length = 1;
    for (;;) {
        if (value < 10) return length;
        if (value < 100) return length + 1;
        if (value < 1000) return length + 2;
        if (value < 10000) return length + 3;
        value /= 10000;
        length += 4;
    }
}

size_t number_format_u64(char *out, uint64_t value)
{
    size_t length = length_u64(value);
    char *place = out + length;
    while (value >= 100) {
        place -= 2;
        memcpy(place, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(out, digit_pairs + 2 * value, 2);
    } else {
        out[0] = (char)('0' + value);
    }
    return length;
}

size_t number_format_i64(char *out, int64_t value)
{
    if (value >= 0) return number_format_u64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + number_format_u64(out + 1, 0 - (uint64_t)value);
}

size_t number_length_i64(int64_t value)
{
    return value >= 0 ? length_u64((uint64_t)value) : 1 + length_u64(0 - (uint64_t)value);
}

/* ---- floats from text ---- */

static bool parse_double_text(const char *text, size_t size, double *out)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end != text + size) return false;
    if (isnan(value)) return false;
    if (errno == ERANGE && (isinf(value) || value == 0)) return false; /* denormals are fine */
    *out = value;
    return true;
}

bool number_parse_double(struct bytes text, double *out)
{
    if (text.size == 0 || is_space(text.data[0])) return false;

    char small[STRTOD_STACK_BYTES];
    char *copy = text.size < sizeof(small) ? small : memory_alloc(text.size + 1);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    bool is_number = parse_double_text(copy, text.size, out);
    if (copy != small) memory_free(copy);
    return is_number;
}

bool number_parse_long_double(struct bytes text, long double *out)
{
    char copy[NUMBER_LONG_DOUBLE_TEXT_MAX];
    if (text.size == 0 || text.size >= sizeof(copy)) return false;
    if (is_space(text.data[0])) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';

    char *end;
    errno = 0;
    long double value = strtold(copy, &end);
    if (end != copy + text.size) return false;
    if (isnan(value)) return false;
    if (errno == ERANGE && (isinf(value) || value == 0)) return false;
    *out = value;
    return true;
}

/* ---- floats to text ---- */

/* value = 0.DIGITS * 10^point, digits without trailing zeros. */
struct decimal {
    char digits[DOUBLE_DIGITS_MAX + 1];
    int count;
    int point;
};

/* Rounds a positive value to `count` significant digits; tells whether they read back as the
 * same value. */
static bool round_to(struct decimal *decimal, double value, int count)
{
    char text[NUMBER_DOUBLE_TEXT_MAX]; /* d.ddde[+-]ddd */
    snprintf(text, sizeof(text), "%.*e", count - 1, value);
    char *exponent = strchr(text, 'e');
    decimal->digits[0] = text[0];
    for (int i = 1; i < count; i++) decimal->digits[i] = text[i + 1];
    decimal->point = (int)strtol(exponent + 1, NULL, 10) + 1;
    decimal->count = count;
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0') decimal->count--;
    return strtod(text, NULL) == value;
}

/* Below a power of two the doubles are twice as dense, so the nearest decimal of 16 digits may
 * read back as another double while the next one up reads back as this. Tries that one. */
static bool round_up_to_16(struct decimal *decimal, double value)
{
    struct decimal next;
    (void)round_to(&next, value, DOUBLE_DIGITS_MAX - 1);
    next.count = DOUBLE_DIGITS_MAX - 1; /* with the zeros that round_to does not count */
    if (next.digits[next.count - 1] == '9') return false;
    next.digits[next.count - 1]++;

    char text[NUMBER_DOUBLE_TEXT_MAX];
    snprintf(text, sizeof(text), "0.%.*se%d", next.count, next.digits, next.point);
    if (strtod(text, NULL) != value) return false;
    *decimal = next;
    return true;
}

/* The shortest decimal that reads back as the same double, the nearest of those. 15 digits are
 * enough for numbers that people write, 17 for all; only denormals may need fewer than their
 * first 15 are. */
static void shorten(struct decimal *decimal, double value)
{
    int count = fpclassify(value) == FP_SUBNORMAL ? 1 : DOUBLE_DIGITS_MAX - 2;
    while (!round_to(decimal, value, count) && count < DOUBLE_DIGITS_MAX) count++;
    if (decimal->count < DOUBLE_DIGITS_MAX) return;

    int exponent;
    bool is_power_of_two = frexp(value, &exponent) == 0.5;
    if (is_power_of_two) (void)round_up_to_16(decimal, value);
}

/* Redis 7.2 prints plain digits while they need at most seven zeros of padding, or are a small
 * fraction. */
static size_t print_plain(char *out, const struct decimal *decimal)
{
    char *place = out;
    if (decimal->point <= 0) {
        *place++ = '0';
        *place++ = '.';
        for (int i = decimal->point; i < 0; i++) *place++ = '0';
    }
    for (int i = 0; i < decimal->count; i++) {
        if (i > 0 && i == decimal->point) *place++ = '.';
        *place++ = decimal->digits[i];
    }
    for (int i = decimal->count; i < decimal->point; i++) *place++ = '0';
    return (size_t)(place - out);
}

static size_t print_scientific(char *out, const struct decimal *decimal)
{
    char *place = out;
    *place++ = decimal->digits[0];
    if (decimal->count > 1) *place++ = '.';
    for (int i = 1; i < decimal->count; i++) *place++ = decimal->digits[i];
    int exponent = decimal->point - 1;
    *place++ = 'e';
    *place++ = exponent < 0 ? '-' : '+';
    place += number_format_u64(place, (uint64_t)abs(exponent));
    return (size_t)(place - out);
}

static size_t print_decimal(char *out, const struct decimal *decimal)
{
    int last_power = decimal->point - decimal->count; /* of ten, at the last digit */
    int exponent = abs(decimal->point - 1);
    bool is_plain = last_power < 0 ? last_power > -7 || exponent < 4
                                   : exponent < decimal->count + 7;
    return is_plain ? print_plain(out, decimal) : print_scientific(out, decimal);
}

static size_t print_text(char *out, const char *text)
{
    size_t size = strlen(text);
    memcpy(out, text, size);
    return size;
}

size_t number_format_double(char *out, double value)
{
    if (isnan(value)) return print_text(out, "nan");
    if (isinf(value)) return print_text(out, value < 0 ? "-inf" : "inf");
    if (value == 0) return print_text(out, signbit(value) ? "-0" : "0");

    /* Up to 2^62 an integral value is printed as the integer that it is. */
    if (fabs(value) <= 0x1p62 && value == (double)(int64_t)value) {
        return number_format_i64(out, (int64_t)value);
    }
    size_t sign_size = value < 0 ? print_text(out, "-") : 0;
    struct decimal decimal;
    shorten(&decimal, fabs(value));
    return sign_size + print_decimal(out + sign_size, &decimal);
}

size_t number_format_long_double(char *out, long double value)
{
    if (isnan(value)) return print_text(out, "nan");
    if (isinf(value)) return print_text(out, value < 0 ? "-inf" : "inf");

    int length = snprintf(out, NUMBER_LONG_DOUBLE_TEXT_MAX, "%.17Lf", value);
    ASSERT(length > 0);
    ASSERT(length < NUMBER_LONG_DOUBLE_TEXT_MAX);
    while (out[length - 1] == '0') length--;
    if (out[length - 1] == '.') length--;
    if (length == 2 && memcmp(out, "-0", 2) == 0) return print_text(out, "0");
    return (size_t)length;
}

/* ---- sizes of memory ---- */

bool number_parse_memory(struct bytes text, uint64_t *out)
{
    static const struct unit {
        const char *name;
        uint64_t factor;
    } units[] = {
        {"",   1                 },
        {"b",  1                 },
        {"k",  1000              },
        {"kb", UINT64_C(1) << 10 },
        {"m",  1000 * 1000       },
        {"mb", UINT64_C(1) << 20 },
        {"g",  1000 * 1000 * 1000},
        {"gb", UINT64_C(1) << 30 },
    };

    size_t digits = 0;
    while (digits < text.size && is_digit(text.data[digits])) digits++;
    struct bytes number = bytes_part(text, 0, digits);
    while (number.size > 1 && number.data[0] == '0') number = bytes_part(number, 1, number.size);
    uint64_t value;
    if (!number_parse_u64(number, &value)) return false;

    struct bytes name = bytes_part(text, digits, text.size);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!bytes_is_word(name, units[i].name)) continue;
        return !__builtin_mul_overflow(value, units[i].factor, out);
    }
    return false;
}
