#include "tests/support/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

void check_bytes_equal(struct bytes a, struct bytes b, const char *file, int line)
{
    if (bytes_equal(a, b)) return;
    struct buf text = {0};
    text_append_quoted(&text, a);
    buf_append_text(&text, " is not ");
    text_append_quoted(&text, b);
    print_error("%s\n", buf_text(&text));
    buf_deinit(&text);
    _fail(file, line);
}

void check_status(enum status status, enum status expected, const char *file, int line)
{
    if (status == expected) return;
    print_error("status is \"%s\", not \"%s\"\n", status_text(status), status_text(expected));
    _fail(file, line);
}

static _Noreturn void run_quietly(void (*run)(void *context), void *context)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) (void)dup2(nowhere, STDERR_FILENO);
    (void)signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers have their own handlers */
    run(context);
    _exit(0);
}

void check_aborts(void (*run)(void *context), void *context, const char *file, int line)
{
    pid_t child = fork();
    if (child == 0) run_quietly(run, context);
    int result = 0;
    if (child < 0 || waitpid(child, &result, 0) != child) _fail(file, line);
    if (WIFSIGNALED(result) && WTERMSIG(result) == SIGABRT) return;
    print_error("did not abort\n");
    _fail(file, line);
}
