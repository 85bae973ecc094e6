#include "os/disk.h"

#include "base/assert.h"
#include "base/buf.h"

/* ---- whole files ---- */

static enum status read_contents(struct disk_file *file, size_t size_max, struct buf *out)
{
    uint64_t size;
    enum status status = file->disk->ops->size(file, &size);
    if (status != STATUS_OK) return status;
    if (size > size_max) return STATUS_TOO_BIG;

    size_t read_size;
    char *place = buf_reserve(out, (size_t)size);
    status = disk_read_at(file, place, (size_t)size, 0, &read_size);
    if (status != STATUS_OK) return status;
    ASSERT(read_size <= size);
    out->size += read_size;
    return STATUS_OK;
}

enum status disk_read_all(struct disk *disk, const char *name, size_t size_max, struct buf *out)
{
    struct disk_file *file;
    enum status status = disk_open(disk, name, 0, &file);
    if (status != STATUS_OK) return status;
    status = read_contents(file, size_max, out);
    disk_close(file);
    return status;
}

static enum status write_contents(struct disk *disk, const char *name, struct bytes content)
{
    struct disk_file *file;
    unsigned flags = DISK_OPEN_WRITE | DISK_OPEN_CREATE | DISK_OPEN_TRUNCATE;
    enum status status = disk_open(disk, name, flags, &file);
    if (status != STATUS_OK) return status;

    if (content.size > 0) status = disk_write_at(file, content.data, content.size, 0, 0);
    if (status == STATUS_OK) status = disk_sync(file);
    disk_close(file);
    return status;
}

enum status disk_replace_file(struct disk *disk, const char *name, struct bytes content,
                              bool *out_renamed)
{
    static const char suffix[] = ".tmp";
    size_t name_size = strlen(name);
    char temporary[DISK_NAME_MAX + sizeof(suffix)];
    ASSERT(name_size > 0);
    ASSERT(name_size <= DISK_NAME_MAX);
    memcpy(temporary, name, name_size);
    memcpy(temporary + name_size, suffix, sizeof(suffix));

    *out_renamed = false;
    enum status status = write_contents(disk, temporary, content);
    if (status == STATUS_OK) status = disk->ops->rename(disk, temporary, name);
    if (status != STATUS_OK) {
        (void)disk->ops->remove(disk, temporary); /* Without effect on what is durable. */
        return status;
    }
    *out_renamed = true;

    const char *slash = strrchr(name, '/');
    size_t parent_size = slash != NULL ? (size_t)(slash - name) : 0;
    temporary[parent_size] = '\0'; /* the start of the name that is left is the parent's */
    return disk->ops->sync_directory(disk, temporary);
}
