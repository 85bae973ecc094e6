/* RESTORE's decoder: whatever the body, it ends, stays in its bytes, and what it accepts dumps and
 * reads back the same. */
#include "base/assert.h"
#include "base/checksum.h"
#include "value/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct bytes text)
{
    struct buf payload = {0};
    struct buf storage = {0};
    struct bytes again;
    dump_encode_string(text, &payload);
    ASSERT(dump_verify(buf_bytes(&payload)));
    ASSERT(dump_decode_string(buf_bytes(&payload), &storage, &again) == STATUS_OK);
    ASSERT(bytes_equal(text, again));
    buf_deinit(&payload);
    buf_deinit(&storage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)dump_verify(bytes_of(data, size));

    struct buf payload = {0};
    struct buf storage = {0};
    uint16_t version = DUMP_RDB_VERSION;
    buf_append(&payload, data, size);
    buf_append(&payload, &version, sizeof version);
    uint64_t crc = checksum_crc64(0, payload.data, payload.size);
    buf_append(&payload, &crc, sizeof crc);
    ASSERT(dump_verify(buf_bytes(&payload)));

    struct bytes text;
    if (dump_decode_string(buf_bytes(&payload), &storage, &text) == STATUS_OK)
        check_round_trip(text);
    buf_deinit(&payload);
    buf_deinit(&storage);
    return 0;
}
