/* The real file system behind `struct disk`. All names are opened relative to a descriptor of
 * the root, so the process may change its directory. Nothing here holds a lock: the kernel
 * orders the calls. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/attributes.h"
#include "base/links.h"
#include "base/memory.h"
#include "os/disk.h"

enum { FILE_MODE = 0640, DIRECTORY_MODE = 0750 };

static const char lock_name[] = "LOCK";

struct posix_disk {
    struct disk disk;
    int root_fd;
    int lock_fd;           /* -1 until lock_root */
    _Atomic bool no_dsync; /* the kernel does not know RWF_DSYNC here */
};

struct posix_file {
    struct disk_file file;
    int fd;
};

static struct posix_disk *posix_disk_of(struct disk *disk)
{
    return CONTAINER_OF(disk, struct posix_disk, disk);
}

static struct posix_file *posix_file_of(struct disk_file *file)
{
    return CONTAINER_OF(file, struct posix_file, file);
}

static enum status status_of(int error)
{
    switch (error) {
    case 0: return STATUS_OK;
    case ENOENT: return STATUS_NOT_FOUND;
    case EEXIST: return STATUS_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return STATUS_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS: return STATUS_DENIED;
    case ENOTDIR: return STATUS_INVALID;
    default: return STATUS_IO;
    }
}

/* The status of a system call that answers negative for failure. */
static enum status status_of_call(int result)
{
    return result < 0 ? status_of(errno) : STATUS_OK;
}

/* Names are ours, and they stay below the root. */
static void check_name(const char *name)
{
    ASSERT(name[0] != '\0');
    ASSERT(name[0] != '/');
}

static int open_again(int directory_fd, const char *name, int flags)
{
    int fd;
    do {
        fd = openat(directory_fd, name, flags | O_CLOEXEC, FILE_MODE);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static int sync_again(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result < 0 && errno == EINTR);
    return result;
}

/* ---- files ---- */

static int system_flags(unsigned flags)
{
    int result = flags & DISK_OPEN_WRITE ? O_RDWR : O_RDONLY;
    if (flags & DISK_OPEN_CREATE) result |= O_CREAT;
    if (flags & DISK_OPEN_EXCLUSIVE) result |= O_EXCL;
    if (flags & DISK_OPEN_TRUNCATE) result |= O_TRUNC;
    if (flags & DISK_OPEN_DIRECT) result |= O_DIRECT;
    return result;
}

static enum status posix_open(struct disk *disk, const char *name, unsigned flags,
                              struct disk_file **out)
{
    check_name(name);
    ASSERT(!(flags & DISK_OPEN_EXCLUSIVE) || (flags & DISK_OPEN_CREATE));

    int root_fd = posix_disk_of(disk)->root_fd;
    bool is_direct = flags & DISK_OPEN_DIRECT;
    int fd = open_again(root_fd, name, system_flags(flags));
    if (fd < 0 && errno == EINVAL && is_direct) {
        /* Some file systems create the file before they refuse O_DIRECT; then O_EXCL would now
         * fail on our own file. */
        is_direct = false;
        unsigned plain = flags & ~(unsigned)(DISK_OPEN_DIRECT | DISK_OPEN_EXCLUSIVE);
        fd = open_again(root_fd, name, system_flags(plain));
    }
    if (fd < 0) return status_of(errno);

    struct posix_file *file = memory_alloc(sizeof(*file));
    file->file.disk = disk;
    file->file.is_direct = is_direct;
    file->fd = fd;
    *out = &file->file;
    return STATUS_OK;
}

static void posix_close(struct disk_file *file)
{
    if (file == NULL) return;
    struct posix_file *posix = posix_file_of(file);
    (void)close(posix->fd); /* What had to be durable was synced; a late error concerns nobody. */
    memory_free(posix);
}

static bool is_aligned(uint64_t value)
{
    return value % DISK_ALIGNMENT == 0;
}

static void check_alignment(const struct disk_file *file, const void *data, size_t size,
                            uint64_t offset)
{
    if (!file->is_direct) return;
    ASSERT(is_aligned((uintptr_t)data));
    ASSERT(is_aligned(size));
    ASSERT(is_aligned(offset));
}

static enum status posix_read_at(struct disk_file *file, void *data, size_t size, uint64_t offset,
                                 size_t *out_size)
{
    check_alignment(file, data, size, offset);
    ASSERT(offset <= INT64_MAX);

    int fd = posix_file_of(file)->fd;
    size_t done = 0;
    while (done < size) {
        ssize_t count = pread(fd, (char *)data + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return status_of(errno);
        done += (size_t)count;
        if (count == 0) break;
        if (file->is_direct && !is_aligned(done)) break; /* only the end of the file is uneven */
    }
    *out_size = done;
    return STATUS_OK;
}

/* RWF_DSYNC when the kernel and the file system know it; otherwise *out_synced stays false and
 * the caller syncs. */
static ssize_t write_some(struct posix_disk *disk, int fd, const struct iovec *part, off_t offset,
                          bool *out_synced)
{
    if (!atomic_load_explicit(&disk->no_dsync, memory_order_relaxed)) {
        ssize_t count = pwritev2(fd, part, 1, offset, RWF_DSYNC);
        bool is_unknown = count < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL);
        if (!is_unknown) {
            *out_synced = true;
            return count;
        }
        /* EINVAL may be about this one call, the others hold for good. */
        if (errno != EINVAL) atomic_store_explicit(&disk->no_dsync, true, memory_order_relaxed);
    }
    *out_synced = false;
    return pwritev(fd, part, 1, offset);
}

static enum status sync_data(int fd)
{
    int result;
    do {
        result = fdatasync(fd);
    } while (result < 0 && errno == EINTR);
    return status_of_call(result);
}

static enum status posix_write_at(struct disk_file *file, const void *data, size_t size,
                                  uint64_t offset, unsigned flags)
{
    check_alignment(file, data, size, offset);
    ASSERT(offset <= INT64_MAX - size);

    struct posix_disk *disk = posix_disk_of(file->disk);
    int fd = posix_file_of(file)->fd;
    bool must_sync = flags & DISK_WRITE_SYNC;
    bool has_unsynced = false;
    for (size_t done = 0; done < size;) {
        union {
            const char *borrowed;
            void *plain;
        } place = {(const char *)data + done}; /* struct iovec has no const */
        struct iovec part = {place.plain, size - done};
        off_t part_offset = (off_t)(offset + done);
        bool is_synced = false;
        ssize_t count = must_sync ? write_some(disk, fd, &part, part_offset, &is_synced)
                                  : pwritev(fd, &part, 1, part_offset);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return status_of(errno);
        if (count == 0) return STATUS_IO; /* would never end */
        if (!is_synced) has_unsynced = true;
        done += (size_t)count;
    }
    return must_sync && has_unsynced ? sync_data(fd) : STATUS_OK;
}

static enum status posix_sync(struct disk_file *file)
{
    return sync_data(posix_file_of(file)->fd); /* fdatasync covers the size too */
}

static enum status posix_size(struct disk_file *file, uint64_t *out)
{
    struct stat information;
    if (fstat(posix_file_of(file)->fd, &information) < 0) return status_of(errno);
    ASSERT(information.st_size >= 0);
    *out = (uint64_t)information.st_size;
    return STATUS_OK;
}

static enum status posix_truncate(struct disk_file *file, uint64_t size)
{
    ASSERT(size <= INT64_MAX);
    int result;
    do {
        result = ftruncate(posix_file_of(file)->fd, (off_t)size);
    } while (result < 0 && errno == EINTR);
    return status_of_call(result);
}

/* ---- names ---- */

static enum status posix_rename(struct disk *disk, const char *from, const char *to)
{
    check_name(from);
    check_name(to);
    int root_fd = posix_disk_of(disk)->root_fd;
    return status_of_call(renameat(root_fd, from, root_fd, to));
}

static enum status posix_remove(struct disk *disk, const char *name)
{
    check_name(name);
    return status_of_call(unlinkat(posix_disk_of(disk)->root_fd, name, 0));
}

static enum status posix_link(struct disk *disk, const char *from, const char *to)
{
    check_name(from);
    check_name(to);
    int root_fd = posix_disk_of(disk)->root_fd;
    return status_of_call(linkat(root_fd, from, root_fd, to, 0));
}

static enum status posix_make_directory(struct disk *disk, const char *name)
{
    check_name(name);
    return status_of_call(mkdirat(posix_disk_of(disk)->root_fd, name, DIRECTORY_MODE));
}

/* A few file systems (CIFS, some FUSE) cannot sync a directory and say EINVAL; their names are
 * durable by other means or not at all, and refusing to run would not help. */
static enum status sync_directory_fd(int fd)
{
    if (sync_again(fd) == 0 || errno == EINVAL) return STATUS_OK;
    return status_of(errno);
}

static enum status sync_directory_at(int directory_fd, const char *name)
{
    int fd = open_again(directory_fd, name, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return status_of(errno);
    enum status status = sync_directory_fd(fd);
    (void)close(fd);
    return status;
}

static enum status posix_sync_directory(struct disk *disk, const char *name)
{
    int root_fd = posix_disk_of(disk)->root_fd;
    if (name[0] == '\0') return sync_directory_fd(root_fd);
    check_name(name);
    return sync_directory_at(root_fd, name);
}

static bool is_plain_file(int directory_fd, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_REG;
    struct stat information;
    int result = fstatat(directory_fd, entry->d_name, &information, AT_SYMLINK_NOFOLLOW);
    return result == 0 && S_ISREG(information.st_mode);
}

static enum status posix_list(struct disk *disk, void (*each)(void *context, const char *name),
                              void *context)
{
    /* A descriptor of its own: the stream moves and closes it. */
    int fd = open_again(posix_disk_of(disk)->root_fd, ".", O_RDONLY | O_DIRECTORY);
    if (fd < 0) return status_of(errno);
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        (void)close(fd);
        return STATUS_IO;
    }
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (is_plain_file(fd, entry)) each(context, entry->d_name);
    }
    enum status status = status_of(errno);
    (void)closedir(stream);
    return status;
}

/* ---- the disk ---- */

static enum status posix_free_bytes(struct disk *disk, uint64_t *out)
{
    struct statvfs information;
    if (fstatvfs(posix_disk_of(disk)->root_fd, &information) < 0) return status_of(errno);
    *out = (uint64_t)information.f_bavail * information.f_frsize;
    return STATUS_OK;
}

static enum status posix_lock_root(struct disk *disk)
{
    struct posix_disk *posix = posix_disk_of(disk);
    ASSERT(posix->lock_fd < 0);

    int fd = open_again(posix->root_fd, lock_name, O_RDWR | O_CREAT);
    if (fd < 0) return status_of(errno);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        enum status status = errno == EWOULDBLOCK ? STATUS_IN_USE : status_of(errno);
        (void)close(fd);
        return status;
    }
    posix->lock_fd = fd; /* Closing it, by us or by the kernel, gives the lock back. */
    return STATUS_OK;
}

static void posix_close_disk(struct disk *disk)
{
    struct posix_disk *posix = posix_disk_of(disk);
    if (posix->lock_fd >= 0) (void)close(posix->lock_fd);
    (void)close(posix->root_fd);
    memory_free(posix);
}

static const struct disk_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .read_at = posix_read_at,
    .write_at = posix_write_at,
    .sync = posix_sync,
    .size = posix_size,
    .truncate = posix_truncate,
    .rename = posix_rename,
    .remove = posix_remove,
    .link = posix_link,
    .make_directory = posix_make_directory,
    .sync_directory = posix_sync_directory,
    .list = posix_list,
    .free_bytes = posix_free_bytes,
    .lock_root = posix_lock_root,
    .close_disk = posix_close_disk,
};

/* Makes the directory `path`, whose parent exists, durable. Also syncs the parent of one that
 * was there already: a process that was killed between making and syncing it may have left it
 * so. */
static enum status make_durable_directory(const char *path)
{
    bool is_new = mkdir(path, DIRECTORY_MODE) == 0;
    if (!is_new && errno != EEXIST) return status_of(errno);

    char parent[PATH_MAX + 4];
    (void)snprintf(parent, sizeof(parent), "%s/..", path);
    enum status status = sync_directory_at(AT_FDCWD, parent);
    return is_new ? status : STATUS_OK; /* we may not be allowed to read the parents of others */
}

static enum status make_path(const char *path)
{
    char prefix[PATH_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(prefix)) return STATUS_INVALID;

    for (size_t i = 1; i <= size; i++) {
        bool is_end_of_part = (path[i] == '/' || path[i] == '\0') && path[i - 1] != '/';
        if (!is_end_of_part) continue;
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        enum status status = make_durable_directory(prefix);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

enum status disk_posix_open(const char *path, struct disk **out)
{
    enum status status = make_path(path);
    if (status != STATUS_OK) return status;
    int root_fd = open_again(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (root_fd < 0) return status_of(errno);

    struct posix_disk *posix = memory_alloc(sizeof(*posix));
    posix->disk.ops = &posix_ops;
    posix->root_fd = root_fd;
    posix->lock_fd = -1;
    atomic_init(&posix->no_dsync, false);
    *out = &posix->disk;
    return STATUS_OK;
}
