#include "tests/support/crash_points.h"

#include "base/assert.h"
#include "base/links.h"

static struct crash_points *points_of(const struct disk *disk)
{
    uintptr_t ops = (uintptr_t)disk->ops; /* const to everybody but us */
    return CONTAINER_OF((struct disk_ops *)ops, struct crash_points, ops);
}

static void tell(struct crash_points *points, const char *name)
{
    points->on_change(points->context, name);
}

static size_t index_of(const struct crash_points *points, const struct disk_file *file)
{
    size_t i = 0;
    while (i < CRASH_POINTS_FILES_MAX && points->files[i].file != file) i++;
    return i;
}

static const char *name_of(const struct crash_points *points, const struct disk_file *file)
{
    size_t index = index_of(points, file);
    return index < CRASH_POINTS_FILES_MAX ? points->files[index].name : "?";
}

static enum status points_open(struct disk *disk, const char *name, unsigned flags,
                               struct disk_file **out)
{
    struct crash_points *points = points_of(disk);
    enum status status = points->inner->open(disk, name, flags, out);
    if (status != STATUS_OK) return status;
    size_t index = index_of(points, NULL);
    ASSERT(index < CRASH_POINTS_FILES_MAX);
    points->files[index].file = *out;
    strcpy(points->files[index].name, name);
    if ((flags & (DISK_OPEN_CREATE | DISK_OPEN_TRUNCATE)) != 0) tell(points, name);
    return STATUS_OK;
}

static void points_close(struct disk_file *file)
{
    struct crash_points *points = points_of(file->disk);
    size_t index = index_of(points, file);
    if (index < CRASH_POINTS_FILES_MAX) points->files[index].file = NULL;
    points->inner->close(file);
}

static enum status points_write_at(struct disk_file *file, const void *data, size_t size,
                                   uint64_t offset, unsigned flags)
{
    struct crash_points *points = points_of(file->disk);
    enum status status = points->inner->write_at(file, data, size, offset, 0);
    if (status != STATUS_OK) return status;
    tell(points, name_of(points, file));
    if ((flags & DISK_WRITE_SYNC) == 0) return STATUS_OK;
    return points->inner->write_at(file, data, size, offset, flags);
}

static enum status points_sync(struct disk_file *file)
{
    struct crash_points *points = points_of(file->disk);
    tell(points, name_of(points, file));
    return points->inner->sync(file);
}

static enum status points_truncate(struct disk_file *file, uint64_t size)
{
    struct crash_points *points = points_of(file->disk);
    enum status status = points->inner->truncate(file, size);
    if (status == STATUS_OK) tell(points, name_of(points, file));
    return status;
}

static enum status points_rename(struct disk *disk, const char *from, const char *to)
{
    enum status status = points_of(disk)->inner->rename(disk, from, to);
    if (status == STATUS_OK) tell(points_of(disk), to);
    return status;
}

static enum status points_remove(struct disk *disk, const char *name)
{
    enum status status = points_of(disk)->inner->remove(disk, name);
    if (status == STATUS_OK) tell(points_of(disk), name);
    return status;
}

static enum status points_link(struct disk *disk, const char *from, const char *to)
{
    enum status status = points_of(disk)->inner->link(disk, from, to);
    if (status == STATUS_OK) tell(points_of(disk), to);
    return status;
}

static enum status points_sync_directory(struct disk *disk, const char *name)
{
    tell(points_of(disk), "");
    return points_of(disk)->inner->sync_directory(disk, name);
}

void crash_points_attach(struct crash_points *points, struct disk *disk,
                         void (*on_change)(void *context, const char *name), void *context)
{
    *points = (struct crash_points){.ops = *disk->ops,
                                    .inner = disk->ops,
                                    .disk = disk,
                                    .context = context,
                                    .on_change = on_change};
    points->ops.open = points_open;
    points->ops.close = points_close;
    points->ops.write_at = points_write_at;
    points->ops.sync = points_sync;
    points->ops.truncate = points_truncate;
    points->ops.rename = points_rename;
    points->ops.remove = points_remove;
    points->ops.link = points_link;
    points->ops.sync_directory = points_sync_directory;
    disk->ops = &points->ops;
}

void crash_points_detach(struct crash_points *points)
{
    points->disk->ops = points->inner;
}
