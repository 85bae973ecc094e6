/* A wire: how bytes become requests and replies become bytes. Each is one row; adding a wire is a
 * file with a parser and a reply table, and one line in protocols.c. */
#ifndef PROTOCOL_PROTOCOL_H
#define PROTOCOL_PROTOCOL_H

#include "command/reply.h"
#include "protocol/resp_parser.h"

struct protocol {
    const char *name; /* as in "listen NAME:ADDRESS:PORT" */
    enum resp_result (*parse)(struct resp_parser *parser, struct bytes input,
                              const struct resp_limits *limits, struct bytes *room,
                              uint32_t room_count, struct arena *arena, struct resp_request *out);
    const struct reply_ops *reply_ops; /* of a new connection */
};

/* NULL when there is no such wire. */
const struct protocol *protocol_find(struct bytes name);
/* The rows in order; NULL past the last. */
const struct protocol *protocol_at(size_t index);

#endif
