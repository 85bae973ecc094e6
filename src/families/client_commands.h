/* CLIENT and its subcommands: what a client says and asks about clients. */
#ifndef FAMILIES_CLIENT_COMMANDS_H
#define FAMILIES_CLIENT_COMMANDS_H

#include "base/buf.h"
#include "command/call.h"

/* Ends with a row without a name. */
extern const struct command client_subcommands[];

/* A name for CLIENT SETNAME and HELLO SETNAME: printable, without spaces. Answers the error and
 * returns false when it is not one. */
bool client_check_name(struct call *call, struct bytes name);

/* PAUSE and UNBLOCK take one optional word after their argument. Redis leaves the check to them,
 * with a text of its own: answers it and returns false when there is more. */
bool client_check_one_optional(struct call *call);

/* Descriptions of sessions, one a line, as one reply. */
void client_reply_lines(struct call *call, const struct buf *lines);

#endif
