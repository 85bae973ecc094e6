#include "os/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "tests/support/check.h"

/* A disk in a fresh folder; closing it removes what is there. */
struct place {
    char path[64];
    struct disk *disk;
};

static void open_place(struct place *place)
{
    strcpy(place->path, "/tmp/cairn-disk-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    assert_ok(disk_posix_open(place->path, &place->disk));
}

static void remove_file(void *context, const char *name)
{
    struct disk *disk = context;
    (void)disk->ops->remove(disk, name);
}

static void close_place(struct place *place)
{
    assert_ok(place->disk->ops->list(place->disk, remove_file, place->disk));
    place->disk->ops->close_disk(place->disk);
    (void)rmdir(place->path);
}

static void write_file(struct disk *disk, const char *name, const char *text)
{
    struct disk_file *file;
    assert_ok(
        disk_open(disk, name, DISK_OPEN_WRITE | DISK_OPEN_CREATE | DISK_OPEN_TRUNCATE, &file));
    assert_ok(disk_write_at(file, text, strlen(text), 0, 0));
    assert_ok(disk_sync(file));
    disk_close(file);
}

static void assert_file(struct disk *disk, const char *name, const char *text)
{
    struct buf content = {0};
    assert_ok(disk_read_all(disk, name, 1 << 20, &content));
    assert_bytes_text(buf_bytes(&content), text);
    buf_deinit(&content);
}

TEST(written_bytes_read_back)
{
    struct place place;
    open_place(&place);
    struct disk_file *file;
    assert_ok(disk_open(place.disk, "a", DISK_OPEN_WRITE | DISK_OPEN_CREATE, &file));
    assert_ok(disk_write_at(file, "hello", 5, 10, 0));
    assert_ok(disk_write_at(file, "HE", 2, 10, DISK_WRITE_SYNC));
    assert_ok(disk_write_at(file, NULL, 0, 0, DISK_WRITE_SYNC));
    assert_ok(disk_sync(file));

    char data[100];
    size_t size;
    assert_ok(disk_read_at(file, data, sizeof(data), 10, &size));
    assert_bytes_text(bytes_of(data, size), "HEllo");
    assert_ok(disk_read_at(file, data, sizeof(data), 100, &size));
    assert_int_equal(size, 0);
    uint64_t file_size;
    assert_ok(place.disk->ops->size(file, &file_size));
    assert_int_equal(file_size, 15);
    assert_ok(place.disk->ops->truncate(file, 12));
    assert_ok(disk_read_at(file, data, sizeof(data), 0, &size));
    assert_bytes_equal(bytes_of(data, size), bytes_of("\0\0\0\0\0\0\0\0\0\0HE", 12));
    disk_close(file);
    disk_close(NULL);
    close_place(&place);
}

TEST(open_flags_mean_what_they_say)
{
    struct place place;
    open_place(&place);
    struct disk_file *file = NULL;
    assert_status(disk_open(place.disk, "a", 0, &file), STATUS_NOT_FOUND);
    assert_status(disk_open(place.disk, "a", DISK_OPEN_WRITE, &file), STATUS_NOT_FOUND);
    assert_null(file);

    unsigned fresh = DISK_OPEN_WRITE | DISK_OPEN_CREATE | DISK_OPEN_EXCLUSIVE;
    assert_ok(disk_open(place.disk, "a", fresh, &file));
    assert_false(file->is_direct);
    assert_ok(disk_write_at(file, "abc", 3, 0, 0));
    disk_close(file);
    assert_status(disk_open(place.disk, "a", fresh, &file), STATUS_EXISTS);

    assert_ok(disk_open(place.disk, "a", 0, &file));
    assert_status(disk_write_at(file, "x", 1, 0, 0), STATUS_IO);
    disk_close(file);
    assert_ok(disk_open(place.disk, "a", DISK_OPEN_WRITE | DISK_OPEN_TRUNCATE, &file));
    disk_close(file);
    assert_file(place.disk, "a", "");
    close_place(&place);
}

TEST(direct_file_works_in_aligned_pieces)
{
    enum { SIZE = 4 * DISK_ALIGNMENT };
    struct place place;
    open_place(&place);
    struct disk_file *file;
    unsigned flags = DISK_OPEN_WRITE | DISK_OPEN_CREATE | DISK_OPEN_EXCLUSIVE | DISK_OPEN_DIRECT;
    assert_ok(disk_open(place.disk, "segment", flags, &file));
    char *data = memory_alloc_aligned(DISK_ALIGNMENT, SIZE);
    for (size_t i = 0; i < SIZE; i++) data[i] = (char)(i * 7);
    assert_ok(disk_write_at(file, data, SIZE, 0, DISK_WRITE_SYNC));
    assert_ok(disk_write_at(file, data, DISK_ALIGNMENT, SIZE, 0));

    char *again = memory_alloc_aligned(DISK_ALIGNMENT, SIZE);
    size_t size;
    assert_ok(disk_read_at(file, again, SIZE, 0, &size));
    assert_int_equal(size, SIZE);
    assert_memory_equal(again, data, SIZE);
    assert_ok(disk_read_at(file, again, SIZE, SIZE, &size));
    assert_int_equal(size, DISK_ALIGNMENT);
    assert_ok(place.disk->ops->truncate(file, SIZE + 100));
    assert_ok(disk_read_at(file, again, SIZE, SIZE, &size));
    assert_int_equal(size, 100);
    disk_close(file);
    memory_free(data);
    memory_free(again);
    close_place(&place);
}

static void write_crooked(void *context)
{
    struct disk_file *file = context;
    file->is_direct = true;
    enum status status = disk_write_at(file, "abc", 3, 0, 0);
    (void)status;
}

TEST(crooked_write_to_a_direct_file_aborts)
{
    struct place place;
    open_place(&place);
    struct disk_file *file;
    assert_ok(disk_open(place.disk, "a", DISK_OPEN_WRITE | DISK_OPEN_CREATE, &file));
    assert_aborts(write_crooked, file);
    disk_close(file);
    close_place(&place);
}

TEST(names_can_be_moved_linked_and_removed)
{
    struct place place;
    open_place(&place);
    const struct disk_ops *ops = place.disk->ops;
    write_file(place.disk, "a", "one");
    write_file(place.disk, "b", "two");
    assert_ok(ops->rename(place.disk, "a", "b"));
    assert_file(place.disk, "b", "one");
    assert_status(ops->rename(place.disk, "a", "c"), STATUS_NOT_FOUND);
    assert_ok(ops->link(place.disk, "b", "c"));
    assert_status(ops->link(place.disk, "b", "c"), STATUS_EXISTS);
    assert_ok(ops->remove(place.disk, "b"));
    assert_status(ops->remove(place.disk, "b"), STATUS_NOT_FOUND);
    assert_file(place.disk, "c", "one");
    assert_ok(ops->sync_directory(place.disk, ""));
    close_place(&place);
}

static void note_name(void *context, const char *name)
{
    buf_printf(context, "%s|", name);
}

TEST(list_names_plain_files_of_the_root_only)
{
    struct place place;
    open_place(&place);
    const struct disk_ops *ops = place.disk->ops;
    assert_ok(ops->make_directory(place.disk, "inner"));
    assert_status(ops->make_directory(place.disk, "inner"), STATUS_EXISTS);
    write_file(place.disk, "inner/hidden", "x");
    write_file(place.disk, "plain", "x");
    assert_ok(ops->sync_directory(place.disk, "inner"));
    assert_status(ops->sync_directory(place.disk, "other"), STATUS_NOT_FOUND);

    for (int round = 0; round < 2; round++) {
        struct buf names = {0};
        assert_ok(ops->list(place.disk, note_name, &names));
        assert_bytes_text(buf_bytes(&names), "plain|");
        buf_deinit(&names);
    }
    assert_ok(ops->remove(place.disk, "inner/hidden"));
    char inner[80];
    snprintf(inner, sizeof(inner), "%s/inner", place.path);
    (void)rmdir(inner);
    close_place(&place);
}

TEST(root_belongs_to_one_at_a_time)
{
    struct place place;
    open_place(&place);
    struct disk *other;
    assert_ok(disk_posix_open(place.path, &other));
    assert_ok(place.disk->ops->lock_root(place.disk));
    assert_status(other->ops->lock_root(other), STATUS_IN_USE);
    place.disk->ops->close_disk(place.disk);
    assert_ok(other->ops->lock_root(other));
    place.disk = other;
    close_place(&place);
}

TEST(missing_root_is_made_with_its_parents)
{
    struct place place;
    open_place(&place);
    char deep[128];
    snprintf(deep, sizeof(deep), "%s//x/y/", place.path);
    struct disk *disk;
    assert_ok(disk_posix_open(deep, &disk));
    write_file(disk, "a", "deep");
    assert_ok(disk->ops->remove(disk, "a"));
    disk->ops->close_disk(disk);
    assert_ok(disk_posix_open(deep, &disk));
    disk->ops->close_disk(disk);

    snprintf(deep, sizeof(deep), "%s/x/y", place.path);
    assert_int_equal(rmdir(deep), 0);
    snprintf(deep, sizeof(deep), "%s/x", place.path);
    assert_int_equal(rmdir(deep), 0);
    assert_status(disk_posix_open("", &disk), STATUS_INVALID);
    close_place(&place);
}

TEST(root_may_be_a_relative_path)
{
    struct place place;
    open_place(&place);
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(place.path), 0);
    struct disk *disk;
    assert_ok(disk_posix_open("./data", &disk));
    assert_int_equal(chdir(before), 0);
    write_file(disk, "a", "here"); /* the root stays where it was */
    assert_file(disk, "a", "here");
    assert_ok(disk->ops->remove(disk, "a"));
    disk->ops->close_disk(disk);
    char data[80];
    snprintf(data, sizeof(data), "%s/data", place.path);
    assert_int_equal(rmdir(data), 0);
    close_place(&place);
}

TEST(root_that_is_a_file_is_refused)
{
    struct place place;
    open_place(&place);
    write_file(place.disk, "a", "x");
    char path[80];
    snprintf(path, sizeof(path), "%s/a", place.path);
    struct disk *disk = NULL;
    assert_status(disk_posix_open(path, &disk), STATUS_INVALID);
    assert_null(disk);
    close_place(&place);
}

static void open_absolute(void *context)
{
    struct disk_file *file;
    enum status status = disk_open(context, "/etc/passwd", 0, &file);
    (void)status;
}

TEST(name_outside_the_root_aborts)
{
    struct place place;
    open_place(&place);
    assert_aborts(open_absolute, place.disk);
    close_place(&place);
}

TEST(whole_files_are_read_up_to_a_bound)
{
    struct place place;
    open_place(&place);
    write_file(place.disk, "a", "12345");
    struct buf content = {0};
    assert_status(disk_read_all(place.disk, "a", 4, &content), STATUS_TOO_BIG);
    assert_status(disk_read_all(place.disk, "b", 4, &content), STATUS_NOT_FOUND);
    assert_int_equal(content.size, 0);
    buf_append_text(&content, "0");
    assert_ok(disk_read_all(place.disk, "a", 5, &content));
    assert_bytes_text(buf_bytes(&content), "012345");
    buf_deinit(&content);
    close_place(&place);
}

TEST(replaced_file_has_the_new_content_and_no_remains)
{
    struct place place;
    open_place(&place);
    bool is_renamed = false;
    assert_ok(disk_replace_file(place.disk, "MANIFEST", BYTES_LITERAL("one"), &is_renamed));
    assert_true(is_renamed);
    assert_file(place.disk, "MANIFEST", "one");
    assert_ok(disk_replace_file(place.disk, "MANIFEST", BYTES_EMPTY, &is_renamed));
    assert_file(place.disk, "MANIFEST", "");
    struct buf names = {0};
    assert_ok(place.disk->ops->list(place.disk, note_name, &names));
    assert_bytes_text(buf_bytes(&names), "MANIFEST|");
    buf_deinit(&names);

    assert_status(disk_replace_file(place.disk, "no/folder", BYTES_EMPTY, &is_renamed),
                  STATUS_NOT_FOUND);
    assert_false(is_renamed);
    close_place(&place);
}

/* A stand-in whose last step fails. */
static enum status fail_sync_directory(struct disk *disk, const char *name)
{
    (void)disk;
    assert_string_equal(name, "");
    return STATUS_IO;
}

TEST(replacing_tells_when_only_the_last_step_failed)
{
    struct place place;
    open_place(&place);
    const struct disk_ops *real = place.disk->ops;
    struct disk_ops failing = *real;
    failing.sync_directory = fail_sync_directory;
    place.disk->ops = &failing;
    bool is_renamed = false;
    assert_status(disk_replace_file(place.disk, "a", BYTES_LITERAL("new"), &is_renamed), STATUS_IO);
    assert_true(is_renamed);
    place.disk->ops = real;
    close_place(&place);
}

TEST(full_device_is_told_from_a_broken_one)
{
    struct disk *devices;
    struct disk_file *file;
    assert_ok(disk_posix_open("/dev", &devices));
    assert_ok(disk_open(devices, "full", DISK_OPEN_WRITE, &file));
    assert_status(disk_write_at(file, "x", 1, 0, 0), STATUS_NO_SPACE);
    assert_status(disk_write_at(file, "x", 1, 0, DISK_WRITE_SYNC), STATUS_NO_SPACE);
    disk_close(file);
    devices->ops->close_disk(devices);
}

TEST(free_space_is_known)
{
    struct place place;
    open_place(&place);
    uint64_t bytes = 0;
    assert_ok(place.disk->ops->free_bytes(place.disk, &bytes));
    assert_true(bytes > 0);
    close_place(&place);
}

RUN_TESTS(CHECK(written_bytes_read_back), CHECK(open_flags_mean_what_they_say),
          CHECK(direct_file_works_in_aligned_pieces), CHECK(crooked_write_to_a_direct_file_aborts),
          CHECK(names_can_be_moved_linked_and_removed),
          CHECK(list_names_plain_files_of_the_root_only), CHECK(root_belongs_to_one_at_a_time),
          CHECK(missing_root_is_made_with_its_parents), CHECK(root_may_be_a_relative_path),
          CHECK(root_that_is_a_file_is_refused), CHECK(name_outside_the_root_aborts),
          CHECK(whole_files_are_read_up_to_a_bound),
          CHECK(replaced_file_has_the_new_content_and_no_remains),
          CHECK(replacing_tells_when_only_the_last_step_failed),
          CHECK(full_device_is_told_from_a_broken_one), CHECK(free_space_is_known))
