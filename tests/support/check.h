/* A thin layer over cmocka, so that a test reads as a list of claims. A test file is
 *
 *     TEST(empty_buffer_has_no_bytes) { ... }
 *     RUN_TESTS(CHECK(empty_buffer_has_no_bytes), ...)
 */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/status.h"

#define TEST(name) static void name(void **state __attribute__((unused)))
#define CHECK(name) cmocka_unit_test(name)
#define RUN_TESTS(...) \
    int main(void) \
    { \
        const struct CMUnitTest tests[] = {__VA_ARGS__}; \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    }

/* Two runs of bytes are the same; `text` is a C string. */
#define assert_bytes_equal(a, b) check_bytes_equal((a), (b), __FILE__, __LINE__)
#define assert_bytes_text(bytes, text) \
    check_bytes_equal((bytes), bytes_of_text(text), __FILE__, __LINE__)
#define assert_status(status, expected) check_status((status), (expected), __FILE__, __LINE__)
#define assert_ok(status) check_status((status), STATUS_OK, __FILE__, __LINE__)
/* run(context) fails an ASSERT; it runs in a child process. */
#define assert_aborts(run, context) check_aborts((run), (context), __FILE__, __LINE__)

void check_bytes_equal(struct bytes a, struct bytes b, const char *file, int line);
void check_status(enum status status, enum status expected, const char *file, int line);
void check_aborts(void (*run)(void *context), void *context, const char *file, int line);

#endif
