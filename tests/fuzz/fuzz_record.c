/* Records from any bytes: decoding stays inside them, and what was decoded prints as the same
 * record again. */
#include "base/assert.h"
#include "base/memory.h"
#include "storage/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_printed_again(const struct record *record)
{
    size_t room = RECORD_HEADER_BYTES_MAX + record->key.size + record->arguments.size;
    char *out = memory_alloc(room);
    char *flags;
    char *next = record_begin(out, record->op, record->flags, record->sequence, record->table,
                              record->key, record->arguments.size, &flags);
    if (record->arguments.size > 0) memcpy(next, record->arguments.data, record->arguments.size);
    next += record->arguments.size;
    ASSERT((size_t)(next - out) <= room);

    struct bytes input = {out, (size_t)(next - out)};
    struct record again;
    enum status status = record_next(&input, &again);
    ASSERT(status == STATUS_OK);
    ASSERT(input.size == 0);
    ASSERT(again.op == record->op);
    ASSERT(again.flags == record->flags);
    ASSERT(again.sequence == record->sequence);
    ASSERT(again.table == record->table);
    ASSERT(bytes_equal(again.key, record->key));
    ASSERT(bytes_equal(again.arguments, record->arguments));
    memory_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {(const char *)data, size};
    struct record record;
    enum status status;
    while ((status = record_next(&input, &record)) == STATUS_OK) check_printed_again(&record);
    ASSERT(status == STATUS_NOT_FOUND || status == STATUS_CORRUPT);
    ASSERT((status == STATUS_NOT_FOUND) == (input.size == 0));
    return 0;
}
