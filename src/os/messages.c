#include "os/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_TEXT_BYTES_MAX = 1024, MESSAGE_LINE_BYTES_MAX = MESSAGE_TEXT_BYTES_MAX + 128 };

/* One log for the process, as there is one standard error: the exception to "no mutable
 * globals". `own_fd` is the one file descriptor that was opened here. It is never closed: a new
 * file takes its number in one step, so that a thread that is about to write cannot meet a
 * closed or foreign one. */
static _Atomic int current_level = MESSAGE_LEVEL_NOTICE;
static _Atomic int current_fd = STDERR_FILENO;
static _Atomic int own_fd = -1;

void messages_set_level(enum message_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

static enum status status_of_errno(void)
{
    switch (errno) {
    case ENOENT: return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return STATUS_DENIED;
    case ENOSPC:
    case EDQUOT: return STATUS_NO_SPACE;
    default: return STATUS_IO;
    }
}

enum status messages_set_file(const char *path)
{
    if (path[0] == '\0') {
        atomic_store(&current_fd, STDOUT_FILENO);
        return STATUS_OK;
    }
    int opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (opened < 0) return status_of_errno();

    int fd = atomic_load(&own_fd);
    if (fd < 0) {
        fd = opened;
        atomic_store(&own_fd, fd);
    } else {
        int moved = dup3(opened, fd, O_CLOEXEC);
        (void)close(opened);
        if (moved < 0) return STATUS_IO;
    }
    atomic_store(&current_fd, fd);
    return STATUS_OK;
}

/* "PID:M DD Mon YYYY HH:MM:SS.mmm * "; returns its length. The role is always M: there are no
 * child processes. */
static size_t format_head(char *out, size_t size, enum message_level level)
{
    static const char marks[] = ".-*#";
    struct timespec now;
    struct tm local;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &local);

    char date[64];
    (void)strftime(date, sizeof(date), "%d %b %Y %H:%M:%S", &local);
    int length = snprintf(out, size, "%d:M %s.%03d %c ", (int)getpid(), date,
                          (int)(now.tv_nsec / 1000000), marks[level]);
    return (size_t)length;
}

/* What a client sent may be part of a message; it must not look like a line of its own. */
static void flatten(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ') text[i] = ' ';
    }
}

void messages_print(enum message_level level, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&current_level, memory_order_relaxed)) return;

    char line[MESSAGE_LINE_BYTES_MAX];
    size_t head_size = format_head(line, sizeof(line) - MESSAGE_TEXT_BYTES_MAX, level);
    char *text = line + head_size;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, MESSAGE_TEXT_BYTES_MAX, format, arguments);
    va_end(arguments);
    if (length < 0) return;

    size_t text_size = (size_t)length;
    if (text_size >= MESSAGE_TEXT_BYTES_MAX) text_size = MESSAGE_TEXT_BYTES_MAX - 1;
    flatten(text, text_size);
    text[text_size] = '\n'; /* in place of the NUL */
    ssize_t ignored = write(atomic_load(&current_fd), line, head_size + text_size + 1);
    (void)ignored; /* A log that cannot be written has nowhere to complain. */
}
