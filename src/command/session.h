/* A client's state between its commands, whatever the wire: database, name, authentication, MULTI
 * queue, reply mode. Owned by one worker; other threads reach it only by id through the registry
 * (CLIENT LIST, KILL), under LOCK_RANK_SESSIONS and only its atomic or fixed parts. */
#ifndef COMMAND_SESSION_H
#define COMMAND_SESSION_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/links.h"
#include "command/call.h"
#include "command/reply.h"

struct multi;
struct sessions;
struct services;

enum session_flags {
    SESSION_CLOSE_AFTER_REPLY = 1 << 0, /* QUIT, protocol errors, CLIENT KILL of oneself */
    SESSION_MONITOR = 1 << 1,
    SESSION_NO_EVICT = 1 << 2,
    SESSION_NO_TOUCH = 1 << 3,
    SESSION_REPLY_OFF = 1 << 4,       /* CLIENT REPLY OFF */
    SESSION_REPLY_SKIP = 1 << 5,      /* the running command's reply is dropped */
    SESSION_REPLY_SKIP_NEXT = 1 << 6, /* CLIENT REPLY SKIP was just run */
    SESSION_UNIX_SOCKET = 1 << 7,
    SESSION_BLOCKED = 1 << 8, /* suspended: WAIT, WAITAOF, DEBUG SLEEP, CLIENT PAUSE */
    SESSION_IN_MULTI = 1 << 9,
    SESSION_DIRTY_CAS = 1 << 10,  /* a watched key changed (set by its own worker when it looks) */
    SESSION_DIRTY_EXEC = 1 << 11, /* a queued command was refused: EXEC aborts */
    SESSION_AUTHENTICATED = 1 << 12,
    SESSION_IN_EXEC = 1 << 13, /* the running command is one of EXEC's: it must not wait */
};

struct session {
    uint64_t id;
    struct links link; /* in the registry */
    struct sessions *registry;
    uint32_t flags;
    uint32_t database;
    uint32_t worker;
    uint8_t protocol;               /* 2 or 3 */
    _Atomic uint8_t is_killed;      /* CLIENT KILL by another thread: its worker closes it */
    _Atomic uint8_t is_unblocked;   /* CLIENT UNBLOCK: 1 TIMEOUT, 2 ERROR */
    _Atomic uint8_t is_watch_dirty; /* a writer in any thread touched a watched key */
    char address[48];               /* "127.0.0.1:50000", "[::1]:50000", "/path:0" */
    char local_address[48];
    int fd;     /* for CLIENT LIST only */
    char *name; /* CLIENT SETNAME, owned, NULL for none; changed under LOCK_RANK_SESSIONS */
    char *library_name;
    char *library_version;
    const char *user; /* "default" */
    const struct command *last_command;
    int64_t created_ms;
    int64_t active_ms; /* last command, loop clock */
    uint64_t command_count;
    uint64_t gate;         /* newest epoch that its replies so far wait for */
    struct multi *multi;   /* NULL until MULTI or WATCH: command/multi.h */
    uint64_t input_bytes;  /* buffered, for CLIENT LIST: query buffer */
    uint64_t output_bytes; /* waiting to be sent */
    uint64_t wait_target;  /* suspended: what to wait for */
};

/* Gives it the next id and enters it into the registry: from now on other threads see it. */
void session_init(struct session *session, struct sessions *registry, uint32_t worker,
                  int64_t now_ms);
/* Takes it off the registry, ends MULTI and its watches, frees its texts. */
void session_deinit(struct session *session);
/* What CLIENT LIST shows of the connection; for the worker, once, after session_init. */
void session_set_peer(struct session *session, int fd, const char *address,
                      const char *local_address);
/* RESET: as a new connection, but still connected; the library's name and version stay. */
void session_reset(struct session *session, bool has_password);
/* Replaces one of the session's own texts (`field` is &session->name ...); an empty one goes. Takes
 * the registry's lock. */
void session_set_text(struct session *session, char **field, struct bytes text);
/* A recent reading, for threads that do not own the session. */
uint32_t session_flags(const struct session *session);

/* All sessions of the process, for CLIENT LIST and KILL. */
struct sessions *sessions_create(void);
void sessions_destroy(struct sessions *sessions);
/* Runs `each` over all sessions in order of id, under the registry's lock; false stops. */
void sessions_each(struct sessions *sessions, bool (*each)(void *context, struct session *session),
                   void *context);
uint64_t sessions_count(struct sessions *sessions);
/* The registry's lock: holds off the end of sessions and changes of their texts. */
void sessions_acquire(struct sessions *sessions);
void sessions_release(struct sessions *sessions);

/* "id=3 addr=... laddr=... fd=8 name= age=0 ..." as CLIENT LIST prints it, one line with '\n'. For
 * the session's own worker, or under the registry's lock. */
void session_describe(const struct session *session, int64_t now_ms, struct buf *out);

#endif
