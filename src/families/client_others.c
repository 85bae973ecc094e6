#include "families/client_others.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/number.h"
#include "command/services.h"
#include "command/session.h"
#include "families/client_commands.h"

/* Every client is one until there are subscribers and replicas. */
enum client_type { CLIENT_NORMAL, CLIENT_REPLICA, CLIENT_MASTER, CLIENT_PUBSUB };

static bool parse_type(struct call *call, struct bytes word, enum client_type *out)
{
    static const struct {
        const char *name;
        enum client_type type;
    } types[] = {
        {"normal",  CLIENT_NORMAL },
        {"slave",   CLIENT_REPLICA},
        {"replica", CLIENT_REPLICA},
        {"pubsub",  CLIENT_PUBSUB },
        {"master",  CLIENT_MASTER },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (bytes_is_word(word, types[i].name)) {
            *out = types[i].type;
            return true;
        }
    }
    reply_errorf(call->reply, "ERR Unknown client type '%.*s'", (int)word.size, word.data);
    return false;
}

/* ---- CLIENT LIST ---- */

/* A client's line in the listing. */
struct found_line {
    uint64_t id;
    size_t offset;
    size_t size;
};

struct listing {
    const uint64_t *ids; /* ascending; NULL for everybody */
    size_t id_count;
    int64_t now_ms;
    struct buf lines;
    struct buf found; /* struct found_line, by ascending id; only with `ids` */
};

static int compare_ids(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* The id comes first in struct found_line. */
static_assert(offsetof(struct found_line, id) == 0, "an id compares with a line");

static bool list_one(void *context, struct session *session)
{
    struct listing *listing = context;
    if (atomic_load_explicit(&session->is_killed, memory_order_relaxed) != 0) return true;
    if (listing->ids != NULL && bsearch(&session->id, listing->ids, listing->id_count,
                                        sizeof(uint64_t), compare_ids) == NULL) {
        return true;
    }
    struct found_line line = {.id = session->id, .offset = listing->lines.size};
    session_describe(session, listing->now_ms, &listing->lines);
    line.size = listing->lines.size - line.offset;
    if (listing->ids != NULL) buf_append(&listing->found, &line, sizeof(line));
    return true;
}

static void list_all(struct call *call)
{
    struct listing listing = {.now_ms = call->now_ms};
    sessions_each(call->services->sessions, list_one, &listing);
    client_reply_lines(call, &listing.lines);
    buf_deinit(&listing.lines);
}

/* The wanted ids, in the order given; NULL after an error reply. */
static uint64_t *parse_ids(struct call *call, uint32_t first, uint32_t count)
{
    uint64_t *ids = arena_alloc(call->arena, count * sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++) {
        int64_t id;
        if (!number_parse_i64(call_argument(call, first + i), &id)) {
            reply_error(call->reply, "ERR Invalid client ID");
            return NULL;
        }
        ids[i] = (uint64_t)id;
    }
    return ids;
}

/* One walk over the sessions whatever the number of ids; the lines then go out in the order in
 * which they were asked for. */
static void list_ids(struct call *call)
{
    enum { FIRST = 3 };
    uint32_t count = call->argument_count - FIRST;
    uint64_t *wanted = parse_ids(call, FIRST, count);
    if (wanted == NULL) return;
    uint64_t *sorted = arena_alloc(call->arena, count * sizeof(uint64_t));
    memcpy(sorted, wanted, count * sizeof(uint64_t));
    qsort(sorted, count, sizeof(uint64_t), compare_ids);

    struct listing listing = {.ids = sorted, .id_count = count, .now_ms = call->now_ms};
    sessions_each(call->services->sessions, list_one, &listing);

    struct buf answer = {0};
    size_t found_count = listing.found.size / sizeof(struct found_line);
    for (uint32_t i = 0; i < count && found_count > 0; i++) {
        const struct found_line *line = bsearch(&wanted[i], listing.found.data, found_count,
                                                sizeof(struct found_line), compare_ids);
        if (line != NULL) buf_append(&answer, listing.lines.data + line->offset, line->size);
    }
    client_reply_lines(call, &answer);
    buf_deinit(&answer);
    buf_deinit(&listing.found);
    buf_deinit(&listing.lines);
}

void cmd_client_list(struct call *call)
{
    enum client_type type = CLIENT_NORMAL;
    if (call->argument_count == 4 && call_argument_is(call, 2, "type")) {
        if (!parse_type(call, call_argument(call, 3), &type)) return;
    } else if (call->argument_count > 3 && call_argument_is(call, 2, "id")) {
        list_ids(call);
        return;
    } else if (call->argument_count != 2) {
        reply_error_syntax(call->reply);
        return;
    }
    if (type == CLIENT_NORMAL) {
        list_all(call);
    } else {
        client_reply_lines(call, &(struct buf){0});
    }
}

/* ---- CLIENT KILL ---- */

struct killing {
    struct services *services;
    struct session *self;
    uint64_t id;          /* 0: any */
    struct bytes address; /* without data: any */
    struct bytes local_address;
    enum client_type type;
    bool has_type;
    bool skips_self;
    bool hits_self;
    uint64_t count;
};

static bool is_condemned(const struct killing *killing, const struct session *session)
{
    if (killing->id != 0 && killing->id != session->id) return false;
    if (killing->has_type && killing->type != CLIENT_NORMAL) return false;
    if (killing->skips_self && session == killing->self) return false;
    struct bytes address = killing->address;
    struct bytes local_address = killing->local_address;
    if (address.data != NULL && !bytes_equal(address, bytes_of_text(session->address)))
        return false;
    return local_address.data == NULL ||
           bytes_equal(local_address, bytes_of_text(session->local_address));
}

/* Another client is closed by its own worker; from here on it counts as gone. */
static bool kill_one(void *context, struct session *session)
{
    struct killing *killing = context;
    if (!is_condemned(killing, session)) return true;
    if (session == killing->self) {
        killing->hits_self = true;
    } else {
        if (atomic_exchange(&session->is_killed, 1) != 0) return true;
        killing->services->wake(killing->services, session);
    }
    killing->count++;
    return true;
}

static bool parse_kill_id(struct call *call, struct bytes text, uint64_t *out)
{
    int64_t id;
    if (number_parse_i64(text, &id) && id > 0) {
        *out = (uint64_t)id;
        return true;
    }
    reply_error(call->reply, "ERR client-id should be greater than 0");
    return false;
}

/* One option and its value, at `index`; answers the error and returns false when they make no
 * sense. */
static bool parse_kill_option(struct call *call, uint32_t index, struct killing *killing)
{
    if (index + 1 == call->argument_count) {
        reply_error_syntax(call->reply);
        return false;
    }
    struct bytes value = call_argument(call, index + 1);
    if (call_argument_is(call, index, "id")) return parse_kill_id(call, value, &killing->id);
    if (call_argument_is(call, index, "type")) {
        killing->has_type = true;
        return parse_type(call, value, &killing->type);
    }
    if (call_argument_is(call, index, "addr")) {
        killing->address = value;
        return true;
    }
    if (call_argument_is(call, index, "laddr")) {
        killing->local_address = value;
        return true;
    }
    if (call_argument_is(call, index, "user")) {
        if (bytes_equal(value, BYTES_LITERAL("default"))) return true;
        reply_errorf(call->reply, "ERR No such user '%.*s'", (int)value.size, value.data);
        return false;
    }
    bool is_yes = bytes_is_word(value, "yes");
    if (!call_argument_is(call, index, "skipme") || (!is_yes && !bytes_is_word(value, "no"))) {
        reply_error_syntax(call->reply);
        return false;
    }
    killing->skips_self = is_yes;
    return true;
}

void cmd_client_kill(struct call *call)
{
    struct killing killing = {.services = call->services, .self = call->session};
    bool is_old_form = call->argument_count == 3;
    if (is_old_form) {
        killing.address = call_argument(call, 2);
    } else {
        killing.skips_self = true;
        for (uint32_t i = 2; i < call->argument_count; i += 2) {
            if (!parse_kill_option(call, i, &killing)) return;
        }
    }
    sessions_each(call->services->sessions, kill_one, &killing);
    if (killing.hits_self) call->session->flags |= SESSION_CLOSE_AFTER_REPLY;

    if (!is_old_form) {
        reply_integer(call->reply, (int64_t)killing.count);
    } else if (killing.count > 0) {
        reply_ok(call->reply);
    } else {
        reply_error(call->reply, "ERR No such client");
    }
}

/* ---- CLIENT UNBLOCK ---- */

struct unblocking {
    struct services *services;
    uint64_t id;
    uint8_t reason; /* as session->is_unblocked */
    bool is_done;
};

static bool unblock_one(void *context, struct session *session)
{
    struct unblocking *unblocking = context;
    if (session->id != unblocking->id) return true;
    uint8_t none = 0;
    bool is_blocked = (session_flags(session) & SESSION_BLOCKED) != 0;
    if (is_blocked &&
        atomic_compare_exchange_strong(&session->is_unblocked, &none, unblocking->reason)) {
        unblocking->is_done = true;
        unblocking->services->wake(unblocking->services, session);
    }
    return false;
}

void cmd_client_unblock(struct call *call)
{
    enum { REASON_TIMEOUT = 1, REASON_ERROR = 2 };
    if (!client_check_one_optional(call)) return;
    struct unblocking unblocking = {.services = call->services, .reason = REASON_TIMEOUT};
    if (call->argument_count == 4 && call_argument_is(call, 3, "error")) {
        unblocking.reason = REASON_ERROR;
    } else if (call->argument_count == 4 && !call_argument_is(call, 3, "timeout")) {
        reply_error(call->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    int64_t id;
    if (!call_integer(call, 2, &id)) return;
    unblocking.id = (uint64_t)id;
    sessions_each(call->services->sessions, unblock_one, &unblocking);
    reply_integer(call->reply, unblocking.is_done);
}
