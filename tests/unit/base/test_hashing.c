#include "base/hashing.h"

#include "base/number.h"
#include "base/random.h"
#include "tests/support/check.h"

static void fill_secret(struct hashing *hashing, uint64_t seed)
{
    struct random random;
    random_init(&random, seed);
    for (int i = 0; i < HASHING_SECRET_BYTES; i++)
        hashing->secret[i] = (uint8_t)random_next(&random);
}

TEST(the_secret_decides_the_order)
{
    struct hashing a;
    struct hashing b;
    fill_secret(&a, 1);
    fill_secret(&b, 2);
    struct bytes key = BYTES_LITERAL("user:1000");
    assert_true(hashing_bytes(&a, key) == hashing_bytes(&a, key));
    assert_true(hashing_bytes(&a, key) != hashing_bytes(&b, key));
    assert_true(hashing_bytes(&a, BYTES_EMPTY) == hashing_bytes(&a, BYTES_EMPTY));
}

TEST(keys_spread_over_all_partitions)
{
    enum { KEY_COUNT = 200000 };
    struct hashing hashing;
    fill_secret(&hashing, 3);
    static int counts[HASHING_PARTITION_COUNT];
    for (uint64_t i = 0; i < KEY_COUNT; i++) {
        char key[NUMBER_INT_TEXT_MAX];
        size_t size = number_format_u64(key, i);
        uint32_t partition = hashing_partition(hashing_bytes(&hashing, bytes_of(key, size)));
        assert_true(partition < HASHING_PARTITION_COUNT);
        counts[partition]++;
    }
    for (int i = 0; i < HASHING_PARTITION_COUNT; i++) {
        assert_true(counts[i] > 5); /* 49 on average */
        assert_true(counts[i] < 200);
    }
}

RUN_TESTS(CHECK(the_secret_decides_the_order), CHECK(keys_spread_over_all_partitions))
