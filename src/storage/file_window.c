#include "storage/file_window.h"

#include "base/assert.h"
#include "os/disk.h"

enum status file_window_open(struct file_window *window, struct disk *disk, const char *name)
{
    *window = (struct file_window){0};
    enum status status = disk_open(disk, name, 0, &window->file);
    if (status != STATUS_OK) return status;
    status = disk->ops->size(window->file, &window->file_bytes);
    if (status != STATUS_OK) file_window_close(window);
    return status;
}

void file_window_close(struct file_window *window)
{
    disk_close(window->file);
    buf_deinit(&window->buffer);
    *window = (struct file_window){0};
}

static uint64_t loaded_end(const struct file_window *window)
{
    return window->start + window->buffer.size;
}

/* Makes the buffer begin where bytes are still wanted; a jump past its end empties it. */
static void drop_forgotten(struct file_window *window)
{
    if (window->keep <= window->start) return;
    if (window->keep >= loaded_end(window)) {
        window->buffer.size = 0;
    } else {
        buf_consume(&window->buffer, window->keep - window->start);
    }
    window->start = window->keep;
}

enum status file_window_load(struct file_window *window, uint64_t offset, size_t size)
{
    ASSERT(offset >= window->keep);
    if (offset > window->file_bytes || size > window->file_bytes - offset) return STATUS_NOT_FOUND;
    uint64_t end = offset + size;
    if (end <= loaded_end(window)) return STATUS_OK;

    drop_forgotten(window);
    uint64_t from = loaded_end(window);
    uint64_t until = end - from < FILE_WINDOW_READ_AHEAD ? from + FILE_WINDOW_READ_AHEAD : end;
    if (until > window->file_bytes) until = window->file_bytes;

    size_t read_bytes = 0;
    char *out = buf_reserve(&window->buffer, until - from);
    enum status status = disk_read_at(window->file, out, until - from, from, &read_bytes);
    if (status != STATUS_OK) return status;
    if (read_bytes < end - from) return STATUS_IO; /* somebody cut the file while it is open */
    window->buffer.size += read_bytes;
    return STATUS_OK;
}

const char *file_window_at(const struct file_window *window, uint64_t offset)
{
    ASSERT(offset >= window->start);
    ASSERT(offset <= loaded_end(window));
    return window->buffer.data + (offset - window->start);
}

void file_window_forget(struct file_window *window, uint64_t offset)
{
    ASSERT(offset >= window->keep);
    window->keep = offset;
}
