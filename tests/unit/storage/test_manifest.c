#include "storage/manifest.h"

#include "base/checksum.h"
#include "base/memory.h"
#include "os/disk.h"
#include "tests/support/check.h"
#include "tests/support/fake_disk.h"

static struct manifest make_sample(void)
{
    struct manifest manifest;
    manifest_init(&manifest);
    manifest.log_id = UINT64_C(0xfedcba9876543210);
    manifest.generation = 12;
    for (size_t i = 0; i < HASHING_SECRET_BYTES; i++) manifest.secret[i] = (uint8_t)(i * 7);
    strcpy(manifest.checkpoint, "checkpoint-0000000c.ckpt");
    manifest.checkpoint_bytes = 1234567;
    manifest.checkpoint_wall_us = -5;
    manifest.first_block = 99;
    manifest.has_log = true;
    manifest.next_table = 18;
    manifest.databases_version = 3;
    manifest.table_count = 16;
    manifest.tables = memory_zalloc(16 * sizeof(uint64_t));
    for (uint64_t i = 0; i < 16; i++) manifest.tables[i] = i * i;
    return manifest;
}

static void assert_same(const struct manifest *a, const struct manifest *b)
{
    assert_true(a->log_id == b->log_id);
    assert_int_equal(a->partition_count, b->partition_count);
    assert_int_equal(a->generation, b->generation);
    assert_memory_equal(a->secret, b->secret, HASHING_SECRET_BYTES);
    assert_string_equal(a->checkpoint, b->checkpoint);
    assert_int_equal(a->checkpoint_bytes, b->checkpoint_bytes);
    assert_int_equal(a->checkpoint_wall_us, b->checkpoint_wall_us);
    assert_int_equal(a->first_block, b->first_block);
    assert_int_equal(a->has_log, b->has_log);
    assert_int_equal(a->next_table, b->next_table);
    assert_int_equal(a->databases_version, b->databases_version);
    assert_int_equal(a->table_count, b->table_count);
    if (a->table_count > 0) {
        assert_memory_equal(a->tables, b->tables, a->table_count * sizeof(uint64_t));
    }
}

TEST(what_is_stored_is_loaded)
{
    struct disk *disk = fake_disk_create();
    struct manifest sample = make_sample();
    struct manifest loaded;
    struct buf message = {0};
    bool was_renamed;
    manifest_init(&loaded);
    assert_status(manifest_load(&loaded, disk, &message), STATUS_NOT_FOUND);
    assert_ok(manifest_store(&sample, disk, &was_renamed));
    assert_true(was_renamed);
    assert_ok(manifest_load(&loaded, disk, &message));
    assert_same(&loaded, &sample);
    sample.checkpoint[0] = '\0';
    sample.table_count = 0;
    assert_ok(manifest_store(&sample, disk, &was_renamed));
    assert_ok(manifest_load(&loaded, disk, &message));
    assert_same(&loaded, &sample);
    assert_int_equal(message.size, 0);
    manifest_deinit(&loaded);
    manifest_deinit(&sample);
    fake_disk_destroy(disk);
}

/* After a power cut at every call there is the old one or the new one, whole. */
TEST(storing_is_atomic)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        bool is_done = false;
        for (uint64_t call = 1; !is_done; call++) {
            struct disk *disk = fake_disk_create();
            struct manifest sample = make_sample();
            bool was_renamed;
            assert_ok(manifest_store(&sample, disk, &was_renamed));
            fake_disk_set_fault(
                disk, (struct fake_disk_fault){.kind = FAKE_DISK_POWER_OFF, .call = call});
            sample.generation = 13;
            is_done = manifest_store(&sample, disk, &was_renamed) == STATUS_OK;
            struct disk *after = fake_disk_crash(disk, seed);
            struct manifest loaded;
            struct buf message = {0};
            manifest_init(&loaded);
            assert_ok(manifest_load(&loaded, after, &message));
            assert_in_range(loaded.generation, is_done ? 13 : 12, 13);
            sample.generation = loaded.generation;
            assert_same(&loaded, &sample);
            manifest_deinit(&loaded);
            manifest_deinit(&sample);
            fake_disk_destroy(after);
            fake_disk_destroy(disk);
        }
    }
}

TEST(every_flipped_bit_and_every_cut_is_found)
{
    struct manifest sample = make_sample();
    struct buf text = {0};
    manifest_print(&sample, &text);
    struct manifest parsed;
    struct buf message = {0};
    manifest_init(&parsed);
    for (size_t i = 0; i < text.size * 8; i++) {
        text.data[i / 8] = (char)(text.data[i / 8] ^ (1 << i % 8));
        enum status status = manifest_parse(&parsed, buf_bytes(&text), &message);
        assert_true(status == STATUS_CORRUPT || status == STATUS_VERSION);
        text.data[i / 8] = (char)(text.data[i / 8] ^ (1 << i % 8));
    }
    for (size_t i = 0; i < text.size; i++) {
        assert_status(manifest_parse(&parsed, bytes_of(text.data, i), &message), STATUS_CORRUPT);
    }
    assert_true(message.size > 0);
    assert_int_equal(parsed.log_id, 0); /* untouched */
    assert_ok(manifest_parse(&parsed, buf_bytes(&text), &message));
    buf_deinit(&message);
    buf_deinit(&text);
    manifest_deinit(&parsed);
    manifest_deinit(&sample);
}

/* Parses `text` with a right checksum behind it. */
static enum status parse_sealed(const char *text)
{
    struct buf sealed = {0};
    struct buf message = {0};
    struct manifest manifest;
    manifest_init(&manifest);
    buf_append_text(&sealed, text);
    buf_printf(&sealed, "checksum %016llx\n",
               (unsigned long long)checksum_xxh3(text, strlen(text)));
    enum status status = manifest_parse(&manifest, buf_bytes(&sealed), &message);
    manifest_deinit(&manifest);
    buf_deinit(&message);
    buf_deinit(&sealed);
    return status;
}

TEST(a_newer_format_is_told_apart_from_damage)
{
    assert_status(parse_sealed("cairn-manifest 2\nwhatever\n"), STATUS_VERSION);
}

TEST(a_right_checksum_does_not_excuse_wrong_lines)
{
    assert_status(parse_sealed("cairn-manifest 1\n"), STATUS_CORRUPT);
    assert_status(parse_sealed(""), STATUS_CORRUPT);
    struct manifest sample = make_sample();
    struct buf text = {0};
    manifest_print(&sample, &text);
    text.size -= strlen("checksum 0123456789abcdef\n");
    assert_ok(parse_sealed(buf_text(&text)));
    size_t whole = text.size;
    buf_append_text(&text, "more 1\n");
    assert_status(parse_sealed(buf_text(&text)), STATUS_CORRUPT);
    text.size = whole - strlen("table 225\n"); /* one table too few */
    assert_status(parse_sealed(buf_text(&text)), STATUS_CORRUPT);
    buf_deinit(&text);
    manifest_deinit(&sample);
}

TEST(a_checkpoint_name_is_a_plain_file_name)
{
    static const char *const names[] = {"../../etc/passwd", "a/b", "", " ", "-x", "..", "A"};
    struct manifest sample = make_sample();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf text = {0};
        manifest_print(&sample, &text);
        text.size -= strlen("checksum 0123456789abcdef\n");
        char *at = strstr(buf_text(&text), sample.checkpoint);
        struct buf changed = {0};
        buf_append(&changed, text.data, (size_t)(at - text.data));
        buf_append_text(&changed, names[i]);
        buf_append_text(&changed, at + strlen(sample.checkpoint));
        assert_status(parse_sealed(buf_text(&changed)), STATUS_CORRUPT);
        buf_deinit(&changed);
        buf_deinit(&text);
    }
    manifest_deinit(&sample);
}

RUN_TESTS(CHECK(what_is_stored_is_loaded), CHECK(storing_is_atomic),
          CHECK(every_flipped_bit_and_every_cut_is_found),
          CHECK(a_newer_format_is_told_apart_from_damage),
          CHECK(a_right_checksum_does_not_excuse_wrong_lines),
          CHECK(a_checkpoint_name_is_a_plain_file_name))
