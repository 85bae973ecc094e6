#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"

enum {
    ADDRESS_TEXT_BYTES = 48,
    PORT_TEXT_BYTES = 8,
    KEEPALIVE_PROBES = 3,
    SOCKET_FLAGS = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
};

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un local;
        struct sockaddr_storage storage;
    };
    socklen_t size;
};

static enum status status_of(int error)
{
    switch (error) {
    case EADDRINUSE: return STATUS_IN_USE;
    case EACCES:
    case EPERM: return STATUS_DENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOENT: return STATUS_NOT_FOUND;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return STATUS_NO_MEMORY;
    default: return STATUS_IO;
    }
}

/* ---- TCP ---- */

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* A listening socket at one resolved address, or -1 with errno set. */
static int listen_at(const struct addrinfo *where, int backlog)
{
    int fd = socket(where->ai_family, SOCKET_FLAGS, where->ai_protocol);
    if (fd < 0) return -1;

    bool is_ready = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
                    (where->ai_family != AF_INET6 ||
                     set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
                    bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, backlog) == 0;
    if (is_ready) return fd;

    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Tries what the name resolves to, in order. */
static enum status listen_at_any(const struct addrinfo *found, int backlog, int *out_fd)
{
    int error = EADDRNOTAVAIL;
    for (const struct addrinfo *where = found; where != NULL; where = where->ai_next) {
        int fd = listen_at(where, backlog);
        if (fd >= 0) {
            *out_fd = fd;
            return STATUS_OK;
        }
        error = errno;
    }
    errno = error;
    return status_of(error);
}

enum status listener_open_tcp(struct listener *listener, const char *address, uint16_t port,
                              int backlog, struct buf *message)
{
    bool is_optional = address[0] == '-';
    const char *host = is_optional ? address + 1 : address;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    const char *node = host;
    if (strcmp(host, "*") == 0 || strcmp(host, "::*") == 0) {
        hints.ai_family = host[0] == '*' ? AF_INET : AF_INET6;
        node = NULL;
    }
    char service[PORT_TEXT_BYTES];
    snprintf(service, sizeof(service), "%u", (unsigned)port);

    struct addrinfo *found = NULL;
    int resolved = getaddrinfo(node, service, &hints, &found);
    if (resolved != 0) {
        if (is_optional) return STATUS_NOT_FOUND;
        buf_printf(message, "cannot listen on %s port %s: %s", host, service,
                   gai_strerror(resolved));
        return STATUS_NOT_FOUND;
    }
    int fd = -1;
    enum status status = listen_at_any(found, backlog, &fd);
    int error = errno;
    freeaddrinfo(found);
    if (status != STATUS_OK) {
        if (is_optional && status == STATUS_NOT_FOUND) return status;
        buf_printf(message, "cannot listen on %s port %s: %s", host, service, strerror(error));
        return status;
    }
    *listener = (struct listener){.fd = fd};
    return STATUS_OK;
}

/* ---- Unix ---- */

/* A socket file that nobody listens behind is what a killed server leaves; anything else is not
 * ours to remove. */
static enum status clear_way(const struct sockaddr_un *local)
{
    struct stat file;
    if (lstat(local->sun_path, &file) != 0) return errno == ENOENT ? STATUS_OK : status_of(errno);
    if (!S_ISSOCK(file.st_mode)) {
        errno = EEXIST;
        return STATUS_EXISTS;
    }
    int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0) return status_of(errno);
    int result = connect(fd, (const struct sockaddr *)local, sizeof(*local));
    bool is_dead = result != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!is_dead) {
        errno = EADDRINUSE;
        return STATUS_IN_USE;
    }
    return unlink(local->sun_path) == 0 ? STATUS_OK : status_of(errno);
}

/* Nobody can connect between bind and listen, so the file has its permissions before the first
 * client. */
static enum status listen_at_path(const struct sockaddr_un *local, unsigned permissions,
                                  int backlog, int *out_fd)
{
    enum status status = clear_way(local);
    if (status != STATUS_OK) return status;
    int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0) return status_of(errno);

    bool is_bound = bind(fd, (const struct sockaddr *)local, sizeof(*local)) == 0;
    if (is_bound && (permissions == 0 || chmod(local->sun_path, permissions) == 0) &&
        listen(fd, backlog) == 0) {
        *out_fd = fd;
        return STATUS_OK;
    }
    int error = errno;
    if (is_bound) unlink(local->sun_path);
    close(fd);
    errno = error;
    return status_of(error);
}

enum status listener_open_unix(struct listener *listener, const char *path, unsigned permissions,
                               int backlog, struct buf *message)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    if (path[0] == '\0' || strlen(path) >= sizeof(local.sun_path)) {
        buf_printf(message, "cannot listen on '%s': a socket's path has 1 to %zu bytes", path,
                   sizeof(local.sun_path) - 1);
        return STATUS_INVALID;
    }
    strcpy(local.sun_path, path);

    int fd = -1;
    enum status status = listen_at_path(&local, permissions, backlog, &fd);
    if (status != STATUS_OK) {
        buf_printf(message, "cannot listen on %s: %s", path, strerror(errno));
        return status;
    }
    *listener = (struct listener){.fd = fd, .is_unix = true};
    static_assert(sizeof(listener->path) >= sizeof(local.sun_path), "a path fits");
    strcpy(listener->path, path);
    return STATUS_OK;
}

void listener_close(struct listener *listener)
{
    if (listener->fd < 0) return;
    close(listener->fd);
    if (listener->is_unix) unlink(listener->path);
    listener->fd = -1;
}

/* ---- accept ---- */

/* The port stays whole; a path that is too long for the field loses its end. */
static void address_text(const struct address *address, const struct listener *listener,
                         char out[ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const char *name = host;
    unsigned port = 0;
    bool has_brackets = address->any.sa_family == AF_INET6;
    if (listener->is_unix) {
        name = listener->path;
    } else if (has_brackets) {
        inet_ntop(AF_INET6, &address->ipv6.sin6_addr, host, sizeof(host));
        port = ntohs(address->ipv6.sin6_port);
    } else if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->ipv4.sin_addr, host, sizeof(host));
        port = ntohs(address->ipv4.sin_port);
    }
    int name_size_max = ADDRESS_TEXT_BYTES - (int)sizeof("[]:65535");
    snprintf(out, ADDRESS_TEXT_BYTES, "%s%.*s%s:%u", has_brackets ? "[" : "", name_size_max, name,
             has_brackets ? "]" : "", port);
}

static bool is_loopback(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address->ipv6.sin6_addr);
}

/* Refusals are not errors: the connection works without any of these. */
static void tune_tcp(int fd, unsigned keepalive_s, const struct address *peer)
{
    (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (keepalive_s > 0) {
        int interval_s = keepalive_s >= KEEPALIVE_PROBES ? (int)(keepalive_s / KEEPALIVE_PROBES)
                                                         : 1;
        (void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        (void)set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)keepalive_s);
        (void)set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
        (void)set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    }
    /* Pacing senses a path that loopback does not have, and costs a timer for each send. */
    if (is_loopback(peer))
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof("reno") - 1);
}

static enum status accept_status(int error)
{
    switch (error) {
    case EAGAIN: return STATUS_WOULD_BLOCK;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return STATUS_NO_MEMORY;
    case EBADF:
    case EINVAL:
    case ENOTSOCK: return STATUS_IO; /* not a listening socket any more: no use to ask again */
    default:
        return STATUS_CLOSED; /* an error of the new connection's path, reported here by Linux */
    }
}

enum status listener_accept(struct listener *listener, unsigned keepalive_s, int *out_fd,
                            char address[48], char local_address[48])
{
    struct address peer = {.size = sizeof(peer.storage)};
    int fd = accept4(listener->fd, &peer.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return accept_status(errno);

    struct address own = {.size = sizeof(own.storage)};
    if (!listener->is_unix) {
        tune_tcp(fd, keepalive_s, &peer);
        (void)getsockname(fd, &own.any, &own.size);
    }
    address_text(&peer, listener, address);
    address_text(&own, listener, local_address);
    *out_fd = fd;
    return STATUS_OK;
}
