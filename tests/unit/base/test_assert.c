#include "base/assert.h"

#include <stdbool.h>

#include "tests/support/check.h"

static void claim(void *context)
{
    const bool *is_true = context;
    ASSERT(*is_true);
}

TEST(false_claim_aborts)
{
    bool is_true = false;
    assert_aborts(claim, &is_true);
}

TEST(true_claim_goes_on)
{
    bool is_true = true;
    claim(&is_true);
}

static int call_count;

static bool count_call(void)
{
    call_count++;
    return true;
}

TEST(slow_claim_is_evaluated_in_debug_builds_only)
{
    call_count = 0;
    ASSERT_SLOW(count_call());
#ifdef CAIRN_DEBUG
    assert_int_equal(call_count, 1);
#else
    assert_int_equal(call_count, 0);
    (void)count_call;
#endif
}

RUN_TESTS(CHECK(false_claim_aborts), CHECK(true_claim_goes_on),
          CHECK(slow_claim_is_evaluated_in_debug_builds_only))
