/* Whether a command may run now: an ordered list of reasons to refuse it. Adding a reason is one
 * function and one row. */
#ifndef COMMAND_ADMISSION_H
#define COMMAND_ADMISSION_H

#include "command/command.h"

struct session;

/* What is unusual at the moment, for all sessions; 0 nearly always. The worker sets it once a
 * loop. */
enum admission_guards {
    GUARD_REFUSED = 1,       /* the engine refuses writes: its text is in admission.refusal */
    GUARD_OUT_OF_MEMORY = 2, /* used memory is over maxmemory */
};

struct admission {
    const struct session *session;
    const struct command *command;
    uint32_t flags; /* of the command; for EXEC those of all queued commands too */
    uint32_t guards;
    const char *refusal;
};

/* The error text of the first reason that applies; NULL: welcome. */
const char *admission_refusal(const struct admission *admission);

#endif
