#include "net/poller.h"

#include <stddef.h>

/* In order of preference. */
static const struct poller_ops *const rows[] = {&poller_epoll};

enum status poller_create(struct poller **out)
{
    enum status status = STATUS_NOT_FOUND;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        status = rows[i]->create(out);
        if (status == STATUS_OK) break;
    }
    return status;
}
