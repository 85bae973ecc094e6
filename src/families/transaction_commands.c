/* MULTI, EXEC, DISCARD, WATCH, UNWATCH. */
#include "command/dispatch.h"
#include "command/multi.h"
#include "command/session.h"
#include "families/families.h"
#include "keyspace/watch.h"

static void cmd_multi(struct call *call)
{
    if ((call->session->flags & SESSION_IN_MULTI) != 0) {
        reply_error(call->reply, "ERR MULTI calls can not be nested");
        return;
    }
    (void)multi_of(call->session);
    call->session->flags |= SESSION_IN_MULTI;
    reply_ok(call->reply);
}

static void leave(struct call *call)
{
    multi_clear(call->session);
    multi_unwatch(call->session, false);
}

static void cmd_discard(struct call *call)
{
    if ((call->session->flags & SESSION_IN_MULTI) == 0) {
        reply_error(call->reply, "ERR DISCARD without MULTI");
        return;
    }
    leave(call);
    reply_ok(call->reply);
}

static void cmd_exec(struct call *call)
{
    if ((call->session->flags & SESSION_IN_MULTI) == 0) {
        reply_error(call->reply, "ERR EXEC without MULTI");
        return;
    }
    if ((call->session->flags & SESSION_DIRTY_EXEC) != 0) {
        leave(call);
        reply_error(call->reply, "EXECABORT Transaction discarded because of previous errors.");
        return;
    }
    dispatch_exec(call);
}

static bool is_watched(const struct multi *multi, const struct item *item)
{
    for (const struct watch_node *node = multi->watches; node != NULL; node = node->next) {
        if (node->hash == item->key->hash && node->database == item->database &&
            bytes_equal(bytes_of(node->key, node->key_bytes), item->key->name)) {
            return true;
        }
    }
    return false;
}

static void watch(struct call *call, const struct key *key)
{
    struct txn *txn = call->txn;
    struct multi *multi = multi_of(call->session);
    struct shard *shard = keyspace_shard(txn->keyspace, key->hash);
    struct item item = {.key = key, .shard = shard, .database = txn->database};
    if (is_watched(multi, &item)) return;
    /* Seeing that it is there, or is not, waits for the disk like any read. */
    bool is_live = txn_peek(txn, key) != NULL;
    bool was_expired = !is_live &&
                       shard_find(shard, txn->database, key->hash, key->name, NULL) != NULL;
    struct watch_node *node = watch_add(shard, txn->database, key->hash, key->name, was_expired,
                                        &call->session->is_watch_dirty);
    node->next = multi->watches;
    multi->watches = node;
}

static void cmd_watch(struct call *call)
{
    if ((call->session->flags & SESSION_IN_MULTI) != 0) {
        reply_error(call->reply, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (uint32_t i = 0; i < call->key_count; i++) watch(call, &call->keys[i]);
    reply_ok(call->reply);
}

static void cmd_unwatch(struct call *call)
{
    /* Inside EXEC the watches have ended already. */
    multi_unwatch(call->session, false);
    reply_ok(call->reply);
}

enum { TRANSACTION = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST };

/* clang-format off */
static const struct command commands[] = {
    {.name = "discard", .function = cmd_discard, .arity = 1, .flags = TRANSACTION | CMD_TRANSACTION,
     .syntax = "", .since = "2.0.0", .summary = "Leaves MULTI and forgets what was queued.",
     .group = "transactions", .complexity = "O(N) with N queued commands", .acl = "@transaction"},
    {.name = "exec", .function = cmd_exec, .arity = 1,
     .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_SLOWLOG | CMD_TRANSACTION,
     .syntax = "", .since = "1.2.0", .summary = "Runs what was queued, all of it as one.",
     .group = "transactions", .complexity = "that of the queued commands", .acl = "@transaction"},
    {.name = "multi", .function = cmd_multi, .arity = 1, .flags = TRANSACTION | CMD_TRANSACTION,
     .syntax = "", .since = "1.2.0", .summary = "Begins to queue commands for EXEC.",
     .group = "transactions", .complexity = "O(1)", .acl = "@transaction"},
    {.name = "unwatch", .function = cmd_unwatch, .arity = 1, .flags = TRANSACTION,
     .syntax = "", .since = "2.2.0", .summary = "Forgets the watched keys.",
     .group = "transactions", .complexity = "O(N) with N watched keys", .acl = "@transaction"},
    {.name = "watch", .function = cmd_watch, .arity = -2, .flags = TRANSACTION | CMD_TRANSACTION, .keys = {1, -1, 1, 0},
     .syntax = "key [key ...]", .since = "2.2.0",
     .summary = "Makes the next EXEC answer nil if one of these keys changes first.",
     .group = "transactions", .complexity = "O(N) with N keys", .acl = "@transaction"},
};
/* clang-format on */

const struct family transaction_family = FAMILY("transactions", commands);
