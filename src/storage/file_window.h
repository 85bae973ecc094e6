/* A sliding view of a file that is read from front to back: what has been asked for and not
 * forgotten stays in memory, a stretch of what follows is read ahead. Memory grows only by lengths
 * that lie inside the file. One thread. */
#ifndef STORAGE_FILE_WINDOW_H
#define STORAGE_FILE_WINDOW_H

#include "base/buf.h"
#include "base/status.h"

struct disk;
struct disk_file;

enum { FILE_WINDOW_READ_AHEAD = 1024 * 1024 };

struct file_window {
    struct disk_file *file; /* owned */
    uint64_t file_bytes;
    uint64_t start; /* file offset of the buffer's first byte */
    uint64_t keep;  /* nothing before this offset will be asked for again */
    struct buf buffer;
};

/* A zeroed window is a valid closed one. */
MUST_USE enum status file_window_open(struct file_window *window, struct disk *disk,
                                      const char *name);
void file_window_close(struct file_window *window);

/* Makes [offset, offset + size) readable; STATUS_NOT_FOUND when it does not lie inside the file.
 * `offset` is not before what was forgotten. */
MUST_USE enum status file_window_load(struct file_window *window, uint64_t offset, size_t size);
/* The loaded bytes from `offset` on, borrowed until the next load. */
const char *file_window_at(const struct file_window *window, uint64_t offset);
/* Lets go of everything before `offset`. */
void file_window_forget(struct file_window *window, uint64_t offset);

#endif
