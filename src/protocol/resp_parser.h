/* Requests of the Redis wire: arrays of bulk strings ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n") and inline
 * lines ("GET k\r\n"). Incremental: a half request is remembered by its offsets and continued when
 * more bytes come, never parsed again, so the cost is linear in the bytes however they are cut.
 * Pure; bytes are hostile. One parser a connection. */
#ifndef PROTOCOL_RESP_PARSER_H
#define PROTOCOL_RESP_PARSER_H

#include "base/arena.h"
#include "base/bytes.h"

enum {
    RESP_INLINE_BYTES_MAX = 64 * 1024,
    RESP_ARGUMENTS_MAX = INT32_MAX,
    RESP_ARGUMENTS_MAX_UNAUTHENTICATED = 10,
    RESP_BULK_BYTES_MAX_UNAUTHENTICATED = 16 * 1024,
};

enum resp_result {
    RESP_REQUEST, /* one whole request; argument_count may be 0 ("*0", an empty line): nothing to run */
    RESP_MORE, /* not all of it is here yet; all of `consumed` (0) must stay in front of the next input */
    RESP_ERROR, /* the error text is to be sent and the connection closed */
};

struct resp_limits {
    uint64_t bulk_bytes_max; /* proto-max-bulk-len */
    uint32_t argument_count_max;
    bool
        is_authenticated; /* false: the two limits above for clients that have yet to say AUTH, with their own texts */
};

struct resp_partial;

struct resp_parser {
    struct resp_partial *partial; /* a request under way; NULL between requests */
};

struct resp_request {
    struct bytes *
        arguments; /* into the input, or the arena (inline); borrowed until the input is consumed */
    uint32_t argument_count;
    size_t consumed; /* bytes of input that are done with */
    size_t wanted; /* RESP_MORE: how many more bytes the running bulk needs at least (0: unknown) */
    const char *error; /* RESP_ERROR: "ERR Protocol error: ..." without '-' */
};

void resp_parser_init(struct resp_parser *parser);
void resp_parser_deinit(struct resp_parser *parser);

/* `input` begins with the first byte of the request, each time. Arguments go to `room` when they
 * fit into `room_count`, else to the arena. */
enum resp_result resp_parse(struct resp_parser *parser, struct bytes input,
                            const struct resp_limits *limits, struct bytes *room,
                            uint32_t room_count, struct arena *arena, struct resp_request *out);

#endif
