#include "storage/manifest.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "base/memory.h"
#include "base/number.h"
#include "os/disk.h"

#define MANIFEST_NAME "MANIFEST"
#define NO_CHECKPOINT "-"

enum {
    HEX_U64_DIGITS = 16,
    CHECKSUM_LINE_BYTES = sizeof("checksum ") - 1 + HEX_U64_DIGITS + 1,
};

void manifest_init(struct manifest *manifest)
{
    *manifest = (struct manifest){.partition_count = HASHING_PARTITION_COUNT};
}

void manifest_deinit(struct manifest *manifest)
{
    memory_free(manifest->tables);
    manifest_init(manifest);
}

/* The name goes into one word of a line and into a path: a plain file name and nothing else. */
static bool is_checkpoint_name(struct bytes name)
{
    if (name.size == 0 || name.size > MANIFEST_CHECKPOINT_NAME_MAX) return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                        (i > 0 && (c == '-' || c == '.'));
        if (!is_plain) return false;
    }
    return true;
}

void manifest_print(const struct manifest *manifest, struct buf *out)
{
    size_t start = out->size;
    ASSERT(manifest->table_count <= MANIFEST_TABLES_MAX);
    bool has_checkpoint = manifest->checkpoint[0] != '\0';
    ASSERT(!has_checkpoint || is_checkpoint_name(bytes_of_text(manifest->checkpoint)));

    buf_printf(out, "cairn-manifest %d\n", MANIFEST_FORMAT);
    buf_printf(out, "log_id %016llx\n", (unsigned long long)manifest->log_id);
    buf_printf(out, "partitions %u\n", manifest->partition_count);
    buf_printf(out, "generation %llu\n", (unsigned long long)manifest->generation);
    buf_append_text(out, "secret ");
    for (size_t i = 0; i < HASHING_SECRET_BYTES; i++) buf_printf(out, "%02x", manifest->secret[i]);
    buf_printf(out, "\ncheckpoint %s\n", has_checkpoint ? manifest->checkpoint : NO_CHECKPOINT);
    buf_printf(out, "checkpoint_bytes %llu\n", (unsigned long long)manifest->checkpoint_bytes);
    buf_printf(out, "checkpoint_wall_us %lld\n", (long long)manifest->checkpoint_wall_us);
    buf_printf(out, "first_block %llu\n", (unsigned long long)manifest->first_block);
    buf_printf(out, "has_log %u\n", manifest->has_log ? 1u : 0u);
    buf_printf(out, "next_table %llu\n", (unsigned long long)manifest->next_table);
    buf_printf(out, "databases_version %llu\n", (unsigned long long)manifest->databases_version);
    buf_printf(out, "tables %u\n", manifest->table_count);
    for (uint32_t i = 0; i < manifest->table_count; i++) {
        buf_printf(out, "table %llu\n", (unsigned long long)manifest->tables[i]);
    }
    uint64_t checksum = checksum_xxh3(out->data + start, out->size - start);
    buf_printf(out, "checksum %016llx\n", (unsigned long long)checksum);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/* Exactly `size` bytes as lower-case hex. */
static bool parse_hex(struct bytes text, uint8_t *out, size_t size)
{
    if (text.size != 2 * size) return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool parse_hex_u64(struct bytes text, uint64_t *out)
{
    uint8_t digits[8];
    if (!parse_hex(text, digits, sizeof(digits))) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(digits); i++) value = value << 8 | digits[i];
    *out = value;
    return true;
}

/* Takes the line "name value" off the front. */
static bool take_line(struct bytes *text, const char *name, struct bytes *out_value)
{
    const char *end = memchr(text->data, '\n', text->size);
    size_t name_size = strlen(name);
    if (end == NULL) return false;
    size_t line_size = (size_t)(end - text->data);
    if (line_size <= name_size || memcmp(text->data, name, name_size) != 0 ||
        text->data[name_size] != ' ') {
        return false;
    }
    *out_value = (struct bytes){text->data + name_size + 1, line_size - name_size - 1};
    *text = bytes_part(*text, line_size + 1, text->size);
    return true;
}

static bool take_u64_line(struct bytes *text, const char *name, uint64_t *out)
{
    struct bytes value;
    return take_line(text, name, &value) && number_parse_u64(value, out);
}

static bool take_u32_line(struct bytes *text, const char *name, uint32_t max, uint32_t *out)
{
    uint64_t value;
    if (!take_u64_line(text, name, &value) || value > max) return false;
    *out = (uint32_t)value;
    return true;
}

static bool take_checkpoint(struct bytes *text, struct manifest *manifest)
{
    struct bytes value;
    if (!take_line(text, "checkpoint", &value)) return false;
    if (bytes_equal(value, BYTES_LITERAL(NO_CHECKPOINT))) return true;
    if (!is_checkpoint_name(value)) return false;
    memcpy(manifest->checkpoint, value.data, value.size);
    return true;
}

static bool take_tables(struct bytes *text, struct manifest *manifest)
{
    uint32_t count;
    if (!take_u32_line(text, "tables", MANIFEST_TABLES_MAX, &count)) return false;
    if (count == 0) return true;
    manifest->tables = memory_zalloc(memory_size_mul(count, sizeof(uint64_t)));
    manifest->table_count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!take_u64_line(text, "table", &manifest->tables[i])) return false;
    }
    return true;
}

/* Every line, once, in the order in which they are printed; nothing else. */
static bool take_fields(struct bytes text, struct manifest *manifest)
{
    struct bytes value;
    if (!take_line(&text, "log_id", &value) || !parse_hex_u64(value, &manifest->log_id))
        return false;
    if (!take_u32_line(&text, "partitions", UINT32_MAX, &manifest->partition_count)) return false;
    if (!take_u64_line(&text, "generation", &manifest->generation)) return false;
    if (!take_line(&text, "secret", &value) ||
        !parse_hex(value, manifest->secret, HASHING_SECRET_BYTES))
        return false;
    if (!take_checkpoint(&text, manifest)) return false;
    if (!take_u64_line(&text, "checkpoint_bytes", &manifest->checkpoint_bytes)) return false;
    if (!take_line(&text, "checkpoint_wall_us", &value)) return false;
    if (!number_parse_i64(value, &manifest->checkpoint_wall_us)) return false;
    if (!take_u64_line(&text, "first_block", &manifest->first_block)) return false;
    uint32_t has_log;
    if (!take_u32_line(&text, "has_log", 1, &has_log)) return false;
    manifest->has_log = has_log == 1;
    if (!take_u64_line(&text, "next_table", &manifest->next_table)) return false;
    if (!take_u64_line(&text, "databases_version", &manifest->databases_version)) return false;
    return take_tables(&text, manifest) && text.size == 0;
}

/* The checksum line is the last one and covers everything before it. */
static bool has_good_checksum(struct bytes text)
{
    if (text.size < CHECKSUM_LINE_BYTES) return false;
    struct bytes covered = {text.data, text.size - CHECKSUM_LINE_BYTES};
    struct bytes line = {text.data + covered.size, CHECKSUM_LINE_BYTES};
    struct bytes value;
    uint64_t checksum;
    if (!take_line(&line, "checksum", &value) || !parse_hex_u64(value, &checksum)) return false;
    return checksum == checksum_xxh3(covered.data, covered.size);
}

enum status manifest_parse(struct manifest *manifest, struct bytes text, struct buf *message)
{
    struct bytes rest = text;
    uint64_t format;
    if (take_u64_line(&rest, "cairn-manifest", &format) && format > MANIFEST_FORMAT) {
        buf_printf(message,
                   "%s has format %llu; this program knows formats up to %d. Use a newer one.",
                   MANIFEST_NAME, (unsigned long long)format, MANIFEST_FORMAT);
        return STATUS_VERSION;
    }
    if (!has_good_checksum(text)) {
        buf_printf(
            message,
            "%s is damaged (%zu bytes, its checksum does not match). Restore it from a backup.",
            MANIFEST_NAME, text.size);
        return STATUS_CORRUPT;
    }

    struct manifest parsed;
    manifest_init(&parsed);
    rest.size -= CHECKSUM_LINE_BYTES;
    if (rest.size > text.size || !take_fields(rest, &parsed)) {
        buf_printf(message, "%s has a good checksum but does not follow format %d.", MANIFEST_NAME,
                   MANIFEST_FORMAT);
        manifest_deinit(&parsed);
        return STATUS_CORRUPT;
    }
    if (parsed.partition_count != HASHING_PARTITION_COUNT) {
        buf_printf(message, "%s was written with %u partitions; this program has %d.",
                   MANIFEST_NAME, parsed.partition_count, HASHING_PARTITION_COUNT);
        manifest_deinit(&parsed);
        return STATUS_VERSION;
    }
    manifest_deinit(manifest);
    *manifest = parsed;
    return STATUS_OK;
}

enum status manifest_load(struct manifest *manifest, struct disk *disk, struct buf *message)
{
    struct buf text = {0};
    enum status status = disk_read_all(disk, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text);
    if (status == STATUS_NOT_FOUND) goto done;
    if (status != STATUS_OK) {
        buf_printf(message, "%s cannot be read: %s.", MANIFEST_NAME, status_text(status));
        if (status == STATUS_TOO_BIG) status = STATUS_CORRUPT;
        goto done;
    }
    status = manifest_parse(manifest, buf_bytes(&text), message);
done:
    buf_deinit(&text);
    return status;
}

enum status manifest_store(const struct manifest *manifest, struct disk *disk, bool *out_renamed)
{
    struct buf text = {0};
    manifest_print(manifest, &text);
    ASSERT(text.size <= MANIFEST_BYTES_MAX);
    enum status status = disk_replace_file(disk, MANIFEST_NAME, buf_bytes(&text), out_renamed);
    buf_deinit(&text);
    return status;
}
