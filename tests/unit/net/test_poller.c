#include "net/poller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/check.h"

enum { NS_PER_MS = 1000000 };

struct fixture {
    struct poller *poller;
    int sockets[2];
};

static void fixture_init(struct fixture *fixture)
{
    assert_ok(poller_create(&fixture->poller));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fixture->sockets), 0);
}

static void fixture_deinit(struct fixture *fixture)
{
    for (unsigned i = 0; i < 2; i++) {
        if (fixture->sockets[i] >= 0) close(fixture->sockets[i]);
    }
    fixture->poller->ops->destroy(fixture->poller);
}

/* What is ready at once, of one event; 0: nothing. */
static unsigned ready_now(struct fixture *fixture)
{
    struct poller_event event;
    unsigned count = fixture->poller->ops->wait(fixture->poller, &event, 1, 0);
    if (count > 0) assert_ptr_equal(event.owner, fixture);
    return count > 0 ? event.ready : 0;
}

TEST(only_what_is_asked_for_is_reported)
{
    struct fixture fixture;
    fixture_init(&fixture);
    const struct poller_ops *ops = fixture.poller->ops;
    int fd = fixture.sockets[0];
    assert_ok(ops->add(fixture.poller, fd, POLLER_READ, &fixture));
    assert_int_equal(ready_now(&fixture), 0);
    ops->change(fixture.poller, fd, POLLER_READ | POLLER_WRITE, &fixture);
    assert_int_equal(ready_now(&fixture), POLLER_WRITE);
    assert_int_equal(send(fixture.sockets[1], "x", 1, 0), 1);
    assert_int_equal(ready_now(&fixture), POLLER_READ | POLLER_WRITE);
    assert_int_equal(ready_now(&fixture), POLLER_READ | POLLER_WRITE); /* level-triggered */
    ops->change(fixture.poller, fd, 0, &fixture);
    assert_int_equal(ready_now(&fixture), 0);
    ops->remove(fixture.poller, fd);
    fixture_deinit(&fixture);
}

TEST(a_hangup_is_reported_unasked)
{
    struct fixture fixture;
    fixture_init(&fixture);
    assert_ok(fixture.poller->ops->add(fixture.poller, fixture.sockets[0], 0, &fixture));
    assert_int_equal(ready_now(&fixture), 0);
    close(fixture.sockets[1]);
    fixture.sockets[1] = -1;
    assert_int_equal(ready_now(&fixture), POLLER_HANGUP);
    fixture_deinit(&fixture);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

TEST(waiting_ends_at_the_time_given)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct poller_event event;
    uint64_t start_ns = now_ns();
    assert_int_equal(fixture.poller->ops->wait(fixture.poller, &event, 1, 0), 0);
    assert_int_equal(fixture.poller->ops->wait(fixture.poller, &event, 1, 2 * NS_PER_MS), 0);
    assert_true(now_ns() - start_ns >= 2 * NS_PER_MS);
    fixture_deinit(&fixture);
}

TEST(a_wake_is_reported_once)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct poller *poller = fixture.poller;
    for (unsigned round = 0; round < 3; round++) {
        poller->ops->wake(poller);
        poller->ops->wake(poller);
        struct poller_event events[4];
        assert_int_equal(poller->ops->wait(poller, events, 4, UINT64_MAX), 1);
        assert_null(events[0].owner);
        assert_int_equal(poller->ops->wait(poller, events, 4, 0), 0);
    }
    fixture_deinit(&fixture);
}

/* Two threads hand over numbers; no wake-up may be lost, or the wait lasts for ever. */
enum { HANDED_OVER = 20000 };

struct exchange {
    struct poller *poller;
    _Atomic unsigned given;
};

static void *give(void *context)
{
    struct exchange *exchange = context;
    for (unsigned i = 0; i < HANDED_OVER; i++) {
        atomic_fetch_add(&exchange->given, 1);
        exchange->poller->ops->wake(exchange->poller);
    }
    return NULL;
}

TEST(no_wake_is_lost_between_threads)
{
    struct exchange exchange = {0};
    assert_ok(poller_create(&exchange.poller));
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, give, &exchange), 0);
    while (atomic_load(&exchange.given) < 2 * HANDED_OVER) {
        struct poller_event event;
        assert_int_equal(exchange.poller->ops->wait(exchange.poller, &event, 1, UINT64_MAX), 1);
    }
    for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    exchange.poller->ops->destroy(exchange.poller);
}

RUN_TESTS(CHECK(only_what_is_asked_for_is_reported), CHECK(a_hangup_is_reported_unasked),
          CHECK(waiting_ends_at_the_time_given), CHECK(a_wake_is_reported_once),
          CHECK(no_wake_is_lost_between_threads))
