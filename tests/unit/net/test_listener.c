#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/check.h"

enum { BACKLOG = 16 };

static uint16_t port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static struct listener open_loopback(void)
{
    struct listener listener;
    struct buf message = {0};
    assert_ok(listener_open_tcp(&listener, "127.0.0.1", 0, BACKLOG, &message));
    assert_int_equal(message.size, 0);
    return listener;
}

static int dial(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

TEST(a_tcp_client_is_accepted_and_tuned)
{
    struct listener listener = open_loopback();
    uint16_t port = port_of(listener.fd);
    char address[48];
    char local_address[48];
    int fd = -1;
    assert_status(listener_accept(&listener, 300, &fd, address, local_address), STATUS_WOULD_BLOCK);

    int client = dial(port);
    assert_ok(listener_accept(&listener, 300, &fd, address, local_address));
    char expected[48];
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)port_of(client));
    assert_string_equal(address, expected);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)port);
    assert_string_equal(local_address, expected);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 300);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 100);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    close(client);
    listener_close(&listener);
}

TEST(keepalive_is_off_when_not_wanted)
{
    struct listener listener = open_loopback();
    int client = dial(port_of(listener.fd));
    char address[48];
    char local_address[48];
    int fd;
    assert_ok(listener_accept(&listener, 0, &fd, address, local_address));
    assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    close(fd);
    close(client);
    listener_close(&listener);
}

static void check_refused(const char *address, uint16_t port, enum status expected,
                          const char *part)
{
    struct listener listener;
    struct buf message = {0};
    assert_status(listener_open_tcp(&listener, address, port, BACKLOG, &message), expected);
    if (part == NULL) {
        assert_int_equal(message.size, 0);
    } else {
        assert_non_null(strstr(buf_text(&message), part));
    }
    buf_deinit(&message);
}

TEST(a_port_in_use_is_said_so)
{
    struct listener listener = open_loopback();
    check_refused("127.0.0.1", port_of(listener.fd), STATUS_IN_USE, "127.0.0.1");
    check_refused("-127.0.0.1", port_of(listener.fd), STATUS_IN_USE, "127.0.0.1");
    listener_close(&listener);
}

TEST(an_address_that_is_not_ours_is_not_found)
{
    check_refused("192.0.2.1", 0, STATUS_NOT_FOUND, "192.0.2.1");
    check_refused("-192.0.2.1", 0, STATUS_NOT_FOUND, NULL);
    check_refused("no such host", 0, STATUS_NOT_FOUND, "no such host");
}

TEST(a_star_is_every_ipv4_address)
{
    struct listener listener;
    struct buf message = {0};
    assert_ok(listener_open_tcp(&listener, "*", 0, BACKLOG, &message));
    int client = dial(port_of(listener.fd));
    char address[48];
    char local_address[48];
    int fd;
    assert_ok(listener_accept(&listener, 0, &fd, address, local_address));
    close(fd);
    close(client);
    listener_close(&listener);
}

TEST(ipv6_addresses_stand_in_brackets)
{
    struct listener listener;
    struct buf message = {0};
    if (listener_open_tcp(&listener, "-::1", 0, BACKLOG, &message) != STATUS_OK)
        return; /* none on this machine */
    struct sockaddr_in6 where;
    socklen_t size = sizeof(where);
    assert_int_equal(getsockname(listener.fd, (struct sockaddr *)&where, &size), 0);
    int client = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&where, size), 0);
    char address[48];
    char local_address[48];
    int fd;
    assert_ok(listener_accept(&listener, 0, &fd, address, local_address));
    char expected[48];
    snprintf(expected, sizeof(expected), "[::1]:%u", (unsigned)ntohs(where.sin6_port));
    assert_string_equal(local_address, expected);
    close(fd);
    close(client);
    listener_close(&listener);
}

/* A folder of its own, so that names are free. */
static void make_path(char path[64])
{
    strcpy(path, "/tmp/test_listener_XXXXXX");
    assert_non_null(mkdtemp(path));
    strcat(path, "/socket");
}

static void remove_path(char path[64])
{
    (void)unlink(path);
    path[strlen(path) - strlen("/socket")] = '\0';
    assert_int_equal(rmdir(path), 0);
}

static enum status open_path(struct listener *listener, const char *path, unsigned permissions)
{
    struct buf message = {0};
    enum status status = listener_open_unix(listener, path, permissions, BACKLOG, &message);
    assert_int_equal(status != STATUS_OK, message.size > 0);
    buf_deinit(&message);
    return status;
}

TEST(a_unix_client_is_accepted)
{
    char path[64];
    make_path(path);
    struct listener listener;
    assert_ok(open_path(&listener, path, 0700));
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0700);

    struct sockaddr_un where = {.sun_family = AF_UNIX};
    strcpy(where.sun_path, path);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&where, sizeof(where)), 0);
    char address[48];
    char local_address[48];
    char expected[80];
    int fd;
    assert_ok(listener_accept(&listener, 300, &fd, address, local_address));
    snprintf(expected, sizeof(expected), "%s:0", path);
    assert_string_equal(address, expected);
    assert_string_equal(local_address, expected);
    close(fd);
    close(client);
    listener_close(&listener);
    assert_int_equal(access(path, F_OK), -1);
    remove_path(path);
}

TEST(a_dead_socket_file_is_replaced_a_live_one_is_not)
{
    char path[64];
    make_path(path);
    struct listener first;
    struct listener second;
    assert_ok(open_path(&first, path, 0));
    assert_status(open_path(&second, path, 0), STATUS_IN_USE);
    close(first.fd); /* as a kill leaves it: the file stays */
    assert_ok(open_path(&second, path, 0));
    listener_close(&second);
    remove_path(path);
}

TEST(a_file_that_is_no_socket_is_left_alone)
{
    char path[64];
    make_path(path);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    struct listener listener;
    assert_status(open_path(&listener, path, 0), STATUS_EXISTS);
    assert_int_equal(access(path, F_OK), 0);
    assert_status(open_path(&listener, "", 0), STATUS_INVALID);
    char longest[300];
    memset(longest, 'x', sizeof(longest));
    longest[299] = '\0';
    assert_status(open_path(&listener, longest, 0), STATUS_INVALID);
    remove_path(path);
}

TEST(running_out_of_descriptors_is_told_apart)
{
    struct listener listener = open_loopback();
    int client = dial(port_of(listener.fd));
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int lowest_free = dup(client);
    close(lowest_free);
    struct rlimit low = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    char address[48];
    char local_address[48];
    int fd;
    enum status status = listener_accept(&listener, 0, &fd, address, local_address);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_status(status, STATUS_NO_MEMORY);
    assert_ok(listener_accept(&listener, 0, &fd, address, local_address));
    close(fd);
    close(client);
    listener_close(&listener);
}

RUN_TESTS(CHECK(a_tcp_client_is_accepted_and_tuned), CHECK(keepalive_is_off_when_not_wanted),
          CHECK(a_port_in_use_is_said_so), CHECK(an_address_that_is_not_ours_is_not_found),
          CHECK(a_star_is_every_ipv4_address), CHECK(ipv6_addresses_stand_in_brackets),
          CHECK(a_unix_client_is_accepted), CHECK(a_dead_socket_file_is_replaced_a_live_one_is_not),
          CHECK(a_file_that_is_no_socket_is_left_alone),
          CHECK(running_out_of_descriptors_is_told_apart))
