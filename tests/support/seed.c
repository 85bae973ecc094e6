#include "tests/support/seed.h"

#include <stdlib.h>

#include "tests/support/check.h"

void seed_random(struct random *random, const char *test)
{
    const char *text = getenv("CAIRN_TEST_SEED");
    unsigned long long seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("# %s: CAIRN_TEST_SEED=%llu\n", test, seed);
    random_init(random, seed);
}
