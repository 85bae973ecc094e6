#include "tests/support/fake_disk.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/links.h"
#include "base/memory.h"
#include "base/random.h"

enum { ENTRIES_MAX = 128 };

/* A file without its name. Freed with the disk: few are made. */
struct inode {
    struct links links;
    struct inode *twin; /* its copy in the disk that is being made */
    struct buf seen;
    struct buf durable;
    struct buf dirty; /* a byte per sector of `seen`: 1 when no sync has followed */
};

struct entry {
    char name[DISK_NAME_MAX + 1];
    struct inode *inode;
};

struct directory {
    struct entry entries[ENTRIES_MAX];
    size_t count;
};

/* One change of the directory since it was synced: `removed` disappears, `added` stands for
 * `inode`; "" is none. */
struct change {
    char removed[DISK_NAME_MAX + 1];
    char added[DISK_NAME_MAX + 1];
    struct inode *inode;
};

struct fake_disk {
    struct disk disk;
    pthread_mutex_t mutex;
    struct links inodes;
    struct directory seen;
    struct directory durable;
    struct buf changes; /* of struct change */
    uint64_t capacity;
    struct fake_disk_fault fault;
    uint64_t call_count;
    uint64_t change_count;
    uint64_t sync_count;
    bool has_faulted;
    bool is_off;
    bool is_locked;
};

struct fake_file {
    struct disk_file file;
    struct inode *inode;
    bool is_writable;
};

static struct fake_disk *disk_of(struct disk *disk)
{
    return CONTAINER_OF(disk, struct fake_disk, disk);
}

static struct fake_file *file_of(struct disk_file *file)
{
    return CONTAINER_OF(file, struct fake_file, file);
}

/* ---- directories ---- */

static struct entry *find(struct directory *directory, const char *name)
{
    for (size_t i = 0; i < directory->count; i++) {
        if (strcmp(directory->entries[i].name, name) == 0) return &directory->entries[i];
    }
    return NULL;
}

static void take_entry(struct directory *directory, const char *name)
{
    struct entry *entry = find(directory, name);
    if (entry != NULL) *entry = directory->entries[--directory->count];
}

static void put_entry(struct directory *directory, const char *name, struct inode *inode)
{
    struct entry *entry = find(directory, name);
    if (entry == NULL) {
        ASSERT(directory->count < ENTRIES_MAX);
        entry = &directory->entries[directory->count++];
        strcpy(entry->name, name);
    }
    entry->inode = inode;
}

static void apply(struct directory *directory, const struct change *change, struct inode *inode)
{
    if (change->removed[0] != '\0') take_entry(directory, change->removed);
    if (change->added[0] != '\0') put_entry(directory, change->added, inode);
}

static void change_directory(struct fake_disk *fake, const char *removed, const char *added,
                             struct inode *inode)
{
    struct change change = {.inode = inode};
    strcpy(change.removed, removed);
    strcpy(change.added, added);
    apply(&fake->seen, &change, inode);
    buf_append(&fake->changes, &change, sizeof(change));
}

static const struct change *change_at(const struct fake_disk *fake, size_t index)
{
    return (const struct change *)(const void *)fake->changes.data + index;
}

static size_t change_count(const struct fake_disk *fake)
{
    return fake->changes.size / sizeof(struct change);
}

/* ---- files ---- */

static struct inode *create_inode(struct fake_disk *fake)
{
    struct inode *inode = memory_zalloc(sizeof(*inode));
    links_push_back(&fake->inodes, &inode->links);
    return inode;
}

/* New bytes are zero. */
static void resize(struct buf *buf, size_t size)
{
    if (size > buf->size) memset(buf_reserve(buf, size - buf->size), 0, size - buf->size);
    buf->size = size;
}

static size_t sector_count(size_t size)
{
    return (size + FAKE_DISK_SECTOR_BYTES - 1) / FAKE_DISK_SECTOR_BYTES;
}

static uint64_t used_bytes(const struct fake_disk *fake)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < fake->seen.count; i++) bytes += fake->seen.entries[i].inode->seen.size;
    return bytes;
}

/* Changes what readers see; nothing of it is durable. */
static void write_seen(struct inode *inode, const void *data, size_t size, uint64_t offset)
{
    if (size == 0) return;
    if (offset + size > inode->seen.size) resize(&inode->seen, offset + size);
    resize(&inode->dirty, sector_count(inode->seen.size));
    memcpy(inode->seen.data + offset, data, size);
    size_t first = offset / FAKE_DISK_SECTOR_BYTES;
    size_t last = (offset + size - 1) / FAKE_DISK_SECTOR_BYTES;
    memset(inode->dirty.data + first, 1, last - first + 1);
}

/* Brings one sector's new content to `durable`, which is long enough. */
static void keep_sector(const struct inode *inode, size_t sector, struct buf *durable)
{
    size_t offset = sector * FAKE_DISK_SECTOR_BYTES;
    size_t size = FAKE_DISK_SECTOR_BYTES;
    if (offset >= durable->size || offset >= inode->seen.size) return;
    if (size > durable->size - offset) size = durable->size - offset;
    if (size > inode->seen.size - offset) size = inode->seen.size - offset;
    memcpy(durable->data + offset, inode->seen.data + offset, size);
}

/* Makes the dirty sectors of [offset, offset + size) durable, and the length with them. */
static void sync_range(struct inode *inode, uint64_t offset, uint64_t size)
{
    resize(&inode->dirty, sector_count(inode->seen.size));
    if (inode->durable.size != inode->seen.size) resize(&inode->durable, inode->seen.size);
    size_t end = sector_count(offset + size);
    for (size_t i = offset / FAKE_DISK_SECTOR_BYTES; i < end && i < inode->dirty.size; i++) {
        if (!inode->dirty.data[i]) continue;
        keep_sector(inode, i, &inode->durable);
        inode->dirty.data[i] = 0;
    }
}

/* The sync that failed: the kernel calls the pages clean, and the disk never got them. */
static void forget_dirty(struct inode *inode)
{
    if (inode->dirty.size > 0) memset(inode->dirty.data, 0, inode->dirty.size);
}

/* ---- faults ---- */

enum verdict { GO_ON, FAIL_NOW, HALF_NOW, POWER_NOW };

/* Counts a call and says what becomes of it. The mutex is held. */
static enum verdict judge(struct fake_disk *fake, bool is_change)
{
    if (fake->is_off) return FAIL_NOW;
    fake->call_count++;
    if (is_change) fake->change_count++;
    const struct fake_disk_fault *fault = &fake->fault;
    if (fault->kind == FAKE_DISK_NO_FAULT || fault->kind == FAKE_DISK_SYNC_LOSES) return GO_ON;
    if (fault->counts_changes && !is_change)
        return fake->has_faulted && fault->goes_on ? FAIL_NOW : GO_ON;

    uint64_t count = fault->counts_changes ? fake->change_count : fake->call_count;
    bool is_met = count == fault->call || (fault->goes_on && count > fault->call);
    if (!is_met) return GO_ON;
    fake->has_faulted = true;
    if (fault->kind == FAKE_DISK_SHORT_WRITE) return HALF_NOW;
    if (fault->kind != FAKE_DISK_POWER_OFF) return FAIL_NOW;
    fake->is_off = true;
    return POWER_NOW;
}

/* The mutex is held. True when this sync is the one that loses. */
static bool loses(struct fake_disk *fake)
{
    fake->sync_count++;
    if (fake->fault.kind != FAKE_DISK_SYNC_LOSES || fake->sync_count != fake->fault.call)
        return false;
    fake->has_faulted = true;
    return true;
}

static enum status verdict_status(const struct fake_disk *fake)
{
    if (fake->is_off || fake->fault.status == STATUS_OK) return STATUS_IO;
    return fake->fault.status;
}

/* Locks, counts; every operation begins with it and ends with leave(). */
static enum verdict enter(struct fake_disk *fake, bool is_change)
{
    pthread_mutex_lock(&fake->mutex);
    return judge(fake, is_change);
}

static enum status leave(struct fake_disk *fake, enum status status)
{
    pthread_mutex_unlock(&fake->mutex);
    return status;
}

/* ---- the operations ---- */

static enum status fake_open(struct disk *disk, const char *name, unsigned flags,
                             struct disk_file **out)
{
    struct fake_disk *fake = disk_of(disk);
    ASSERT(strlen(name) <= DISK_NAME_MAX);
    bool may_change = (flags & (DISK_OPEN_CREATE | DISK_OPEN_TRUNCATE)) != 0;
    enum verdict verdict = enter(fake, may_change);
    if (verdict == FAIL_NOW || verdict == HALF_NOW) return leave(fake, verdict_status(fake));
    struct entry *entry = find(&fake->seen, name);
    if (entry == NULL && !(flags & DISK_OPEN_CREATE)) return leave(fake, STATUS_NOT_FOUND);
    if (entry != NULL && (flags & DISK_OPEN_EXCLUSIVE)) return leave(fake, STATUS_EXISTS);
    struct inode *inode = entry != NULL ? entry->inode : create_inode(fake);
    if (entry == NULL) change_directory(fake, "", name, inode);
    if (flags & DISK_OPEN_TRUNCATE) {
        resize(&inode->seen, 0);
        resize(&inode->dirty, 0);
    }
    if (verdict == POWER_NOW) return leave(fake, STATUS_IO);

    struct fake_file *file = memory_zalloc(sizeof(*file));
    file->file = (struct disk_file){.disk = disk, .is_direct = (flags & DISK_OPEN_DIRECT) != 0};
    file->inode = inode;
    file->is_writable = (flags & DISK_OPEN_WRITE) != 0;
    *out = &file->file;
    return leave(fake, STATUS_OK);
}

static void fake_close(struct disk_file *file)
{
    if (file != NULL) memory_free(file_of(file));
}

static void check_alignment(const struct disk_file *file, const void *data, size_t size,
                            uint64_t offset)
{
    if (!file->is_direct) return;
    ASSERT((uintptr_t)data % DISK_ALIGNMENT == 0);
    ASSERT(size % DISK_ALIGNMENT == 0);
    ASSERT(offset % DISK_ALIGNMENT == 0);
}

static enum status fake_read_at(struct disk_file *file, void *data, size_t size, uint64_t offset,
                                size_t *out_size)
{
    struct fake_disk *fake = disk_of(file->disk);
    check_alignment(file, data, size, offset);
    if (enter(fake, false) != GO_ON) return leave(fake, verdict_status(fake));
    struct bytes part = bytes_part(buf_bytes(&file_of(file)->inode->seen), offset, size);
    if (part.size > 0) memcpy(data, part.data, part.size);
    *out_size = part.size;
    return leave(fake, STATUS_OK);
}

static enum status write_with_room(struct fake_disk *fake, struct inode *inode, const void *data,
                                   size_t size, uint64_t offset)
{
    uint64_t growth = offset + size > inode->seen.size ? offset + size - inode->seen.size : 0;
    uint64_t used = used_bytes(fake);
    uint64_t room = used < fake->capacity ? fake->capacity - used : 0;
    if (growth <= room) {
        write_seen(inode, data, size, offset);
        return STATUS_OK;
    }
    if (size > growth - room) write_seen(inode, data, size - (growth - room), offset);
    return STATUS_NO_SPACE;
}

static enum status fake_write_at(struct disk_file *file, const void *data, size_t size,
                                 uint64_t offset, unsigned flags)
{
    struct fake_disk *fake = disk_of(file->disk);
    struct inode *inode = file_of(file)->inode;
    check_alignment(file, data, size, offset);
    ASSERT(file_of(file)->is_writable);
    enum verdict verdict = enter(fake, true);
    if (verdict == FAIL_NOW) return leave(fake, verdict_status(fake));
    if (verdict == HALF_NOW) size = size / 2;
    enum status status = write_with_room(fake, inode, data, size, offset);
    if (verdict == HALF_NOW) return leave(fake, verdict_status(fake));
    if (verdict == POWER_NOW) return leave(fake, STATUS_IO);
    if (status != STATUS_OK || !(flags & DISK_WRITE_SYNC)) return leave(fake, status);
    if (loses(fake)) {
        forget_dirty(inode);
        return leave(fake, STATUS_IO);
    }
    sync_range(inode, offset, size);
    return leave(fake, STATUS_OK);
}

static enum status fake_sync(struct disk_file *file)
{
    struct fake_disk *fake = disk_of(file->disk);
    struct inode *inode = file_of(file)->inode;
    if (enter(fake, true) != GO_ON) return leave(fake, verdict_status(fake));
    if (loses(fake)) {
        forget_dirty(inode);
        return leave(fake, STATUS_IO);
    }
    sync_range(inode, 0, inode->seen.size);
    return leave(fake, STATUS_OK);
}

static enum status fake_size(struct disk_file *file, uint64_t *out)
{
    struct fake_disk *fake = disk_of(file->disk);
    if (enter(fake, false) != GO_ON) return leave(fake, verdict_status(fake));
    *out = file_of(file)->inode->seen.size;
    return leave(fake, STATUS_OK);
}

static enum status fake_truncate(struct disk_file *file, uint64_t size)
{
    struct fake_disk *fake = disk_of(file->disk);
    struct inode *inode = file_of(file)->inode;
    enum verdict verdict = enter(fake, true);
    if (verdict == FAIL_NOW || verdict == HALF_NOW) return leave(fake, verdict_status(fake));
    resize(&inode->seen, size);
    resize(&inode->dirty, sector_count(size));
    return leave(fake, verdict == POWER_NOW ? STATUS_IO : STATUS_OK);
}

/* rename and remove: `to` is NULL for remove. */
static enum status move_entry(struct disk *disk, const char *from, const char *to)
{
    struct fake_disk *fake = disk_of(disk);
    enum verdict verdict = enter(fake, true);
    if (verdict == FAIL_NOW || verdict == HALF_NOW) return leave(fake, verdict_status(fake));
    struct entry *entry = find(&fake->seen, from);
    if (entry == NULL) return leave(fake, STATUS_NOT_FOUND);
    change_directory(fake, from, to != NULL ? to : "", entry->inode);
    return leave(fake, verdict == POWER_NOW ? STATUS_IO : STATUS_OK);
}

static enum status fake_rename(struct disk *disk, const char *from, const char *to)
{
    return move_entry(disk, from, to);
}

static enum status fake_remove(struct disk *disk, const char *name)
{
    return move_entry(disk, name, NULL);
}

static enum status fake_link(struct disk *disk, const char *from, const char *to)
{
    struct fake_disk *fake = disk_of(disk);
    enum verdict verdict = enter(fake, true);
    if (verdict == FAIL_NOW || verdict == HALF_NOW) return leave(fake, verdict_status(fake));
    struct entry *entry = find(&fake->seen, from);
    if (entry == NULL) return leave(fake, STATUS_NOT_FOUND);
    if (find(&fake->seen, to) != NULL) return leave(fake, STATUS_EXISTS);
    change_directory(fake, "", to, entry->inode);
    return leave(fake, verdict == POWER_NOW ? STATUS_IO : STATUS_OK);
}

/* Directories below the root are not modelled: their names are part of the file's. */
static enum status fake_make_directory(struct disk *disk, const char *name)
{
    (void)name;
    struct fake_disk *fake = disk_of(disk);
    return leave(fake, enter(fake, true) == GO_ON ? STATUS_OK : verdict_status(fake));
}

static enum status fake_sync_directory(struct disk *disk, const char *name)
{
    (void)name;
    struct fake_disk *fake = disk_of(disk);
    if (enter(fake, true) != GO_ON) return leave(fake, verdict_status(fake));
    if (loses(fake)) {
        fake->changes.size = 0;
        return leave(fake, STATUS_IO);
    }
    for (size_t i = 0; i < change_count(fake); i++) {
        apply(&fake->durable, change_at(fake, i), change_at(fake, i)->inode);
    }
    fake->changes.size = 0;
    return leave(fake, STATUS_OK);
}

static enum status fake_list(struct disk *disk, void (*each)(void *context, const char *name),
                             void *context)
{
    struct fake_disk *fake = disk_of(disk);
    if (enter(fake, false) != GO_ON) return leave(fake, verdict_status(fake));
    for (size_t i = 0; i < fake->seen.count; i++) each(context, fake->seen.entries[i].name);
    return leave(fake, STATUS_OK);
}

static enum status fake_free_bytes(struct disk *disk, uint64_t *out)
{
    struct fake_disk *fake = disk_of(disk);
    if (enter(fake, false) != GO_ON) return leave(fake, verdict_status(fake));
    uint64_t used = used_bytes(fake);
    *out = used < fake->capacity ? fake->capacity - used : 0;
    return leave(fake, STATUS_OK);
}

static enum status fake_lock_root(struct disk *disk)
{
    struct fake_disk *fake = disk_of(disk);
    if (enter(fake, false) != GO_ON) return leave(fake, verdict_status(fake));
    enum status status = fake->is_locked ? STATUS_IN_USE : STATUS_OK;
    fake->is_locked = true;
    return leave(fake, status);
}

static void fake_close_disk(struct disk *disk)
{
    struct fake_disk *fake = disk_of(disk);
    LINKS_FOR_EACH (node, &fake->inodes) {
        struct inode *inode = CONTAINER_OF(node, struct inode, links);
        buf_deinit(&inode->seen);
        buf_deinit(&inode->durable);
        buf_deinit(&inode->dirty);
        memory_free(inode);
    }
    buf_deinit(&fake->changes);
    pthread_mutex_destroy(&fake->mutex);
    memory_free(fake);
}

static const struct disk_ops fake_ops = {
    .open = fake_open,
    .close = fake_close,
    .read_at = fake_read_at,
    .write_at = fake_write_at,
    .sync = fake_sync,
    .size = fake_size,
    .truncate = fake_truncate,
    .rename = fake_rename,
    .remove = fake_remove,
    .link = fake_link,
    .make_directory = fake_make_directory,
    .sync_directory = fake_sync_directory,
    .list = fake_list,
    .free_bytes = fake_free_bytes,
    .lock_root = fake_lock_root,
    .close_disk = fake_close_disk,
};

struct disk *fake_disk_create(void)
{
    struct fake_disk *fake = memory_zalloc(sizeof(*fake));
    fake->disk.ops = &fake_ops;
    fake->capacity = UINT64_MAX;
    links_init(&fake->inodes);
    pthread_mutex_init(&fake->mutex, NULL);
    return &fake->disk;
}

void fake_disk_destroy(struct disk *disk)
{
    if (disk != NULL) fake_close_disk(disk);
}

/* ---- control ---- */

void fake_disk_set_fault(struct disk *disk, struct fake_disk_fault fault)
{
    struct fake_disk *fake = disk_of(disk);
    pthread_mutex_lock(&fake->mutex);
    fake->fault = fault;
    fake->call_count = 0;
    fake->change_count = 0;
    fake->sync_count = 0;
    fake->has_faulted = false;
    pthread_mutex_unlock(&fake->mutex);
}

static uint64_t read_counter(struct disk *disk, const uint64_t *counter)
{
    struct fake_disk *fake = disk_of(disk);
    pthread_mutex_lock(&fake->mutex);
    uint64_t value = *counter;
    pthread_mutex_unlock(&fake->mutex);
    return value;
}

bool fake_disk_has_faulted(struct disk *disk)
{
    struct fake_disk *fake = disk_of(disk);
    pthread_mutex_lock(&fake->mutex);
    bool has_faulted = fake->has_faulted;
    pthread_mutex_unlock(&fake->mutex);
    return has_faulted;
}

uint64_t fake_disk_calls(struct disk *disk)
{
    return read_counter(disk, &disk_of(disk)->call_count);
}

uint64_t fake_disk_changes(struct disk *disk)
{
    return read_counter(disk, &disk_of(disk)->change_count);
}

void fake_disk_set_capacity(struct disk *disk, uint64_t bytes)
{
    struct fake_disk *fake = disk_of(disk);
    pthread_mutex_lock(&fake->mutex);
    fake->capacity = bytes;
    pthread_mutex_unlock(&fake->mutex);
}

/* ---- crash ---- */

/* How much of what was not synced is kept; tests see every way of it. */
enum luck { KEEP_NONE, KEEP_ALL, KEEP_SOME, KEEP_MOST, LUCK_COUNT };

static bool is_kept(struct random *random, enum luck luck)
{
    switch (luck) {
    case KEEP_NONE: return false;
    case KEEP_ALL: return true;
    case KEEP_MOST: return random_below(random, 8) != 0;
    default: return random_below(random, 2) != 0;
    }
}

/* The length after the crash: the durable one, the new one, or in between. */
static size_t crashed_size(const struct inode *inode, struct random *random, enum luck luck)
{
    if (inode->seen.size == inode->durable.size || luck == KEEP_NONE) return inode->durable.size;
    if (luck == KEEP_ALL) return inode->seen.size;
    size_t low = inode->seen.size < inode->durable.size ? inode->seen.size : inode->durable.size;
    size_t high = inode->seen.size < inode->durable.size ? inode->durable.size : inode->seen.size;
    return low + random_below(random, high - low + 1);
}

static void crash_inode(const struct inode *inode, struct buf *out, struct random *random,
                        enum luck luck)
{
    buf_append_bytes(out, buf_bytes(&inode->durable));
    resize(out, crashed_size(inode, random, luck));
    for (size_t i = 0; i < inode->dirty.size; i++) {
        if (inode->dirty.data[i] && is_kept(random, luck)) keep_sector(inode, i, out);
    }
}

static void settle(struct inode *inode)
{
    inode->durable.size = 0;
    buf_append_bytes(&inode->durable, buf_bytes(&inode->seen));
    resize(&inode->dirty, 0);
}

static void copy_directory(struct fake_disk *to, const struct directory *from)
{
    for (size_t i = 0; i < from->count; i++) {
        put_entry(&to->durable, from->entries[i].name, from->entries[i].inode->twin);
    }
}

struct disk *fake_disk_crash(struct disk *disk, uint64_t seed)
{
    struct fake_disk *from = disk_of(disk);
    struct fake_disk *to = disk_of(fake_disk_create());
    struct random random;
    random_init(&random, seed);
    enum luck luck = seed % LUCK_COUNT;
    pthread_mutex_lock(&from->mutex);
    LINKS_FOR_EACH (node, &from->inodes) {
        struct inode *inode = CONTAINER_OF(node, struct inode, links);
        inode->twin = create_inode(to);
        crash_inode(inode, &inode->twin->seen, &random, luck);
        settle(inode->twin);
    }
    copy_directory(to, &from->durable);
    for (size_t i = 0; i < change_count(from); i++) {
        const struct change *change = change_at(from, i);
        if (is_kept(&random, luck)) apply(&to->durable, change, change->inode->twin);
    }
    to->seen = to->durable;
    to->capacity = from->capacity;
    pthread_mutex_unlock(&from->mutex);
    return &to->disk;
}

struct disk *fake_disk_clone(struct disk *disk)
{
    struct fake_disk *from = disk_of(disk);
    struct fake_disk *to = disk_of(fake_disk_create());
    pthread_mutex_lock(&from->mutex);
    LINKS_FOR_EACH (node, &from->inodes) {
        struct inode *inode = CONTAINER_OF(node, struct inode, links);
        inode->twin = create_inode(to);
        buf_append_bytes(&inode->twin->seen, buf_bytes(&inode->seen));
        buf_append_bytes(&inode->twin->durable, buf_bytes(&inode->durable));
        buf_append_bytes(&inode->twin->dirty, buf_bytes(&inode->dirty));
    }
    copy_directory(to, &from->durable);
    for (size_t i = 0; i < from->seen.count; i++) {
        put_entry(&to->seen, from->seen.entries[i].name, from->seen.entries[i].inode->twin);
    }
    for (size_t i = 0; i < change_count(from); i++) {
        struct change change = *change_at(from, i);
        change.inode = change.inode->twin;
        buf_append(&to->changes, &change, sizeof(change));
    }
    to->capacity = from->capacity;
    pthread_mutex_unlock(&from->mutex);
    return &to->disk;
}

/* ---- damage ---- */

static struct inode *inode_named(struct disk *disk, const char *name)
{
    struct entry *entry = find(&disk_of(disk)->seen, name);
    ASSERT(entry != NULL);
    return entry->inode;
}

void fake_disk_flip(struct disk *disk, const char *name, uint64_t offset, uint8_t mask)
{
    struct inode *inode = inode_named(disk, name);
    ASSERT(offset < inode->seen.size);
    inode->seen.data[offset] = (char)((uint8_t)inode->seen.data[offset] ^ mask);
    settle(inode);
}

void fake_disk_zero(struct disk *disk, const char *name, uint64_t offset, uint64_t size)
{
    struct inode *inode = inode_named(disk, name);
    ASSERT(offset + size <= inode->seen.size);
    memset(inode->seen.data + offset, 0, size);
    settle(inode);
}

void fake_disk_cut(struct disk *disk, const char *name, uint64_t size)
{
    struct inode *inode = inode_named(disk, name);
    resize(&inode->seen, size);
    settle(inode);
}

void fake_disk_put(struct disk *disk, const char *name, struct bytes content)
{
    struct fake_disk *fake = disk_of(disk);
    struct inode *inode = create_inode(fake);
    buf_append_bytes(&inode->seen, content);
    settle(inode);
    put_entry(&fake->seen, name, inode);
    put_entry(&fake->durable, name, inode);
}

struct bytes fake_disk_content(struct disk *disk, const char *name)
{
    struct entry *entry = find(&disk_of(disk)->seen, name);
    return entry != NULL ? buf_bytes(&entry->inode->seen) : (struct bytes){NULL, 0};
}
