/* One inline request: however it is cut, it says the same; its words hold no more bytes than the
 * line. */
#include "base/assert.h"
#include "tests/support/resp_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 8, ARENA_BLOCK_BYTES = 4096 };

static const struct resp_limits limits = {.bulk_bytes_max = 512ull << 20,
                                          .argument_count_max = RESP_ARGUMENTS_MAX,
                                          .is_authenticated = true};

static void check_words(struct bytes line)
{
    struct resp_parser parser;
    struct arena arena;
    resp_parser_init(&parser);
    arena_init(&arena, ARENA_BLOCK_BYTES);
    struct bytes room[ROOM];
    struct resp_request request;
    if (resp_parse(&parser, line, &limits, room, ROOM, &arena, &request) == RESP_REQUEST) {
        ASSERT(request.consumed == line.size);
        size_t total = 0;
        for (uint32_t i = 0; i < request.argument_count; i++) total += request.arguments[i].size;
        ASSERT(total <= line.size);
        ASSERT(request.argument_count <= line.size / 2 + 1);
    }
    resp_parser_deinit(&parser);
    arena_deinit(&arena);
}

static void check_cut(struct bytes line, size_t cut, const struct resp_reading *whole)
{
    struct resp_reading reading;
    resp_reading_init(&reading);
    resp_reading_continue(&reading, line, cut, &limits);
    resp_reading_continue(&reading, line, line.size, &limits);
    ASSERT(bytes_equal(buf_bytes(&reading.text), buf_bytes(&whole->text)));
    resp_reading_deinit(&reading);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || data[0] == '*' || memchr(data, '\n', size) != NULL) return 0;
    struct buf line = {0};
    buf_append(&line, data, size);
    buf_append_byte(&line, '\n');

    check_words(buf_bytes(&line));
    struct resp_reading whole;
    resp_reading_init(&whole);
    resp_reading_continue(&whole, buf_bytes(&line), line.size, &limits);
    for (size_t cut = 1; cut < line.size && cut < 300; cut++)
        check_cut(buf_bytes(&line), cut, &whole);
    resp_reading_deinit(&whole);
    buf_deinit(&line);
    return 0;
}
