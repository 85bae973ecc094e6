/* Manifests from any text, and from any text with a right checksum behind it: what parses prints as
 * the same text. */
#include "base/assert.h"
#include "base/checksum.h"
#include "storage/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(struct bytes text)
{
    struct manifest manifest;
    struct buf message = {0};
    manifest_init(&manifest);
    enum status status = manifest_parse(&manifest, text, &message);
    ASSERT((status == STATUS_OK) == (message.size == 0));
    if (status == STATUS_OK) {
        struct buf again = {0};
        manifest_print(&manifest, &again);
        ASSERT(bytes_equal(buf_bytes(&again), text));
        buf_deinit(&again);
    }
    manifest_deinit(&manifest);
    buf_deinit(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(bytes_of(data, size));
    struct buf sealed = {0};
    buf_append(&sealed, data, size);
    buf_printf(&sealed, "checksum %016llx\n", (unsigned long long)checksum_xxh3(data, size));
    parse(buf_bytes(&sealed));
    buf_deinit(&sealed);
    return 0;
}
