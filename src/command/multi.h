/* What a session gathers for EXEC: the queued commands, copied into an arena, and the keys it
 * watches. Made on the first MULTI or WATCH. Owned by the session, used by its worker only. */
#ifndef COMMAND_MULTI_H
#define COMMAND_MULTI_H

#include "base/arena.h"
#include "command/command.h"

struct session;
struct watch_node;

struct queued_command {
    const struct command *command;
    const struct bytes *arguments;
    uint32_t argument_count;
};

enum { MULTI_ARENA_BYTES = 1024 };

struct multi {
    struct arena arena;
    struct queued_command *queue; /* owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t flags;             /* all flags of all queued commands */
    struct watch_node *watches; /* a list through `next` */
};

/* The session's, made when it has none. */
struct multi *multi_of(struct session *session);
void multi_queue(struct session *session, const struct command *command,
                 const struct bytes *arguments, uint32_t argument_count);
/* Forgets the queue and leaves MULTI; the watches stay. */
void multi_clear(struct session *session);
/* Ends all watches. `holds_locks`: the shards of all watched keys are locked already; otherwise
 * each is locked in turn. */
void multi_unwatch(struct session *session, bool holds_locks);
/* Watches and queue end, the memory goes. For the end of a session. */
void multi_destroy(struct session *session);
/* Bytes held, for CLIENT LIST. */
size_t multi_memory_bytes(const struct session *session);

#endif
