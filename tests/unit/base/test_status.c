#include "base/status.h"

#include <string.h>

#include "tests/support/check.h"

TEST(every_status_has_a_text_of_its_own)
{
    for (int a = STATUS_OK; a <= STATUS_STOPPED; a++) {
        const char *text = status_text((enum status)a);
        assert_true(strlen(text) > 1);
        assert_string_not_equal(text, "unknown status");
        for (int b = STATUS_OK; b < a; b++) {
            assert_string_not_equal(text, status_text((enum status)b));
        }
    }
}

RUN_TESTS(CHECK(every_status_has_a_text_of_its_own))
