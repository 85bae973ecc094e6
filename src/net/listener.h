/* Sockets that accept: TCP over IPv4 and IPv6, Unix. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/buf.h"
#include "base/status.h"

struct listener {
    int fd;
    bool is_unix;
    char path[108]; /* Unix: removed on close */
};

/* `address`: an IPv4 or IPv6 address, "*", "::*", or a host name. An address that begins with '-'
 * may be unavailable: STATUS_NOT_FOUND then. `message` gets a line for the operator on failure. */
MUST_USE enum status listener_open_tcp(struct listener *listener, const char *address,
                                       uint16_t port, int backlog, struct buf *message);
MUST_USE enum status listener_open_unix(struct listener *listener, const char *path,
                                        unsigned permissions, int backlog, struct buf *message);
void listener_close(struct listener *listener);

/* Accepts one connection: non-blocking, close-on-exec, TCP_NODELAY, keepalive of `keepalive_s` (0:
 * none), congestion control `reno` for loopback peers. Texts as in CLIENT LIST. WOULD_BLOCK when
 * there is none, NO_MEMORY when the process or the system is out of file descriptors (stop
 * accepting for a while), CLOSED when the peer went away. */
MUST_USE enum status listener_accept(struct listener *listener, unsigned keepalive_s, int *out_fd,
                                     char address[48], char local_address[48]);

#endif
