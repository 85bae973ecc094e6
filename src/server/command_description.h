/* What a command's row says, in the shapes that clients know from Redis: COMMAND INFO, COMMAND
 * DOCS, COMMAND GETKEYSANDFLAGS. */
#ifndef SERVER_COMMAND_DESCRIPTION_H
#define SERVER_COMMAND_DESCRIPTION_H

#include "base/bytes.h"

struct arena;
struct command;
struct reply;

/* COMMAND INFO's ten elements, with those of the subcommands. */
void command_description_reply(struct reply *reply, const struct command *command);
/* COMMAND DOCS's pair of name and map. */
void command_description_reply_docs(struct reply *reply, struct arena *arena,
                                    const struct command *command);
/* What this call does with its key number `key` (from 0): "RW access update" as a set. */
void command_description_reply_use(struct reply *reply, const struct command *command,
                                   const struct bytes *arguments, uint32_t argument_count,
                                   uint32_t key);

#endif
