#include "server/monitors.h"

#include "base/text.h"
#include "command/session.h"
#include "os/clock.h"
#include "server/server.h"

void monitors_set(struct services *services, struct session *session, bool on)
{
    bool is_on = (session->flags & SESSION_MONITOR) != 0;
    if (on == is_on) return;
    session->flags ^= SESSION_MONITOR;
    if (on) {
        atomic_fetch_add_explicit(&services->monitor_count, 1, memory_order_relaxed);
    } else {
        atomic_fetch_sub_explicit(&services->monitor_count, 1, memory_order_relaxed);
    }
}

/* 1700000000.123456 [0 127.0.0.1:50000] "set" "k" "v" */
void monitors_observe(struct services *services, const struct session *session,
                      const struct bytes *arguments, uint32_t argument_count)
{
    struct server *server = services->context;
    int64_t now_us = clock_wall_us(server->clock);
    struct buf line = {0};
    buf_printf(&line, "%lld.%06lld [%u %s]", (long long)(now_us / 1000000),
               (long long)(now_us % 1000000), session->database,
               (session->flags & SESSION_UNIX_SOCKET) != 0 ? "unix" : session->address);
    for (uint32_t i = 0; i < argument_count; i++) {
        buf_append_byte(&line, ' ');
        text_append_quoted(&line, arguments[i]);
    }
    for (uint32_t i = 0; i < server->worker_count; i++) {
        worker_post_monitor_line(&server->workers[i], buf_bytes(&line));
    }
    buf_deinit(&line);
}
