/* CLIENT and its subcommands: what a client says and asks about clients. */
#ifndef FAMILIES_CLIENT_COMMANDS_H
#define FAMILIES_CLIENT_COMMANDS_H

#include "command/call.h"

/* Ends with a row without a name. */
extern const struct command client_subcommands[];

/* A name for CLIENT SETNAME and HELLO SETNAME: printable, without spaces. Answers the error and returns false when it is
 * not one. */
bool client_check_name(struct call *call, struct bytes name);

#endif
