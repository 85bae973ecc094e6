#include <stddef.h>

#include "protocol/protocol.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_reply.h"

static const struct protocol protocols[] = {
    {"resp", resp_parse, &resp2_reply_ops},
};

enum { PROTOCOL_COUNT = sizeof(protocols) / sizeof(protocols[0]) };

const struct protocol *protocol_at(size_t index)
{
    return index < PROTOCOL_COUNT ? &protocols[index] : NULL;
}

const struct protocol *protocol_find(struct bytes name)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        if (bytes_equal(name, bytes_of_text(protocols[i].name))) return &protocols[i];
    }
    return NULL;
}
