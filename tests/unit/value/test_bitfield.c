#include "value/bitfield.h"

#include "tests/support/check.h"

static struct bitfield_type type_of(const char *text)
{
    struct bitfield_type type = {0};
    assert_true(bitfield_parse_type(bytes_of_text(text), &type));
    return type;
}

TEST(types_are_a_sign_and_a_width)
{
    struct bitfield_type type;
    assert_true(type_of("i64").is_signed);
    assert_int_equal(type_of("i64").width, 64);
    assert_false(type_of("u1").is_signed);
    static const char *const wrong[] = {"",   "i",   "u0",  "i0", "u64", "i65",
                                        "x8", "u-1", "u08", "I8", "u8 "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(bitfield_parse_type(bytes_of_text(wrong[i]), &type));
}

TEST(signed_values_have_their_sign)
{
    assert_int_equal(bitfield_value(type_of("i8"), 0xff), -1);
    assert_int_equal(bitfield_value(type_of("i8"), 0x7f), 127);
    assert_int_equal(bitfield_value(type_of("u8"), 0xff), 255);
    assert_int_equal(bitfield_value(type_of("i1"), 1), -1);
    assert_int_equal(bitfield_value(type_of("i64"), 1ull << 63), INT64_MIN);
}

struct sum {
    const char *type;
    enum bitfield_overflow overflow;
    int64_t old;
    int64_t increment;
    int64_t expected;
};

TEST(sums_outside_the_range_wrap_or_stop)
{
    static const struct sum sums[] = {
        {"u8",  BITFIELD_WRAP, 250,       10,        4        },
        {"u8",  BITFIELD_WRAP, 5,         -10,       251      },
        {"u8",  BITFIELD_SAT,  250,       10,        255      },
        {"u8",  BITFIELD_SAT,  5,         -10,       0        },
        {"i8",  BITFIELD_WRAP, 127,       1,         -128     },
        {"i8",  BITFIELD_SAT,  127,       1,         127      },
        {"i8",  BITFIELD_SAT,  -128,      -1,        -128     },
        {"i8",  BITFIELD_WRAP, -128,      -1,        127      },
        {"i64", BITFIELD_WRAP, INT64_MAX, 1,         INT64_MIN},
        {"i64", BITFIELD_SAT,  INT64_MAX, INT64_MAX, INT64_MAX},
        {"i64", BITFIELD_SAT,  INT64_MIN, INT64_MIN, INT64_MIN},
        {"i64", BITFIELD_WRAP, INT64_MIN, INT64_MIN, 0        },
        {"u63", BITFIELD_SAT,  INT64_MAX, INT64_MAX, INT64_MAX},
        {"u63", BITFIELD_WRAP, INT64_MAX, 1,         0        },
        {"u63", BITFIELD_SAT,  1,         INT64_MIN, 0        },
        {"i1",  BITFIELD_WRAP, 0,         1,         -1       },
        {"u1",  BITFIELD_FAIL, 0,         1,         1        },
    };
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        const struct sum *sum = &sums[i];
        int64_t value;
        assert_true(
            bitfield_add(type_of(sum->type), sum->overflow, sum->old, sum->increment, &value));
        assert_int_equal(value, sum->expected);
    }
}

TEST(fail_leaves_the_value_alone)
{
    int64_t value = 42;
    assert_false(bitfield_add(type_of("u8"), BITFIELD_FAIL, 255, 1, &value));
    assert_false(bitfield_add(type_of("i64"), BITFIELD_FAIL, INT64_MIN, -1, &value));
    assert_false(bitfield_fit(type_of("i8"), BITFIELD_FAIL, 128, &value));
    assert_int_equal(value, 42);
}

TEST(a_negative_number_is_huge_to_an_unsigned_type)
{
    int64_t value;
    assert_true(bitfield_fit(type_of("u8"), BITFIELD_SAT, -1, &value));
    assert_int_equal(value, 255);
    assert_true(bitfield_fit(type_of("u8"), BITFIELD_WRAP, -2, &value));
    assert_int_equal(value, 254);
    assert_true(bitfield_fit(type_of("i8"), BITFIELD_SAT, -1000, &value));
    assert_int_equal(value, -128);
}

RUN_TESTS(CHECK(types_are_a_sign_and_a_width), CHECK(signed_values_have_their_sign),
          CHECK(sums_outside_the_range_wrap_or_stop), CHECK(fail_leaves_the_value_alone),
          CHECK(a_negative_number_is_huge_to_an_unsigned_type))
