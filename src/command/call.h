/* One run of one command: what its function gets. The shards of its keys are locked and the
 * transaction is open; the function reads and changes keys through call->txn and says one reply. */
#ifndef COMMAND_CALL_H
#define COMMAND_CALL_H

#include "command/command.h"
#include "command/reply.h"
#include "engine/txn.h"

struct arena;
struct dispatcher;
struct services;
struct session;

struct call {
    const struct command *command;
    const struct bytes
        *arguments; /* [0] is the name as sent (for subcommands too: [1] is the subcommand) */
    uint32_t argument_count;
    uint32_t key_count;
    const struct key *keys; /* by the row's key spec, in order, hashed; NULL when it has none */
    struct txn *txn;
    struct reply *reply;
    struct session *session;
    struct arena *arena;           /* dies with the batch */
    struct services *services;     /* what the upper floor handed down: command/services.h */
    struct dispatcher *dispatcher; /* who runs it: EXEC runs further commands through it */
    int64_t now_ms;                /* wall clock of the batch */
};

static inline struct bytes call_argument(const struct call *call, uint32_t index)
{
    return call->arguments[index];
}

/* Case-insensitive comparison of an argument with a word. */
static inline bool call_argument_is(const struct call *call, uint32_t index, const char *word)
{
    return bytes_is_word(call->arguments[index], word);
}

/* Reads an integer argument; answers "ERR value is not an integer or out of range" and returns
 * false otherwise. */
bool call_integer(struct call *call, uint32_t index, int64_t *out);

#endif
