#include "command/session.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "command/multi.h"
#include "os/lock.h"

/* What the session's worker changes without a lock, read by another thread: as it is at that
 * moment. A line of CLIENT LIST may be a command late, and nothing follows from it. Plain reads:
 * functions that use it are NO_SANITIZE_THREAD, which clang does not extend to atomic ones. */
#define RECENT(field) (*(const volatile __typeof__(field) *)&(field))

enum {
    SESSION_DATABASE_FIRST = 0,
    PROTOCOL_FIRST = 2,
    OUTPUT_BUFFER_BYTES = 16 * 1024,
    MS_PER_S = 1000
};

struct sessions {
    struct mutex mutex;
    struct links list; /* in order of id: new ones are put last */
    uint64_t count;
    uint64_t newest_id;
};

/* ---- the registry ---- */

struct sessions *sessions_create(void)
{
    struct sessions *sessions = memory_zalloc(sizeof(*sessions));
    mutex_init(&sessions->mutex, LOCK_RANK_SESSIONS);
    links_init(&sessions->list);
    return sessions;
}

void sessions_destroy(struct sessions *sessions)
{
    if (sessions == NULL) return;
    ASSERT(sessions->count == 0);
    mutex_deinit(&sessions->mutex);
    memory_free(sessions);
}

void sessions_acquire(struct sessions *sessions) NO_LOCK_ANALYSIS
{
    mutex_acquire(&sessions->mutex);
}

void sessions_release(struct sessions *sessions) NO_LOCK_ANALYSIS
{
    mutex_release(&sessions->mutex);
}

void sessions_each(struct sessions *sessions, bool (*each)(void *context, struct session *session),
                   void *context)
{
    mutex_acquire(&sessions->mutex);
    LINKS_FOR_EACH (node, &sessions->list) {
        if (!each(context, CONTAINER_OF(node, struct session, link))) break;
    }
    mutex_release(&sessions->mutex);
}

uint64_t sessions_count(struct sessions *sessions)
{
    mutex_acquire(&sessions->mutex);
    uint64_t count = sessions->count;
    mutex_release(&sessions->mutex);
    return count;
}

/* ---- one session ---- */

void session_init(struct session *session, struct sessions *registry, uint32_t worker,
                  int64_t now_ms)
{
    *session = (struct session){
        .registry = registry,
        .worker = worker,
        .protocol = PROTOCOL_FIRST,
        .database = SESSION_DATABASE_FIRST,
        .fd = -1,
        .user = "default",
        .created_ms = now_ms,
        .active_ms = now_ms,
    };
    mutex_acquire(&registry->mutex);
    session->id = ++registry->newest_id;
    links_push_back(&registry->list, &session->link);
    registry->count++;
    mutex_release(&registry->mutex);
}

void session_deinit(struct session *session)
{
    struct sessions *registry = session->registry;
    mutex_acquire(&registry->mutex);
    ASSERT(registry->count > 0);
    links_remove(&session->link);
    registry->count--;
    mutex_release(&registry->mutex);

    multi_destroy(session);
    memory_free(session->name);
    memory_free(session->library_name);
    memory_free(session->library_version);
    session->name = NULL;
    session->library_name = NULL;
    session->library_version = NULL;
}

void session_set_peer(struct session *session, int fd, const char *address,
                      const char *local_address)
{
    mutex_acquire(&session->registry->mutex);
    session->fd = fd;
    snprintf(session->address, sizeof(session->address), "%s", address);
    snprintf(session->local_address, sizeof(session->local_address), "%s", local_address);
    mutex_release(&session->registry->mutex);
}

void session_set_text(struct session *session, char **field, struct bytes text)
{
    char *copy = NULL;
    if (text.size > 0) {
        copy = memory_alloc(text.size + 1);
        memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
    }
    mutex_acquire(&session->registry->mutex);
    char *old = *field;
    *field = copy;
    mutex_release(&session->registry->mutex);
    memory_free(old);
}

void session_reset(struct session *session, bool has_password)
{
    enum { KEPT = SESSION_UNIX_SOCKET | SESSION_CLOSE_AFTER_REPLY | SESSION_AUTHENTICATED };
    multi_clear(session);
    multi_unwatch(session, false);
    session_set_text(session, &session->name, BYTES_EMPTY);
    session->flags &= KEPT;
    if (has_password) session->flags &= ~(uint32_t)SESSION_AUTHENTICATED;
    if (!has_password) session->flags |= SESSION_AUTHENTICATED;
    session->database = SESSION_DATABASE_FIRST;
    session->protocol = PROTOCOL_FIRST;
    session->user = "default";
}

NO_SANITIZE_THREAD uint32_t session_flags(const struct session *session)
{
    return RECENT(session->flags);
}

/* ---- CLIENT LIST ---- */

struct view {
    uint32_t flags;
    uint32_t database;
    uint8_t protocol;
    const struct command *last_command;
    int64_t active_ms;
    uint64_t input_bytes;
    uint64_t output_bytes;
    uint32_t queued_count;
    uint32_t queue_capacity;
};

/* A queue lives as long as its session, which the registry's lock keeps. */
static NO_SANITIZE_THREAD void look(const struct session *session, struct view *out)
{
    out->flags = RECENT(session->flags);
    out->database = RECENT(session->database);
    out->protocol = RECENT(session->protocol);
    out->last_command = RECENT(session->last_command);
    out->active_ms = RECENT(session->active_ms);
    out->input_bytes = RECENT(session->input_bytes);
    out->output_bytes = RECENT(session->output_bytes);
    const struct multi *multi = RECENT(session->multi);
    out->queued_count = multi != NULL ? RECENT(multi->count) : 0;
    out->queue_capacity = multi != NULL ? RECENT(multi->capacity) : 0;
}

/* In the order in which Redis prints them. */
static const struct {
    uint32_t flag;
    char letter;
} flag_letters[] = {
    {SESSION_MONITOR,                    'O'},
    {SESSION_IN_MULTI | SESSION_IN_EXEC, 'x'},
    {SESSION_BLOCKED,                    'b'},
    {SESSION_DIRTY_CAS,                  'd'},
    {SESSION_CLOSE_AFTER_REPLY,          'c'},
    {SESSION_UNIX_SOCKET,                'U'},
    {SESSION_NO_EVICT,                   'e'},
    {SESSION_NO_TOUCH,                   'T'},
};

enum { FLAG_LETTER_COUNT = sizeof(flag_letters) / sizeof(flag_letters[0]) };

static void append_flags(struct buf *out, uint32_t flags)
{
    size_t before = out->size;
    for (size_t i = 0; i < FLAG_LETTER_COUNT; i++) {
        if ((flags & flag_letters[i].flag) != 0) buf_append_byte(out, flag_letters[i].letter);
    }
    if (out->size == before) buf_append_byte(out, 'N');
}

static int64_t seconds_between(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? (to_ms - from_ms) / MS_PER_S : 0;
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void session_describe(const struct session *session, int64_t now_ms, struct buf *out)
{
    struct view view;
    look(session, &view);
    uint64_t queue_bytes = view.queue_capacity * sizeof(struct queued_command);
    bool is_queueing = (view.flags & (SESSION_IN_MULTI | SESSION_IN_EXEC)) != 0;

    buf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=",
               (unsigned long long)session->id, session->address, session->local_address,
               session->fd, text_or_empty(session->name),
               (long long)seconds_between(session->created_ms, now_ms),
               (long long)seconds_between(view.active_ms, now_ms));
    append_flags(out, view.flags);
    buf_printf(out, " db=%u sub=0 psub=0 ssub=0 multi=%lld", view.database,
               is_queueing ? (long long)view.queued_count : -1LL);
    /* Replies stand in buffers that the connection borrows (rbs, rbp, obl: its own ones in
     * Redis). */
    buf_printf(
        out,
        " qbuf=%llu qbuf-free=0 argv-mem=0 multi-mem=%llu rbs=0 rbp=0 obl=0 oll=%llu omem=%llu tot-mem=%llu",
        (unsigned long long)view.input_bytes, (unsigned long long)queue_bytes,
        (unsigned long long)((view.output_bytes + OUTPUT_BUFFER_BYTES - 1) / OUTPUT_BUFFER_BYTES),
        (unsigned long long)view.output_bytes,
        (unsigned long long)(sizeof(*session) + queue_bytes + view.input_bytes +
                             view.output_bytes));
    buf_printf(out, " events=%s cmd=%s user=%s redir=-1 resp=%u lib-name=%s lib-ver=%s\n",
               view.output_bytes > 0 ? "rw" : "r",
               view.last_command != NULL ? view.last_command->name : "NULL", session->user,
               (unsigned)view.protocol, text_or_empty(session->library_name),
               text_or_empty(session->library_version));
}
