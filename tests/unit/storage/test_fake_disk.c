/* The disk that the other tests trust: it loses what it says it loses, and nothing else. */
#include "tests/support/fake_disk.h"

#include "base/memory.h"
#include "tests/support/check.h"

enum { FILE_BYTES = 16 * FAKE_DISK_SECTOR_BYTES };

static struct disk_file *open_file(struct disk *disk, const char *name)
{
    struct disk_file *file;
    assert_ok(disk_open(disk, name, DISK_OPEN_WRITE | DISK_OPEN_CREATE, &file));
    return file;
}

/* A file of 'a', all durable. */
static struct disk *create_sample(void)
{
    static char data[FILE_BYTES];
    memset(data, 'a', sizeof(data));
    struct disk *disk = fake_disk_create();
    struct disk_file *file = open_file(disk, "f");
    assert_ok(disk_write_at(file, data, sizeof(data), 0, 0));
    assert_ok(disk_sync(file));
    assert_ok(disk->ops->sync_directory(disk, ""));
    disk_close(file);
    return disk;
}

static void overwrite(struct disk *disk, unsigned flags, enum status expected)
{
    static char data[FILE_BYTES];
    memset(data, 'b', sizeof(data));
    struct disk_file *file = open_file(disk, "f");
    assert_status(disk_write_at(file, data, sizeof(data), 0, flags), expected);
    disk_close(file);
}

/* How many sectors hold `byte`, after checking that each is of one piece. */
static size_t count_sectors(struct disk *disk, char byte)
{
    struct bytes content = fake_disk_content(disk, "f");
    size_t count = 0;
    for (size_t i = 0; i < content.size; i += FAKE_DISK_SECTOR_BYTES) {
        for (size_t k = 1; k < FAKE_DISK_SECTOR_BYTES; k++) {
            assert_int_equal(content.data[i + k], content.data[i]);
        }
        count += content.data[i] == byte;
    }
    return count;
}

TEST(unsynced_sectors_are_lost_or_kept_each_on_its_own)
{
    size_t seen[17] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct disk *disk = create_sample();
        overwrite(disk, 0, STATUS_OK);
        assert_int_equal(count_sectors(disk, 'b'), 16);
        struct disk *after = fake_disk_crash(disk, seed);
        size_t kept = count_sectors(after, 'b');
        assert_int_equal(kept + count_sectors(after, 'a'), 16);
        seen[kept]++;
        fake_disk_destroy(after);
        fake_disk_destroy(disk);
    }
    assert_true(seen[0] > 0);
    assert_true(seen[16] > 0);
    assert_true(seen[7] + seen[8] + seen[9] > 0);
}

TEST(synced_writes_stay)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct disk *disk = create_sample();
        overwrite(disk, DISK_WRITE_SYNC, STATUS_OK);
        struct disk *after = fake_disk_crash(disk, seed);
        assert_int_equal(count_sectors(after, 'b'), 16);
        fake_disk_destroy(after);
        fake_disk_destroy(disk);
    }
}

TEST(a_write_during_which_power_goes_is_torn)
{
    bool was_torn = false;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct disk *disk = create_sample();
        fake_disk_set_fault(disk, (struct fake_disk_fault){.kind = FAKE_DISK_POWER_OFF,
                                                           .call = 1,
                                                           .counts_changes = true});
        struct disk_file *file;
        assert_ok(disk_open(disk, "f", DISK_OPEN_WRITE, &file));
        static char data[FILE_BYTES];
        memset(data, 'b', sizeof(data));
        assert_status(disk_write_at(file, data, sizeof(data), 0, DISK_WRITE_SYNC), STATUS_IO);
        assert_status(disk_sync(file), STATUS_IO);
        disk_close(file);
        struct disk *after = fake_disk_crash(disk, seed);
        size_t kept = count_sectors(after, 'b');
        was_torn = was_torn || (kept > 0 && kept < 16);
        fake_disk_destroy(after);
        fake_disk_destroy(disk);
    }
    assert_true(was_torn);
}

TEST(names_last_only_after_a_sync_of_the_directory)
{
    size_t new_count = 0;
    size_t old_count = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct disk *disk = create_sample();
        assert_ok(disk->ops->rename(disk, "f", "g"));
        struct disk *after = fake_disk_crash(disk, seed);
        bool is_new = fake_disk_content(after, "g").data != NULL;
        bool is_old = fake_disk_content(after, "f").data != NULL;
        assert_true(is_new != is_old); /* a rename is one change */
        new_count += is_new;
        old_count += is_old;
        fake_disk_destroy(after);
        assert_ok(disk->ops->sync_directory(disk, ""));
        after = fake_disk_crash(disk, seed);
        assert_non_null(fake_disk_content(after, "g").data);
        assert_null(fake_disk_content(after, "f").data);
        fake_disk_destroy(after);
        fake_disk_destroy(disk);
    }
    assert_true(new_count > 0);
    assert_true(old_count > 0);
}

TEST(a_failed_sync_loses_its_data_and_the_next_one_succeeds)
{
    struct disk *disk = create_sample();
    fake_disk_set_fault(disk, (struct fake_disk_fault){.kind = FAKE_DISK_SYNC_LOSES, .call = 1});
    overwrite(disk, 0, STATUS_OK);
    struct disk_file *file = open_file(disk, "f");
    assert_status(disk_sync(file), STATUS_IO);
    assert_ok(disk_sync(file));
    disk_close(file);
    assert_int_equal(count_sectors(disk, 'b'), 16);
    struct disk *after = fake_disk_crash(disk, 1);
    assert_int_equal(count_sectors(after, 'a'), 16);
    fake_disk_destroy(after);
    fake_disk_destroy(disk);
}

TEST(a_file_that_grew_may_have_its_length_without_its_data)
{
    bool was_zero = false;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct disk *disk = create_sample();
        struct disk_file *file = open_file(disk, "f");
        assert_ok(disk_write_at(file, "tail", 4, FILE_BYTES, 0));
        disk_close(file);
        struct disk *after = fake_disk_crash(disk, seed);
        struct bytes content = fake_disk_content(after, "f");
        assert_in_range(content.size, FILE_BYTES, FILE_BYTES + 4);
        was_zero = was_zero || (content.size > FILE_BYTES && content.data[FILE_BYTES] == 0);
        fake_disk_destroy(after);
        fake_disk_destroy(disk);
    }
    assert_true(was_zero);
}

TEST(a_full_disk_takes_what_fits)
{
    struct disk *disk = create_sample();
    fake_disk_set_capacity(disk, FILE_BYTES + 10);
    struct disk_file *file = open_file(disk, "f");
    uint64_t free_bytes;
    assert_ok(disk->ops->free_bytes(disk, &free_bytes));
    assert_int_equal(free_bytes, 10);
    assert_status(disk_write_at(file, "0123456789abc", 13, FILE_BYTES, 0), STATUS_NO_SPACE);
    assert_ok(disk_write_at(file, "over", 4, 0, 0)); /* needs no room */
    disk_close(file);
    fake_disk_destroy(disk);
}

RUN_TESTS(CHECK(unsynced_sectors_are_lost_or_kept_each_on_its_own), CHECK(synced_writes_stay),
          CHECK(a_write_during_which_power_goes_is_torn),
          CHECK(names_last_only_after_a_sync_of_the_directory),
          CHECK(a_failed_sync_loses_its_data_and_the_next_one_succeeds),
          CHECK(a_file_that_grew_may_have_its_length_without_its_data),
          CHECK(a_full_disk_takes_what_fits))
