/* The message log: one line an event, "PID:M DD Mon YYYY HH:MM:SS.mmm * text", to standard error
 * or a file, as Redis prints it (levels . - * #). Any thread; a line is written with one system
 * call. */
#ifndef OS_MESSAGES_H
#define OS_MESSAGES_H

#include "base/attributes.h"
#include "base/status.h"

enum message_level {
    MESSAGE_LEVEL_DEBUG,
    MESSAGE_LEVEL_VERBOSE,
    MESSAGE_LEVEL_NOTICE,
    MESSAGE_LEVEL_WARNING
};

void messages_set_level(enum message_level level);
/* Appends to `path`; "" is standard output; before the first call it is standard error. Again
 * after SIGHUP to reopen. */
MUST_USE enum status messages_set_file(const char *path);
void messages_print(enum message_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define message_debug(...) messages_print(MESSAGE_LEVEL_DEBUG, __VA_ARGS__)
#define message_verbose(...) messages_print(MESSAGE_LEVEL_VERBOSE, __VA_ARGS__)
#define message_notice(...) messages_print(MESSAGE_LEVEL_NOTICE, __VA_ARGS__)
#define message_warning(...) messages_print(MESSAGE_LEVEL_WARNING, __VA_ARGS__)

#endif
