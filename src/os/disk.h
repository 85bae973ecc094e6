/* Every door to disk, behind one table: the real file system, and in tests a disk that loses what
 * was not synced, tears writes and fails calls. Names are relative to the disk's root directory.
 * Any thread; calls on one file that overlap in bytes are the caller's to order.
 *
 * What survives a power cut: bytes of a file after a `write_at` with DISK_WRITE_SYNC, or after
 * `sync`; the existence of a name (create, rename, remove, make_directory) after
 * `sync_directory` of its parent. Nothing else. */
#ifndef OS_DISK_H
#define OS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
    DISK_ALIGNMENT = 4096, /* DISK_OPEN_DIRECT wants memory, offset and size in multiples of this */
    DISK_NAME_MAX = 255,
};

enum disk_open_flags {
    DISK_OPEN_WRITE = 1,     /* read and write; without it read only */
    DISK_OPEN_CREATE = 2,    /* make it when absent */
    DISK_OPEN_EXCLUSIVE = 4, /* with CREATE: STATUS_EXISTS when present */
    DISK_OPEN_DIRECT = 8,    /* around the page cache; see is_direct */
    DISK_OPEN_TRUNCATE = 16, /* size 0 on open */
};

enum disk_write_flags {
    /* Durable on return, as far as data and what is needed to read it back go (O_DSYNC). */
    DISK_WRITE_SYNC = 1,
};

struct disk;

struct disk_file {
    struct disk *disk;
    bool is_direct; /* false where the file system cannot do DISK_OPEN_DIRECT: quietly buffered */
};

struct disk_ops {
    enum status (*open)(struct disk *disk, const char *name, unsigned flags,
                        struct disk_file **out);
    void (*close)(struct disk_file *file); /* NULL is fine */
    /* Reads up to `size` bytes at `offset`; *out_size < size only at the end of the file. */
    enum status (*read_at)(struct disk_file *file, void *data, size_t size, uint64_t offset,
                           size_t *out_size);
    /* All of it or an error; after an error any part may have been written. */
    enum status (*write_at)(struct disk_file *file, const void *data, size_t size, uint64_t offset,
                            unsigned flags);
    /* Data and size durable. Never retry after an error: the kernel may have dropped the pages. */
    enum status (*sync)(struct disk_file *file);
    enum status (*size)(struct disk_file *file, uint64_t *out);
    enum status (*truncate)(struct disk_file *file, uint64_t size);
    enum status (*rename)(struct disk *disk, const char *from, const char *to); /* replaces `to` */
    enum status (*remove)(struct disk *disk, const char *name);
    enum status (*link)(struct disk *disk, const char *from, const char *to);
    /* STATUS_EXISTS when there. */
    enum status (*make_directory)(struct disk *disk, const char *name);
    /* "" is the root. */
    enum status (*sync_directory)(struct disk *disk, const char *name);
    /* Names of the plain files in the root, in no order; `name` is borrowed for the call. */
    enum status (*list)(struct disk *disk, void (*each)(void *context, const char *name),
                        void *context);
    /* Bytes free for this process. */
    enum status (*free_bytes)(struct disk *disk, uint64_t *out);
    /* Exclusive lock on the root until close_disk; STATUS_IN_USE when another process has it. */
    enum status (*lock_root)(struct disk *disk);
    void (*close_disk)(struct disk *disk);
};

struct disk {
    const struct disk_ops *ops;
};

/* The real one, rooted at `path` (STATUS_INVALID: that is no directory), which is created (with its
 * parents synced) when absent. */
MUST_USE enum status disk_posix_open(const char *path, struct disk **out);

MUST_USE static inline enum status disk_open(struct disk *disk, const char *name, unsigned flags,
                                             struct disk_file **out)
{
    return disk->ops->open(disk, name, flags, out);
}
static inline void disk_close(struct disk_file *file)
{
    if (file != NULL) file->disk->ops->close(file);
}
MUST_USE static inline enum status disk_read_at(struct disk_file *file, void *data, size_t size,
                                                uint64_t offset, size_t *out_size)
{
    return file->disk->ops->read_at(file, data, size, offset, out_size);
}
MUST_USE static inline enum status disk_write_at(struct disk_file *file, const void *data,
                                                 size_t size, uint64_t offset, unsigned flags)
{
    return file->disk->ops->write_at(file, data, size, offset, flags);
}
MUST_USE static inline enum status disk_sync(struct disk_file *file)
{
    return file->disk->ops->sync(file);
}

struct buf;
/* The whole of a small file (at most `size_max`); STATUS_NOT_FOUND, STATUS_TOO_BIG. */
MUST_USE enum status disk_read_all(struct disk *disk, const char *name, size_t size_max,
                                   struct buf *out);
/* Atomic and durable replacement: NAME.tmp, sync, rename, sync_directory. After a failure of the
 * last step the caller must stop instead of undoing in memory (*out_renamed tells whether the
 * rename was done). */
MUST_USE enum status disk_replace_file(struct disk *disk, const char *name, struct bytes content,
                                       bool *out_renamed);

#endif
