#include "tests/support/resp_reading.h"

#include "base/assert.h"
#include "base/memory.h"

enum { ROOM = 4, ARENA_BLOCK_BYTES = 4096 };

void resp_reading_init(struct resp_reading *reading)
{
    *reading = (struct resp_reading){0};
    resp_parser_init(&reading->parser);
    arena_init(&reading->arena, ARENA_BLOCK_BYTES);
}

void resp_reading_deinit(struct resp_reading *reading)
{
    resp_parser_deinit(&reading->parser);
    arena_deinit(&reading->arena);
    buf_deinit(&reading->text);
}

static void note(struct resp_reading *reading, enum resp_result result,
                 const struct resp_request *request)
{
    struct buf *text = &reading->text;
    if (result == RESP_ERROR) {
        buf_append_byte(text, '!');
        buf_append_text(text, request->error);
        reading->has_failed = true;
    }
    if (result != RESP_REQUEST) return;
    for (uint32_t i = 0; i < request->argument_count; i++) {
        buf_append_byte(text, '[');
        buf_append_bytes(text, request->arguments[i]);
        buf_append_byte(text, ']');
    }
    if (request->argument_count > 0) buf_append_byte(text, ';');
}

void resp_reading_continue(struct resp_reading *reading, struct bytes stream, size_t size,
                           const struct resp_limits *limits)
{
    enum resp_result result = RESP_REQUEST;
    while (result == RESP_REQUEST && !reading->has_failed && reading->begin < size) {
        size_t left = size - reading->begin;
        char *copy = memory_alloc(left);
        memcpy(copy, stream.data + reading->begin, left);
        struct bytes room[ROOM];
        struct resp_request request;
        result = resp_parse(&reading->parser, bytes_of(copy, left), limits, room, ROOM,
                            &reading->arena, &request);
        ASSERT(request.consumed <= left);
        ASSERT((request.consumed > 0) == (result == RESP_REQUEST));
        reading->begin += request.consumed;
        note(reading, result, &request);
        memory_free(copy);
        size_t arena_size = arena_bytes(&reading->arena);
        if (arena_size > reading->arena_bytes_max) reading->arena_bytes_max = arena_size;
        arena_reset(&reading->arena);
    }
}
