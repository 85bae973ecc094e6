#include "os/thread.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/check.h"

struct seen {
    char name[16];
    bool blocks_signals;
    uint64_t cpu_ns;
};

static void look_around(void *context)
{
    struct seen *seen = context;
    (void)pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->blocks_signals = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
    thread_set_nice(5);
    while (thread_cpu_ns() == 0) {}
    seen->cpu_ns = thread_cpu_ns();
}

TEST(thread_has_its_name_and_no_signals)
{
    struct seen seen = {0};
    struct thread thread;
    assert_ok(thread_start(&thread, "fifteen-letters", look_around, &seen));
    thread_join(&thread);
    assert_string_equal(seen.name, "fifteen-letters");
    assert_true(seen.blocks_signals);
    assert_true(seen.cpu_ns > 0);

    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

static void start_with_long_name(void *context)
{
    struct thread thread;
    enum status status = thread_start(&thread, "sixteen-letters-", look_around, context);
    (void)status;
}

TEST(name_beyond_the_bound_aborts)
{
    struct seen seen = {0};
    assert_aborts(start_with_long_name, &seen);
}

TEST(there_is_a_core_and_no_more_than_the_machine_has)
{
    uint32_t count = thread_core_count();
    assert_true(count >= 1);
    assert_true(count <= (uint32_t)sysconf(_SC_NPROCESSORS_CONF));
}

RUN_TESTS(CHECK(thread_has_its_name_and_no_signals), CHECK(name_beyond_the_bound_aborts),
          CHECK(there_is_a_core_and_no_more_than_the_machine_has))
