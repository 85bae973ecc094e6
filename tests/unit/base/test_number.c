#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "tests/support/check.h"

static bool parses_i64(const char *text, int64_t expected)
{
    int64_t value;
    return number_parse_i64(bytes_of_text(text), &value) && value == expected;
}

static bool refuses_i64(const char *text)
{
    int64_t value = 7;
    return !number_parse_i64(bytes_of_text(text), &value) && value == 7;
}

TEST(canonical_integers_parse)
{
    assert_true(parses_i64("0", 0));
    assert_true(parses_i64("7", 7));
    assert_true(parses_i64("-1", -1));
    assert_true(parses_i64("1234567890123456789", 1234567890123456789));
    assert_true(parses_i64("9223372036854775807", INT64_MAX));
    assert_true(parses_i64("-9223372036854775808", INT64_MIN));
}

TEST(other_spellings_of_integers_are_refused)
{
    static const char *const texts[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "-01",
        "00",
        "0x1",
        "1.0",
        "1e3",
        "--1",
        "a",
        "1a",
        "a1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "100000000000000000000",
        "99999999999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_true(refuses_i64(texts[i]));

    int64_t value;
    assert_false(number_parse_i64(bytes_of("1\0", 2), &value));
    assert_false(number_parse_i64((struct bytes){NULL, 0}, &value));
}

TEST(unsigned_integers_reach_the_last)
{
    uint64_t value;
    assert_true(number_parse_u64(bytes_of_text("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_true(number_parse_u64(bytes_of_text("10000000000000000000"), &value));
    assert_true(value == UINT64_C(10000000000000000000));
    assert_false(number_parse_u64(bytes_of_text("18446744073709551616"), &value));
    assert_false(number_parse_u64(bytes_of_text("99999999999999999999"), &value));
    assert_false(number_parse_u64(bytes_of_text("-1"), &value));
    assert_true(number_parse_u64(bytes_of_text("0"), &value));
}

static void assert_integer_survives(int64_t value)
{
    char text[NUMBER_INT_TEXT_MAX];
    char expected[32];
    size_t size = number_format_i64(text, value);
    snprintf(expected, sizeof(expected), "%lld", (long long)value);
    assert_bytes_text(bytes_of(text, size), expected);
    assert_int_equal(number_length_i64(value), size);

    int64_t again;
    assert_true(number_parse_i64(bytes_of(text, size), &again));
    assert_true(again == value);
}

TEST(integers_survive_text)
{
    int64_t power = 1;
    for (int digits = 1; digits <= 19; digits++) {
        for (int64_t near = -2; near <= 2; near++) {
            assert_integer_survives(power + near);
            assert_integer_survives(-power + near);
        }
        if (digits < 19) power *= 10;
    }
    assert_integer_survives(INT64_MAX);
    assert_integer_survives(INT64_MIN);

    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < 10000; i++) {
        assert_integer_survives((int64_t)(random_next(&random) >> random_below(&random, 64)));
    }
    char text[NUMBER_INT_TEXT_MAX];
    assert_bytes_text(bytes_of(text, number_format_u64(text, UINT64_MAX)), "18446744073709551615");
}

TEST(doubles_parse_as_strtod_reads_them)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"3.5",       3.5      },
        {"+5",        5        },
        {"-0",        -0.0     },
        {".5",        0.5      },
        {"5.",        5        },
        {"1e3",       1000     },
        {"0x10",      16       },
        {"0x1p-2",    0.25     },
        {"inf",       INFINITY },
        {"-Infinity", -INFINITY},
        {"+inf",      INFINITY },
        {"4.9e-324",  0x1p-1074},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double value;
        assert_true(number_parse_double(bytes_of_text(rows[i].text), &value));
        assert_memory_equal(&value, &rows[i].value, sizeof(value));
        long double long_value;
        assert_true(number_parse_long_double(bytes_of_text(rows[i].text), &long_value));
        if (isinf(value)) assert_true(isinf(long_value));
    }
}

TEST(texts_that_are_no_doubles_are_refused)
{
    static const char *const texts[] = {"",    " 1",   "\t1",    "\v1",   "1 ",     "1x",     "nan",
                                        "NaN", "-nan", "nan(1)", "1e400", "-1e400", "1e-400", "e5",
                                        "--1", "0x",   "1,5",    "i",     "."};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        double value = 7;
        assert_false(number_parse_double(bytes_of_text(texts[i]), &value));
        assert_true(value == 7);
    }
    double value;
    assert_false(number_parse_double(bytes_of("1\0", 2), &value));
    assert_false(number_parse_double(bytes_of("1\0001", 3), &value));
    long double long_value;
    assert_false(number_parse_long_double(bytes_of_text("nan"), &long_value));
    assert_false(number_parse_long_double(bytes_of_text(" 1"), &long_value));
    assert_false(number_parse_long_double(bytes_of_text(""), &long_value));
    assert_false(number_parse_long_double(bytes_of_text("1e5000"), &long_value));
}

TEST(doubles_of_many_digits_parse)
{
    enum { SIZE = NUMBER_LONG_DOUBLE_TEXT_MAX };
    char text[SIZE + 1];
    memset(text, '0', sizeof(text));
    text[SIZE - 1] = '5';
    double value;
    assert_true(number_parse_double(bytes_of(text, SIZE), &value));
    assert_true(value == 5);

    long double long_value;
    assert_true(number_parse_long_double(bytes_of(text + 1, SIZE - 1), &long_value));
    assert_true(long_value == 5);
    assert_false(number_parse_long_double(bytes_of(text, SIZE), &long_value));
}

/* What Redis 7.2 answers to ZSCORE and friends. */
TEST(doubles_are_printed_as_redis_prints_them)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0,                       "0"                      },
        {-0.0,                    "-0"                     },
        {1,                       "1"                      },
        {-1,                      "-1"                     },
        {3.3,                     "3.3"                    },
        {0.1,                     "0.1"                    },
        {0.1 + 0.2,               "0.30000000000000004"    },
        {-2.5,                    "-2.5"                   },
        {1.0 / 3,                 "0.3333333333333333"     },
        {3.141592653589793,       "3.141592653589793"      },
        {1e15,                    "1000000000000000"       },
        {1e17,                    "100000000000000000"     },
        {1e18,                    "1000000000000000000"    },
        {12345678901234567.,      "12345678901234568"      },
        {9007199254740993.,       "9007199254740992"       },
        {4611686018427387904.,    "4611686018427387904"    },
        {1e19,                    "1e+19"                  },
        {1e20,                    "1e+20"                  },
        {-1e20,                   "-1e+20"                 },
        {12345678901234567890.,   "12345678901234567000"   },
        {1.5e30,                  "1.5e+30"                },
        {1e100,                   "1e+100"                 },
        {1e-1,                    "0.1"                    },
        {1e-3,                    "0.001"                  },
        {1e-6,                    "0.000001"               },
        {1e-7,                    "1e-7"                   },
        {1.5e-7,                  "1.5e-7"                 },
        {1.25e-5,                 "1.25e-5"                },
        {0.00012345,              "1.2345e-4"              },
        {0.0012345,               "0.0012345"              },
        {1e-10,                   "1e-10"                  },
        {1.1e-200,                "1.1e-200"               },
        {1.7976931348623157e308,  "1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {5e-324,                  "5e-324"                 },
        {0x1p-44,                 "5.684341886080802e-14"  },
        {6.2901843453097005e-235, "6.290184345309701e-235" },
        {INFINITY,                "inf"                    },
        {-INFINITY,               "-inf"                   },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[NUMBER_DOUBLE_TEXT_MAX];
        size_t size = number_format_double(text, rows[i].value);
        assert_bytes_text(bytes_of(text, size), rows[i].text);
    }
    char text[NUMBER_DOUBLE_TEXT_MAX];
    assert_bytes_text(bytes_of(text, number_format_double(text, NAN)), "nan");
    assert_bytes_text(bytes_of(text, number_format_double(text, -NAN)), "nan");
}

TEST(every_double_reads_back_as_itself)
{
    struct random random;
    random_init(&random, 2);
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = random_next(&random);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isnan(value)) continue;
        char text[NUMBER_DOUBLE_TEXT_MAX];
        size_t size = number_format_double(text, value);
        assert_true(size < NUMBER_DOUBLE_TEXT_MAX);
        double again;
        assert_true(number_parse_double(bytes_of(text, size), &again));
        assert_memory_equal(&value, &again, sizeof(value));
    }
}

TEST(no_shorter_text_reads_back_as_the_same_double)
{
    for (int exponent = -1074; exponent < 1024; exponent++) {
        double value = ldexp(
            1, exponent); /* the hard ones: their neighbours are at unequal distances */
        char text[NUMBER_DOUBLE_TEXT_MAX];
        size_t size = number_format_double(text, value);
        text[size] = '\0';
        assert_true(strtod(text, NULL) == value);

        size_t digits = 0;
        bool is_leading = true;
        for (size_t i = 0; i < size && text[i] != 'e'; i++) {
            if (text[i] >= '1' && text[i] <= '9') is_leading = false;
            if (text[i] != '.' && !is_leading) digits++;
        }
        char shorter[64];
        if (digits < 2 || value > 0x1p52) continue;
        snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, value);
        assert_true(strtod(shorter, NULL) != value);
    }
}

TEST(long_doubles_are_printed_as_incrbyfloat_prints_them)
{
    static const struct {
        long double value;
        const char *text;
    } rows[] = {
        {0,         "0"                  },
        {-0.0L,     "0"                  },
        {-1e-30L,   "0"                  },
        {3,         "3"                  },
        {100,       "100"                },
        {10.5L,     "10.5"               },
        {3.14L,     "3.14"               },
        {-0.5L,     "-0.5"               },
        {0.1L,      "0.1"                },
        {5.0e3L,    "5000"               },
        {1e17L,     "100000000000000000" },
        {1e-17L,    "0.00000000000000001"},
        {INFINITY,  "inf"                },
        {-INFINITY, "-inf"               },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[NUMBER_LONG_DOUBLE_TEXT_MAX];
        size_t size = number_format_long_double(text, rows[i].value);
        assert_bytes_text(bytes_of(text, size), rows[i].text);
    }
    char text[NUMBER_LONG_DOUBLE_TEXT_MAX];
    assert_true(number_format_long_double(text, LDBL_MAX) > 4000);
    assert_true(number_format_long_double(text, -LDBL_MAX) > 4000);
}

TEST(memory_sizes_have_units)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {
        {"0",    0                    },
        {"100",  100                  },
        {"0100", 100                  },
        {"7b",   7                    },
        {"1k",   1000                 },
        {"1kb",  1024                 },
        {"64KB", 65536                },
        {"2m",   2000000              },
        {"2Mb",  2097152              },
        {"1g",   1000000000           },
        {"1gb",  1073741824           },
        {"16gB", UINT64_C(17179869184)},
    };
    uint64_t value;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(number_parse_memory(bytes_of_text(rows[i].text), &value));
        assert_true(value == rows[i].value);
    }
    static const char *const wrong[] = {
        "", "gb", "-1", "1tb", "1 gb", "1.5gb", "k1", "99999999999999999999", "99999999999gb"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(number_parse_memory(bytes_of_text(wrong[i]), &value));
    }
}

RUN_TESTS(CHECK(canonical_integers_parse), CHECK(other_spellings_of_integers_are_refused),
          CHECK(unsigned_integers_reach_the_last), CHECK(integers_survive_text),
          CHECK(doubles_parse_as_strtod_reads_them), CHECK(texts_that_are_no_doubles_are_refused),
          CHECK(doubles_of_many_digits_parse), CHECK(doubles_are_printed_as_redis_prints_them),
          CHECK(every_double_reads_back_as_itself),
          CHECK(no_shorter_text_reads_back_as_the_same_double),
          CHECK(long_doubles_are_printed_as_incrbyfloat_prints_them),
          CHECK(memory_sizes_have_units))
