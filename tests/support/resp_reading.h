/* Reads a stream of requests as a connection would, in pieces, and writes down what it says:
 * "[GET][k];" for a request, "!text" for an error, after which nothing is read. However the stream
 * is cut, the text must be the same. */
#ifndef TESTS_SUPPORT_RESP_READING_H
#define TESTS_SUPPORT_RESP_READING_H

#include "base/arena.h"
#include "base/buf.h"
#include "protocol/resp_parser.h"

struct resp_reading {
    struct resp_parser parser;
    struct arena arena;
    struct buf text;
    size_t begin; /* of the request under way */
    bool has_failed;
    size_t arena_bytes_max; /* the most that one parse took from the arena */
};

void resp_reading_init(struct resp_reading *reading);
void resp_reading_deinit(struct resp_reading *reading);
/* Parses stream[0..size): bytes before the request under way were seen earlier. Each parse gets a
 * copy of exact size, so that a read past the end is noticed and no pointer into an earlier input
 * can be used. */
void resp_reading_continue(struct resp_reading *reading, struct bytes stream, size_t size,
                           const struct resp_limits *limits);

#endif
