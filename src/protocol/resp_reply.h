/* Replies on the Redis wire: RESP2 and RESP3 rows of struct reply_ops. Pure. */
#ifndef PROTOCOL_RESP_REPLY_H
#define PROTOCOL_RESP_REPLY_H

#include "command/reply.h"

extern const struct reply_ops resp2_reply_ops;
extern const struct reply_ops resp3_reply_ops;

/* The row for a protocol number: 2 or 3. */
const struct reply_ops *resp_reply_ops(unsigned protocol);

#endif
