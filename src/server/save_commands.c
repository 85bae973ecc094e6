/* Durability on request. A checkpoint is taken by the housekeeper, and what is written gets to disk
 * by the log writer: a command that wants to know when, looks again every few milliseconds.
 * session->wait_target says what it waits for. */
#include "base/number.h"
#include "command/call.h"
#include "command/services.h"
#include "command/session.h"
#include "engine/engine.h"
#include "server/server_commands.h"

#define NS_PER_MS UINT64_C(1000000)

enum { SAVE_POLL_MS = 5, WAITAOF_POLL_MS = 1 };

static uint64_t now_ns(struct call *call)
{
    return call->services->monotonic_ns(call->services);
}

static bool is_in_exec(const struct call *call)
{
    return (call->session->flags & SESSION_IN_EXEC) != 0;
}

/* ---- checkpoints ---- */

static void resume_save(struct call *call)
{
    struct engine_statistics engine;
    engine_statistics(call->services->engine, &engine);
    if (engine.checkpoint_attempts == call->session->wait_target) {
        call->services->suspend(call, 0, now_ns(call) + SAVE_POLL_MS * NS_PER_MS, resume_save);
    } else if (engine.checkpoint_last_failed) {
        reply_error(call->reply, "ERR the checkpoint failed: see the server's log");
    } else {
        reply_ok(call->reply);
    }
}

/* Asks for a checkpoint; says the error when there is none to come. */
static bool request(struct call *call)
{
    enum status status = engine_request_checkpoint(call->services->engine);
    if (status == STATUS_OK) return true;
    if (status == STATUS_IN_USE) {
        reply_error(call->reply, "ERR Background save already in progress");
    } else {
        reply_errorf(call->reply, "ERR no checkpoint can be taken: %s", status_text(status));
    }
    return false;
}

static void cmd_save(struct call *call)
{
    struct engine_statistics engine;
    engine_statistics(call->services->engine, &engine);
    if (!request(call)) return;
    call->session->wait_target = engine.checkpoint_attempts;
    call->services->suspend(call, 0, now_ns(call) + SAVE_POLL_MS * NS_PER_MS, resume_save);
}

static void cmd_bgsave(struct call *call)
{
    if (call->argument_count > 2 ||
        (call->argument_count == 2 && !call_argument_is(call, 1, "schedule"))) {
        reply_error_syntax(call->reply);
        return;
    }
    if (request(call)) reply_simple(call->reply, BYTES_LITERAL("Background saving started"));
}

/* A checkpoint is also what compacts the log; one that runs already does so. */
static void cmd_bgrewriteaof(struct call *call)
{
    enum status status = engine_request_checkpoint(call->services->engine);
    if (status == STATUS_IN_USE) {
        reply_error(call->reply, "ERR Background append only file rewriting already in progress");
    } else if (status != STATUS_OK) {
        reply_errorf(call->reply, "ERR no checkpoint can be taken: %s", status_text(status));
    } else {
        reply_simple(call->reply, BYTES_LITERAL("Background append only file rewriting started"));
    }
}

static void cmd_lastsave(struct call *call)
{
    struct engine_statistics engine;
    engine_statistics(call->services->engine, &engine);
    reply_integer(call->reply, engine.checkpoint_last_wall_s);
}

/* ---- WAIT, WAITAOF ---- */

/* CLIENT UNBLOCK id ERROR. */
static bool is_broken_off(struct call *call)
{
    enum { UNBLOCKED_WITH_ERROR = 2 };
    if (atomic_load_explicit(&call->session->is_unblocked, memory_order_relaxed) !=
        UNBLOCKED_WITH_ERROR)
        return false;
    reply_error(call->reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    return true;
}

/* A timeout in milliseconds as a moment; 0: none. */
static bool parse_timeout(struct call *call, uint32_t index, uint64_t *out_deadline_ns)
{
    int64_t timeout_ms;
    if (!number_parse_i64(call_argument(call, index), &timeout_ms)) {
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return false;
    }
    uint64_t now = now_ns(call);
    bool is_far = (uint64_t)timeout_ms > (UINT64_MAX - now) / NS_PER_MS;
    *out_deadline_ns = timeout_ms == 0 || is_far ? 0 : now + (uint64_t)timeout_ms * NS_PER_MS;
    return true;
}

static void resume_wait(struct call *call)
{
    if (!is_broken_off(call)) reply_integer(call->reply, 0);
}

/* There are no replicas yet, so nobody ever acknowledges anything. */
static void cmd_wait(struct call *call)
{
    int64_t replica_count;
    uint64_t deadline_ns;
    if (!call_integer(call, 1, &replica_count)) return;
    if (!parse_timeout(call, 2, &deadline_ns)) return;
    if (replica_count <= 0) {
        reply_integer(call->reply, 0);
        return;
    }
    call->services->suspend(call, 0, deadline_ns, resume_wait);
}

/* What this connection has written or seen so far is on disk, whatever appendfsync says. */
static bool is_synced(const struct call *call)
{
    return call->session->gate <= engine_synced(call->services->engine);
}

static void reply_synced(struct call *call, bool is_local_synced)
{
    reply_array(call->reply, 2);
    reply_integer(call->reply, is_local_synced);
    reply_integer(call->reply, 0);
}

/* wait_target: the moment at which to give up; 0: never. */
static void resume_waitaof(struct call *call)
{
    if (is_broken_off(call)) return;
    int64_t local_count = 0;
    int64_t replica_count = 0;
    (void)number_parse_i64(call_argument(call, 1), &local_count);
    (void)number_parse_i64(call_argument(call, 2), &replica_count);

    uint64_t now = now_ns(call);
    uint64_t give_up_ns = call->session->wait_target;
    bool was_unblocked = atomic_load_explicit(&call->session->is_unblocked, memory_order_relaxed) !=
                         0;
    bool is_over = is_in_exec(call) || was_unblocked || (give_up_ns != 0 && now >= give_up_ns);
    bool is_local_synced = is_synced(call);
    bool is_reached = replica_count == 0 && (local_count == 0 || is_local_synced);
    if (is_over || is_reached) {
        reply_synced(call, is_local_synced);
        return;
    }
    engine_kick(call->services->engine);
    uint64_t next_ns = now + WAITAOF_POLL_MS * NS_PER_MS;
    bool has_only_replicas_to_wait_for = local_count == 0 || is_local_synced;
    if (has_only_replicas_to_wait_for || (give_up_ns != 0 && next_ns > give_up_ns))
        next_ns = give_up_ns;
    call->services->suspend(call, 0, next_ns, resume_waitaof);
}

static void cmd_waitaof(struct call *call)
{
    int64_t local_count;
    int64_t replica_count;
    uint64_t deadline_ns;
    if (!call_integer(call, 1, &local_count)) return;
    if (local_count < 0 || local_count > 1) {
        reply_error(call->reply, "ERR value is out of range, must be between 0 and 1");
        return;
    }
    if (!call_integer(call, 2, &replica_count)) return;
    if (replica_count < 0) {
        reply_error(call->reply, "ERR value is out of range, must be positive");
        return;
    }
    if (!parse_timeout(call, 3, &deadline_ns)) return;
    if (local_count > 0 && engine_wal(call->services->engine) == NULL) {
        reply_error(call->reply,
                    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
        return;
    }
    call->session->wait_target = deadline_ns;
    resume_waitaof(call);
}

/* ---- rows ---- */

/* clang-format off */
static const struct command commands[] = {
    {"bgrewriteaof", cmd_bgrewriteaof, 1, CMD_ADMIN | CMD_NO_SCRIPT, {0, 0, 0, 0},
     "", "1.0.0", "Compacts the log by a checkpoint, beside the running commands.", "server",
     "O(1)", "", NULL},
    {"bgsave", cmd_bgsave, -1, CMD_ADMIN | CMD_NO_SCRIPT, {0, 0, 0, 0},
     "[SCHEDULE]", "1.0.0", "Starts a checkpoint beside the running commands.", "server", "O(1)",
     "", NULL},
    {"lastsave", cmd_lastsave, 1, CMD_LOADING | CMD_STALE | CMD_FAST, {0, 0, 0, 0},
     "", "1.0.0", "Tells when the newest checkpoint was finished.", "server", "O(1)",
     "@admin @dangerous", NULL},
    {"save", cmd_save, 1, CMD_ADMIN | CMD_NO_SCRIPT | CMD_NO_MULTI, {0, 0, 0, 0},
     "", "1.0.0", "Takes a checkpoint and answers when it is done; others are served meanwhile.",
     "server",
     "O(N) where N is the number of keys", "", NULL},
    {"wait", cmd_wait, 3, CMD_NO_SCRIPT, {0, 0, 0, 0},
     "numreplicas timeout", "3.0.0",
     "Waits until so many replicas have what this connection wrote, or the time is over.",
     "generic", "O(1)", "@connection", NULL},
    {"waitaof", cmd_waitaof, 4, CMD_NO_SCRIPT, {0, 0, 0, 0},
     "numlocal numreplicas timeout", "7.2.0",
     "Waits until what this connection wrote is on this disk and on those of so many replicas.",
     "generic", "O(1)", "@connection", NULL},
};
/* clang-format on */

const struct family save_family = FAMILY("save", commands);
