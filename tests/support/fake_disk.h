/* A disk in memory that fails and loses what real disks fail and lose. Any thread; one mutex.
 *
 * What it knows of a file: the bytes a reader sees now, the bytes that are durable, and which
 * sectors differ because no sync has followed. After a crash each such sector has its old or its
 * new content, chosen by the seed, on its own; a file that grew may have its new length and zeros.
 * A directory entry that was created, renamed or removed since the last sync of the directory is
 * there or not there, each on its own (a rename is one change). */
#ifndef TESTS_SUPPORT_FAKE_DISK_H
#define TESTS_SUPPORT_FAKE_DISK_H

#include "base/bytes.h"
#include "os/disk.h"

enum { FAKE_DISK_SECTOR_BYTES = 512 };

enum fake_disk_fault_kind {
    FAKE_DISK_NO_FAULT,
    FAKE_DISK_FAIL,        /* the call does nothing and returns `status` */
    FAKE_DISK_SHORT_WRITE, /* a write does half of its work first; other calls as FAIL */
    FAKE_DISK_POWER_OFF,   /* the call does its work, but is not synced, and never returns well */
    /* A sync (or synced write) fails and what it should have written is lost, although readers
     * still see it; later syncs succeed. Other calls are not touched. */
    FAKE_DISK_SYNC_LOSES,
};

struct fake_disk_fault {
    enum fake_disk_fault_kind kind;
    enum status status;
    uint64_t call;       /* the call that it meets, counted from 1; for SYNC_LOSES the sync */
    bool counts_changes; /* `call` counts only calls that change the disk */
    bool goes_on;        /* every later call fails as well (POWER_OFF always does) */
};

/* An empty disk; destroyed with ops->close_disk or fake_disk_destroy. */
struct disk *fake_disk_create(void);
void fake_disk_destroy(struct disk *disk);

/* Replaces the fault; counting starts again at 1. */
void fake_disk_set_fault(struct disk *disk, struct fake_disk_fault fault);
/* True when the fault has met its call. */
bool fake_disk_has_faulted(struct disk *disk);
/* Calls since the last set_fault. */
uint64_t fake_disk_calls(struct disk *disk);
uint64_t fake_disk_changes(struct disk *disk);
/* Bytes that all files together may have; UINT64_MAX at first. */
void fake_disk_set_capacity(struct disk *disk, uint64_t bytes);

/* What a machine would find after power was lost now, as a new disk without faults. Files that are
 * open stay with the old one. */
struct disk *fake_disk_crash(struct disk *disk, uint64_t seed);
/* The same disk after the process was killed: everything written is there. */
struct disk *fake_disk_clone(struct disk *disk);

/* Damage, in what readers see and in what is durable. The file exists and is long enough. */
void fake_disk_flip(struct disk *disk, const char *name, uint64_t offset, uint8_t mask);
void fake_disk_zero(struct disk *disk, const char *name, uint64_t offset, uint64_t size);
void fake_disk_cut(struct disk *disk, const char *name, uint64_t size);
/* Puts a whole file in place, durable. */
void fake_disk_put(struct disk *disk, const char *name, struct bytes content);
/* What readers see; {NULL, 0} when there is no such file. Borrowed until the file changes. */
struct bytes fake_disk_content(struct disk *disk, const char *name);

#endif
