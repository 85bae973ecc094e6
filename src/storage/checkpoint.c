#include "storage/checkpoint.h"

#include <stdarg.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "base/memory.h"
#include "os/disk.h"
#include "storage/checkpoint_format.h"
#include "storage/file_window.h"
#include "storage/record.h"

enum { WRITE_BYTES = 1024 * 1024 };

/* Where a file stands between two chunks; the writer promises it and the reader checks it. */
struct position {
    uint64_t chunk_count;
    uint64_t record_count;
    uint64_t hash_last; /* of the newest chunk */
    uint64_t chain;
};

struct checkpoint_writer {
    struct disk *disk;      /* borrowed */
    struct disk_file *file; /* owned; NULL once finished */
    char *staging;          /* owned, aligned: bytes from file offset `written` on */
    size_t staged;
    uint64_t written;
    uint64_t log_id;
    struct position position;
    bool is_finished;
    char name[DISK_NAME_MAX + 1];
};

struct checkpoint_reader {
    struct file_window window;
    uint64_t offset;
    uint64_t log_id;
    struct position position;
    bool is_finished;
    char name[DISK_NAME_MAX + 1];
};

static void advance(struct position *position, const struct checkpoint_chunk_header *header,
                    const char *header_data)
{
    position->chunk_count++;
    position->record_count += header->record_count;
    position->hash_last = header->hash_last;
    position->chain = checkpoint_extend_chain(position->chain, header_data);
}

static bool covers_everything(const struct position *position)
{
    return position->chunk_count > 0 && position->hash_last == UINT64_MAX;
}

static enum status flush(struct checkpoint_writer *writer)
{
    ASSERT(writer->staged % CHECKPOINT_ALIGNMENT == 0);
    if (writer->staged == 0) return STATUS_OK;
    enum status status = disk_write_at(writer->file, writer->staging, writer->staged,
                                       writer->written, 0);
    if (status != STATUS_OK) return status;
    writer->written += writer->staged;
    writer->staged = 0;
    return STATUS_OK;
}

static enum status put(struct checkpoint_writer *writer, const char *data, size_t size)
{
    while (size > 0) {
        size_t part = WRITE_BYTES - writer->staged;
        if (part > size) part = size;
        memcpy(writer->staging + writer->staged, data, part);
        writer->staged += part;
        data += part;
        size -= part;
        if (writer->staged < WRITE_BYTES) continue;
        enum status status = flush(writer);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

enum status checkpoint_writer_open(struct disk *disk, const char *name, uint64_t log_id,
                                   struct checkpoint_writer **out)
{
    ASSERT(strlen(name) <= DISK_NAME_MAX);
    struct checkpoint_writer *writer = memory_zalloc(sizeof(*writer));
    writer->disk = disk;
    writer->log_id = log_id;
    strcpy(writer->name, name);
    writer->staging = memory_alloc_aligned(DISK_ALIGNMENT, WRITE_BYTES);
    unsigned flags = DISK_OPEN_WRITE | DISK_OPEN_CREATE | DISK_OPEN_TRUNCATE | DISK_OPEN_DIRECT;
    enum status status = disk_open(disk, name, flags, &writer->file);
    if (status != STATUS_OK) goto done;

    char header[CHECKPOINT_HEADER_BYTES];
    checkpoint_write_header(header, log_id);
    status = put(writer, header, sizeof(header));
done:
    if (status != STATUS_OK) {
        checkpoint_writer_destroy(writer);
        return status;
    }
    *out = writer;
    return STATUS_OK;
}

enum status checkpoint_writer_append(struct checkpoint_writer *writer,
                                     const struct checkpoint_chunk *chunk)
{
    const struct position *position = &writer->position;
    ASSERT(checkpoint_may_follow(position->chunk_count == 0, position->hash_last, chunk->hash_first,
                                 chunk->hash_last, chunk->partition));
    struct checkpoint_chunk_header header = {
        .log_id = writer->log_id,
        .index = position->chunk_count,
        .hash_first = chunk->hash_first,
        .hash_last = chunk->hash_last,
        .sequence = chunk->sequence,
        .partition = chunk->partition,
        .record_count = chunk->record_count,
        .records_bytes = chunk->records.size,
        .records_checksum = checksum_xxh3(chunk->records.data, chunk->records.size),
    };
    char header_data[CHECKPOINT_CHUNK_HEADER_BYTES];
    checkpoint_write_chunk_header(header_data, &header);
    enum status status = put(writer, header_data, sizeof(header_data));
    if (status != STATUS_OK) return status;
    status = put(writer, chunk->records.data, chunk->records.size);
    if (status != STATUS_OK) return status;
    advance(&writer->position, &header, header_data);
    return STATUS_OK;
}

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + CHECKPOINT_ALIGNMENT - 1) & ~(uint64_t)(CHECKPOINT_ALIGNMENT - 1);
}

enum status checkpoint_writer_finish(struct checkpoint_writer *writer, uint64_t *out_bytes)
{
    static const char zeros[CHECKPOINT_ALIGNMENT];
    ASSERT(covers_everything(&writer->position));
    uint64_t used = writer->written + writer->staged + CHECKPOINT_TRAILER_BYTES;
    struct checkpoint_trailer trailer = {
        .log_id = writer->log_id,
        .chunk_count = writer->position.chunk_count,
        .record_count = writer->position.record_count,
        .file_bytes = round_up(used),
        .chain = writer->position.chain,
    };
    char trailer_data[CHECKPOINT_TRAILER_BYTES];
    checkpoint_write_trailer(trailer_data, &trailer);
    enum status status = put(writer, trailer_data, sizeof(trailer_data));
    if (status != STATUS_OK) return status;
    status = put(writer, zeros, trailer.file_bytes - used);
    if (status != STATUS_OK) return status;
    status = flush(writer);
    if (status != STATUS_OK) return status;
    ASSERT(writer->written == trailer.file_bytes);

    status = disk_sync(writer->file);
    if (status != STATUS_OK) return status;
    status = writer->disk->ops->sync_directory(writer->disk, "");
    if (status != STATUS_OK) return status;
    writer->is_finished = true;
    *out_bytes = writer->written;
    return STATUS_OK;
}

void checkpoint_writer_destroy(struct checkpoint_writer *writer)
{
    if (writer == NULL) return;
    if (writer->file != NULL) {
        disk_close(writer->file);
        /* A leftover would be ignored: no manifest names it. */
        if (!writer->is_finished) (void)writer->disk->ops->remove(writer->disk, writer->name);
    }
    memory_free(writer->staging);
    memory_free(writer);
}

/* ---- reading ---- */

static enum status PRINTF_LIKE(3, 4)
    damaged(const struct checkpoint_reader *reader, struct buf *message, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_printf(message, "Checkpoint %s, chunk %llu at offset %llu: ", reader->name,
               (unsigned long long)reader->position.chunk_count,
               (unsigned long long)reader->offset);
    buf_vprintf(message, format, arguments);
    va_end(arguments);
    return STATUS_CORRUPT;
}

/* The next `size` bytes of the file; they must be there. */
static enum status load(struct checkpoint_reader *reader, size_t size, struct buf *message,
                        const char **out)
{
    enum status status = file_window_load(&reader->window, reader->offset, size);
    if (status == STATUS_NOT_FOUND) {
        return damaged(reader, message,
                       "the file ends after %llu bytes, inside of it or before its trailer.",
                       (unsigned long long)reader->window.file_bytes);
    }
    if (status != STATUS_OK) {
        buf_printf(message, "Checkpoint %s cannot be read at offset %llu: %s.", reader->name,
                   (unsigned long long)reader->offset, status_text(status));
        return status;
    }
    *out = file_window_at(&reader->window, reader->offset);
    return STATUS_OK;
}

static enum status check_file_header(struct checkpoint_reader *reader, struct buf *message)
{
    const char *data;
    uint64_t log_id;
    enum status status = load(reader, CHECKPOINT_HEADER_BYTES, message, &data);
    if (status != STATUS_OK) return status;
    status = checkpoint_read_header(data, &log_id);
    if (status == STATUS_VERSION) {
        buf_printf(message, "Checkpoint %s was written by a newer program.", reader->name);
        return status;
    }
    if (status != STATUS_OK) return damaged(reader, message, "the file's header is damaged.");
    if (log_id != reader->log_id) {
        return damaged(reader, message,
                       "the file belongs to another history (%016llx, not %016llx).",
                       (unsigned long long)log_id, (unsigned long long)reader->log_id);
    }
    reader->offset += CHECKPOINT_HEADER_BYTES;
    return STATUS_OK;
}

enum status checkpoint_reader_open(struct disk *disk, const char *name, uint64_t log_id,
                                   struct checkpoint_reader **out, struct buf *message)
{
    ASSERT(strlen(name) <= DISK_NAME_MAX);
    struct checkpoint_reader *reader = memory_zalloc(sizeof(*reader));
    reader->log_id = log_id;
    strcpy(reader->name, name);
    enum status status = file_window_open(&reader->window, disk, name);
    if (status != STATUS_OK) {
        buf_printf(message, "Checkpoint %s cannot be opened: %s.", name, status_text(status));
        goto done;
    }
    status = check_file_header(reader, message);
done:
    if (status != STATUS_OK) {
        checkpoint_reader_destroy(reader);
        return status;
    }
    *out = reader;
    return STATUS_OK;
}

static bool has_record_count(struct bytes records, uint64_t expected)
{
    struct record record;
    uint64_t count = 0;
    enum status status;
    while ((status = record_next(&records, &record)) == STATUS_OK) count++;
    return status == STATUS_NOT_FOUND && count == expected;
}

static bool is_zero(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0) return false;
    }
    return true;
}

/* The trailer stands at reader->offset: everything it counts must be what was read, and nothing may
 * follow. */
static enum status check_trailer(struct checkpoint_reader *reader,
                                 const struct checkpoint_trailer *trailer, struct buf *message)
{
    const struct position *position = &reader->position;
    uint64_t end = reader->offset + CHECKPOINT_TRAILER_BYTES;
    if (trailer->log_id != reader->log_id)
        return damaged(reader, message, "a trailer of another history.");
    if (trailer->chunk_count != position->chunk_count ||
        trailer->record_count != position->record_count || trailer->chain != position->chain) {
        return damaged(
            reader, message,
            "the trailer counts %llu chunks and %llu records, the file has %llu and %llu.",
            (unsigned long long)trailer->chunk_count, (unsigned long long)trailer->record_count,
            (unsigned long long)position->chunk_count, (unsigned long long)position->record_count);
    }
    if (!covers_everything(position)) {
        return damaged(reader, message,
                       "the chunks end with hash %016llx: not every key is covered.",
                       (unsigned long long)position->hash_last);
    }
    if (trailer->file_bytes != reader->window.file_bytes || trailer->file_bytes != round_up(end)) {
        return damaged(reader, message, "the trailer says %llu bytes, the file has %llu.",
                       (unsigned long long)trailer->file_bytes,
                       (unsigned long long)reader->window.file_bytes);
    }
    reader->offset = end;
    const char *padding;
    enum status status = load(reader, trailer->file_bytes - end, message, &padding);
    if (status != STATUS_OK) return status;
    if (!is_zero(padding, trailer->file_bytes - end))
        return damaged(reader, message, "the padding is not zero.");
    reader->offset = trailer->file_bytes;
    reader->is_finished = true;
    return STATUS_NOT_FOUND;
}

static enum status check_chunk_header(const struct checkpoint_reader *reader,
                                      const struct checkpoint_chunk_header *header,
                                      struct buf *message)
{
    const struct position *position = &reader->position;
    if (header->log_id != reader->log_id)
        return damaged(reader, message, "a chunk of another history.");
    if (header->index != position->chunk_count) {
        return damaged(reader, message, "a chunk with index %llu.",
                       (unsigned long long)header->index);
    }
    if (!checkpoint_may_follow(position->chunk_count == 0, position->hash_last, header->hash_first,
                               header->hash_last, header->partition)) {
        return damaged(reader, message,
                       "it covers %016llx..%016llx of partition %u, which does not follow %016llx.",
                       (unsigned long long)header->hash_first,
                       (unsigned long long)header->hash_last, header->partition,
                       (unsigned long long)position->hash_last);
    }
    if (header->records_bytes > reader->window.file_bytes) {
        return damaged(reader, message, "it is longer than the file.");
    }
    return STATUS_OK;
}

enum status checkpoint_reader_next(struct checkpoint_reader *reader, struct checkpoint_chunk *out,
                                   struct buf *message)
{
    if (reader->is_finished) return STATUS_NOT_FOUND;
    file_window_forget(&reader->window, reader->offset);

    const char *data;
    static_assert(CHECKPOINT_TRAILER_BYTES <= CHECKPOINT_CHUNK_HEADER_BYTES,
                  "a trailer may be the last thing");
    enum status status = load(reader, CHECKPOINT_TRAILER_BYTES, message, &data);
    if (status != STATUS_OK) return status;
    struct checkpoint_trailer trailer;
    if (checkpoint_read_trailer(data, &trailer) == STATUS_OK)
        return check_trailer(reader, &trailer, message);

    struct checkpoint_chunk_header header;
    status = load(reader, CHECKPOINT_CHUNK_HEADER_BYTES, message, &data);
    if (status != STATUS_OK) return status;
    if (checkpoint_read_chunk_header(data, &header) != STATUS_OK) {
        return damaged(reader, message, "its header is damaged.");
    }
    status = check_chunk_header(reader, &header, message);
    if (status != STATUS_OK) return status;
    status = load(reader, CHECKPOINT_CHUNK_HEADER_BYTES + header.records_bytes, message, &data);
    if (status != STATUS_OK) return status;

    struct bytes records = {data + CHECKPOINT_CHUNK_HEADER_BYTES, header.records_bytes};
    if (checksum_xxh3(records.data, records.size) != header.records_checksum) {
        return damaged(reader, message, "%zu bytes of records do not match their checksum.",
                       records.size);
    }
    if (!has_record_count(records, header.record_count)) {
        return damaged(reader, message, "it does not hold %u whole records.", header.record_count);
    }
    advance(&reader->position, &header, data);
    reader->offset += CHECKPOINT_CHUNK_HEADER_BYTES + header.records_bytes;
    *out = (struct checkpoint_chunk){
        .partition = header.partition,
        .record_count = header.record_count,
        .hash_first = header.hash_first,
        .hash_last = header.hash_last,
        .sequence = header.sequence,
        .records = records,
    };
    return STATUS_OK;
}

void checkpoint_reader_progress(const struct checkpoint_reader *reader, uint64_t *done,
                                uint64_t *total)
{
    *done = reader->offset;
    *total = reader->window.file_bytes;
}

void checkpoint_reader_destroy(struct checkpoint_reader *reader)
{
    if (reader == NULL) return;
    file_window_close(&reader->window);
    memory_free(reader);
}
